/*
 * apikey - how an API key is kept: as its SHA-256, written "sha256:" and 64 hexadecimal digits.
 */
#pragma once

#include <stdbool.h>

#include "base/ctx.h"

/* Whether somebody meant a hash, in any case; and whether it is one. */
bool apikey_claims_hash(const char *text);
bool apikey_is_hash(const char *text);

/* Of a key or of its written hash. */
void apikey_digest(const char *text, unsigned char digest[static 32]);

/* The written hash of either, in ctx's arena. */
char *apikey_hash(struct ctx *ctx, const char *text);
