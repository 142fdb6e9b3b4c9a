/*
 * our_clock - time that only the test moves, from any thread, and chance that always deals the
 * same.
 */
#pragma once

#include <stdatomic.h>

#include "base/ctx.h"

static _Atomic msec_t our_time;

static inline msec_t our_mono(struct clock *clock)
{
	(void)clock;
	return atomic_load(&our_time);
}

static inline msec_t our_wall(struct clock *clock)
{
	(void)clock;
	return atomic_load(&our_time) + 1790000000 * MSEC_PER_SEC;
}

static struct clock our_clock = {our_wall, our_mono};
