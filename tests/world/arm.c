#include "world/gateway.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

static const char *api_version(struct call *call)
{
	const char *version = call_query(call, "api-version");

	if (!version) {
		call_arm_error(
			call, 400, "MissingApiVersionParameter",
			"The api-version query parameter (?api-version=) is required for all "
			"requests.");
		return NULL;
	}
	if (strlen(version) >= 10 && isdigit((unsigned char)version[0]) &&
	    strcmp(version, "2021-08-01") >= 0 && strcmp(version, "2026-01-02") < 0)
		return version;
	call_arm_error(
		call, 400, "NoRegisteredProviderFound",
		"No registered resource provider found for location 'westeurope' and API version "
		"'%s' for type 'applicationGateways'. The supported api-versions are "
		"'2021-08-01, 2022-01-01, 2023-09-01, 2024-05-01, 2025-01-01, 2025-05-01, "
		"2025-07-01, 2026-01-01'.",
		version);
	return NULL;
}

static bool check_token(struct world *world, struct call *call)
{
	const char *audiences[] = {world->options.arm_url, "https://management.azure.com",
				   "https://management.core.windows.net", NULL};

	if (entra_is_authorized(world, call, audiences))
		return true;
	call_arm_error(call, 401,
		       call_header(call, "Authorization") ? "InvalidAuthenticationToken"
							  : "AuthenticationFailed",
		       "Authentication failed: the access token is missing, expired or for another "
		       "audience.");
	call_set_header(call, "WWW-Authenticate",
			arena_printf(call->ctx->arena,
				     "Bearer authorization_uri=\"%s/%s\", error=\"invalid_token\", "
				     "error_description=\"The access token is invalid.\"",
				     world->options.authority_url, world->options.tenant));
	return false;
}

static void not_found(struct call *call, const char *id)
{
	call_arm_error(call, 404, "ResourceNotFound",
		       "The Resource '%s' was not found. For more details please go to "
		       "https://aka.ms/ARMResourceNotFoundFix",
		       id);
}

static void show_gateway(struct world *world, struct call *call, int status, const char *version)
{
	call_json(call, status, gateway_render(call->ctx, world, version));
	call_set_header(call, "ETag", world->gateway.etag);
}

/* False after the PUT was refused for what it says about the state it saw. */
static bool check_conditions(struct world *world, struct call *call)
{
	const struct gateway *gateway = &world->gateway;
	const char *if_match = call_header(call, "If-Match");
	msec_t left;

	if (!if_match && !call->by_other)
		world->never.put_without_if_match++;
	if (gateway->current && world->settings.second_put_is_refused) {
		left = (gateway->current->due - world_mono(world) + 999) / 1000;
		call_arm_error(
			call, 429, "RetryableErrorDueToAnotherOperation",
			"Operation PutApplicationGatewayOperation is refused because another "
			"operation is in progress on %s. Retry later.",
			gateway->id);
		call_set_header(call, "Retry-After",
				arena_printf(call->ctx->arena, "%d",
					     left < 1	 ? 1
					     : left > 10 ? 10
							 : (int)left));
		return false;
	}
	if (!if_match || world->settings.if_match_is_ignored || text_equals(if_match, "*") ||
	    text_equals(if_match, gateway->etag))
		return true;
	call_arm_error(
		call, 412, "PreconditionFailedEtagMismatch",
		"Etag provided in if-match header %s does not match etag %s of resource %s in "
		"NRP data store.",
		if_match, gateway->etag, gateway->id);
	return false;
}

static void count_state(struct world *world, const struct call *call)
{
	if (call->by_other)
		return;
	world->never.put_missing_gateway += world->gateway.state == GATEWAY_MISSING;
	world->never.put_stopped_gateway += world->gateway.state == GATEWAY_STOPPED;
}

static void put_gateway(struct world *world, struct call *call, const char *version)
{
	bool is_new = world->gateway.state == GATEWAY_MISSING;
	struct json *body, *document;
	const char *monitor;

	count_state(world, call);
	body = call_arm_body(call);
	if (!body || !check_conditions(world, call) || !gateway_check_shape(world, call, body))
		return;
	document = gateway_canonical(call->ctx, world, body, version);
	if (!gateway_check(world, call, document, body, version))
		return;
	monitor = gateway_accept(world, call, document, body, version);
	if (is_new || world->gateway.state == GATEWAY_STOPPED)
		gateway_set_state(world, GATEWAY_RUNNING);
	show_gateway(world, call, is_new ? 201 : 200, version);
	call_set_header(call, "Azure-AsyncOperation", monitor);
}

static void patch_gateway(struct world *world, struct call *call, const char *version)
{
	struct json *body = call_arm_body(call);

	if (!body)
		return;
	if (json_size(body) != 1 || !json_is_object(json_get(body, "tags"))) {
		call_arm_error(call, 400, "PatchOnlyTagsAllowed",
			       "Only tags can be changed by PATCH on this resource.");
		return;
	}
	gateway_set_tags(world, json_get(body, "tags"));
	show_gateway(world, call, 200, version);
}

static void one_gateway(struct world *world, struct call *call, const char *version)
{
	if (world->gateway.state == GATEWAY_MISSING && !call_is(call, "PUT"))
		not_found(call, world->gateway.id);
	else if (call_is(call, "GET"))
		show_gateway(world, call, 200, version);
	else if (call_is(call, "PUT"))
		put_gateway(world, call, version);
	else if (call_is(call, "PATCH"))
		patch_gateway(world, call, version);
	else
		call_arm_error(call, 405, "MethodNotAllowed",
			       "The method is not supported for this resource.");
}

static void list_gateways(struct world *world, struct call *call, const char *version)
{
	struct json *reply = json_object(call->ctx), *list = json_array(call->ctx);

	if (world->gateway.state != GATEWAY_MISSING)
		json_append(call->ctx, list, gateway_render(call->ctx, world, version));
	json_set(call->ctx, reply, "value", list);
	call_json(call, 200, reply);
}

static void public_ip(struct world *world, struct call *call)
{
	const struct gateway *gateway = &world->gateway;
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx), *properties = json_object(ctx), *part;

	json_set_text(ctx, reply, "name", strrchr(gateway->public_ip_id, '/') + 1);
	json_set_text(ctx, reply, "id", gateway->public_ip_id);
	json_set_text(ctx, reply, "etag", "W/\"44444444-0000-0000-0000-000000000001\"");
	json_set_text(ctx, reply, "type", "Microsoft.Network/publicIPAddresses");
	json_set_text(ctx, reply, "location", gateway->location);
	part = json_object(ctx);
	json_set_text(ctx, part, "name", "Standard");
	json_set_text(ctx, part, "tier", "Regional");
	json_set(ctx, reply, "sku", part);
	json_set_text(ctx, properties, "provisioningState", "Succeeded");
	json_set_text(ctx, properties, "ipAddress", gateway->ip);
	json_set_text(ctx, properties, "publicIPAddressVersion",
		      strchr(gateway->ip, ':') ? "IPv6" : "IPv4");
	json_set_text(ctx, properties, "publicIPAllocationMethod", "Static");
	json_set_int(ctx, properties, "idleTimeoutInMinutes", 4);
	part = json_object(ctx);
	json_set_text(ctx, part, "id",
		      arena_printf(ctx->arena, "%s/frontendIPConfigurations/appgw-public-ip",
				   gateway->id));
	json_set(ctx, properties, "ipConfiguration", part);
	json_set(ctx, reply, "properties", properties);
	call_json(call, 200, reply);
}

static void show_operation(struct world *world, struct call *call)
{
	static const char *const words[] = {
		[OPERATION_RUNNING] = "InProgress",  [OPERATION_APPLYING] = "InProgress",
		[OPERATION_SUCCEEDED] = "Succeeded", [OPERATION_FAILED] = "Failed",
		[OPERATION_CANCELED] = "Canceled",
	};
	const struct operation *operation = gateway_find_operation(world, call->target);
	struct json *reply = json_object(call->ctx), *error = NULL;

	if (!operation) {
		call_arm_error(
			call, 404, "OperationNotFound",
			"The operation was not found. Its URL is to be used as it was given.");
		return;
	}
	json_set_text(call->ctx, reply, "status", words[operation->state]);
	if (operation->error &&
	    json_parse(call->ctx, operation->error, strlen(operation->error), &error) == E_OK)
		json_set(call->ctx, reply, "error", error);
	call_json(call, 200, reply);
}

static bool is_collection(const struct world *world, const struct call *call)
{
	const char *last = strrchr(world->gateway.id, '/');

	return strlen(call->path) == (size_t)(last - world->gateway.id) &&
	       strncasecmp(call->path, world->gateway.id, strlen(call->path)) == 0;
}

static bool check_media_type(struct call *call)
{
	const char *type = call_header(call, "Content-Type");

	if (call->body_size == 0 || (type && strncasecmp(type, "application/json", 16) == 0))
		return true;
	call_arm_error(call, 415, "UnsupportedMediaType",
		       "The content media type '%s' is not supported. Only 'application/json' is "
		       "supported.",
		       type ? type : "<null>");
	return false;
}

static void resource(struct world *world, struct call *call)
{
	const char *version = api_version(call);
	const char *path = call->path;

	if (!version || !check_media_type(call))
		return;
	if (text_equals_nocase(path, world->gateway.id))
		one_gateway(world, call, version);
	else if (!call_is(call, "GET"))
		call_arm_error(call, 404, "ResourceNotFound", "There is no such resource: %s",
			       path);
	else if (is_collection(world, call))
		list_gateways(world, call, version);
	else if (text_equals_nocase(path, world->gateway.public_ip_id))
		public_ip(world, call);
	else if (strcasestr(path, "/locations/") && strcasestr(path, "/operations/"))
		show_operation(world, call);
	else
		not_found(call, path);
}

void arm_handle(struct world *world, struct call *call)
{
	if (check_token(world, call))
		resource(world, call);
	call_set_header(call, "x-ms-request-id", world_guid(call->ctx, world));
	call_set_header(call, "x-ms-correlation-request-id", world_guid(call->ctx, world));
	call_set_header(call, "x-ms-ratelimit-remaining-subscription-reads", "249");
	call_set_header(call, "Cache-Control", "no-cache");
}
