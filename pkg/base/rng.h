/*
 * rng - random bytes, from the kernel or from a test's seed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

struct rng {
	void (*fill)(struct rng *rng, void *out, size_t size);
};

struct rng *rng_system(void);

/* Uniform in [low, high]. */
int64_t rng_between(struct rng *rng, int64_t low, int64_t high);

/* `wait` changed by at most +-percent. */
msec_t rng_jitter(struct rng *rng, msec_t wait, unsigned percent);

/* 2*size lower-case hex digits and a NUL into `out`. */
void rng_hex(struct rng *rng, char *out, size_t size);
