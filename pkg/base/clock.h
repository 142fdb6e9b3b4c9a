/*
 * clock - time in milliseconds, from the system or from a test.
 *
 * Wall time is for what is persisted or compared with the world's dates; waits are monotonic
 * (CLOCK_BOOTTIME). Nothing outside clock.c asks the system for the time.
 */
#pragma once

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
};

struct clock *clock_system(void);

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
