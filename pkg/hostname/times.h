/*
 * times - what was written down by a wall clock that was wrong, mended when it is read.
 *
 * Persisted times are wall clock. What a clock far ahead left behind would be waited for until
 * then, or count as fresh: nothing that has happened lies ahead, no schedule reaches further than
 * POLICY_WAIT_MAX, and one whose refusal lies ahead was made by a clock that was set back since.
 */
#pragma once

#include "api/hostname.h"
#include "base/ctx.h"

/* A wait that reaches too far is dealt anew from its schedule. */
void times_mend_hostname(struct ctx *ctx, struct hostname *hostname);
