/*
 * clock - time in milliseconds, from the system or from a test.
 *
 * Wall time is for what is persisted or compared with the world's dates; waits are monotonic
 * (CLOCK_BOOTTIME). Nothing outside clock.c asks the system for the time, or waits by its clock:
 * whoever waits for a time waits by the same clock that it asks whether the time has come.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef int64_t msec_t;

#define MSEC_PER_SEC  ((msec_t)1000)
#define MSEC_PER_MIN  (60 * MSEC_PER_SEC)
#define MSEC_PER_HOUR (60 * MSEC_PER_MIN)
#define MSEC_PER_DAY  (24 * MSEC_PER_HOUR)
#define MSEC_NEVER    INT64_MAX

struct clock {
	msec_t (*wall)(struct clock *clock); /* since 1970-01-01T00:00:00Z */
	msec_t (*mono)(struct clock *clock); /* since an arbitrary start; counts while suspended */
	/* As clock_wait, with an `until` that comes. NULL: nobody waits by this clock. */
	void (*wait)(struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *lock,
		     msec_t until);
};

struct clock *clock_system(void);

/*
 * With the lock, which is let go meanwhile: until `cond` is signalled or `mono` is at `until`
 * (MSEC_NEVER: only the former). It may come back early and does not say why: the caller looks
 * again, in a loop, at what it waits for and at the clock. The condition variable may have any
 * attributes.
 */
void clock_wait(struct clock *clock, pthread_cond_t *cond, pthread_mutex_t *lock, msec_t until);

/*
 * How the two clocks stood to each other. Whoever does something for good because a time has come
 * keeps one, zeroed at first, and asks it in every pass.
 */
struct clock_memory {
	msec_t offset, noticed;
	bool is_begun;
};

/* Whether the wall clock was set, by more than an hour, since the first call. After a day it is
 * believed. */
bool clock_has_jumped(struct clock_memory *memory, struct clock *clock);

/* The wall time as if it had not been set. Behind clock_has_jumped. */
msec_t clock_steady(const struct clock_memory *memory, struct clock *clock);

/* Saturate instead of overflowing; negative waits count as zero. */
msec_t msec_add(msec_t a, msec_t b);

/* The smaller of `ceiling` and `first` grown by half `attempt` times (0: `first` itself). */
msec_t msec_grow_by_half(msec_t first, unsigned attempt, msec_t ceiling);

/* The smaller of `ceiling` and `first` doubled `attempt` times. */
msec_t msec_double(msec_t first, unsigned attempt, msec_t ceiling);

/* A time that has passed cannot lie ahead: where it does the clock was set back since. */
static inline void msec_not_ahead(msec_t *time, msec_t now)
{
	if (*time > now)
		*time = now;
}
