#include "base/rng.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/fatal.h"

static void system_fill(struct rng *rng, void *out, size_t size)
{
	unsigned char *next = out;

	(void)rng;
	while (size > 0) {
		ssize_t got = getrandom(next, size, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			fatal("the kernel gives no random numbers", strerror(errno));
		next += got;
		size -= (size_t)got;
	}
}

struct rng *rng_system(void)
{
	static struct rng rng = {.fill = system_fill};

	return &rng;
}

int64_t rng_between(struct rng *rng, int64_t low, int64_t high)
{
	uint64_t range = (uint64_t)high - (uint64_t)low;
	uint64_t value, excess;

	assert(low <= high);
	rng->fill(rng, &value, sizeof(value));
	if (range == UINT64_MAX)
		return (int64_t)value;
	/* The last incomplete run of 2^64 would favour small values. */
	excess = (UINT64_MAX - range) % (range + 1);
	while (value > UINT64_MAX - excess)
		rng->fill(rng, &value, sizeof(value));
	return (int64_t)((uint64_t)low + value % (range + 1));
}

msec_t rng_jitter(struct rng *rng, msec_t wait, unsigned percent)
{
	msec_t part;

	if (wait <= 0 || wait == MSEC_NEVER)
		return wait;
	assert(percent <= 100);
	part = wait / 100 * percent + wait % 100 * percent / 100;
	return msec_add(wait - part, rng_between(rng, 0, part > MSEC_NEVER / 2 ? part : 2 * part));
}

void rng_hex(struct rng *rng, char *out, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		unsigned char byte;

		rng->fill(rng, &byte, 1);
		out[2 * i] = digits[byte >> 4];
		out[2 * i + 1] = digits[byte & 15];
	}
	out[2 * size] = '\0';
}
