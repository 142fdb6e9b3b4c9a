/*
 * mergepatch - JSON Merge Patch (RFC 7396).
 */
#pragma once

#include "codec/json.h"

/* The patched document, made of copies. `target` may be NULL. */
struct json *mergepatch_apply(struct ctx *ctx, const struct json *target, const struct json *patch);
