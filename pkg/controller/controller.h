/*
 * controller - workers that take keys from a queue, look at each, and put it back for when it is
 * due.
 *
 * Knows keys, errors and time, and nothing of what the keys name. The policy for every outcome is
 * one switch in controller.c. Never two workers on one key. A reconcile function gets a fresh ctx;
 * it and everything in it die after the pass.
 */
#pragma once

#include "base/ctx.h"

struct controller;

/* `worker` is what worker_new made for this thread. E_OK with *again: look again after that wait
 * (MSEC_NEVER: only when something changes). With an error, *again above 0 overrides the backoff.
 */
typedef enum err reconcile_fn(struct ctx *ctx, void *worker, const char *key, msec_t *again);

struct controller_options {
	const char *name;
	reconcile_fn *reconcile;
	void *(*worker_new)(void *handle, size_t index); /* on the worker's own thread */
	void (*worker_free)(void *worker);
	void *handle;
	size_t workers;	    /* 0: nobody; a test calls controller_step */
	msec_t backoff_max; /* ceiling of E_AGAIN's doubling from 1 s, where the fault names none */
	const struct doors *doors;
};

struct controller *controller_new(const struct controller_options *options);

/* Starts the threads. */
void controller_start(struct controller *controller);

/* Waits for the workers; doors->cancel has been requested before. */
void controller_stop(struct controller *controller);
void controller_free(struct controller *controller);

/* Look at this key now; from any thread. */
void controller_wake(struct controller *controller, const char *key);
void controller_wake_after(struct controller *controller, const char *key, msec_t wait);

/* One pass on the calling thread if a key is due; false when none is. `next`: when the next one
 * will be due (mono), MSEC_NEVER: none. */
bool controller_step(struct controller *controller, msec_t *next);

struct controller_activity {
	uint64_t passes; /* finished since start */
	size_t queued, running;
	msec_t longest_running; /* how long the oldest pass under way takes by now */
};

/* For the watchdog and for people. */
struct controller_activity controller_activity(struct controller *controller);
