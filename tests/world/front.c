#include "world/front.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "world/blob_model.h"
#include "world/owners.h"
#include "world/sites.h"

static void send_blob(struct world *world, struct call *call, const struct target *target,
		      const char *rest)
{
	const char *path = target->path ? arena_printf(call->ctx->arena, "%s%s", target->path, rest)
					: call->path;
	const char *data;
	size_t size;

	(void)owners_by_where(world, PLACE_CONTAINER, world->gateway->blob_container_url);
	if (blob_model_read(world, path, &data, &size))
		call_text(call, 200, "text/plain", data, size);
	else
		call_text(call, 404, "application/xml", "BlobNotFound", strlen("BlobNotFound"));
}

static void send_redirect(struct call *call, const struct target *target, const char *host)
{
	const char *path = target->keeps_path ? call->path : "/";

	call_status(call, target->status);
	if (target->location)
		call_set_header(call, "Location",
				arena_printf(call->ctx->arena, "%s%s", target->location,
					     target->keeps_path ? call->path : ""));
	else
		call_set_header(call, "Location",
				arena_printf(call->ctx->arena, "%s://%s%s", target->location_scheme,
					     target->location_host ? target->location_host : host,
					     path));
}

void front_get(struct world *world, struct call *call, const char *host)
{
	bool is_up = world->gateway->state == GATEWAY_RUNNING ||
		     world->gateway->state == GATEWAY_FAILED;
	size_t count;
	struct site *sites = sites_load(call->ctx, world, &count);
	const struct site *site = is_up ? sites_find(sites, count, 80, host) : NULL;
	const struct target *target;
	const char *rest, *body;

	if (!is_up) {
		call->end = CALL_RESET;
		return;
	}
	if (!site) {
		call_status(call, 404);
		return;
	}
	target = sites_route(site, call->path, &rest);
	switch (target->kind) {
	case TARGET_NONE: call_status(call, 502); break;
	case TARGET_ECHO:
		body = arena_printf(call->ctx->arena, "hostname=%s rule=%s\n", host, site->rule);
		call_text(call, 200, "text/plain", body, strlen(body));
		break;
	case TARGET_BLOB: send_blob(world, call, target, rest); break;
	case TARGET_REDIRECT: send_redirect(call, target, host); break;
	}
}

void front_handle(struct world *world, struct call *call)
{
	const char *host = call_header(call, "Host");
	size_t length = host ? strcspn(host, ":") : 0;

	front_get(world, call, arena_strndup(call->ctx->arena, host ? host : "", length));
}

char *world_served_certificate_of(struct ctx *ctx, struct world *world, const char *owner,
				  const char *host)
{
	struct site_certificate certificate;
	const struct site *site;
	struct site *sites;
	char *serial = NULL;
	size_t count;

	pthread_mutex_lock(&world->lock);
	if (!owners_by_name(world, owner))
		abort();
	sites = sites_load(ctx, world, &count);
	site = sites_find(sites, count, 443, host);
	if (site && site->is_https && sites_certificate(ctx, world, site, &certificate))
		serial = crypto_serial(ctx, certificate.certs[0]);
	owners_first(world);
	pthread_mutex_unlock(&world->lock);
	return serial;
}

char *world_served_certificate(struct ctx *ctx, struct world *world, const char *host)
{
	return world_served_certificate_of(ctx, world, "gateway", host);
}
