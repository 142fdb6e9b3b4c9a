/*
 * pace - how often somebody may come: buckets of tokens in a table of fixed size.
 *
 * Whoever has not come for longest is forgotten first, which is in his favour: his bucket would be
 * full by then.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

#define PACE_SETS 256
#define PACE_WAYS 4

struct pace_bucket {
	uint64_t who;
	int64_t left; /* thousandths of a token */
	msec_t since; /* mono, when `left` was right; 0: unused */
};

struct pace {
	struct pace_bucket buckets[PACE_SETS][PACE_WAYS];
};

struct pace_rate {
	int64_t per_minute;
	int64_t burst; /* how many at once after a rest */
};

/* Takes a token. Else how long until there is one; 0: taken. */
msec_t pace_take(struct pace *pace, uint64_t who, const struct pace_rate *rate, msec_t now);

/* From one that is kept elsewhere; it begins as zeros. */
msec_t pace_take_from(struct pace_bucket *bucket, const struct pace_rate *rate, msec_t now);

/* For `who`: spread well, not secret. */
uint64_t pace_hash(const void *data, size_t size);
