#include "instance/instance.h"

#include <string.h>

#include "api/hostname.h"
#include "base/log.h"
#include "base/text.h"
#include "instance/history.h"
#include "instance/retention.h"

struct view {
	struct instance_world *world;
	struct instance instance; /* a copy to work on */
	struct history history;
	msec_t now;
	msec_t steady; /* what a clock that is set does not end */
};

static struct instance_progress *progress_of(struct view *view, const char *hostname)
{
	struct instance_progress *items = view->instance.status.progress.items;

	for (size_t i = 0; i < view->instance.status.progress.count; i++)
		if (text_equals(items[i].hostname, hostname))
			return &items[i];
	return NULL;
}

/* One entry per followed hostname, those of the last look kept. */
static void lay_out_progress(struct ctx *ctx, struct view *view)
{
	const struct texts *hostnames = &view->instance.spec.hostnames;
	struct instance_progress *items = arena_new_array(ctx->arena, struct instance_progress,
							  hostnames->count + 1);

	for (size_t i = 0; i < hostnames->count; i++) {
		const struct instance_progress *old = progress_of(view, hostnames->items[i]);

		items[i] = old ? *old : (struct instance_progress){.hostname = hostnames->items[i]};
	}
	view->instance.status.progress = (struct objects){items, hostnames->count};
}

static void end(struct instance_progress *progress, enum runtime_status runtime, enum step step,
		const char *error, const char *output)
{
	progress->runtime_status = (int)runtime;
	progress->step = step_info(step)->name;
	progress->message = step == STEP_FAILED ? step_failure_message(error)
						: step_info(step)->message;
	progress->error = error;
	progress->output = output;
}

/* Refused in a pass that worked on this request, or on the last Retry of it, or on a later one.
 * What a pass found that had begun before says nothing, whenever it ended. */
static bool is_refused(const struct view *view, const struct hostname *hostname)
{
	const struct refusal *refusal = &hostname->status.refusal;
	const struct instance_spec *spec = &view->instance.spec;
	int64_t asked = spec->retry > spec->request ? spec->retry : spec->request;

	if (!refusal->count)
		return false;
	return asked ? refusal->asked >= asked
		     : refusal->pass >= spec->accepted && refusal->pass >= spec->retry_requested;
}

/* Ready, with the certificate that was asked for: the one that an import brought, or one of the CA
 * where an imported one was. */
static bool is_served(const struct view *view, const struct hostname *hostname)
{
	const char *leaf = view->instance.spec.leaf_sha256;
	const struct certificate_status *certificate = &hostname->status.certificate;

	if (!condition_is_true(&hostname->status.conditions, CONDITION_READY))
		return false;
	return leaf ? text_equals(leaf, certificate->sha256)
		    : hostname->wish.source != SOURCE_ACME || !certificate->is_imported;
}

/* The same certificate sent twice is one import that two follow. */
static bool is_superseded(const struct view *view, const struct hostname *hostname)
{
	const char *leaf = view->instance.spec.leaf_sha256;

	return leaf && !text_equals(leaf, hostname->status.certificate.sha256) &&
	       !text_equals(leaf, hostname->wish.leaf_sha256);
}

/* While a certificate serves, what is in the way of its successor is told by Renewing. */
static const struct condition *find_obstacle(const struct objects *conditions)
{
	const struct condition *items = conditions->items;

	for (size_t i = 0; i < conditions->count; i++)
		if (items[i].status != CONDITION_TRUE && hostname_depends_on(items[i].type))
			return &items[i];
	return condition_is_true(conditions, CONDITION_RENEWING)
		       ? condition_find(conditions, CONDITION_RENEWING)
		       : NULL;
}

static const char *waiting_for(struct ctx *ctx, const struct hostname *hostname)
{
	const struct condition *obstacle = find_obstacle(&hostname->status.conditions);
	const char *step = hostname->status.step ? hostname->status.step : "a first look";

	return obstacle ? arena_printf(ctx->arena, "timed out waiting at %s: %s: %s", step,
				       obstacle->reason, obstacle->message)
			: arena_printf(ctx->arena, "timed out waiting at %s", step);
}

static void look_at(struct ctx *ctx, struct view *view, struct instance_progress *progress,
		    const struct hostname *hostname)
{
	const struct hostname_status *status = &hostname->status;
	bool is_late = view->steady - view->instance.spec.accepted >=
		       view->world->settings->instance_timeout;
	int step = step_find(status->step);

	history_follow(&view->history, hostname);
	if (is_served(view, hostname)) {
		end(progress, RUNTIME_COMPLETED, STEP_COMPLETED, NULL, NULL);
	} else if (is_superseded(view, hostname)) {
		end(progress, RUNTIME_FAILED, STEP_FAILED, "Superseded",
		    "a later request for this hostname brings another certificate");
	} else if (is_refused(view, hostname)) {
		end(progress, RUNTIME_FAILED, STEP_FAILED, status->refusal.error,
		    status->refusal.text);
	} else if (is_late) {
		end(progress, RUNTIME_FAILED, STEP_FAILED, "Timeout", waiting_for(ctx, hostname));
	} else if (step >= 0 && step < STEP_COMPLETED) {
		progress->runtime_status = RUNTIME_RUNNING;
		progress->step = step_info((enum step)step)->name;
		progress->message = step_info((enum step)step)->message;
	}
}

static enum err look_for(struct ctx *ctx, struct view *view, struct instance_progress *progress)
{
	const void *hostname;
	enum err err = store_get(ctx, view->world->store, KIND_HOSTNAME, progress->hostname,
				 &hostname);

	if (err == E_NOTFOUND) {
		fault_clear(ctx);
		end(progress, RUNTIME_FAILED, STEP_FAILED, "HostnameWithdrawn",
		    "the hostname is no longer desired: it was withdrawn");
	} else {
		TRY(err);
		look_at(ctx, view, progress, hostname);
	}
	if (runtime_has_ended(progress->runtime_status))
		history_settle(&view->history, progress->hostname,
			       progress->runtime_status == RUNTIME_COMPLETED ? "TaskCompleted"
									     : "TaskFailed");
	return E_OK;
}

static enum err update_progress(struct ctx *ctx, struct view *view)
{
	struct instance_progress *items = view->instance.status.progress.items;

	for (size_t i = 0; i < view->instance.status.progress.count; i++)
		if (!runtime_has_ended(items[i].runtime_status))
			TRY(look_for(ctx, view, &items[i]));
	return E_OK;
}

/* What represents the whole: a failed one when all have ended, else the least advanced. */
static const struct instance_progress *representative(const struct view *view, bool all_ended)
{
	const struct instance_progress *items = view->instance.status.progress.items;
	const struct instance_progress *chosen = &items[0];

	for (size_t i = 0; i < view->instance.status.progress.count; i++) {
		bool is_failed = items[i].runtime_status == RUNTIME_FAILED;

		if (all_ended && is_failed)
			return &items[i];
		if (!all_ended && (runtime_has_ended(chosen->runtime_status) ||
				   (!runtime_has_ended(items[i].runtime_status) &&
				    step_find(items[i].step) < step_find(chosen->step))))
			chosen = &items[i];
	}
	return chosen;
}

static void count_ends(const struct view *view, size_t *ended, size_t *failed, size_t *touched)
{
	const struct instance_progress *items = view->instance.status.progress.items;

	*ended = *failed = *touched = 0;
	for (size_t i = 0; i < view->instance.status.progress.count; i++) {
		*ended += runtime_has_ended(items[i].runtime_status);
		*failed += items[i].runtime_status == RUNTIME_FAILED;
		*touched += items[i].runtime_status != RUNTIME_PENDING;
	}
}

/* Nobody has touched it yet: it waits for its first step. */
static void show_first_step(struct instance_status *status)
{
	status->step = step_info(STEP_GATEWAY_PUBLIC_IP)->name;
	status->message = step_info(STEP_GATEWAY_PUBLIC_IP)->message;
}

static void summarise(struct view *view)
{
	struct instance_status *status = &view->instance.status;
	const struct instance_progress *shown;
	size_t ended, failed, touched;
	bool all_ended;

	count_ends(view, &ended, &failed, &touched);
	all_ended = ended == status->progress.count;
	if (!touched)
		return;
	shown = representative(view, all_ended);
	status->runtime_status = !all_ended ? RUNTIME_RUNNING
				 : failed   ? RUNTIME_FAILED
					    : RUNTIME_COMPLETED;
	status->step = shown->step;
	status->message = shown->message;
	if (!shown->step)
		show_first_step(status);
	status->error = all_ended ? shown->error : NULL;
	status->output = all_ended ? shown->output : NULL;
}

static void terminate(struct view *view)
{
	struct instance_status *status = &view->instance.status;

	status->runtime_status = RUNTIME_TERMINATED;
	status->output = view->instance.spec.terminate_reason;
}

static void note_end(struct ctx *ctx, struct view *view)
{
	struct instance_status *status = &view->instance.status;

	if (!runtime_has_ended(status->runtime_status))
		return;
	history_end(&view->history,
		    (struct instance_event){.time = view->now,
					    .type = status->runtime_status == RUNTIME_TERMINATED
							    ? "ExecutionTerminated"
							    : "ExecutionCompleted",
					    .name = runtime_status_names[status->runtime_status],
					    .result = status->output});
	log_info(ctx, "instance ended", "function", view->instance.spec.function, "status",
		 runtime_status_names[status->runtime_status], "error", status->error, NULL);
}

static void follow(struct view *view)
{
	const struct instance *instance = &view->instance;

	for (size_t i = 0; i < instance->spec.hostnames.count; i++) {
		if (runtime_has_ended(instance->status.runtime_status))
			followers_drop(view->world->followers, instance->spec.hostnames.items[i],
				       instance->meta.name);
		else
			followers_add(view->world->followers, instance->spec.hostnames.items[i],
				      instance->meta.name);
	}
}

static enum err look(struct ctx *ctx, struct view *view, const struct instance *seen)
{
	struct instance_status *status = &view->instance.status;

	lay_out_progress(ctx, view);
	history_begin(ctx, &view->history, &view->instance);
	history_add(&view->history, (struct instance_event){.time = view->instance.spec.accepted,
							    .type = "ExecutionStarted",
							    .name = view->instance.spec.function});
	TRY(update_progress(ctx, view));
	if (view->instance.spec.is_terminated)
		terminate(view);
	else
		summarise(view);
	note_end(ctx, view);
	status->history = (struct objects){view->history.items, view->history.count};
	if (status->runtime_status != seen->status.runtime_status ||
	    !text_equals(status->step, seen->status.step))
		status->updated = view->now;
	status->observed_generation = view->instance.meta.generation;
	return store_put_status(ctx, view->world->store, KIND_INSTANCE, &view->instance);
}

enum err instance_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again)
{
	struct view view = {.world = worker, .now = ctx_wall(ctx)};
	const void *seen;
	msec_t left;
	enum err err = store_get(ctx, view.world->store, KIND_INSTANCE, key, &seen);

	if (err == E_NOTFOUND)
		return E_OK;
	TRY(err);
	view.instance = *(const struct instance *)seen;
	clock_has_jumped(&view.world->clock, ctx->doors->clock);
	view.steady = clock_steady(&view.world->clock, ctx->doors->clock);
	if (runtime_has_ended(view.instance.status.runtime_status))
		return retention_retire(ctx, worker, seen, again);
	follow(&view); /* before looking: what changes from now on wakes us */
	err = look(ctx, &view, seen);
	if (err == E_NOTFOUND)
		return E_OK;
	TRY(err);
	follow(&view);
	if (runtime_has_ended(view.instance.status.runtime_status)) {
		view.world->is_thinned = false; /* one more than before */
		return retention_retire(ctx, worker, &view.instance, again);
	}
	left = view.instance.spec.accepted + view.world->settings->instance_timeout - view.steady;
	*again = left > 0 ? left + 1 : 1;
	return E_OK;
}
