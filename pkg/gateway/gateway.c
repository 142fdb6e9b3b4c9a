#include "gateway/gateway.h"

#include <string.h>

#include "api/hostname.h"
#include "api/names.h"
#include "base/log.h"
#include "base/text.h"
#include "gateway/look.h"
#include "controller/patience.h"
#include "gateway/update.h"

#define LOOK_AGAIN  MSEC_PER_HOUR
#define GATHER_LOOK MSEC_PER_SEC
#define BUSY_WAIT   (5 * MSEC_PER_SEC)
/* The most often that failing self-checks ask for a look. */
#define DOUBTED_LOOK (10 * MSEC_PER_SEC)

static bool needs_read(struct ctx *ctx, struct look *look)
{
	const struct gateway_status *status = look_status(look);
	const struct condition *writable = condition_find(&status->conditions,
							  CONDITION_GATEWAY_WRITABLE);
	msec_t age = ctx_wall(ctx) - status->observed;

	return !status->public_ips.count || status->update_intended || look->wanted.missing ||
	       look->wanted.retrying || look->update_ended || age >= LOOK_AGAIN ||
	       (look->wanted.unreached && age >= DOUBTED_LOOK) ||
	       !condition_is_true(&status->conditions, CONDITION_GATEWAY_REACHABLE) ||
	       (writable && writable->status != CONDITION_TRUE);
}

/* Waits for others who are about to want the same update; a lone hostname goes at once. */
static bool is_gathering(struct ctx *ctx, struct look *look)
{
	struct gateway_status *status = look_status(look);
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
	struct gateway_status *status = look_status(look);
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

/* Whatever else the answer is, it says nothing about that. */
static enum err read_gateway(struct ctx *ctx, struct look *look,
			     struct appgateway_document *document)
{
	enum err err = appgateway_get(ctx, &look->world->gateway, document);

	if (err == E_OK || err == E_NOTFOUND)
		look_status(look)->is_missing = err == E_NOTFOUND;
	return err;
}

/* Rung 2: observed. Only a settled gateway is a base to build on. */
static enum err observe(struct ctx *ctx, struct look *look, struct appgateway_document *document)
{
	struct gateway_status *status = look_status(look);
	bool is_busy;

	TRY(read_gateway(ctx, look, document));
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
		if (!text_equals_nocase(document->provisioning_state, "Failed"))
			status->brought = (struct objects){0};
		TRY(check_running(ctx, look));
	}
	look_set_condition(ctx, look, CONDITION_GATEWAY_REACHABLE, CONDITION_TRUE, "Reachable",
			   "The Application Gateway and its public address are known.");
	return E_OK;
}

/* A failed update leaves what it brought in the document, and serves what was there before. */
static bool is_only_stored(struct look *look, const char *hostname)
{
	return text_equals_nocase(look_status(look)->provisioning_state, "Failed") &&
	       !gateway_find_programmed(look->seen, hostname);
}

static bool is_shown(const struct rendered_hostname *result)
{
	return result->verdict == RENDER_STANDS || result->verdict == RENDER_UNPINNED;
}

/* What is shown without a version needs no remembering. */
static void record_sent(struct ctx *ctx, struct look *look, const struct rendering *rendering)
{
	struct sent_hostname *items = arena_new_array(ctx->arena, struct sent_hostname,
						      look->wanted.count + 1);
	size_t count = 0;

	for (size_t i = 0; i < look->wanted.count; i++) {
		const struct sent_hostname *sent =
			gateway_find_sent(&look->gateway, look->wanted.items[i].hostname);

		if (sent && (!is_shown(&rendering->items[i]) || rendering->items[i].is_pinned))
			items[count++] = *sent;
	}
	look_status(look)->sent = (struct objects){items, count};
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
			look_reject(ctx, look, wanted->hostname, result->reason, result->message);
		if (!is_shown(result) && result->verdict != RENDER_CHANGED)
			continue;
		look_forgive(look, wanted->hostname);
		if (is_shown(result) && is_only_stored(look, wanted->hostname))
			look->stored++;
		else if (is_shown(result))
			items[count++] =
				(struct programmed_hostname){wanted->hostname, result->listener,
							     result->rule, wanted->secret_id};
	}
	look_status(look)->programmed = (struct objects){items, count};
}

/* A version in a secret id that stays there: the gateway may serve it for good. */
static const char *version_notice(struct ctx *ctx, const struct look *look,
				  const struct rendering *rendering)
{
	for (size_t i = 0; i < look->wanted.count; i++) {
		const struct rendered_hostname *result = &rendering->items[i];
		const char *hostname = look->wanted.items[i].hostname;

		if (!result->is_pinned)
			continue;
		if (result->certificate)
			return arena_printf(
				ctx->arena,
				" It shows a version in the secret id of %s, which was sent "
				"without one; that is tried again after each renewal.",
				hostname);
		return arena_printf(
			ctx->arena,
			" The secret id of %s has a version there, in a certificate entry that is "
			"not ours to change: remove it, or no renewed certificate is served.",
			hostname);
	}
	return "";
}

static void note_up_to_date(struct ctx *ctx, struct look *look, const struct rendering *rendering)
{
	look->wanted.missing = 0;
	update_is_needless(look);
	look_status(look)->gathering_since = 0;
	look_set_condition(
		ctx, look, CONDITION_GATEWAY_WRITABLE, CONDITION_TRUE, "UpToDate",
		arena_printf(ctx->arena,
			     "The Application Gateway shows every hostname that is ready for it.%s",
			     version_notice(ctx, look, rendering)));
}

static enum err advance(struct ctx *ctx, struct look *look)
{
	const struct settings *settings = look->world->settings;
	struct render_target target = {look->world->gateway.gateway_id, settings->backend_pool,
				       settings->http_settings};
	struct appgateway_document document;
	struct rendering rendering;

	TRY(update_follow(ctx, look));
	if (look->wait || (is_gathering(ctx, look) && look_status(look)->public_ips.count) ||
	    !needs_read(ctx, look))
		return E_OK;
	TRY(observe(ctx, look, &document));
	if (look->wait)
		return E_OK;
	look->failing = CONDITION_GATEWAY_WRITABLE;
	TRY(render(ctx, document.body, &target, look->wanted.items, look->wanted.count,
		   &rendering));
	record(ctx, look, &rendering);
	record_sent(ctx, look, &rendering);
	if (!rendering.changed && !look->stored) {
		note_up_to_date(ctx, look, &rendering);
		return E_OK;
	}
	return update_send(ctx, look, &document, &rendering);
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
 * done wants to know; when it stopped serving or serves again, everybody. */
static enum err tell_hostnames(struct ctx *ctx, struct look *look)
{
	const void **hostnames;
	size_t count;
	bool is_for_all = !look->seen->status.public_ips.count !=
				  !look_status(look)->public_ips.count ||
			  is_turned(look, CONDITION_GATEWAY_REACHABLE) ||
			  is_turned(look, CONDITION_GATEWAY_WRITABLE);
	bool is_for_done = gateway_is_out(look->seen) != gateway_is_out(&look->gateway);

	TRY(store_list(ctx, look->world->store, KIND_HOSTNAME, &hostnames, &count));
	for (size_t i = 0; i < count; i++) {
		const struct hostname *hostname = hostnames[i];
		bool is_done = text_equals(hostname->status.step, step_info(STEP_COMPLETED)->name);

		if ((is_for_all && !is_done) || is_for_done || has_news(look, hostname->meta.name))
			look->world->wake_hostname(look->world->handle, hostname->meta.name);
	}
	return E_OK;
}

static void note_failure(struct ctx *ctx, struct look *look, enum err err)
{
	const char *text = arena_strdup(ctx->arena, ctx->fault.text);
	const char *reason = arena_strdup(ctx->arena, ctx->fault.reason);

	if (err == E_OK)
		look->world->trouble_since = 0;
	if (err == E_OK || err == E_CANCELLED ||
	    patience_is_hiccup(ctx, &look->world->trouble_since, err))
		return;
	if (err == E_THROTTLED)
		look_set_condition(ctx, look, look->failing, CONDITION_UNKNOWN, "Throttled", text);
	else if (err == E_AGAIN || err == E_CONFLICT)
		look_set_condition(ctx, look, look->failing, CONDITION_UNKNOWN, reason,
				   patience_message(ctx, err));
	else
		look_set_condition(ctx, look, look->failing, CONDITION_FALSE, reason, text);
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
	err = look_begin(ctx, world, key, &look);
	if (err == E_NOTFOUND)
		return E_OK;
	TRY(err);
	err = advance(ctx, &look);
	note_failure(ctx, &look, err);
	fault = ctx->fault;
	TRY(look_commit(ctx, &look));
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
