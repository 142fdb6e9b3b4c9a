#include "gateway/update.h"

#include <string.h>

#include "api/names.h"
#include "base/log.h"
#include "base/text.h"
#include "gwdoc/faithful.h"

#define OPERATION_FIRST	    (2 * MSEC_PER_SEC)
#define OPERATION_POLL_MAX  (10 * MSEC_PER_SEC)
#define OPERATION_MAX	    MSEC_PER_HOUR
#define UPDATE_FAILED_FIRST (5 * MSEC_PER_SEC)
#define UPDATE_FAILED_MAX   (10 * MSEC_PER_MIN)

static bool is_named(struct ctx *ctx, const struct wanted_hostname *wanted, const char *message)
{
	return name_is_in(message, wanted->base) ||
	       name_is_in(message, name_listener(ctx, wanted->base)) ||
	       name_is_in(message, name_rule(ctx, wanted->base)) ||
	       strcasestr(message, arena_printf(ctx->arena, "%s/", wanted->secret_id));
}

/* Names of ours in the words of a failed update: those hostnames are set aside, the others go on.
 */
static bool blame_wanted(struct ctx *ctx, struct look *look, const char *message)
{
	bool found = false;

	for (size_t i = 0; i < look->wanted.count; i++) {
		const struct wanted_hostname *wanted = &look->wanted.items[i];

		if (wanted->is_evicted || gateway_find_programmed(look->seen, wanted->hostname) ||
		    !is_named(ctx, wanted, message))
			continue;
		look_reject(ctx, look, wanted->hostname, REJECTED_BY_UPDATE, message);
		found = true;
	}
	return found;
}

static bool is_wanted(const struct look *look, const char *hostname)
{
	for (size_t i = 0; i < look->wanted.count; i++)
		if (text_equals(look->wanted.items[i].hostname, hostname))
			return true;
	return false;
}

/* Whoever was brought in and is wanted no more, or has no valid certificate any more. */
static bool blame_brought(struct ctx *ctx, struct look *look, const char *message)
{
	const struct brought_hostname *items = look->seen->status.brought.items;
	bool found = false;

	for (size_t i = 0; i < look->seen->status.brought.count; i++) {
		struct wanted_hostname brought = {.hostname = items[i].hostname,
						  .base = items[i].base,
						  .secret_id = items[i].secret_id};

		if (is_wanted(look, brought.hostname) ||
		    gateway_find_programmed(look->seen, brought.hostname) ||
		    !is_named(ctx, &brought, message))
			continue;
		look_reject(ctx, look, brought.hostname, REJECTED_BY_UPDATE, message);
		found = true;
	}
	return found;
}

static bool blame_hostnames(struct ctx *ctx, struct look *look, const char *message)
{
	bool found = blame_wanted(ctx, look, message);

	return blame_brought(ctx, look, message) || found;
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

/* What is wanted after somebody was blamed is less than what this pass began with. */
static enum err blame_or_put_off(struct ctx *ctx, struct look *look, const char *reason,
				 const char *message)
{
	if (blame_hostnames(ctx, look, message)) {
		look->wait = 1;
		fault_clear(ctx);
		return E_OK;
	}
	fault_set(ctx, E_REFUSED, reason, "%s", message);
	return put_off_updates(ctx, look);
}

static enum err operation_failed(struct ctx *ctx, struct look *look,
				 const struct appgateway_operation *operation)
{
	const char *message =
		arena_printf(ctx->arena, "the update of the Application Gateway failed (%s): %s",
			     operation->code ? operation->code : "no code",
			     operation->message ? without_gateway_id(ctx, look, operation->message)
						: "no message");

	return blame_or_put_off(ctx, look, "UpdateFailed", message);
}

/* Nothing of it arrived, and it will be refused as long as it says the same. */
static enum err update_refused(struct ctx *ctx, struct look *look)
{
	const char *reason = arena_strdup(ctx->arena, ctx->fault.reason);

	return blame_or_put_off(ctx, look, reason, without_gateway_id(ctx, look, ctx->fault.text));
}

static void end_operation(struct look *look)
{
	look_status(look)->operation_url = NULL;
	look->update_ended = true;
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
	end_operation(look);
	fault_clear(ctx);
}

static bool is_without_end(enum err err, const struct appgateway_operation *operation)
{
	return err == E_OK ? operation->progress == APPGATEWAY_RUNNING : err != E_CANCELLED;
}

/* Another's update took its place: what was sent did not arrive, and is wanted still. */
static void forget_sent(struct look *look)
{
	if (!look_status(look)->sent.count)
		return;
	look_status(look)->sent = (struct objects){0};
	look->wait = 1;
}

static void note_success(struct look *look)
{
	look->world->updates_failed = 0;
	look_status(look)->brought = (struct objects){0};
}

/* As told; else the more rarely the longer it takes. */
static msec_t operation_wait(const struct appgateway_operation *operation, msec_t age)
{
	msec_t wait = OPERATION_FIRST + age / 10;

	if (operation->retry_after)
		return operation->retry_after;
	return wait < OPERATION_POLL_MAX ? wait : OPERATION_POLL_MAX;
}

enum err update_follow(struct ctx *ctx, struct look *look)
{
	struct gateway_status *status = look_status(look);
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
		look->wait = operation_wait(&operation, age);
		return E_OK;
	}
	end_operation(look);
	if (operation.progress == APPGATEWAY_FAILED)
		return operation_failed(ctx, look, &operation);
	if (operation.progress == APPGATEWAY_CANCELED)
		forget_sent(look);
	else
		note_success(look);
	return E_OK;
}

/* A read that found the gateway at rest ends the doubt: what failed is not tried again at once. */
static enum err find_lost_update(struct ctx *ctx, struct look *look)
{
	bool was_lost = look->world->update_is_lost;

	look->world->update_is_lost = false;
	if (!was_lost || !text_equals_nocase(look_status(look)->provisioning_state, "Failed"))
		return E_OK;
	ctx->fault = look->world->update_fault;
	return put_off_updates(ctx, look);
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

/* An update that could not be sent is sent now; one that failed is mended when another succeeded.
 */
static void note_accepted(struct ctx *ctx, struct look *look)
{
	const struct condition *writable = condition_find(&look_status(look)->conditions,
							  CONDITION_GATEWAY_WRITABLE);

	if (writable && writable->status == CONDITION_UNKNOWN)
		look_set_condition(ctx, look, CONDITION_GATEWAY_WRITABLE, CONDITION_TRUE,
				   "Updating", "The Application Gateway is being updated.");
}

/* A gateway may show versions whatever was sent: once is enough for each version of the vault. */
static void note_sent(struct ctx *ctx, struct look *look, const struct rendering *rendering)
{
	struct sent_hostname *items = arena_new_array(ctx->arena, struct sent_hostname,
						      look->wanted.count + 1);
	size_t count = 0;

	for (size_t i = 0; i < look->wanted.count; i++) {
		const struct wanted_hostname *wanted = &look->wanted.items[i];
		const struct rendered_hostname *result = &rendering->items[i];
		const struct sent_hostname *before = gateway_find_sent(&look->gateway,
								       wanted->hostname);

		if (result->verdict == RENDER_CHANGED || result->verdict == RENDER_UNPINNED ||
		    result->is_pinned)
			items[count++] = (struct sent_hostname){wanted->hostname, wanted->version};
		else if (before)
			items[count++] = *before;
	}
	look_status(look)->sent = (struct objects){items, count};
}

/* Whatever becomes of the update, and of the wish for them. */
static void note_brought(struct ctx *ctx, struct look *look, const struct rendering *rendering)
{
	struct objects *brought = &look_status(look)->brought;
	struct brought_hostname *items = arena_new_array(ctx->arena, struct brought_hostname,
							 brought->count + look->wanted.count + 1);
	size_t count = brought->count;

	if (count)
		memcpy(items, brought->items, count * sizeof(*items));
	for (size_t i = 0; i < look->wanted.count; i++) {
		const struct wanted_hostname *wanted = &look->wanted.items[i];

		if (rendering->items[i].is_new &&
		    !gateway_find_brought(&look->gateway, wanted->hostname))
			items[count++] = (struct brought_hostname){wanted->hostname, wanted->base,
								   wanted->secret_id};
	}
	*brought = (struct objects){items, count};
}

static enum err put(struct ctx *ctx, struct look *look, const struct appgateway_document *document,
		    const struct rendering *rendering)
{
	struct gateway_status *status = look_status(look);
	struct appgateway_operation operation;
	enum err err;

	if (!render_is_faithful(ctx, document->body, rendering->document, rendering,
				look->wanted.count))
		return fault_set(
			ctx, E_REFUSED, "UnfaithfulUpdate",
			"the update would change parts of the Application Gateway that are not "
			"ours; it was not sent");
	note_brought(ctx, look, rendering);
	status->update_intended = true;
	TRY(look_commit(ctx, look));
	log_info(ctx, "updating the gateway", "hostnames",
		 arena_printf(ctx->arena, "%zu", rendering->changed), NULL);
	err = appgateway_put(ctx, &look->world->gateway, rendering->document, document->etag,
			     &operation);
	if (err == E_REFUSED && ctx->fault.http_status == 400)
		return update_refused(ctx, look);
	TRY(err);
	note_accepted(ctx, look);
	note_sent(ctx, look, rendering);
	status->operation_url = operation.url;
	status->operation_since = ctx_wall(ctx);
	status->gathering_since = 0;
	look->wait = operation.retry_after ? operation.retry_after : OPERATION_FIRST;
	return E_OK;
}

enum err update_send(struct ctx *ctx, struct look *look, const struct appgateway_document *document,
		     const struct rendering *rendering)
{
	TRY(find_lost_update(ctx, look));
	TRY(check_put_off(ctx, look));
	return put(ctx, look, document, rendering);
}

void update_is_needless(struct look *look)
{
	look->world->updates_failed = 0;
	look->world->update_is_lost = false;
}
