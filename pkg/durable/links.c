#include "durable/links.h"

#include "http/url.h"

#define INSTANCES "/runtime/webhooks/durabletask/instances/"

const char *links_base(struct ctx *ctx, const struct service *service,
		       const struct request *request)
{
	const char *host = request_header(request, "Host");

	if (service->base_url)
		return service->base_url;
	return arena_printf(ctx->arena, "%s://%s", request->is_tls ? "https" : "http",
			    host ? host : "localhost");
}

struct links links_of_instance(struct ctx *ctx, const struct service *service,
			       const struct request *request, const char *id)
{
	struct arena *arena = ctx->arena;
	const char *instance = arena_printf(arena, "%s" INSTANCES "%s",
					    links_base(ctx, service, request), id);
	const char *query = arena_printf(arena, "taskHub=%s&connection=Storage&code=%s",
					 url_escape(ctx, service->task_hub),
					 auth_instance_code(ctx, &service->auth, id));

	return (struct links){
		.status = arena_printf(arena, "%s?%s&returnInternalServerErrorOnFailure=true",
				       instance, query),
		.raise_event = arena_printf(arena, "%s/raiseEvent/{eventName}?%s", instance, query),
		.terminate = arena_printf(arena, "%s/terminate?reason={text}&%s", instance, query),
		.purge = arena_printf(arena, "%s?%s", instance, query),
	};
}

const char *links_self(struct ctx *ctx, const struct service *service,
		       const struct request *request)
{
	return arena_printf(ctx->arena, "%s%s", links_base(ctx, service, request), request->target);
}
