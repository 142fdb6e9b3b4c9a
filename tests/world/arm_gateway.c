/* The gateway as a resource: read, replaced, tagged, started and stopped. */
#include "world/arm.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "world/gateway.h"

static void show(const struct arm_request *request, int status)
{
	call_json(request->call, status,
		  gateway_render(request->call->ctx, request->world, request->version));
	call_set_header(request->call, "ETag", request->world->gateway->etag);
}

/* The gateway that the path names is world->gateway and is there. False after 404. */
static bool need(const struct arm_request *request)
{
	const struct gateway *gateway = request->world->gateway;

	if (text_equals_nocase(request->path.scope, gateway->id) &&
	    gateway->state != GATEWAY_MISSING)
		return true;
	arm_not_found(request);
	return false;
}

void arm_get_gateway(const struct arm_request *request)
{
	if (need(request))
		show(request, 200);
}

void arm_no_method(const struct arm_request *request)
{
	call_arm_error(request->call, 405, "MethodNotAllowed",
		       "The method is not supported for this resource.");
}

/* False after the PUT was refused for what it says about the state it saw. */
static bool check_conditions(struct world *world, struct call *call)
{
	const struct gateway *gateway = world->gateway;
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
	world->never.put_missing_gateway += world->gateway->state == GATEWAY_MISSING;
	world->never.put_stopped_gateway += world->gateway->state == GATEWAY_STOPPED;
}

static bool may_link(const struct arm_request *request, const char *action, const char *id)
{
	struct call *call = request->call;

	if (!id || rights_allow(request->world, call, action, id))
		return true;
	call_arm_error(call, 403, "LinkedAuthorizationFailed",
		       "The client '%s' with object id '%s' has permission to perform action "
		       "'Microsoft.Network/applicationGateways/write' on scope '%s'; however, it "
		       "does not have permission to perform action(s) '%s' on the linked scope(s) "
		       "'%s' (respectively) or the linked scope(s) are invalid.",
		       call->principal->client_id, call->principal->object_id, request->path.scope,
		       action, id);
	return false;
}

/* A PUT needs a right on all that the body names outside of the gateway. */
static bool may_link_all(const struct arm_request *request, const struct json *body)
{
	static const struct {
		const char *collection, *member, *action;
	} links[] = {
		{"gatewayIPConfigurations", "subnet",
		 "Microsoft.Network/virtualNetworks/subnets/join/action"},
		{"frontendIPConfigurations", "subnet",
		 "Microsoft.Network/virtualNetworks/subnets/join/action"},
		{"frontendIPConfigurations", "publicIPAddress",
		 "Microsoft.Network/publicIPAddresses/join/action"},
		{"httpListeners", "firewallPolicy",
		 "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/join/action"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(links); i++)
		json_for_each (child, gateway_list(body, links[i].collection)) {
			const struct json *linked = json_get(json_get(child, "properties"),
							     links[i].member);

			if (!may_link(request, links[i].action, json_get_text(linked, "id")))
				return false;
		}
	if (!may_link(request, links[3].action,
		      json_get_text(json_path(body, "properties.firewallPolicy"), "id")))
		return false;
	json_for_each (user, json_path(body, "identity.userAssignedIdentities"))
		if (text_equals_nocase(json_name(user), request->world->gateway->identity_id) &&
		    !may_link(request,
			      "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
			      json_name(user)))
			return false;
	return true;
}

void arm_put_gateway(const struct arm_request *request)
{
	struct world *world = request->world;
	struct call *call = request->call;
	bool is_new = world->gateway->state == GATEWAY_MISSING;
	struct json *body, *document;
	const char *monitor;

	if (!text_equals_nocase(request->path.scope, world->gateway->id)) {
		arm_not_found(request);
		return;
	}
	count_state(world, call);
	body = call_arm_body(call);
	if (!body || !may_link_all(request, body) || !check_conditions(world, call) ||
	    !gateway_check_shape(world, call, body))
		return;
	document = gateway_canonical(call->ctx, world, body, request->version);
	if (!gateway_check(world, call, document, body, request->version))
		return;
	monitor = gateway_accept(world, call, document, body, request->version);
	if (is_new || world->gateway->state == GATEWAY_STOPPED)
		gateway_set_state(world, GATEWAY_RUNNING);
	show(request, is_new ? 201 : 200);
	call_set_header(call, "Azure-AsyncOperation", monitor);
}

void arm_patch_gateway(const struct arm_request *request)
{
	struct json *body = need(request) ? call_arm_body(request->call) : NULL;

	if (!body)
		return;
	if (json_size(body) != 1 || !json_is_object(json_get(body, "tags"))) {
		call_arm_error(request->call, 400, "PatchOnlyTagsAllowed",
			       "Only tags can be changed by PATCH on this resource.");
		return;
	}
	gateway_set_tags(request->world, json_get(body, "tags"));
	show(request, 200);
}

void arm_list_gateways(const struct arm_request *request)
{
	struct world *world = request->world;
	struct json *list = json_array(request->call->ctx);
	struct place *place;

	for (place = world->places[PLACE_GATEWAY]; place; place = place->next) {
		world->gateway = (struct gateway *)place;
		if (world->gateway->state != GATEWAY_MISSING &&
		    arm_is_asked_for(request, world->gateway))
			json_append(request->call->ctx, list,
				    gateway_render(request->call->ctx, world, request->version));
	}
	arm_send_list(request, list);
}

static void begin(const struct arm_request *request, enum operation_kind kind)
{
	struct call *call = request->call;
	const struct operation *operation = gateway_begin(request->world, call, kind,
							  request->version);
	const char *url = request->world->options.arm_url;

	call_status(call, 202);
	call_set_header(call, "Azure-AsyncOperation",
			arena_printf(call->ctx->arena, "%s%s", url, operation->target));
	call_set_header(call, "Location",
			arena_printf(call->ctx->arena, "%s%s", url, operation->result));
}

void arm_start_gateway(const struct arm_request *request)
{
	if (need(request))
		begin(request, OPERATION_START);
}

void arm_stop_gateway(const struct arm_request *request)
{
	if (need(request))
		begin(request, OPERATION_STOP);
}

void arm_backend_health(const struct arm_request *request)
{
	if (need(request))
		begin(request, OPERATION_HEALTH);
}

/* NULL after it was refused. */
static const struct operation *need_operation(const struct arm_request *request)
{
	struct call *call = request->call;
	const struct operation *operation = gateway_find_operation(request->world, call->target);

	if (!operation) {
		call_arm_error(
			call, 404, "OperationNotFound",
			"The operation was not found. Its URL is to be used as it was given.");
		return NULL;
	}
	if (operation->principal == call->principal ||
	    arm_may(request, "Microsoft.Network/locations/operations/read", request->path.scope))
		return operation;
	return NULL;
}

void arm_show_operation(const struct arm_request *request)
{
	static const char *const words[] = {
		[OPERATION_RUNNING] = "InProgress",  [OPERATION_APPLYING] = "InProgress",
		[OPERATION_SUCCEEDED] = "Succeeded", [OPERATION_FAILED] = "Failed",
		[OPERATION_CANCELED] = "Canceled",
	};
	const struct operation *operation = need_operation(request);
	struct ctx *ctx = request->call->ctx;
	struct json *reply = json_object(ctx), *error = NULL;

	if (!operation)
		return;
	json_set_text(ctx, reply, "status", words[operation->state]);
	if (operation->error &&
	    json_parse(ctx, operation->error, strlen(operation->error), &error) == E_OK)
		json_set(ctx, reply, "error", error);
	call_json(request->call, 200, reply);
}

/* Every pool with the settings that lead to it: all are well here. */
static struct json *show_health(struct ctx *ctx, struct world *world)
{
	struct json *reply = json_object(ctx), *pools = json_array(ctx);
	const struct json *document = world->gateway->served->root;
	const struct json *settings =
		json_first(gateway_list(document, "backendHttpSettingsCollection"));

	json_for_each (pool, gateway_list(document, "backendAddressPools")) {
		struct json *item = json_object(ctx), *ref = json_object(ctx),
			    *with = json_array(ctx);
		struct json *one = json_object(ctx), *servers = json_array(ctx);

		json_set_text(ctx, ref, "id", json_get_text(pool, "id"));
		json_set(ctx, item, "backendAddressPool", ref);
		ref = json_object(ctx);
		json_set_text(ctx, ref, "id", json_get_text(settings, "id"));
		json_set(ctx, one, "backendHttpSettings", ref);
		json_for_each (address, json_path(pool, "properties.backendAddresses")) {
			struct json *server = json_object(ctx);
			const char *name = json_get_text(address, "fqdn");

			json_set_text(ctx, server, "address",
				      name ? name : json_get_text(address, "ipAddress"));
			json_set_text(ctx, server, "health", "Healthy");
			json_append(ctx, servers, server);
		}
		json_set(ctx, one, "servers", servers);
		json_append(ctx, with, one);
		json_set(ctx, item, "backendHttpSettingsCollection", with);
		json_append(ctx, pools, item);
	}
	json_set(ctx, reply, "backendAddressPools", pools);
	return reply;
}

void arm_show_result(const struct arm_request *request)
{
	const struct operation *operation = need_operation(request);
	struct call *call = request->call;

	if (!operation)
		return;
	if (operation->state == OPERATION_RUNNING || operation->state == OPERATION_APPLYING) {
		call_status(call, 202);
		call_set_header(call, "Location",
				arena_printf(call->ctx->arena, "%s%s",
					     request->world->options.arm_url, operation->result));
	} else if (operation->kind == OPERATION_HEALTH) {
		call_json(call, 200, show_health(call->ctx, request->world));
	} else {
		call_status(call, 204);
	}
}
