/*
 * gate - remembers, for one service, that it asked to be left alone for a while.
 *
 * Wraps another struct http and is shared by all workers. An answer 429 or 503 with Retry-After (or
 * a 429 without: 30 s, doubling while it repeats) shuts the gate; until it opens every call returns
 * E_THROTTLED at once with the time that is left, plus up to 10 % so that not everybody comes at
 * the same instant. A 429 of ARM whose code says Retryable*: the lock of another operation, no
 * quota; `is_lock` tells, and such an answer passes and leaves the gate open.
 */
#pragma once

#include "http/http.h"

struct gate;

struct gate *gate_new(const char *service);
void gate_free(struct gate *gate);

/* A view of `inner` through the gate, in the arena given: one per worker, all on one gate. */
struct http *gate_wrap(struct arena *arena, struct gate *gate, struct http *inner,
		       bool (*is_lock)(const struct http_reply *reply));

/* How long it stays shut, 0 when open. gate_shut brings it back after a restart. */
msec_t gate_shut_for(struct gate *gate, const struct ctx *ctx);
void gate_shut(struct gate *gate, struct ctx *ctx, msec_t wait);
