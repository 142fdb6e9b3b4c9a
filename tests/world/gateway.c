#include "world/gateway.h"

#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "world/gateway_seed.h"
#include "world/owners.h"
#include "world/rights.h"

#define MONITOR_TOKEN_BYTES 1150 /* the monitor's URL is over 3 KB, as recorded ones are */

static void new_etag(struct world *world)
{
	struct gateway *gateway = world->gateway;
	char hex[33];

	world_hex_id(world, hex);
	(void)snprintf(gateway->etag, sizeof(gateway->etag), "W/\"%.8s-%.4s-%.4s-%.4s-%.12s\"", hex,
		       hex + 8, hex + 12, hex + 16, hex + 20);
}

static void serve(struct world *world, const struct document *document)
{
	struct document *next = document_new(world->doors, document->root);

	document_free(world->gateway->served);
	world->gateway->served = next;
	world->gateway->generation++;
}

struct place *gateway_new(struct world *world)
{
	return &arena_new_one(world->keep.arena, struct gateway)->place;
}

void gateway_init(struct world *world, const struct place_options *options)
{
	struct gateway *gateway = world->gateway;
	struct ctx *ctx = &world->keep;
	struct json *seed;

	gateway_seed_names(world, options);
	gateway->principal = rights_add_principal(world, PRINCIPAL_GATEWAY, NULL, NULL);
	seed = gateway_seed_document(ctx, world);
	gateway->stored = document_new(world->doors, gateway_canonical(ctx, world, seed, "9999"));
	gateway->foreign = document_new(world->doors, json_object(ctx));
	gateway_seed_uploads(world);
	gateway->next_poll = msec_add(world_mono(world), world->settings.vault_poll);
	new_etag(world);
	serve(world, gateway->stored);
	json_for_each (list, json_get(gateway->stored->root, "properties")) {
		struct json *names = json_array(&gateway->foreign->ctx);

		if (!json_is_array(list))
			continue;
		json_for_each (child, list)
			json_append(
				&gateway->foreign->ctx, names,
				json_string(&gateway->foreign->ctx, json_get_text(child, "name")));
		json_set(&gateway->foreign->ctx, gateway->foreign->root, json_name(list), names);
	}
}

void gateway_fini(struct world *world)
{
	struct upload *upload;
	struct place *place;

	for (place = world->places[PLACE_GATEWAY]; place; place = place->next) {
		struct gateway *gateway = (struct gateway *)place;

		for (upload = gateway->uploads; upload; upload = upload->next)
			crypto_bag_free(&upload->bag);
		document_free(gateway->stored);
		document_free(gateway->served);
		document_free(gateway->foreign);
	}
}

void gateway_set_state(struct world *world, enum gateway_state state)
{
	if (world->gateway->state == state)
		return;
	world->gateway->state = state;
	new_etag(world);
	world->gateway->generation++;
}

static void end_operation(struct world *world, enum operation_state state, const char *error)
{
	struct gateway *gateway = world->gateway;

	gateway->current->state = state;
	gateway->current->error = error;
	gateway->current = NULL;
	gateway->is_updating = false;
	new_etag(world);
}

/* Time is up: the new document is tried against the vault and, if that works, served. */
static void try_document(struct world *world)
{
	struct gateway *gateway = world->gateway;
	bool looks = world->settings.looks_at_change && gateway->current->is_change;
	const char *error = gateway_bind(world, gateway->stored->root, looks);

	if (error) {
		gateway->state = GATEWAY_FAILED;
		end_operation(world, OPERATION_FAILED, error);
		return;
	}
	gateway->state = GATEWAY_RUNNING;
	serve(world, gateway->stored);
	if (gateway->has_data_plane)
		gateway->current->state = OPERATION_APPLYING;
	else
		end_operation(world, OPERATION_SUCCEEDED, NULL);
}

static void end_current(struct world *world)
{
	switch (world->gateway->current->kind) {
	case OPERATION_PUT: try_document(world); return;
	case OPERATION_START: gateway_set_state(world, GATEWAY_RUNNING); break;
	case OPERATION_STOP: gateway_set_state(world, GATEWAY_STOPPED); break;
	case OPERATION_HEALTH: return;
	}
	end_operation(world, OPERATION_SUCCEEDED, NULL);
}

static void tick(struct world *world)
{
	struct gateway *gateway = world->gateway;
	msec_t now = world_mono(world);

	struct operation *operation;

	if (gateway->current && gateway->current->state == OPERATION_RUNNING &&
	    now >= gateway->current->due)
		end_current(world);
	for (operation = gateway->operations; operation; operation = operation->next)
		if (operation->kind == OPERATION_HEALTH && now >= operation->due)
			operation->state = OPERATION_SUCCEEDED;
	if (now >= gateway->next_poll) {
		gateway->next_poll = msec_add(now, world->settings.vault_poll);
		if (gateway_poll_vault(world))
			gateway->generation++;
	}
}

void gateway_tick(struct world *world)
{
	struct place *place;

	for (place = world->places[PLACE_GATEWAY]; place; place = place->next) {
		world->gateway = (struct gateway *)place;
		tick(world);
	}
	owners_first(world);
}

void gateway_applied(struct world *world, unsigned generation, bool is_in_force)
{
	struct gateway *gateway = world->gateway;

	if (!gateway->current || gateway->current->state != OPERATION_APPLYING ||
	    generation != gateway->generation)
		return;
	if (is_in_force) {
		end_operation(world, OPERATION_SUCCEEDED, NULL);
		return;
	}
	gateway->state = GATEWAY_FAILED;
	end_operation(
		world, OPERATION_FAILED,
		"{\"code\":\"InternalServerError\",\"message\":\"An error occurred in the data "
		"plane.\"}");
}

static const char *superseded(struct world *world)
{
	return arena_printf(
		world->keep.arena,
		"{\"code\":\"Canceled\",\"message\":\"Operation was "
		"canceled.\",\"details\":[{\"code\":"
		"\"CanceledAndSupersededDueToAnotherOperation\",\"message\":\"Operation "
		"PutApplicationGatewayOperation was canceled and superseded by another "
		"operation.\"}]}");
}

/* Path and query of one of an operation's two URLs. */
static const char *operation_url(struct world *world, const char *collection, const char *id,
				 const char *api_version)
{
	const char *subscription = strchr(world->gateway->id + 1, '/') + 1;
	unsigned char token[MONITOR_TOKEN_BYTES];
	struct ctx *ctx = &world->keep;

	world->doors->rng->fill(world->doors->rng, token, sizeof(token));
	return arena_printf(
		ctx->arena,
		"/subscriptions/%.*s/providers/Microsoft.Network/locations/%s/%s/%s?api-version=%s"
		"&t=%lld&c=%s&s=%s&h=%s",
		(int)strcspn(subscription, "/"), subscription, world->gateway->location, collection,
		id, api_version, (long long)world_seconds(world),
		base64url_encode(ctx, token, sizeof(token)), base64url_encode(ctx, token, 900),
		base64url_encode(ctx, token, 32));
}

static struct operation *start_operation(struct world *world, const struct call *call,
					 enum operation_kind kind, const char *api_version)
{
	struct gateway *gateway = world->gateway;
	struct operation *operation = arena_new_one(world->keep.arena, struct operation);
	const char *id = world_guid(&world->keep, world);

	operation->kind = kind;
	operation->target = operation_url(world, "operations", id, api_version);
	if (kind != OPERATION_PUT)
		operation->result = operation_url(world, "operationResults", id, api_version);
	operation->principal = call->principal;
	operation->due = msec_add(world_mono(world), world->settings.gateway_update);
	operation->next = gateway->operations;
	gateway->operations = operation;
	return operation;
}

/* From now on the gateway is Updating until it is through. */
static void make_current(struct world *world, struct operation *operation)
{
	world->gateway->current = operation;
	world->gateway->is_updating = true;
}

struct operation *gateway_find_operation(const struct world *world, const char *target)
{
	struct operation *operation;

	for (operation = world->gateway->operations; operation; operation = operation->next)
		if (text_equals(operation->target, target) ||
		    text_equals(operation->result, target))
			return operation;
	return NULL;
}

const char *gateway_accept(struct world *world, struct call *call, const struct json *document,
			   const struct json *body, const char *api_version)
{
	struct gateway *gateway = world->gateway;
	struct document *next = document_new(world->doors, document);
	struct operation *operation;
	bool is_change = !json_equal(document, gateway->stored->root) ||
			 (gateway->current && gateway->current->is_change);

	if (gateway->current)
		end_operation(world, OPERATION_CANCELED, superseded(world));
	gateway_judge(world, call, document);
	gateway_take_uploads(world, call->ctx, body);
	document_free(gateway->stored);
	gateway->stored = next;
	new_etag(world);
	operation = start_operation(world, call, OPERATION_PUT, api_version);
	operation->is_change = is_change;
	make_current(world, operation);
	return arena_printf(call->ctx->arena, "%s%s", world->options.arm_url, operation->target);
}

const struct operation *gateway_begin(struct world *world, const struct call *call,
				      enum operation_kind kind, const char *api_version)
{
	struct operation *operation;

	if (kind != OPERATION_HEALTH && world->gateway->current)
		end_operation(world, OPERATION_CANCELED, superseded(world));
	operation = start_operation(world, call, kind, api_version);
	if (kind != OPERATION_HEALTH)
		make_current(world, operation);
	return operation;
}

void gateway_set_tags(struct world *world, const struct json *tags)
{
	struct gateway *gateway = world->gateway;
	struct json *copy = json_dup(&gateway->stored->ctx, tags);
	bool is_changed = !json_equal(tags, json_get(gateway->stored->root, "tags"));

	json_set(&gateway->stored->ctx, gateway->stored->root, "tags", copy);
	new_etag(world);
	if (is_changed && world->settings.looks_at_change && gateway_poll_vault(world))
		gateway->generation++;
}
