#include "world/arm.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

#define NETWORK	    "Microsoft.Network"
#define MSI	    "Microsoft.ManagedIdentity"
#define GATEWAYS    "applicationGateways"
#define PERMISSIONS "/providers/Microsoft.Authorization/permissions"

const struct arm_route arm_routes[] = {
	{"GET", NETWORK, GATEWAYS, true, NULL, "read", arm_get_gateway},
	{"PUT", NETWORK, GATEWAYS, true, NULL, "write", arm_put_gateway},
	{"PATCH", NETWORK, GATEWAYS, true, NULL, "write", arm_patch_gateway},
	{"DELETE", NETWORK, GATEWAYS, true, NULL, "delete", arm_no_method},
	{"POST", NETWORK, GATEWAYS, true, "start", "start/action", arm_start_gateway},
	{"POST", NETWORK, GATEWAYS, true, "stop", "stop/action", arm_stop_gateway},
	{"POST", NETWORK, GATEWAYS, true, "backendhealth", "backendhealth/action",
	 arm_backend_health},
	{"GET", NETWORK, GATEWAYS, false, NULL, "read", arm_list_gateways},
	{"GET", NETWORK, "publicIPAddresses", true, NULL, "read", arm_get_public_ip},
	{"DELETE", NETWORK, "publicIPAddresses", true, NULL, "delete", arm_no_method},
	{"GET", NETWORK, "publicIPAddresses", false, NULL, "read", arm_list_public_ips},
	{"GET", NETWORK, "locations", true, "operations/*", NULL, arm_show_operation},
	{"GET", NETWORK, "locations", true, "operationResults/*", NULL, arm_show_result},
	{"GET", MSI, "userAssignedIdentities", true, NULL, "read", arm_get_identity},
	{"DELETE", MSI, "userAssignedIdentities", true, NULL, "delete", arm_no_method},
	{"GET", MSI, "userAssignedIdentities", false, NULL, "read", arm_list_identities},
};
const size_t arm_route_count = ARRAY_SIZE(arm_routes);

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

bool arm_may(const struct arm_request *request, const char *action, const char *scope)
{
	struct call *call = request->call;

	if (rights_allow(request->world, call, action, scope))
		return true;
	call_arm_error(
		call, 403, "AuthorizationFailed",
		"The client '%s' with object id '%s' does not have authorization to perform "
		"action '%s' over scope '%s' or the scope is invalid. If access was recently "
		"granted, please refresh your credentials.",
		call->principal->client_id, call->principal->object_id, action, scope);
	return false;
}

void arm_not_found(const struct arm_request *request)
{
	const struct arm_path *path = &request->path;

	call_arm_error(request->call, 404, "ResourceNotFound",
		       "The Resource '%s/%s/%s' under resource group '%s' was not found. For more "
		       "details please go to https://aka.ms/ARMResourceNotFoundFix",
		       path->provider, path->type, path->name,
		       path->group ? path->group : "<null>");
}

/* The beginning of the path that has so many segments. */
static const char *first_segments(const struct call *call, size_t count)
{
	const char *at = call->path;

	for (; count && *at; count--)
		at = strchrnul(at + 1, '/');
	return arena_strndup(call->ctx->arena, call->path, (size_t)(at - call->path));
}

static struct arm_path parse(const struct call *call)
{
	struct arm_path path = {0};
	size_t at = 2;
	const char *rest;

	path.subscription = call->segment_count > 1 ? call_segment(call, 1) : NULL;
	if (call_segment_is(call, at, "resourceGroups") && call->segment_count > at + 1) {
		path.group = call_segment(call, at + 1);
		at += 2;
	}
	path.scope = first_segments(call, at);
	if (!call_segment_is(call, at, "providers") || call->segment_count < at + 3)
		return path;
	path.provider = call_segment(call, at + 1);
	path.type = call_segment(call, at + 2);
	if (call->segment_count < at + 4)
		return path;
	path.name = call_segment(call, at + 3);
	path.scope = first_segments(call, at + 4);
	rest = call->path + strlen(path.scope);
	path.child = *rest && rest[1] ? rest + 1 : NULL;
	return path;
}

static bool fits(const struct arm_route *route, const struct arm_path *path)
{
	size_t length = route->child ? strlen(route->child) : 0;

	if (!text_equals_nocase(route->provider, path->provider) ||
	    !text_equals_nocase(route->type, path->type) || route->is_named != !!path->name ||
	    !route->child != !path->child)
		return false;
	if (!route->child)
		return true;
	return text_ends_with(route->child, "*")
		       ? strncasecmp(route->child, path->child, length - 1) == 0
		       : text_equals_nocase(route->child, path->child);
}

static bool check_version(const struct arm_request *request, enum versions_of of, const char *type)
{
	struct call *call = request->call;

	if (!request->version) {
		call_arm_error(call, 400, "MissingApiVersionParameter",
			       "The api-version query parameter (?api-version=) is required for "
			       "all requests.");
		return false;
	}
	if (versions_has(of, request->version))
		return true;
	if (type)
		call_arm_error(call, 400, "NoRegisteredProviderFound",
			       "No registered resource provider found for location 'westeurope' "
			       "and API version '%s' for type '%s'. The supported api-versions are "
			       "'%s'. The supported locations are 'westeurope'.",
			       request->version, type, versions_list(call->ctx, of));
	else
		call_arm_error(call, 400, "InvalidApiVersionParameter",
			       "The api-version '%s' is invalid. The supported versions are '%s'.",
			       request->version, versions_list(call->ctx, of));
	return false;
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

/* What a path of a provider gets that no row fits. */
static void refuse_path(const struct arm_request *request, bool is_known_type)
{
	const struct arm_path *path = &request->path;
	bool is_known = text_equals_nocase(path->provider, NETWORK) ||
			text_equals_nocase(path->provider, MSI);

	if (!is_known)
		call_arm_error(request->call, 404, "InvalidResourceNamespace",
			       "The resource namespace '%s' is invalid.", path->provider);
	else if (!is_known_type)
		call_arm_error(request->call, 404, "InvalidResourceType",
			       "The resource type '%s' could not be found in the namespace '%s' "
			       "for api version '%s'.",
			       path->type, path->provider, request->version);
	else if (path->child)
		call_arm_error(request->call, 404, "InvalidResourceType",
			       "The resource type '%s/%s' could not be found in the namespace "
			       "'%s' for api version '%s'.",
			       path->type, path->child, path->provider, request->version);
	else
		call_arm_error(request->call, 405, "MethodNotAllowed",
			       "The HTTP method '%s' is not supported at scope '%s'.",
			       request->call->method, path->scope);
}

/* A named resource is looked for in a group that is there; a list's group may be empty. */
static bool check_group(const struct arm_request *request)
{
	if (!request->path.group || arm_has_group(request->world, &request->path))
		return true;
	call_arm_error(request->call, 404, "ResourceGroupNotFound",
		       "Resource group '%s' could not be found.", request->path.group);
	return false;
}

static void provider(const struct arm_request *request)
{
	const struct arm_path *path = &request->path;
	const struct arm_route *route = NULL;
	bool is_known_type = false;
	const char *action;
	size_t i;

	for (i = 0; i < arm_route_count && !route; i++) {
		if (text_equals_nocase(arm_routes[i].provider, path->provider) &&
		    text_equals_nocase(arm_routes[i].type, path->type))
			is_known_type = true;
		if (call_is(request->call, arm_routes[i].method) && fits(&arm_routes[i], path))
			route = &arm_routes[i];
	}
	if (!route && !is_known_type) {
		refuse_path(request, false);
		return;
	}
	if (!check_version(request,
			   text_equals_nocase(path->provider, MSI) ? VERSIONS_IDENTITY
								   : VERSIONS_NETWORK,
			   path->type))
		return;
	if (!route) {
		refuse_path(request, true);
		return;
	}
	action = route->action ? arena_printf(request->call->ctx->arena, "%s/%s/%s",
					      route->provider, route->type, route->action)
			       : NULL;
	if ((!action || arm_may(request, action, path->scope)) && check_group(request) &&
	    check_media_type(request->call))
		route->handle(request);
}

static void resources(const struct arm_request *request)
{
	const struct arm_path *path = &request->path;

	if (!check_version(request, VERSIONS_RESOURCES, NULL))
		return;
	if (!call_is(request->call, "GET"))
		call_arm_error(request->call, 405, "MethodNotAllowed",
			       "The HTTP method '%s' is not supported at scope '%s'.",
			       request->call->method, request->call->path);
	else if (!path->subscription)
		arm_list_subscriptions(request);
	else if (path->group)
		arm_get_group(request);
	else if (call_segment_is(request->call, 2, "resourceGroups"))
		arm_list_groups(request);
	else
		arm_get_subscription(request);
}

static bool check_subscription(const struct arm_request *request)
{
	const char *subscription = request->path.subscription;

	if (!subscription || arm_has_subscription(request->world, subscription))
		return true;
	call_arm_error(request->call, 404, "SubscriptionNotFound",
		       "The subscription '%s' could not be found.", subscription);
	return false;
}

/* `{scope}/providers/Microsoft.Authorization/permissions`: what the caller may do there. */
static bool is_permissions(struct call *call, const char **scope)
{
	size_t length = strlen(call->path), end = strlen(PERMISSIONS);

	if (length <= end || !text_equals_nocase(call->path + length - end, PERMISSIONS))
		return false;
	*scope = arena_strndup(call->ctx->arena, call->path, length - end);
	return true;
}

static void route(struct world *world, struct call *call)
{
	struct arm_request request = {world, call, {0}, call_query(call, "api-version")};
	const char *scope;

	if (is_permissions(call, &scope) && call_is(call, "GET")) {
		if (check_version(&request, VERSIONS_AUTHORIZATION, "permissions"))
			arm_permissions(&request, scope);
	} else if (call_segment_is(call, 0, "tenants") && call->segment_count == 1) {
		if (check_version(&request, VERSIONS_RESOURCES, NULL))
			arm_list_tenants(&request);
	} else if (!call_segment_is(call, 0, "subscriptions")) {
		call_arm_error(call, 404, "MissingSubscription",
			       "The request did not have a subscription or a valid tenant level "
			       "resource provider.");
	} else {
		request.path = parse(call);
		if (!check_subscription(&request))
			return;
		if (request.path.provider)
			provider(&request);
		else
			resources(&request);
	}
}

void arm_handle(struct world *world, struct call *call)
{
	if (check_token(world, call))
		route(world, call);
	call_set_header(call, "x-ms-request-id", world_guid(call->ctx, world));
	call_set_header(call, "x-ms-correlation-request-id", world_guid(call->ctx, world));
	call_set_header(call, "x-ms-ratelimit-remaining-subscription-reads", "249");
	call_set_header(call, "Cache-Control", "no-cache");
}
