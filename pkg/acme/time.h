/*
 * time - what time the CA says it is, so that an order is never due to a clock that went wrong.
 */
#pragma once

#include "acme/acme.h"

/* Remembers the Date of an answer. */
void acme_time_note(struct ctx *ctx, struct acme *acme, const struct http_reply *reply);

/* The wall time by what the CA last said; ours while it has not said anything. */
msec_t acme_wall(struct ctx *ctx, struct acme *acme);
/* Whether it has said so. */
bool acme_tells_time(struct acme *acme);
/* Whether ours is further than `tolerance` from it. */
bool acme_clock_differs(struct ctx *ctx, struct acme *acme, msec_t tolerance);
