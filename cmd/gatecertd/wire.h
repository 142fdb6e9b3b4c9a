/*
 * wire - the composition root: the only file that names concrete implementations.
 *
 * An engine is everything that reconciles: clients per worker, queues and workers per reconciler.
 * It is made from one configuration and thrown away whole when another one takes over; the store
 * stays.
 */
#pragma once

#include "config.h"
#include "store/sealed.h"
#include "store/store.h"

struct engine;

/* Keeps the configuration's strings, and writes down which gateway is meant. Nothing runs yet.
 * E_REFUSED: it cannot work (credentials); E_AGAIN: the state directory cannot be written. */
enum err engine_new(struct ctx *ctx, const struct config *config, struct store *store,
		    struct sealed_box *sealed, struct engine **out);

/* Starts the workers and wakes every object. Never two engines at a time on one store. */
void engine_start(struct ctx *ctx, struct engine *engine);

/* Wakes every object; many of them over a minute. */
void engine_look_at_all(struct ctx *ctx, struct engine *engine);

/* Takes nothing up any more, cancels what is in flight but for what must not be made twice, which
 * may have its answer yet, and waits for the workers: a few seconds at most, and no time at all
 * behind engine_hurry. Any thread. */
void engine_finish(struct engine *engine);
void engine_hurry(struct engine *engine);

/* Cancels what is in flight, waits for the workers (well under a second) and frees. NULL is fine.
 */
void engine_stop(struct engine *engine);

/* Brings news of an object to the queues. Any thread. */
void engine_changed(struct engine *engine, enum kind kind, const char *name, enum store_side side);

struct engine_activity {
	uint64_t passes;
	size_t queued, running;
	msec_t longest_running;
};

struct engine_activity engine_activity(struct engine *engine);
