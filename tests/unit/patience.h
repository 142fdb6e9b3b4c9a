/*
 * patience - to wait for what must come: no longer than needed, and for a minute before the test
 * fails, however slow the machine is.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

#define PATIENCE MSEC_PER_MIN

static inline msec_t patience_now(void)
{
	return clock_system()->mono(clock_system());
}

/* How long this thread has computed: whatever else the machine does. */
static inline msec_t patience_spent(void)
{
	struct timespec spent;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
	return spent.tv_sec * MSEC_PER_SEC + spent.tv_nsec / 1000000;
}

/* Between two looks. */
static inline void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Looks at `claim` again and again, and does `work` in between. Of the test's own thread. */
#define wait_doing(claim, work)                                                   \
	do {                                                                      \
		const msec_t end_ = patience_now() + PATIENCE;                    \
		while (!(claim)) {                                                \
			if (patience_now() > end_)                                \
				fail_msg("after a minute still not: %s", #claim); \
			work;                                                     \
		}                                                                 \
	} while (0)

#define wait_for(claim) wait_doing(claim, nap())
