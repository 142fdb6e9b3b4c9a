#include "service/view.h"

#include "api/dnsname.h"
#include "api/hostname.h"
#include "api/instance.h"
#include "service/auth.h"

/* helpers */

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

/* A spec that says nothing is one all the same, in its place. */
static void complete_spec(struct ctx *ctx, struct json *json)
{
	struct json *status = json_dup(ctx, json_get(json, "status"));

	if (json_get(json, "spec"))
		return;
	json_remove(json, "status");
	json_set(ctx, json, "spec", json_object(ctx));
	json_set(ctx, json, "status", status);
}

/* As of now, so that whoever measures need not compare clocks. */
static void complete_certificate(struct ctx *ctx, struct json *certificate, msec_t not_after)
{
	if (not_after)
		json_set_int(ctx, certificate, "secondsLeft",
			     (not_after - ctx_wall(ctx)) / MSEC_PER_SEC);
}

static void complete_hostname(struct ctx *ctx, struct json *json, const struct hostname *hostname)
{
	struct json *status;

	complete_spec(ctx, json);
	status = json_get(json, "status");
	complete_certificate(ctx, json_get(status, "certificate"),
			     hostname->status.certificate.not_after);
	json_set_text(ctx, status, "displayName", hostname_display(ctx, hostname->meta.name));
	json_set(ctx, status, "source", render_source(ctx, &hostname->source));
}

/* public */

/* A gateway shows the hostnames of all, so it is for keys that reach all. */
bool view_is_visible(const struct request *request, enum kind kind, const void *object)
{
	const struct meta *meta = object;

	switch (kind) {
	case KIND_HOSTNAME: return auth_reaches(request, meta->name);
	case KIND_INSTANCE:
		return auth_reaches_all(request,
					&((const struct instance *)object)->spec.hostnames);
	case KIND_GATEWAY: return request->scope.count == 0;
	}
	return false;
}

const char *view_version(struct ctx *ctx, int64_t version)
{
	return arena_printf(ctx->arena, "%lld", (long long)version);
}

struct json *view_render(struct ctx *ctx, enum kind kind, const void *object)
{
	struct json *json = object_to_json(ctx, kind, object, FIELD_INTERNAL);
	const struct meta *meta = object;

	json_set_text(ctx, json_get(json, "metadata"), "resourceVersion",
		      view_version(ctx, meta->resource_version));
	if (kind == KIND_HOSTNAME)
		complete_hostname(ctx, json, object);
	return json;
}
