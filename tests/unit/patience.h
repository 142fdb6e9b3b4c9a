/*
 * patience - to wait for what must come: no longer than needed, and for a minute before the test
 * fails, however slow the machine is.
 */
#pragma once

#include <time.h>

#include "unit/check.h"

#define PATIENCE MSEC_PER_MIN

static inline msec_t patience_now(void)
{
	return clock_system()->mono(clock_system());
}

/* Between two looks. */
static inline void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* Looks at `claim` again and again, and does `work` in between. Of the test's own thread. */
#define wait_doing(claim, work)                                                     \
	do {                                                                        \
		const msec_t end_ = patience_now() + PATIENCE;                      \
		while (!(claim)) {                                                  \
			if (patience_now() > end_)                                  \
				fail_msg("after a minute still not: %s", #claim);   \
			work;                                                       \
		}                                                                   \
	} while (0)

#define wait_for(claim) wait_doing(claim, nap())
