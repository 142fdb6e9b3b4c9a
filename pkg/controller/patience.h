/*
 * patience - how long a trouble that may pass is nobody's business.
 */
#pragma once

#include "base/ctx.h"

/* Hiccups are nobody's business until they last: true while this trouble is younger than a minute.
 * `since` is when it began (mono), 0 before. */
bool patience_is_hiccup(struct ctx *ctx, msec_t *since, enum err err);

/* The fault's text; for what has lasted although it could have passed, with what to do. */
const char *patience_message(struct ctx *ctx, enum err err);
