/* What lies around gateways: addresses, identities, groups, subscriptions, and who may do what. */
#include "world/arm.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "world/gateway.h"
#include "world/owners.h"

/* Segment of an id, from 0; "" when there is none. */
static const char *segment(struct ctx *ctx, const char *id, unsigned index)
{
	for (id++; index; index--) {
		id = strchr(id, '/');
		if (!id++)
			return "";
	}
	return arena_strndup(ctx->arena, id, strcspn(id, "/"));
}

static const char *subscription_of(struct ctx *ctx, const char *id)
{
	return segment(ctx, id, 1);
}

static const char *group_of(struct ctx *ctx, const char *id)
{
	return segment(ctx, id, 3);
}

bool arm_is_asked_for(const struct arm_request *request, const struct gateway *gateway)
{
	return owners_is_below(gateway->id, request->path.scope);
}

static struct json *reference(struct ctx *ctx, const char *id)
{
	struct json *reference = json_object(ctx);

	json_set_text(ctx, reference, "id", id);
	return reference;
}

void arm_send_list(const struct arm_request *request, const struct json *items)
{
	struct call *call = request->call;
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx), *page = json_array(ctx);
	const char *token = call_query(call, "$skipToken");
	size_t skip = token ? strtoul(token, NULL, 10) : 0, at = 0;

	json_for_each (item, items) {
		if (at >= skip && at < skip + ARM_PAGE)
			json_append(ctx, page, json_dup(ctx, item));
		at++;
	}
	json_set(ctx, reply, "value", page);
	if (at > skip + ARM_PAGE)
		json_set_text(ctx, reply, "nextLink",
			      arena_printf(ctx->arena, "%s%s?api-version=%s&$skipToken=%zu",
					   request->world->options.arm_url, call->path,
					   request->version, skip + ARM_PAGE));
	call_json(call, 200, reply);
}

static struct json *show_public_ip(struct ctx *ctx, const struct gateway *gateway)
{
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
	json_set(ctx, properties, "ipConfiguration",
		 reference(ctx,
			   arena_printf(ctx->arena, "%s/frontendIPConfigurations/appgw-public-ip",
					gateway->id)));
	json_set(ctx, reply, "properties", properties);
	return reply;
}

static struct json *show_identity(struct ctx *ctx, const struct world *world,
				  const struct gateway *gateway)
{
	struct json *reply = json_object(ctx), *properties = json_object(ctx);

	json_set_text(ctx, reply, "id", gateway->identity_id);
	json_set_text(ctx, reply, "name", strrchr(gateway->identity_id, '/') + 1);
	json_set_text(ctx, reply, "type", "Microsoft.ManagedIdentity/userAssignedIdentities");
	json_set_text(ctx, reply, "location", gateway->location);
	json_set(ctx, reply, "tags", json_object(ctx));
	json_set_text(ctx, properties, "tenantId", world->options.tenant);
	json_set_text(ctx, properties, "principalId", gateway->principal->object_id);
	json_set_text(ctx, properties, "clientId", gateway->principal->client_id);
	json_set(ctx, reply, "properties", properties);
	return reply;
}

void arm_get_public_ip(const struct arm_request *request)
{
	const struct gateway *gateway = request->world->gateway;

	if (text_equals_nocase(request->path.scope, gateway->public_ip_id))
		call_json(request->call, 200, show_public_ip(request->call->ctx, gateway));
	else
		arm_not_found(request);
}

void arm_get_identity(const struct arm_request *request)
{
	const struct gateway *gateway = request->world->gateway;

	if (text_equals_nocase(request->path.scope, gateway->identity_id))
		call_json(request->call, 200,
			  show_identity(request->call->ctx, request->world, gateway));
	else
		arm_not_found(request);
}

void arm_list_public_ips(const struct arm_request *request)
{
	struct json *list = json_array(request->call->ctx);
	const struct place *place;

	for (place = request->world->places[PLACE_GATEWAY]; place; place = place->next)
		if (arm_is_asked_for(request, (const struct gateway *)place))
			json_append(
				request->call->ctx, list,
				show_public_ip(request->call->ctx, (const struct gateway *)place));
	arm_send_list(request, list);
}

void arm_list_identities(const struct arm_request *request)
{
	struct json *list = json_array(request->call->ctx);
	const struct place *place;

	for (place = request->world->places[PLACE_GATEWAY]; place; place = place->next)
		if (arm_is_asked_for(request, (const struct gateway *)place))
			json_append(request->call->ctx, list,
				    show_identity(request->call->ctx, request->world,
						  (const struct gateway *)place));
	arm_send_list(request, list);
}

void arm_list_tenants(const struct arm_request *request)
{
	struct ctx *ctx = request->call->ctx;
	struct json *list = json_array(ctx), *item = json_object(ctx);
	const char *tenant = request->world->options.tenant;

	json_set_text(ctx, item, "id", arena_printf(ctx->arena, "/tenants/%s", tenant));
	json_set_text(ctx, item, "tenantId", tenant);
	json_set_text(ctx, item, "displayName", "Contoso");
	json_append(ctx, list, item);
	arm_send_list(request, list);
}

bool arm_has_subscription(const struct world *world, const char *subscription)
{
	struct ctx ctx = {.arena = arena_new(), .doors = world->doors};
	const struct place *place = world->places[PLACE_GATEWAY];

	while (place && !text_equals_nocase(subscription_of(&ctx, place->where), subscription))
		place = place->next;
	arena_free(ctx.arena);
	return place != NULL;
}

bool arm_has_group(const struct world *world, const struct arm_path *path)
{
	struct ctx ctx = {.arena = arena_new(), .doors = world->doors};
	const struct place *place;

	for (place = world->places[PLACE_GATEWAY]; place; place = place->next)
		if (text_equals_nocase(subscription_of(&ctx, place->where), path->subscription) &&
		    text_equals_nocase(group_of(&ctx, place->where), path->group))
			break;
	arena_free(ctx.arena);
	return place != NULL;
}

static struct json *show_subscription(struct ctx *ctx, const struct world *world, const char *name)
{
	struct json *item = json_object(ctx);

	json_set_text(ctx, item, "id", arena_printf(ctx->arena, "/subscriptions/%s", name));
	json_set_text(ctx, item, "subscriptionId", name);
	json_set_text(ctx, item, "tenantId", world->options.tenant);
	json_set_text(ctx, item, "displayName", name);
	json_set_text(ctx, item, "state", "Enabled");
	json_set_text(ctx, item, "authorizationSource", "RoleBased");
	return item;
}

static struct json *show_group(struct ctx *ctx, const char *subscription, const char *name)
{
	struct json *item = json_object(ctx), *properties = json_object(ctx);

	json_set_text(ctx, item, "id",
		      arena_printf(ctx->arena, "/subscriptions/%s/resourceGroups/%s", subscription,
				   name));
	json_set_text(ctx, item, "name", name);
	json_set_text(ctx, item, "type", "Microsoft.Resources/resourceGroups");
	json_set_text(ctx, item, "location", "westeurope");
	json_set_text(ctx, properties, "provisioningState", "Succeeded");
	json_set(ctx, item, "properties", properties);
	return item;
}

static bool has_id(const struct json *list, const char *id)
{
	json_for_each (item, list)
		if (text_equals_nocase(json_get_text(item, "id"), id))
			return true;
	return false;
}

/* Those in which the caller has anything: here that is all of them. */
void arm_list_subscriptions(const struct arm_request *request)
{
	struct ctx *ctx = request->call->ctx;
	struct json *list = json_array(ctx), *item;
	const struct place *place;

	for (place = request->world->places[PLACE_GATEWAY]; place; place = place->next) {
		item = show_subscription(ctx, request->world, subscription_of(ctx, place->where));
		if (!has_id(list, json_get_text(item, "id")))
			json_append(ctx, list, item);
	}
	arm_send_list(request, list);
}

void arm_get_subscription(const struct arm_request *request)
{
	if (arm_may(request, "Microsoft.Resources/subscriptions/read", request->path.scope))
		call_json(request->call, 200,
			  show_subscription(request->call->ctx, request->world,
					    request->path.subscription));
}

void arm_list_groups(const struct arm_request *request)
{
	struct ctx *ctx = request->call->ctx;
	const char *subscription = request->path.subscription;
	struct json *list = json_array(ctx), *item;
	const struct place *place;

	if (!arm_may(request, "Microsoft.Resources/subscriptions/resourceGroups/read",
		     request->path.scope))
		return;
	for (place = request->world->places[PLACE_GATEWAY]; place; place = place->next) {
		if (!text_equals_nocase(subscription_of(ctx, place->where), subscription))
			continue;
		item = show_group(ctx, subscription, group_of(ctx, place->where));
		if (!has_id(list, json_get_text(item, "id")))
			json_append(ctx, list, item);
	}
	arm_send_list(request, list);
}

void arm_get_group(const struct arm_request *request)
{
	const struct arm_path *path = &request->path;

	if (!arm_may(request, "Microsoft.Resources/subscriptions/resourceGroups/read", path->scope))
		return;
	if (arm_has_group(request->world, path))
		call_json(request->call, 200,
			  show_group(request->call->ctx, path->subscription, path->group));
	else
		call_arm_error(request->call, 404, "ResourceGroupNotFound",
			       "Resource group '%s' could not be found.", path->group);
}

static void add_role(const struct arm_request *request, const struct rights_role *role,
		     const char *scope, struct json *list)
{
	struct ctx *ctx = request->call->ctx;
	struct json *item = json_object(ctx), *actions = json_array(ctx), *data = json_array(ctx);
	bool is_data = role->scope != RIGHTS_GATEWAY;
	size_t i;

	for (i = 0; i < RIGHTS_ACTIONS_MAX && role->actions[i]; i++)
		if (rights_has(request->world, request->call->principal, role->actions[i], scope))
			json_append(ctx, is_data ? data : actions,
				    json_string(ctx, role->actions[i]));
	if (json_size(actions) + json_size(data) == 0)
		return;
	json_set(ctx, item, "actions", actions);
	json_set(ctx, item, "notActions", json_array(ctx));
	json_set(ctx, item, "dataActions", data);
	json_set(ctx, item, "notDataActions", json_array(ctx));
	json_append(ctx, list, item);
}

/* What the caller has there of the roles of manifests/azure; of the operator a star. */
void arm_permissions(const struct arm_request *request, const char *scope)
{
	static const struct rights_role everything = {"", RIGHTS_GATEWAY, {"*"}};
	struct json *list = json_array(request->call->ctx);
	size_t i;

	if (request->call->by_other)
		add_role(request, &everything, scope, list);
	for (i = 0; !request->call->by_other && i < rights_role_count; i++)
		add_role(request, &rights_roles[i], scope, list);
	arm_send_list(request, list);
}
