#include "world/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "world/gateway.h"
#include "world/owners.h"
#include "world/rights.h"
#include "world/vault.h"

static void refuse(struct call *call)
{
	call_arm_error(call, 400, call->ctx->fault.reason, "%s", call->ctx->fault.text);
}

static struct json *show_operations(struct ctx *ctx, const struct world *world)
{
	static const char *const words[] = {"Running", "Applying", "Succeeded", "Failed",
					    "Canceled"};
	struct json *list = json_array(ctx), *item;
	const struct operation *operation;

	for (operation = world->gateway->operations; operation; operation = operation->next) {
		item = json_object(ctx);
		json_set_text(ctx, item, "status", words[operation->state]);
		json_set_text(ctx, item, "error", operation->error);
		json_append(ctx, list, item);
	}
	return list;
}

static struct json *show_bindings(struct ctx *ctx, const struct world *world)
{
	struct json *list = json_array(ctx), *item;
	const struct binding *binding;

	for (binding = world->gateway->bindings; binding; binding = binding->next) {
		if (!binding->is_current)
			continue;
		item = json_object(ctx);
		json_set_text(ctx, item, "name", binding->entry);
		json_set_text(ctx, item, "secretId", binding->secret_id);
		json_set_text(ctx, item, "version", binding->version ? binding->version->id : NULL);
		json_set_bool(ctx, item, "enabled", binding->trouble == NULL);
		json_set_text(ctx, item, "trouble", binding->trouble);
		json_append(ctx, list, item);
	}
	return list;
}

static struct json *show_object(struct ctx *ctx, struct world *world, const struct object *object)
{
	struct json *item = json_object(ctx), *versions = json_array(ctx);
	const struct version *version;

	json_set_text(ctx, item, "name", object->name);
	json_set_bool(ctx, item, "deleted", object->is_deleted);
	for (version = object->newest; version; version = version->older) {
		/* Of secrets neither value nor key is shown. */
		struct json *shown = vault_show(ctx, world, object, version);

		json_append(ctx, versions, shown);
	}
	json_set(ctx, item, "versions", versions);
	if (object->pending)
		json_set(ctx, item, "pending", vault_show_operation(ctx, world, object));
	return item;
}

static struct json *show_vault(struct ctx *ctx, struct world *world)
{
	struct json *all = json_object(ctx), *list;
	const struct object *object;
	enum object_kind kind;

	for (kind = OBJECT_CERTIFICATE; kind <= OBJECT_SECRET; kind++) {
		list = json_array(ctx);
		for (object = world->vault->objects; object; object = object->next)
			if (object->kind == kind)
				json_append(ctx, list, show_object(ctx, world, object));
		json_set(ctx, all, vault_collections[kind], list);
	}
	return all;
}

static struct json *show_never(struct ctx *ctx, const struct world *world)
{
	const struct world_never *never = &world->never;
	struct json *all = json_object(ctx);

	json_set_int(ctx, all, "finalizedTwice", never->finalized_twice);
	json_set_int(ctx, all, "issuedWhileValid", never->issued_while_valid);
	json_set_int(ctx, all, "foreignChanged", never->foreign_changed);
	json_set_int(ctx, all, "putWithoutIfMatch", never->put_without_if_match);
	json_set_int(ctx, all, "putMissingGateway", never->put_missing_gateway);
	json_set_int(ctx, all, "putStoppedGateway", never->put_stopped_gateway);
	json_set_int(ctx, all, "vaultForeignDeleted", never->vault_foreign_deleted);
	json_set_int(ctx, all, "pendingLost", never->pending_lost);
	json_set_int(ctx, all, "pendingForeignDeleted", never->pending_foreign_deleted);
	json_set_int(ctx, all, "beyondRights", never->beyond_rights);
	json_set_int(ctx, all, "secretsRead", never->secrets_read);
	json_set_int(ctx, all, "deletions", never->deleted);
	json_set_int(ctx, all, "purges", never->purged);
	json_set_text(ctx, all, "last", never->last);
	return all;
}

/* Name and URL (or id) of all that there are. */
static struct json *show_owners(struct ctx *ctx, const struct world *world)
{
	struct json *all = json_object(ctx);
	const struct place *place;
	enum place_kind kind;

	for (kind = PLACE_GATEWAY; kind < PLACE_COUNT; kind++)
		for (place = world->places[kind]; place; place = place->next)
			json_set_text(ctx, all, place->owner, place->where);
	return all;
}

static struct json *show_state(struct ctx *ctx, struct world *world)
{
	struct json *state = json_object(ctx), *list = json_array(ctx), *part = json_object(ctx);

	json_set(ctx, state, "owners", show_owners(ctx, world));
	if (world->gateway->state != GATEWAY_MISSING)
		json_append(ctx, list, gateway_render(ctx, world, "9999"));
	json_set(ctx, state, "gateways", list);
	list = json_array(ctx);
	json_set_text(ctx, part, "id", world->gateway->public_ip_id);
	json_set_text(ctx, part, "ipAddress", world->gateway->ip);
	json_append(ctx, list, part);
	json_set(ctx, state, "publicIPAddresses", list);
	json_set(ctx, state, "vault", show_vault(ctx, world));
	part = json_object(ctx);
	json_set_int(ctx, part, "generation", world->gateway->generation);
	json_set(ctx, part, "certificates", show_bindings(ctx, world));
	json_set(
		ctx, part, "served",
		gateway_list(world->gateway->served->root, "httpListeners")
			? json_dup(ctx, gateway_list(world->gateway->served->root, "httpListeners"))
			: json_array(ctx));
	json_set(ctx, state, "dataPlane", part);
	json_set(ctx, state, "operations", show_operations(ctx, world));
	json_set(ctx, state, "settings", settings_show(ctx, world));
	json_set(ctx, state, "never", show_never(ctx, world));
	json_set(ctx, state, "rights", rights_show(ctx, world));
	json_set_text(ctx, state, "identityHeader", world->arc_key);
	return state;
}

struct json *world_state_of(struct ctx *ctx, struct world *world, const char *owner)
{
	struct json *state;

	pthread_mutex_lock(&world->lock);
	state = owners_by_name(world, owner) ? show_state(ctx, world) : NULL;
	owners_first(world);
	pthread_mutex_unlock(&world->lock);
	return state;
}

struct json *world_state(struct ctx *ctx, struct world *world)
{
	return world_state_of(ctx, world, "gateway");
}

static void post_fault(struct world *world, struct call *call)
{
	struct json *body = call_arm_body(call), *reply = json_object(call->ctx);
	unsigned id = 0;

	if (!body)
		return;
	if (faults_add(call->ctx, world, body, &id) != E_OK) {
		refuse(call);
		return;
	}
	json_set_int(call->ctx, reply, "id", id);
	call_json(call, 201, reply);
}

static void delete_faults(struct world *world, struct call *call)
{
	unsigned id = (unsigned)strtoul(call_segment(call, 1), NULL, 10);

	if (call->segment_count > 1 && (id == 0 || !faults_remove(world, id))) {
		call_arm_error(call, 404, "NotFound", "There is no such fault.");
		return;
	}
	if (call->segment_count == 1)
		faults_remove(world, 0);
	call_status(call, 204);
}

static void post_right(struct world *world, struct call *call)
{
	struct json *body = call_arm_body(call);

	if (!body)
		return;
	if (rights_change(call->ctx, world, body) != E_OK)
		refuse(call);
	else
		call_json(call, 201, rights_show(call->ctx, world));
}

static void post_settings(struct world *world, struct call *call)
{
	struct json *body = call_arm_body(call);
	const char *value;

	if (!body)
		return;
	json_for_each (member, body) {
		value = json_is_string(member) ? json_text(member) : json_print(call->ctx, member);
		if (settings_set(call->ctx, world, json_name(member), value) != E_OK) {
			refuse(call);
			return;
		}
	}
	call_json(call, 200, settings_show(call->ctx, world));
}

void admin_handle(struct world *world, struct call *call)
{
	bool is_get = call_is(call, "GET"), is_post = call_is(call, "POST");
	bool is_delete = call_is(call, "DELETE");
	const char *owner = call_query(call, "owner");

	if (owner && !owners_by_name(world, owner)) {
		call_arm_error(call, 404, "NotFound", "%s is nobody.", owner);
		return;
	}
	if (call_segment_is(call, 0, "requests") && is_get) {
		call_json(call, 200, requests_show(call->ctx, world));
	} else if (call_segment_is(call, 0, "requests") && is_delete) {
		requests_clear(world);
		call_status(call, 204);
	} else if (call_segment_is(call, 0, "state") && is_get) {
		call_json(call, 200, show_state(call->ctx, world));
	} else if (call_segment_is(call, 0, "faults") && is_get) {
		call_json(call, 200, faults_show(call->ctx, world));
	} else if (call_segment_is(call, 0, "faults") && is_post) {
		post_fault(world, call);
	} else if (call_segment_is(call, 0, "faults") && is_delete) {
		delete_faults(world, call);
	} else if (call_segment_is(call, 0, "settings") && is_post) {
		post_settings(world, call);
	} else if (call_segment_is(call, 0, "settings") && is_get) {
		call_json(call, 200, settings_show(call->ctx, world));
	} else if (call_segment_is(call, 0, "rights") && is_get) {
		call_json(call, 200, rights_show(call->ctx, world));
	} else if (call_segment_is(call, 0, "rights") && is_post) {
		post_right(world, call);
	} else if (call_segment_is(call, 0, "rights") && is_delete) {
		rights_restore(world);
		call_status(call, 204);
	} else {
		call_arm_error(
			call, 404, "NotFound",
			"Known are GET and DELETE /requests, GET /state, GET, POST and DELETE "
			"/faults and /rights, GET and POST /settings.");
	}
}
