#include "durable/instances.h"

#include <string.h>

#include "api/instance.h"
#include "base/text.h"
#include "base/utf8.h"
#include "durable/links.h"
#include "service/errors.h"
#include "service/status.h"
#include "specdir/desired.h"

#define EVENT_NAME_MAX 100
#define REASON_MAX     500

/* helpers */

/* A copy whose spec may be changed; NULL: answered. */
static struct instance *find(struct ctx *ctx, struct service *service,
			     const struct request *request, struct response *response)
{
	const char *id = request->args[0];
	const void *found;
	enum err err = store_get(ctx, service->store, KIND_INSTANCE, id, &found);

	if (err == E_OK &&
	    auth_reaches_all(request, &((const struct instance *)found)->spec.hostnames))
		return arena_copy(ctx->arena, found, sizeof(struct instance));
	if (err == E_OK)
		errors_answer_scope(ctx, response, NULL);
	else if (err == E_NOTFOUND)
		errors_answer(ctx, response, 404, "InstanceNotFound",
			      "There is no instance %s, or it was purged.",
			      utf8_quote(ctx->arena, id, 64));
	else
		errors_answer_fault(ctx, response, E_AGAIN);
	return NULL;
}

static bool has_ended(const struct instance *instance)
{
	return runtime_has_ended(instance->status.runtime_status);
}

static enum err answer_ended(struct ctx *ctx, const struct instance *instance,
			     struct response *response)
{
	return errors_answer(ctx, response, 410, "InstanceEnded",
			     "The instance %.64s has ended: it is %s.", instance->meta.name,
			     runtime_status_names[instance->status.runtime_status]);
}

static enum err commit(struct ctx *ctx, struct batch *batch, struct response *response)
{
	if (batch_commit(ctx, batch) != E_OK)
		return errors_answer_fault(ctx, response, E_AGAIN);
	return response_json(ctx, response, 202, json_object(ctx));
}

static bool is_json_body(struct ctx *ctx, const struct request *request, struct response *response)
{
	const char *type = request_media_type(ctx, request);
	struct json *ignored;

	if (!type || !text_equals(type, "application/json")) {
		errors_answer(ctx, response, 400, "InvalidRequest",
			      "Only application/json content is supported.");
		return false;
	}
	if (request->body_size == 0 || request_json(ctx, request, &ignored) == E_OK)
		return true;
	errors_answer_fault(ctx, response, E_REFUSED);
	return false;
}

static void record_event(struct ctx *ctx, struct instance *instance, const char *name)
{
	struct objects *events = &instance->spec.events;
	struct instance_event *items = arena_new_array(ctx->arena, struct instance_event,
						       events->count + 1);

	if (events->count)
		memcpy(items, events->items, sizeof(*items) * events->count);
	items[events->count] =
		(struct instance_event){.time = ctx_wall(ctx), .type = "EventRaised", .name = name};
	events->items = items;
	events->count++;
}

/* Those that were withdrawn meanwhile stay so. */
static enum err retry_hostnames(struct ctx *ctx, struct batch *batch,
				const struct instance *instance)
{
	const struct texts *hostnames = &instance->spec.hostnames;

	for (size_t i = 0; i < hostnames->count; i++) {
		enum err err = desired_request(ctx, batch, hostnames->items[i], DESIRED_BY_EVENT,
					       NULL);

		if (err != E_NOTFOUND)
			TRY(err);
		fault_clear(ctx);
	}
	return E_OK;
}

/* Of an instance that has ended nothing changes any more. */
static void note_event(struct ctx *ctx, struct batch *batch, struct instance *instance,
		       const char *name, bool is_retry)
{
	if (is_retry) {
		instance->spec.retry_requested = ctx_wall(ctx);
		instance->spec.retry = batch_number(batch);
	}
	if (instance->spec.events.count < INSTANCE_EVENTS_MAX)
		record_event(ctx, instance, name);
	batch_put(ctx, batch, KIND_INSTANCE, instance);
}

static bool is_plain_text(const char *text, size_t max)
{
	size_t size = strlen(text);

	if (size > max || utf8_check(text, size) < size)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

/* public */

enum err instances_status(struct ctx *ctx, struct service *service, const struct request *request,
			  struct response *response)
{
	const struct instance *instance = find(ctx, service, request, response);
	struct status_view view = {
		.without_input = !request_flag(request, "showInput", true),
		.with_history = request_flag(request, "showHistory", false),
		.with_results = request_flag(request, "showHistoryOutput", false),
	};
	int status = 200;

	if (!instance)
		return E_OK;
	if (!runtime_has_ended(instance->status.runtime_status)) {
		status = 202;
		response_header(response, "Location", links_self(ctx, service, request));
		response_header(response, "Retry-After", "5");
	}
	if (instance->status.runtime_status == RUNTIME_FAILED &&
	    request_flag(request, "returnInternalServerErrorOnFailure", false))
		status = 500;
	return response_json(ctx, response, status, status_render(ctx, instance, &view));
}

enum err instances_raise_event(struct ctx *ctx, struct service *service,
			       const struct request *request, struct response *response)
{
	struct batch *batch = batch_new(ctx, service->store);
	struct instance *instance = find(ctx, service, request, response);
	const char *name = request->args[1];
	bool is_retry = text_equals_nocase(name, "Retry");

	if (!instance)
		return E_OK;
	if (has_ended(instance) && !is_retry)
		return answer_ended(ctx, instance, response);
	if (!is_json_body(ctx, request, response))
		return E_OK;
	if (!is_plain_text(name, EVENT_NAME_MAX))
		return errors_answer(ctx, response, 400, "InvalidRequest",
				     "The name of an event is UTF-8 of at most %d bytes without "
				     "control characters.",
				     EVENT_NAME_MAX);
	if (!is_retry && instance->spec.events.count >= INSTANCE_EVENTS_MAX)
		return errors_answer(ctx, response, 429, "TooManyEvents",
				     "The instance has recorded %d events, which is all it takes.",
				     INSTANCE_EVENTS_MAX);
	if (is_retry)
		TRY(retry_hostnames(ctx, batch, instance));
	if (!has_ended(instance))
		note_event(ctx, batch, instance, name, is_retry);
	return commit(ctx, batch, response);
}

/* All that comes of it stands with the note that it is terminated, or nothing does. */
enum err instances_terminate(struct ctx *ctx, struct service *service,
			     const struct request *request, struct response *response)
{
	const struct termination_world world = service_termination(service);
	struct batch *batch = batch_new(ctx, service->store);
	struct instance *instance = find(ctx, service, request, response);
	const char *reason = request_param(request, "reason"), *unwanted;

	if (!instance)
		return E_OK;
	if (has_ended(instance))
		return answer_ended(ctx, instance, response);
	if (reason && !is_plain_text(reason, REASON_MAX))
		return errors_answer(ctx, response, 400, "InvalidRequest",
				     "A reason is UTF-8 of at most %d bytes without control "
				     "characters.",
				     REASON_MAX);
	/* The first request decides: its reason stands. */
	if (!instance->spec.is_terminated)
		instance->spec.terminate_reason = reason;
	instance->spec.is_terminated = true;
	if (termination_plan(ctx, &world, batch, instance, &unwanted) != E_OK)
		return errors_answer_fault(ctx, response, E_AGAIN);
	TRY(commit(ctx, batch, response));
	if (response->status == 202)
		termination_drop_key(ctx, &world, unwanted);
	return E_OK;
}

enum err instances_purge(struct ctx *ctx, struct service *service, const struct request *request,
			 struct response *response)
{
	const struct instance *instance = find(ctx, service, request, response);
	struct json *body = json_object(ctx);

	if (!instance)
		return E_OK;
	if (has_ended(instance) &&
	    store_delete(ctx, service->store, KIND_INSTANCE, instance->meta.name) != E_OK)
		return errors_answer_fault(ctx, response, E_AGAIN);
	json_set_int(ctx, body, "instancesDeleted", has_ended(instance));
	return response_json(ctx, response, 200, body);
}
