/*
 * faithful - the last check before a PUT: nothing but what was meant is changed.
 */
#pragma once

#include "gwdoc/rendering.h"

/* Whether `after` differs from `before` only by new children, and otherwise only by what the
 * changed and evicted items name: the last check before a PUT. */
bool render_is_faithful(struct ctx *ctx, const struct json *before, const struct json *after,
			const struct rendering *rendering, size_t count);
