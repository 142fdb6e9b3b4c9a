#include "world/gateway.h"

#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "world/gateway_seed.h"

#define MONITOR_TOKEN_BYTES 1150 /* the monitor's URL is over 3 KB, as recorded ones are */

static void new_etag(struct world *world)
{
	struct gateway *gateway = &world->gateway;
	char hex[33];

	world_hex_id(world, hex);
	(void)snprintf(gateway->etag, sizeof(gateway->etag), "W/\"%.8s-%.4s-%.4s-%.4s-%.12s\"", hex,
		       hex + 8, hex + 12, hex + 16, hex + 20);
}

static void serve(struct world *world, const struct document *document)
{
	struct document *next = document_new(world->doors, document->root);

	document_free(world->gateway.served);
	world->gateway.served = next;
	world->gateway.generation++;
}

void gateway_init(struct world *world)
{
	struct gateway *gateway = &world->gateway;
	struct ctx *ctx = &world->keep;
	struct json *seed;

	gateway_seed_names(world);
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

	for (upload = world->gateway.uploads; upload; upload = upload->next)
		crypto_bag_free(&upload->bag);
	document_free(world->gateway.stored);
	document_free(world->gateway.served);
	document_free(world->gateway.foreign);
}

void gateway_set_state(struct world *world, enum gateway_state state)
{
	if (world->gateway.state == state)
		return;
	world->gateway.state = state;
	new_etag(world);
	world->gateway.generation++;
}

static void end_operation(struct world *world, enum operation_state state, const char *error)
{
	struct gateway *gateway = &world->gateway;

	gateway->current->state = state;
	gateway->current->error = error;
	gateway->current = NULL;
	gateway->is_updating = false;
	new_etag(world);
}

/* Time is up: the new document is tried against the vault and, if that works, served. */
static void try_document(struct world *world)
{
	struct gateway *gateway = &world->gateway;
	const char *error = gateway_bind(world, gateway->stored->root);

	if (error) {
		gateway->state = GATEWAY_FAILED;
		end_operation(world, OPERATION_FAILED, error);
		return;
	}
	gateway->state = GATEWAY_RUNNING;
	serve(world, gateway->stored);
	if (world->has_data_plane)
		gateway->current->state = OPERATION_APPLYING;
	else
		end_operation(world, OPERATION_SUCCEEDED, NULL);
}

void gateway_tick(struct world *world)
{
	struct gateway *gateway = &world->gateway;
	msec_t now = world_mono(world);

	if (gateway->current && gateway->current->state == OPERATION_RUNNING &&
	    now >= gateway->current->due)
		try_document(world);
	if (now >= gateway->next_poll) {
		gateway->next_poll = msec_add(now, world->settings.vault_poll);
		if (gateway_poll_vault(world))
			gateway->generation++;
	}
}

void gateway_applied(struct world *world, unsigned generation, bool is_in_force)
{
	struct gateway *gateway = &world->gateway;

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

static struct operation *start_operation(struct world *world, const char *api_version)
{
	struct gateway *gateway = &world->gateway;
	struct operation *operation = arena_new_one(world->keep.arena, struct operation);
	unsigned char token[MONITOR_TOKEN_BYTES];
	const char *subscription = strchr(gateway->id + 1, '/') + 1;
	struct ctx *ctx = &world->keep;

	world->doors->rng->fill(world->doors->rng, token, sizeof(token));
	operation->target = arena_printf(
		ctx->arena,
		"/subscriptions/%.*s/providers/Microsoft.Network/locations/%s/operations/"
		"%s?api-version="
		"%s&t=%lld&c=%s&s=%s&h=%s",
		(int)strcspn(subscription, "/"), subscription, gateway->location,
		world_guid(ctx, world), api_version, (long long)world_seconds(world),
		base64url_encode(ctx, token, sizeof(token)), base64url_encode(ctx, token, 900),
		base64url_encode(ctx, token, 32));
	operation->due = msec_add(world_mono(world), world->settings.gateway_update);
	operation->next = gateway->operations;
	gateway->operations = operation;
	gateway->current = operation;
	gateway->is_updating = true;
	return operation;
}

struct operation *gateway_find_operation(const struct world *world, const char *target)
{
	struct operation *operation;

	for (operation = world->gateway.operations; operation; operation = operation->next)
		if (strcmp(operation->target, target) == 0)
			return operation;
	return NULL;
}

const char *gateway_accept(struct world *world, struct call *call, const struct json *document,
			   const struct json *body, const char *api_version)
{
	struct gateway *gateway = &world->gateway;
	struct document *next = document_new(world->doors, document);
	struct operation *operation;

	if (gateway->current)
		end_operation(world, OPERATION_CANCELED, superseded(world));
	gateway_judge(world, call, document);
	gateway_take_uploads(world, call->ctx, body);
	document_free(gateway->stored);
	gateway->stored = next;
	new_etag(world);
	operation = start_operation(world, api_version);
	return arena_printf(call->ctx->arena, "%s%s", world->options.arm_url, operation->target);
}

void gateway_set_tags(struct world *world, const struct json *tags)
{
	struct gateway *gateway = &world->gateway;
	struct json *copy = json_dup(&gateway->stored->ctx, tags);

	json_set(&gateway->stored->ctx, gateway->stored->root, "tags", copy);
	new_etag(world);
}
