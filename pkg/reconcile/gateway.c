#include "reconcile/gateway.h"

#include <string.h>

#include "api/hostname.h"
#include "base/log.h"
#include "base/text.h"
#include "reconcile/conditions.h"
#include "reconcile/names.h"
#include "reconcile/policy.h"
#include "reconcile/wanted.h"

#define LOOK_AGAIN	MSEC_PER_HOUR
#define GATHER_LOOK	MSEC_PER_SEC
#define OPERATION_FIRST (2 * MSEC_PER_SEC)
#define OPERATION_MAX	MSEC_PER_HOUR
#define BUSY_WAIT	(5 * MSEC_PER_SEC)
#define DOUBTED_LOOK                                                                 \
	(10 * MSEC_PER_SEC) /* the most often that a failing self-check asks for one \
			     */
#define UPDATE_FAILED_FIRST (5 * MSEC_PER_SEC)
#define UPDATE_FAILED_MAX   (10 * MSEC_PER_MIN)
#define HICCUP_GRACE	    (60 * MSEC_PER_SEC)

struct look {
	struct gateway_world *world;
	const struct gateway *seen;
	struct gateway gateway; /* a copy to work on */
	struct wanted wanted;
	size_t stored;	     /* hostnames that stand in the document of a failed gateway and are not
				served */
	msec_t wait;	     /* above 0: stop here, look again then */
	const char *failing; /* the condition that a failure belongs to from here on */
};

static struct gateway_status *status_of(struct look *look)
{
	return &look->gateway.status;
}

static enum err commit(struct ctx *ctx, struct look *look)
{
	return store_put_status(ctx, look->world->store, KIND_GATEWAY, &look->gateway);
}

static void set_condition(struct ctx *ctx, struct look *look, const char *type,
			  enum condition_status status, const char *reason, const char *message)
{
	if (condition_set(ctx, &status_of(look)->conditions, type, status, reason, message,
			  look->gateway.meta.generation))
		log_info(ctx, "condition changed", "type", type, "status",
			 condition_status_names[status], "reason", reason, "text", message, NULL);
}

static void reject(struct ctx *ctx, struct look *look, const char *hostname, const char *reason,
		   const char *message)
{
	struct objects *rejected = &status_of(look)->rejected;
	struct rejected_hostname *items = arena_new_array(ctx->arena, struct rejected_hostname,
							  rejected->count + 1);
	const struct rejected_hostname *old = gateway_find_rejected(look->seen, hostname);
	size_t count = 0;

	for (size_t i = 0; i < rejected->count; i++)
		if (!text_equals(((struct rejected_hostname *)rejected->items)[i].hostname,
				 hostname))
			items[count++] = ((struct rejected_hostname *)rejected->items)[i];
	items[count++] = (struct rejected_hostname){hostname, reason, message, ctx_wall(ctx)};
	*rejected = (struct objects){items, count};
	if (old && text_equals(old->message, message))
		return;
	log_warn(ctx, "gateway cannot take a hostname", "hostname", hostname, "reason", reason,
		 "text", message, NULL);
}

static void forgive(struct look *look, const char *hostname)
{
	struct objects *rejected = &status_of(look)->rejected;
	struct rejected_hostname *items = rejected->items;
	size_t count = 0;

	for (size_t i = 0; i < rejected->count; i++)
		if (!text_equals(items[i].hostname, hostname))
			items[count++] = items[i];
	rejected->count = count;
}

static enum err load(struct ctx *ctx, struct gateway_world *world, const char *key,
		     struct look *look)
{
	const void *seen;
	const void **hostnames;
	struct gateway_status *status = status_of(look);
	size_t count;

	*look = (struct look){.world = world, .failing = CONDITION_GATEWAY_REACHABLE};
	TRY(store_get(ctx, world->store, KIND_GATEWAY, key, &seen));
	TRY(store_list(ctx, world->store, KIND_HOSTNAME, &hostnames, &count));
	look->seen = seen;
	look->gateway = *look->seen;
	status->observed_generation = look->gateway.meta.generation;
	/* What is changed in place is ours: snapshots are const. */
	status->rejected.items =
		arena_copy(ctx->arena, status->rejected.items,
			   status->rejected.count * sizeof(struct rejected_hostname));
	look->wanted = wanted_list(ctx, look->seen, (const struct hostname *const *)hostnames,
				   count);
	return E_OK;
}

static bool is_named(struct ctx *ctx, const struct wanted_hostname *wanted, const char *message)
{
	return name_is_in(message, wanted->base) ||
	       name_is_in(message, name_listener(ctx, wanted->base)) ||
	       name_is_in(message, name_rule(ctx, wanted->base)) ||
	       strcasestr(message, arena_printf(ctx->arena, "%s/", wanted->secret_id));
}

/* Names of ours in the words of a failed update: those hostnames are set aside, the others go on.
 */
static bool blame_hostnames(struct ctx *ctx, struct look *look, const char *message)
{
	bool found = false;

	for (size_t i = 0; i < look->wanted.count; i++) {
		const struct wanted_hostname *wanted = &look->wanted.items[i];

		if (wanted->is_evicted || gateway_find_programmed(look->seen, wanted->hostname) ||
		    !is_named(ctx, wanted, message))
			continue;
		reject(ctx, look, wanted->hostname, REJECTED_BY_UPDATE, message);
		found = true;
	}
	return found;
}

/* Nobody of ours is to blame, so the next one may fail as well: each is minutes of work for the
 * gateway. Until then the present fault is what is wrong. */
static enum err put_off_updates(struct ctx *ctx, struct look *look)
{
	struct gateway_world *world = look->world;

	world->update_fault = ctx->fault;
	world->update_failed = ctx_wall(ctx);
	world->update_not_before = msec_add(
		ctx_mono(ctx),
		msec_double(UPDATE_FAILED_FIRST, world->updates_failed, UPDATE_FAILED_MAX));
	if (world->updates_failed < 16)
		world->updates_failed++;
	look->failing = CONDITION_GATEWAY_WRITABLE;
	return E_REFUSED;
}

/* Long ids of the gateway itself would leave no room for what matters, and for what to do about it
 * at the end. */
static const char *without_gateway_id(struct ctx *ctx, const struct look *look, const char *text)
{
	const char *id = look->world->gateway.gateway_id, *found;
	const char *kept = "";

	for (; (found = strcasestr(text, id)); text = found + strlen(id))
		kept = arena_printf(ctx->arena, "%s%.*s...", kept, (int)(found - text), text);
	return arena_printf(ctx->arena, "%s%s", kept, text);
}

static enum err operation_failed(struct ctx *ctx, struct look *look,
				 const struct appgateway_operation *operation)
{
	const char *message =
		arena_printf(ctx->arena, "the update of the Application Gateway failed (%s): %s",
			     operation->code ? operation->code : "no code",
			     operation->message ? without_gateway_id(ctx, look, operation->message)
						: "no message");

	if (blame_hostnames(ctx, look, message)) {
		look->wait = 1; /* what is wanted now is less than what this pass began with */
		return E_OK;
	}
	fault_set(ctx, E_REFUSED, "UpdateFailed", "%s", message);
	return put_off_updates(ctx, look);
}

/* Nobody will tell what became of the update: the gateway itself has to be looked at. */
static void lose_operation(struct ctx *ctx, struct look *look, enum err err)
{
	if (err == E_OK)
		fault_set(ctx, E_REFUSED, "UpdateFailed", "it runs for more than an hour");
	fault_wrap(ctx, E_REFUSED, "the outcome of the gateway's update is not known");
	log_warn(ctx, "gateway update followed no more", "text", ctx->fault.text, NULL);
	look->world->update_fault = ctx->fault;
	look->world->update_is_lost = true;
	status_of(look)->operation_url = NULL;
	fault_clear(ctx);
}

/* A read that found the gateway at rest ends the doubt: what failed is not tried again at once. */
static enum err find_lost_update(struct ctx *ctx, struct look *look)
{
	bool was_lost = look->world->update_is_lost;

	look->world->update_is_lost = false;
	if (!was_lost || !text_equals_nocase(status_of(look)->provisioning_state, "Failed"))
		return E_OK;
	ctx->fault = look->world->update_fault;
	return put_off_updates(ctx, look);
}

static bool is_without_end(enum err err, const struct appgateway_operation *operation)
{
	return err == E_OK ? operation->progress == APPGATEWAY_RUNNING : err != E_CANCELLED;
}

/* Rung 1: nothing in progress. */
static enum err finish_operation(struct ctx *ctx, struct look *look)
{
	struct gateway_status *status = status_of(look);
	struct appgateway_operation operation;
	msec_t age = ctx_wall(ctx) - status->operation_since;
	enum err err;

	if (!status->operation_url)
		return E_OK;
	err = appgateway_operation_get(ctx, &look->world->gateway, status->operation_url,
				       &operation);
	if (err == E_NOTFOUND || err == E_REFUSED ||
	    (age > OPERATION_MAX && is_without_end(err, &operation))) {
		lose_operation(ctx, look, err);
		return E_OK;
	}
	TRY(err);
	if (operation.progress == APPGATEWAY_RUNNING) {
		if (operation.url)
			status->operation_url = operation.url;
		look->wait = operation.retry_after     ? operation.retry_after
			     : age < 10 * MSEC_PER_SEC ? OPERATION_FIRST
						       : OPERATION_FIRST + age / 10;
		if (look->wait > 10 * MSEC_PER_SEC && !operation.retry_after)
			look->wait = 10 * MSEC_PER_SEC;
		return E_OK;
	}
	status->operation_url = NULL;
	if (operation.progress == APPGATEWAY_FAILED)
		return operation_failed(ctx, look, &operation);
	if (operation.progress == APPGATEWAY_SUCCEEDED)
		look->world->updates_failed = 0;
	return E_OK;
}

static bool needs_read(struct ctx *ctx, struct look *look)
{
	const struct gateway_status *status = status_of(look);
	const struct condition *writable = condition_find(&status->conditions,
							  CONDITION_GATEWAY_WRITABLE);
	msec_t age = ctx_wall(ctx) - status->observed;

	return !status->public_ips.count || status->update_intended || look->wanted.missing ||
	       look->wanted.retrying || look->seen->status.operation_url || age >= LOOK_AGAIN ||
	       (look->wanted.unreached && age >= DOUBTED_LOOK) ||
	       !condition_is_true(&status->conditions, CONDITION_GATEWAY_REACHABLE) ||
	       (writable && writable->status != CONDITION_TRUE);
}

/* Waits for others who are about to want the same update; a lone hostname goes at once. */
static bool is_gathering(struct ctx *ctx, struct look *look)
{
	struct gateway_status *status = status_of(look);
	msec_t now = ctx_wall(ctx);

	if (!look->wanted.missing) {
		status->gathering_since = 0;
		return false;
	}
	if (!status->gathering_since)
		status->gathering_since = now;
	if (!look->wanted.advancing ||
	    now - status->gathering_since >= look->world->settings->gather)
		return false;
	look->wait = GATHER_LOOK;
	return true;
}

static enum err read_public_ips(struct ctx *ctx, struct look *look, const struct json *body)
{
	struct gateway_status *status = status_of(look);
	struct public_ips ips;

	if (status->public_ips.count && ctx_wall(ctx) - status->observed < LOOK_AGAIN)
		return E_OK;
	TRY(appgateway_public_ips(ctx, &look->world->gateway, body, &ips));
	status->public_ips = (struct texts){ips.addresses, ips.count};
	return E_OK;
}

/* A PUT to a stopped gateway would start it: that is not ours to decide. */
static enum err check_running(struct ctx *ctx, const struct look *look)
{
	if (!gateway_is_stopped(&look->gateway))
		return E_OK;
	return fault_set(ctx, E_REFUSED, "GatewayStopped",
			 "the Application Gateway is stopped; a change would start it. Start it, "
			 "and the waiting hostnames are configured");
}

/* Rung 2: observed. Only a settled gateway is a base to build on. */
static enum err observe(struct ctx *ctx, struct look *look, struct appgateway_document *document)
{
	struct gateway_status *status = status_of(look);
	bool is_busy;

	TRY(appgateway_get(ctx, &look->world->gateway, document));
	status->provisioning_state = document->provisioning_state;
	status->operational_state = document->operational_state;
	is_busy = text_equals_nocase(document->provisioning_state, "Updating") ||
		  text_equals_nocase(document->provisioning_state, "Deleting");
	TRY(read_public_ips(ctx, look, document->body));
	if (is_busy) {
		look->wait = BUSY_WAIT;
	} else {
		status->observed = ctx_wall(ctx);
		status->update_intended = false;
		TRY(check_running(ctx, look));
	}
	set_condition(ctx, look, CONDITION_GATEWAY_REACHABLE, CONDITION_TRUE, "Reachable",
		      "The Application Gateway and its public address are known.");
	return E_OK;
}

/* A failed update leaves what it brought in the document, and serves what was there before. */
static bool is_only_stored(struct look *look, const char *hostname)
{
	return text_equals_nocase(status_of(look)->provisioning_state, "Failed") &&
	       !gateway_find_programmed(look->seen, hostname);
}

/* A new request is worth one more try. */
static enum err check_put_off(struct ctx *ctx, struct look *look)
{
	const struct gateway_world *world = look->world;

	if (!world->updates_failed || ctx_mono(ctx) >= world->update_not_before ||
	    look->wanted.requested > world->update_failed)
		return E_OK;
	ctx->fault = world->update_fault;
	return E_REFUSED;
}

/* What the document shows of what is wanted, and what it cannot take. */
static void record(struct ctx *ctx, struct look *look, const struct rendering *rendering)
{
	struct programmed_hostname *items = arena_new_array(ctx->arena, struct programmed_hostname,
							    look->wanted.count + 1);
	size_t count = 0;

	for (size_t i = 0; i < look->wanted.count; i++) {
		const struct wanted_hostname *wanted = &look->wanted.items[i];
		const struct rendered_hostname *result = &rendering->items[i];

		if (result->verdict == RENDER_REJECTED)
			reject(ctx, look, wanted->hostname, result->reason, result->message);
		if (result->verdict != RENDER_STANDS && result->verdict != RENDER_CHANGED)
			continue;
		forgive(look, wanted->hostname);
		if (result->verdict == RENDER_STANDS && is_only_stored(look, wanted->hostname))
			look->stored++;
		else if (result->verdict == RENDER_STANDS)
			items[count++] =
				(struct programmed_hostname){wanted->hostname, result->listener,
							     result->rule, wanted->secret_id};
	}
	status_of(look)->programmed = (struct objects){items, count};
}

/* An update that could not be sent is sent now; one that failed is mended when another succeeded.
 */
static void note_accepted(struct ctx *ctx, struct look *look)
{
	const struct condition *writable = condition_find(&status_of(look)->conditions,
							  CONDITION_GATEWAY_WRITABLE);

	if (writable && writable->status == CONDITION_UNKNOWN)
		set_condition(ctx, look, CONDITION_GATEWAY_WRITABLE, CONDITION_TRUE, "Updating",
			      "The Application Gateway is being updated.");
}

/* Rung 4: applied. The intent is durable first; from then on only a complete read tells what
 * happened. */
static enum err apply(struct ctx *ctx, struct look *look,
		      const struct appgateway_document *document, const struct rendering *rendering)
{
	struct gateway_status *status = status_of(look);
	struct appgateway_operation operation;

	if (!render_is_faithful(ctx, document->body, rendering->document, rendering,
				look->wanted.count))
		return fault_set(
			ctx, E_REFUSED, "UnfaithfulUpdate",
			"the update would change parts of the Application Gateway that are not "
			"ours; it was not sent");
	status->update_intended = true;
	TRY(commit(ctx, look));
	log_info(ctx, "updating the gateway", "hostnames",
		 arena_printf(ctx->arena, "%zu", rendering->changed), NULL);
	TRY(appgateway_put(ctx, &look->world->gateway, rendering->document, document->etag,
			   &operation));
	note_accepted(ctx, look);
	status->operation_url = operation.url;
	status->operation_since = ctx_wall(ctx);
	status->gathering_since = 0;
	look->wait = operation.retry_after ? operation.retry_after : OPERATION_FIRST;
	return E_OK;
}

static enum err advance(struct ctx *ctx, struct look *look)
{
	const struct settings *settings = look->world->settings;
	struct render_target target = {look->world->gateway.gateway_id, settings->backend_pool,
				       settings->http_settings};
	struct appgateway_document document;
	struct rendering rendering;

	TRY(finish_operation(ctx, look));
	if (look->wait || (is_gathering(ctx, look) && status_of(look)->public_ips.count) ||
	    !needs_read(ctx, look))
		return E_OK;
	TRY(observe(ctx, look, &document));
	if (look->wait)
		return E_OK;
	look->failing = CONDITION_GATEWAY_WRITABLE;
	TRY(render(ctx, document.body, &target, look->wanted.items, look->wanted.count,
		   &rendering));
	record(ctx, look, &rendering);
	if (!rendering.changed && !look->stored) {
		look->wanted.missing = 0;
		look->world->updates_failed = 0;
		look->world->update_is_lost = false;
		status_of(look)->gathering_since = 0;
		set_condition(ctx, look, CONDITION_GATEWAY_WRITABLE, CONDITION_TRUE, "UpToDate",
			      "The Application Gateway shows every hostname that is ready for it.");
		return E_OK;
	}
	TRY(find_lost_update(ctx, look));
	TRY(check_put_off(ctx, look));
	return apply(ctx, look, &document, &rendering);
}

static bool has_news(const struct look *look, const char *hostname)
{
	const struct programmed_hostname *before = gateway_find_programmed(look->seen, hostname);
	const struct programmed_hostname *after = gateway_find_programmed(&look->gateway, hostname);
	const struct rejected_hostname *old = gateway_find_rejected(look->seen, hostname);
	const struct rejected_hostname *new = gateway_find_rejected(&look->gateway, hostname);

	return !before != !after || !old != !new ||
	       (before && !secret_id_equals(before->secret_id, after->secret_id));
}

static bool is_turned(const struct look *look, const char *type)
{
	const struct condition *before = condition_find(&look->seen->status.conditions, type);
	const struct condition *after = condition_find(&look->gateway.status.conditions, type);

	return (before ? before->status : -1) != (after ? after->status : -1);
}

/* Rung 6: hostnames told. When the gateway became reachable or unreachable, everybody who is not
 * done wants to know. */
static enum err tell_hostnames(struct ctx *ctx, struct look *look)
{
	const void **hostnames;
	size_t count;
	bool is_for_all = !look->seen->status.public_ips.count !=
				  !status_of(look)->public_ips.count ||
			  is_turned(look, CONDITION_GATEWAY_REACHABLE) ||
			  is_turned(look, CONDITION_GATEWAY_WRITABLE);

	TRY(store_list(ctx, look->world->store, KIND_HOSTNAME, &hostnames, &count));
	for (size_t i = 0; i < count; i++) {
		const struct hostname *hostname = hostnames[i];
		bool is_done = text_equals(hostname->status.step, step_info(STEP_COMPLETED)->name);

		if ((is_for_all && !is_done) || has_news(look, hostname->meta.name))
			look->world->wake_hostname(look->world->handle, hostname->meta.name);
	}
	return E_OK;
}

/* Hiccups are nobody's business until they last. */
static bool is_passing_hiccup(struct ctx *ctx, struct look *look, enum err err)
{
	msec_t now = ctx_mono(ctx);

	if (err != E_AGAIN && err != E_CONFLICT)
		return false;
	if (!look->world->trouble_since)
		look->world->trouble_since = now ? now : 1;
	return now - look->world->trouble_since < HICCUP_GRACE;
}

static void note_failure(struct ctx *ctx, struct look *look, enum err err)
{
	const char *text = arena_strdup(ctx->arena, ctx->fault.text);
	const char *reason = arena_strdup(ctx->arena, ctx->fault.reason);

	if (err == E_OK)
		look->world->trouble_since = 0;
	if (err == E_OK || err == E_CANCELLED || is_passing_hiccup(ctx, look, err))
		return;
	if (err == E_THROTTLED)
		set_condition(ctx, look, look->failing, CONDITION_UNKNOWN, "Throttled", text);
	else if (err == E_AGAIN || err == E_CONFLICT)
		set_condition(ctx, look, look->failing, CONDITION_UNKNOWN, reason,
			      conditions_message(ctx, err));
	else
		set_condition(ctx, look, look->failing, CONDITION_FALSE, reason, text);
}

static msec_t next_look(struct ctx *ctx, const struct look *look)
{
	msec_t wait = LOOK_AGAIN - (ctx_wall(ctx) - look->gateway.status.observed);

	if (look->wait)
		return look->wait;
	if (look->wanted.missing)
		return BUSY_WAIT;
	return wait > BUSY_WAIT ? rng_jitter(ctx->doors->rng, wait, 10) : BUSY_WAIT;
}

enum err gateway_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again)
{
	struct look look;
	struct gateway_world *world = worker;
	struct fault fault;
	enum err err;

	/* Of a gateway that was configured before: whatever it has is its own again. */
	if (!text_equals(key, world->settings->gateway_name))
		return store_delete(ctx, world->store, KIND_GATEWAY, key);
	if (ctx_mono(ctx) < world->rest_until) {
		*again = world->rest_until - ctx_mono(ctx);
		return E_OK;
	}
	err = load(ctx, world, key, &look);
	if (err == E_NOTFOUND)
		return E_OK;
	TRY(err);
	err = advance(ctx, &look);
	note_failure(ctx, &look, err);
	fault = ctx->fault;
	TRY(commit(ctx, &look));
	TRY(tell_hostnames(ctx, &look));
	ctx->fault = fault;
	if (err == E_OK)
		*again = next_look(ctx, &look);
	world->rest_until = look.wait > GATHER_LOOK ? msec_add(ctx_mono(ctx), look.wait) : 0;
	return err;
}

/* A status speaks of the resource that was behind the name when it was written. */
static enum err forget_other_resource(struct ctx *ctx, struct store *store, const char *name)
{
	const void *found;
	struct gateway gateway;

	TRY(store_get(ctx, store, KIND_GATEWAY, name, &found));
	gateway = *(const struct gateway *)found;
	if (gateway.status.observed_generation == gateway.meta.generation)
		return E_OK;
	gateway.status = (struct gateway_status){0};
	return store_put_status(ctx, store, KIND_GATEWAY, &gateway);
}

enum err gateway_declare(struct ctx *ctx, struct store *store, const char *name,
			 const char *resource_id)
{
	struct gateway gateway = {
		.meta = {.name = name},
		.spec = {.resource_id = resource_id},
	};

	TRY(store_put_spec(ctx, store, KIND_GATEWAY, &gateway));
	return forget_other_resource(ctx, store, name);
}
