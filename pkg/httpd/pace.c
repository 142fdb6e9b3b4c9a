#include "httpd/pace.h"

#define TOKEN 1000

/* helpers */

static struct pace_bucket *find(struct pace *pace, uint64_t who)
{
	struct pace_bucket *set = pace->buckets[who % PACE_SETS], *oldest = set;

	for (size_t i = 0; i < PACE_WAYS; i++) {
		if (set[i].since != 0 && set[i].who == who)
			return &set[i];
		if (set[i].since < oldest->since)
			oldest = &set[i];
	}
	*oldest = (struct pace_bucket){.who = who};
	return oldest;
}

static void refill(struct pace_bucket *bucket, const struct pace_rate *rate, msec_t now)
{
	msec_t passed = bucket->since == 0 ? MSEC_PER_DAY : now - bucket->since;
	int64_t full = rate->burst * TOKEN;

	/* Bounded before it is multiplied. */
	if (passed > MSEC_PER_DAY)
		passed = MSEC_PER_DAY;
	bucket->left += passed * rate->per_minute * TOKEN / MSEC_PER_MIN;
	if (bucket->left > full)
		bucket->left = full;
}

/* public */

msec_t pace_take(struct pace *pace, uint64_t who, const struct pace_rate *rate, msec_t now)
{
	return pace_take_from(find(pace, who), rate, now);
}

msec_t pace_take_from(struct pace_bucket *bucket, const struct pace_rate *rate, msec_t now)
{
	struct pace_bucket before = *bucket;

	refill(bucket, rate, now);
	if (bucket->left < TOKEN) {
		int64_t speed = rate->per_minute * TOKEN;
		msec_t wait = ((TOKEN - bucket->left) * MSEC_PER_MIN + speed - 1) / speed;

		/* Asking often must not lose the fractions that come in between. */
		*bucket = before;
		return wait;
	}
	bucket->left -= TOKEN;
	bucket->since = now > 0 ? now : 1;
	return 0;
}

uint64_t pace_hash(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 1099511628211u;
	return hash ^ hash >> 32;
}
