#include "service/status.h"

#include "codec/date.h"

/* helpers */

static struct json *render_input(struct ctx *ctx, const struct instance_spec *spec)
{
	struct json *list;

	if (!spec->is_list)
		return json_string(ctx, spec->hostnames.count ? spec->hostnames.items[0] : NULL);
	list = json_array(ctx);
	for (size_t i = 0; i < spec->hostnames.count; i++)
		json_append(ctx, list, json_string(ctx, spec->hostnames.items[i]));
	return list;
}

/* null until somebody looked at the request. */
static struct json *render_custom(struct ctx *ctx, const char *step, const char *message,
				  const char *error)
{
	struct json *custom = json_object(ctx);

	if (!step)
		return json_null(ctx);
	json_set_text(ctx, custom, "status", step);
	json_set_text(ctx, custom, "message", message);
	json_set_text(ctx, custom, "error", error);
	return custom;
}

static struct json *render_progress(struct ctx *ctx, const struct instance_progress *progress)
{
	struct json *item = json_object(ctx);

	json_set_text(ctx, item, "hostname", progress->hostname);
	json_set_text(ctx, item, "runtimeStatus", runtime_status_names[progress->runtime_status]);
	json_set(ctx, item, "customStatus",
		 render_custom(ctx, progress->step, progress->message, progress->error));
	json_set_text(ctx, item, "output", progress->output);
	return item;
}

static struct json *render_output(struct ctx *ctx, const struct instance *instance)
{
	const struct instance_status *status = &instance->status;
	const struct instance_progress *progress = status->progress.items;
	struct json *list;

	if (!instance->spec.is_list || status->runtime_status != RUNTIME_FAILED)
		return json_string(ctx, status->output);
	list = json_array(ctx);
	for (size_t i = 0; i < status->progress.count; i++)
		json_append(ctx, list, render_progress(ctx, &progress[i]));
	return list;
}

static struct json *render_event(struct ctx *ctx, const struct instance_event *event,
				 bool is_raised, bool with_hostname, bool with_result)
{
	struct json *item = json_object(ctx);

	json_set_text(ctx, item, "EventType", event->type);
	json_set_text(ctx, item, is_raised ? "Name" : "FunctionName", event->name);
	json_set_text(ctx, item, "Timestamp", date_rfc3339(ctx, event->time));
	if (with_result)
		json_set_text(ctx, item, "Result", event->result);
	if (with_hostname && event->hostname)
		json_set_text(ctx, item, "Input", event->hostname);
	return item;
}

/* The steps taken and the events raised, merged by time; both lists are in order. */
static struct json *render_history(struct ctx *ctx, const struct instance *instance,
				   bool with_results)
{
	const struct objects *steps = &instance->status.history, *raised = &instance->spec.events;
	const struct instance_event *step = steps->items, *event = raised->items;
	const struct instance_event *steps_end = step + steps->count;
	const struct instance_event *events_end = event + raised->count;
	struct json *list = json_array(ctx);

	while (step < steps_end || event < events_end) {
		bool is_raised = step == steps_end ||
				 (event < events_end && event->time < step->time);
		const struct instance_event *next = is_raised ? event++ : step++;

		json_append(
			ctx, list,
			render_event(ctx, next, is_raised, instance->spec.is_list, with_results));
	}
	return list;
}

/* public */

struct json *status_render(struct ctx *ctx, const struct instance *instance,
			   const struct status_view *view)
{
	const struct instance_status *status = &instance->status;
	msec_t updated = status->updated ? status->updated : instance->meta.created;
	struct json *body = json_object(ctx);

	json_set_text(ctx, body, "name", instance->spec.function);
	json_set_text(ctx, body, "instanceId", instance->meta.name);
	json_set_text(ctx, body, "runtimeStatus", runtime_status_names[status->runtime_status]);
	json_set(ctx, body, "input",
		 view->without_input ? json_null(ctx) : render_input(ctx, &instance->spec));
	json_set(ctx, body, "customStatus",
		 render_custom(ctx, status->step, status->message, status->error));
	json_set(ctx, body, "output", render_output(ctx, instance));
	json_set_text(ctx, body, "createdTime", date_rfc3339(ctx, instance->meta.created));
	json_set_text(ctx, body, "lastUpdatedTime", date_rfc3339(ctx, updated));
	if (view->with_history)
		json_set(ctx, body, "historyEvents",
			 render_history(ctx, instance, view->with_results));
	return body;
}
