#include "controller/controller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "base/heap.h"
#include "base/log.h"
#include "controller/workqueue.h"

#define BACKOFF_FIRST	      MSEC_PER_SEC
#define CONFLICT_QUICK_ROUNDS 5
#define CONFLICT_SLOW	      (30 * MSEC_PER_SEC)
#define THROTTLED_UNSAID      (30 * MSEC_PER_SEC)
#define REFUSED_FIRST	      (5 * MSEC_PER_SEC)
#define REFUSED_MAX	      (10 * MSEC_PER_MIN)

struct worker_thread {
	struct controller *controller;
	size_t index;
	pthread_t thread;
	_Atomic msec_t busy_since; /* mono; 0: idle */
};

struct controller {
	/* immutable after start */
	struct controller_options options;
	struct workqueue *queue;
	struct worker_thread *threads;
	void *stepper; /* the worker object of controller_step */
	/* counters */
	atomic_uint_fast64_t passes;
};

static void *make_worker(struct controller *controller, size_t index)
{
	if (!controller->options.worker_new)
		return controller->options.handle;
	return controller->options.worker_new(controller->options.handle, index);
}

static void free_worker(struct controller *controller, void *worker)
{
	if (controller->options.worker_free)
		controller->options.worker_free(worker);
}

/* A second, doubling; whoever is to be left alone for longer than usual has said so. */
static msec_t hiccup_wait(struct controller *controller, struct ctx *ctx, unsigned hiccups)
{
	msec_t longest = ctx->fault.backoff_max_ms ? ctx->fault.backoff_max_ms
						   : controller->options.backoff_max;

	return rng_jitter(ctx->doors->rng, msec_double(BACKOFF_FIRST, hiccups, longest), 30);
}

/*
 * The whole policy: what each outcome means for when this key is looked at again. `again` above 0
 * is the reconciler's own wish (a persisted schedule, a poll interval), which knows better than the
 * queue's backoff. The kinds of failures are counted apart: that a service was away is no reason to
 * be slow at a conflict. Who was turned away untried has not failed: no backoff grows.
 */
static msec_t next_look(struct controller *controller, struct ctx *ctx, enum err err, msec_t again,
			struct failures *failures)
{
	struct rng *rng = ctx->doors->rng;
	msec_t wait = MSEC_NEVER;

	if (err == E_AGAIN && ctx->fault.is_untried)
		return msec_add(ctx->fault.retry_after_ms,
				rng_between(rng, 0, ctx->fault.retry_after_ms / 10));
	switch (err) {
	case E_OK: *failures = (struct failures){0}; return again;
	case E_CANCELLED: return MSEC_NEVER;
	case E_AGAIN: wait = hiccup_wait(controller, ctx, failures->hiccups++); break;
	case E_CONFLICT:
		wait = failures->conflicts++ < CONFLICT_QUICK_ROUNDS
			       ? rng_between(rng, 200, 2000)
			       : rng_jitter(rng, CONFLICT_SLOW, 20);
		break;
	case E_THROTTLED:
		wait = ctx->fault.retry_after_ms ? ctx->fault.retry_after_ms : THROTTLED_UNSAID;
		wait = msec_add(wait, rng_between(rng, 0, wait / 10));
		break;
	case E_NOTFOUND:
	case E_REFUSED:
		wait = msec_double(REFUSED_FIRST, failures->refusals++, REFUSED_MAX);
		wait = rng_jitter(rng, wait, 20);
		break;
	}
	if (again > 0 && again != MSEC_NEVER)
		wait = again;
	return wait < ctx->fault.retry_after_ms ? ctx->fault.retry_after_ms : wait;
}

static void run_pass(struct controller *controller, void *worker, const char *key,
		     struct failures *failures)
{
	cleanup_ctx struct ctx ctx;
	msec_t again = MSEC_NEVER;
	enum err err;

	ctx_init(&ctx, controller->options.doors);
	ctx.controller = controller->options.name;
	ctx.object = key;
	err = controller->options.reconcile(&ctx, worker, key, &again);
	if (err != E_OK && err != E_CANCELLED)
		log_debug(&ctx, "pass ended", "err", err_name(err), "reason", ctx.fault.reason,
			  "text", ctx.fault.text, NULL);
	atomic_fetch_add(&controller->passes, 1);
	again = next_look(controller, &ctx, err, again, failures);
	workqueue_done(controller->queue, key, again, failures);
}

static void *worker_main(void *argument)
{
	struct worker_thread *self = argument;
	struct controller *controller = self->controller;
	struct clock *clock = controller->options.doors->clock;
	void *worker = make_worker(controller, self->index);
	struct failures failures;
	const char *key;

	while ((key = workqueue_get(controller->queue, true, &failures))) {
		atomic_store(&self->busy_since, clock->mono(clock));
		run_pass(controller, worker, key, &failures);
		atomic_store(&self->busy_since, 0);
	}
	free_worker(controller, worker);
	return NULL;
}

struct controller *controller_new(const struct controller_options *options)
{
	struct controller *controller = heap_calloc(1, sizeof(*controller));

	controller->options = *options;
	controller->queue = workqueue_new(options->doors->clock);
	return controller;
}

void controller_start(struct controller *controller)
{
	size_t count = controller->options.workers;
	int error;

	controller->threads = heap_calloc(count ? count : 1, sizeof(*controller->threads));
	for (size_t i = 0; i < count; i++) {
		controller->threads[i].controller = controller;
		controller->threads[i].index = i;
		error = pthread_create(&controller->threads[i].thread, NULL, worker_main,
				       &controller->threads[i]);
		if (error)
			fatal("a worker cannot be started", strerror(error));
	}
}

void controller_stop(struct controller *controller)
{
	workqueue_shut(controller->queue);
	for (size_t i = 0; controller->threads && i < controller->options.workers; i++)
		pthread_join(controller->threads[i].thread, NULL);
	free(controller->threads);
	controller->threads = NULL;
}

void controller_free(struct controller *controller)
{
	if (!controller)
		return;
	if (controller->stepper)
		free_worker(controller, controller->stepper);
	workqueue_free(controller->queue);
	free(controller);
}

void controller_wake(struct controller *controller, const char *key)
{
	workqueue_add(controller->queue, key);
}

void controller_wake_after(struct controller *controller, const char *key, msec_t wait)
{
	workqueue_add_after(controller->queue, key, wait);
}

bool controller_step(struct controller *controller, msec_t *next)
{
	struct failures failures;
	const char *key = workqueue_get(controller->queue, false, &failures);

	if (key) {
		if (!controller->stepper)
			controller->stepper = make_worker(controller, 0);
		run_pass(controller, controller->stepper, key, &failures);
	}
	*next = workqueue_next_due(controller->queue);
	return key != NULL;
}

struct controller_activity controller_activity(struct controller *controller)
{
	struct clock *clock = controller->options.doors->clock;
	struct controller_activity activity = {
		.passes = atomic_load(&controller->passes),
		.queued = workqueue_size(controller->queue),
	};

	for (size_t i = 0; controller->threads && i < controller->options.workers; i++) {
		msec_t since = atomic_load(&controller->threads[i].busy_since);

		if (!since)
			continue;
		activity.running++;
		if (clock->mono(clock) - since > activity.longest_running)
			activity.longest_running = clock->mono(clock) - since;
	}
	return activity;
}
