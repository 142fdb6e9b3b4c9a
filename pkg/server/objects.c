#include "server/objects.h"

#include "api/hostname.h"
#include "codec/hostname.h"
#include "server/errors.h"

/* helpers */

static void set_version(struct ctx *ctx, struct json *metadata, int64_t version)
{
	json_set_text(ctx, metadata, "resourceVersion",
		      arena_printf(ctx->arena, "%lld", (long long)version));
}

static struct json *render_source(struct ctx *ctx, const struct hostname_source *source)
{
	struct json *json = json_object(ctx);

	if (source->file)
		json_set_text(ctx, json, "file", source->file);
	if (source->line)
		json_set_int(ctx, json, "line", source->line);
	if (source->problem)
		json_set_text(ctx, json, "problem", source->problem);
	return json;
}

static struct json *render_hostname(struct ctx *ctx, const struct hostname *hostname)
{
	struct json *json = object_to_json(ctx, KIND_HOSTNAME, hostname, FIELD_INTERNAL);
	const char *display = hostname_display(ctx, hostname->meta.name);

	set_version(ctx, json_get(json, "metadata"), hostname->meta.resource_version);
	json_set_text(ctx, json_get(json, "status"), "displayName", display);
	json_set(ctx, json_get(json, "status"), "source", render_source(ctx, &hostname->source));
	return json;
}

/* public */

enum err objects_list_hostnames(struct ctx *ctx, struct service *service,
				const struct request *request, struct response *response)
{
	struct json *body = json_object(ctx), *metadata = json_object(ctx);
	struct json *list = json_array(ctx);
	const void **items;
	size_t count;

	(void)request;
	set_version(ctx, metadata, store_version(service->store));
	TRY(store_list(ctx, service->store, KIND_HOSTNAME, &items, &count));
	for (size_t i = 0; i < count; i++)
		json_append(ctx, list, render_hostname(ctx, items[i]));
	json_set_text(ctx, metadata, "continue", "");
	json_set_text(ctx, body, "apiVersion", API_VERSION);
	json_set_text(ctx, body, "kind", "HostnameList");
	json_set(ctx, body, "metadata", metadata);
	json_set(ctx, body, "items", list);
	return response_json(ctx, response, 200, body);
}

enum err objects_get_hostname(struct ctx *ctx, struct service *service,
			      const struct request *request, struct response *response)
{
	const char *name = request->args[0], *normal;
	const void *found;
	enum err err;

	/* What is no hostname cannot exist, in whatever spelling. */
	if (hostname_normalise(ctx, name, HOSTNAME_ALLOW_WILDCARD, &normal) == E_OK)
		name = normal;
	fault_clear(ctx);
	err = store_get(ctx, service->store, KIND_HOSTNAME, name, &found);
	if (err == E_NOTFOUND)
		return errors_answer(ctx, response, 404, "NotFound",
				     "There is no hostname %.253s.", name);
	TRY(err);
	return response_json(ctx, response, 200, render_hostname(ctx, found));
}
