/*
 * our_clock - time that only the test moves, from any thread, and chance that always deals the
 * same.
 */
#pragma once

#include <stdatomic.h>

#include "base/ctx.h"
#include "unit/patience.h"

static _Atomic msec_t our_time;
static atomic_uint our_waits, our_looks; /* begun; at the time */

static inline msec_t our_mono(struct clock *clock)
{
	(void)clock;
	atomic_fetch_add(&our_looks, 1);
	return atomic_load(&our_time);
}

static inline msec_t our_wall(struct clock *clock)
{
	(void)clock;
	return atomic_load(&our_time) + 1790000000 * MSEC_PER_SEC;
}

/* It comes back early, as it may, and so misses no hand that moves our_time. */
static inline void our_wait(struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *lock,
			    msec_t until)
{
	atomic_fetch_add(&our_waits, 1);
	if (our_mono(clock) < until)
		clock_system()->wait(clock_system(), cond, lock,
				     msec_add(clock_system()->mono(clock_system()), 1));
}

/* Until the one who waits has looked at the time and waits again, all of it after this call. */
static inline void our_wait_is_looked_at(void)
{
	unsigned before = atomic_load(&our_waits);

	wait_for(atomic_load(&our_waits) - before >= 2);
}

/* Until the time that is has been looked at. */
static inline void our_time_is_looked_at(void)
{
	unsigned before = atomic_load(&our_looks);

	wait_for(atomic_load(&our_looks) - before >= 2);
}

static struct clock our_clock = {our_wall, our_mono, our_wait};
