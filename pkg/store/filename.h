/*
 * filename - the one file name for an object's name.
 *
 * Injective, and never anything but a plain entry of its directory: no slash, no leading dot, at
 * most 200 bytes. A name that is no such thing itself goes by its hash; "*.example.com" becomes
 * "_wildcard.example.com".
 */
#pragma once

#include "base/ctx.h"

#define FILENAME_LENGTH_MAX 200

/* In ctx's arena, without a suffix. */
const char *filename_for(struct ctx *ctx, const char *name);
