/* Three managed identity endpoints on one door: IMDS of a VM, App Service, and Azure Arc. */
#include "world/rights.h"
#include "world/versions.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static void refuse(struct call *call, int status, const char *error, const char *description)
{
	struct json *reply = json_object(call->ctx);

	json_set_text(call->ctx, reply, "error", error);
	json_set_text(call->ctx, reply, "error_description", description);
	call_json(call, status, reply);
}

/* All three say numbers as strings. */
static void send_token(struct world *world, struct call *call, const char *resource)
{
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx);
	int64_t now = world_seconds(world), lifetime = world->settings.token_lifetime / 1000;

	json_set_text(ctx, reply, "access_token",
		      entra_token(ctx, world, call->principal, resource));
	json_set_text(ctx, reply, "client_id", call->principal->client_id);
	json_set_text(ctx, reply, "expires_in",
		      arena_printf(ctx->arena, "%lld", (long long)lifetime));
	json_set_text(ctx, reply, "expires_on",
		      arena_printf(ctx->arena, "%lld", (long long)now + lifetime));
	json_set_text(ctx, reply, "not_before",
		      arena_printf(ctx->arena, "%lld", (long long)now - 5));
	json_set_text(ctx, reply, "refresh_token", "");
	json_set_text(ctx, reply, "resource", resource);
	json_set_text(ctx, reply, "token_type", "Bearer");
	call_json(call, 200, reply);
}

/* One of the daemon's, the first when none is named. False after it was refused. */
static bool check_identity(struct world *world, struct call *call)
{
	const char *client = call_query(call, "client_id");
	const char *resource_id = call_query(call, "msi_res_id");

	if (!resource_id)
		resource_id = call_query(call, "mi_res_id");
	call->principal = client ? rights_by_client(world, client)
				 : rights_by_name(world, "daemon");
	if (call->principal && call->principal->kind == PRINCIPAL_DAEMON &&
	    (!resource_id || text_equals_nocase(resource_id, world->gateway->identity_id)))
		return true;
	refuse(call, 400, "invalid_request", "Identity not found");
	return false;
}

static const char *check_resource(struct world *world, struct call *call)
{
	const char *resource = call_query(call, "resource");

	if (resource && (strstr(resource, "management") || strstr(resource, "vault.azure") ||
			 strstr(resource, "storage.azure") ||
			 text_starts_with(resource, world->options.arm_url)))
		return resource;
	refuse(call, 400, "invalid_resource",
	       "The resource principal was not found in the tenant.");
	return NULL;
}

static bool is_older_arc(struct call *call)
{
	const char *version = call_query(call, "api-version");

	return version &&
	       (text_equals(version, "2020-06-01") || text_equals(version, "2019-11-01"));
}

/* The secret is a file that only the agent's group can read; its path comes with the 401. */
static void challenge_arc(struct world *world, struct call *call)
{
	const char *dir = world->options.arc_token_dir;
	char *path;
	int fd;

	if (!dir) {
		refuse(call, 400, "invalid_request", "This machine is not connected.");
		return;
	}
	path = arena_printf(call->ctx->arena, "%s/model.key", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd >= 0) {
		if (write(fd, world->arc_key, strlen(world->arc_key)) < 0)
			call->delay = 0;
		close(fd);
	}
	refuse(call, 401, "unauthorized_client", "Missing Basic Authorization header");
	call_set_header(call, "WWW-Authenticate",
			arena_printf(call->ctx->arena, "Basic realm=%s", path));
}

static bool is_proved(const struct world *world, const struct call *call)
{
	const char *header = call_header(call, "Authorization");

	return header && text_starts_with(header, "Basic ") &&
	       text_equals(header + strlen("Basic "), world->arc_key);
}

static void metadata_token(struct world *world, struct call *call)
{
	const char *resource, *metadata = call_header(call, "Metadata");

	if (!metadata || !text_equals_nocase(metadata, "true")) {
		refuse(call, 400, "bad_request_102", "Required metadata header not specified");
		return;
	}
	if (is_older_arc(call)) {
		if (!is_proved(world, call)) {
			challenge_arc(world, call);
			return;
		}
	} else if (!call_query(call, "api-version") ||
		   !versions_has(VERSIONS_IMDS, call_query(call, "api-version"))) {
		refuse(call, 400, "invalid_request", "'api-version' is missing or not supported");
		return;
	}
	resource = check_resource(world, call);
	if (resource && check_identity(world, call))
		send_token(world, call, resource);
}

/* App Service: the header proves that the caller lives in the app. */
static void app_service_token(struct world *world, struct call *call)
{
	const char *header = call_header(call, "X-IDENTITY-HEADER"), *resource;

	if (!text_equals(header, world->arc_key)) {
		refuse(call, 401, "unauthorized_client", "X-IDENTITY-HEADER is missing or wrong");
		return;
	}
	if (!text_equals(call_query(call, "api-version"), "2019-08-01")) {
		refuse(call, 400, "invalid_request", "'api-version' must be 2019-08-01");
		return;
	}
	resource = check_resource(world, call);
	if (resource && check_identity(world, call))
		send_token(world, call, resource);
}

/* Some clients put a slash behind the last segment. */
static bool is_path(const struct call *call, const char *const *segments, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!call_segment_is(call, i, segments[i]))
			return false;
	return call->segment_count == count;
}

void imds_handle(struct world *world, struct call *call)
{
	static const char *const metadata[] = {"metadata", "identity", "oauth2", "token"};
	static const char *const app_service[] = {"msi", "token"};

	if (!call_is(call, "GET"))
		refuse(call, 405, "method_not_allowed", "Only GET is supported");
	else if (is_path(call, metadata, ARRAY_SIZE(metadata)))
		metadata_token(world, call);
	else if (is_path(call, app_service, ARRAY_SIZE(app_service)))
		app_service_token(world, call);
	else
		refuse(call, 404, "not_found", "There is no such endpoint");
}
