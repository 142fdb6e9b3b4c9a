/*
 * times - what was written down by a wall clock that was wrong, mended when it is read: nothing
 * that has happened lies ahead.
 */
#pragma once

#include "api/gateway.h"
#include "base/ctx.h"

/* The rejected are changed in place. */
void times_mend_gateway(struct ctx *ctx, struct gateway *gateway);
