#include "world/world.h"

#include <assert.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "world/acme_model.h"
#include "world/blob_model.h"
#include "world/gateway.h"
#include "world/owners.h"
#include "world/rights.h"
#include "world/vault.h"

static void (*const handlers[DOOR_COUNT])(struct world *world, struct call *call) = {
	[DOOR_ARM] = arm_handle,   [DOOR_VAULT] = vault_handle,	  [DOOR_AUTHORITY] = entra_handle,
	[DOOR_IMDS] = imds_handle, [DOOR_ADMIN] = admin_handle,	  [DOOR_ACME] = acme_handle,
	[DOOR_BLOB] = blob_handle, [DOOR_GATEWAY] = front_handle,
};

struct document *document_new(const struct doors *doors, const struct json *root)
{
	struct arena *arena = arena_new();
	struct document *document = arena_new_one(arena, struct document);

	document->ctx.arena = arena;
	document->ctx.doors = doors;
	document->root = json_dup(&document->ctx, root);
	return document;
}

void document_free(struct document *document)
{
	if (document)
		arena_free(document->ctx.arena);
}

void world_hex_id(struct world *world, char out[2 * WORLD_ID_BYTES + 1])
{
	rng_hex(world->doors->rng, out, WORLD_ID_BYTES);
}

char *world_guid(struct ctx *ctx, struct world *world)
{
	char hex[2 * WORLD_ID_BYTES + 1];

	world_hex_id(world, hex);
	return arena_printf(ctx->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
			    hex + 16, hex + 20);
}

msec_t world_mono(const struct world *world)
{
	return world->doors->clock->mono(world->doors->clock);
}

int64_t world_seconds(const struct world *world)
{
	return world->doors->clock->wall(world->doors->clock) / MSEC_PER_SEC;
}

static void copy_options(struct world *world, const struct world_options *options)
{
	struct world_options *own = &world->options;
	const char **texts[] = {
		&own->arm_url,
		&own->vault_url,
		&own->authority_url,
		&own->gateway_id,
		&own->gateway_ip,
		&own->blob_container_url,
		&own->tenant,
		&own->client_id,
		&own->client_secret,
		&own->operator_id,
		&own->operator_secret,
		&own->client_cert_pem,
		&own->federated_token_file,
		&own->arc_token_dir,
		&own->acme_url,
	};
	size_t i;

	*own = *options;
	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (*texts[i])
			*texts[i] = arena_strdup(world->keep.arena, *texts[i]);
}

static void add_first(struct world *world)
{
	const struct world_options *options = &world->options;
	const struct place_options places[] = {
		{.kind = PLACE_VAULT, .where = options->vault_url},
		{.kind = PLACE_CONTAINER, .where = options->blob_container_url},
		{.kind = PLACE_GATEWAY, .where = options->gateway_id, .ip = options->gateway_ip},
		{.kind = PLACE_CA, .where = options->acme_url},
	};
	size_t i;

	rights_add_principal(world, PRINCIPAL_DAEMON, options->client_id, options->client_secret);
	if (options->operator_id)
		rights_add_principal(world, PRINCIPAL_OPERATOR, options->operator_id,
				     options->operator_secret);
	for (i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].where)
			world_add(world, &places[i]);
}

struct world *world_new(const struct world_options *options, const struct doors *doors)
{
	struct arena *arena = arena_new();
	struct world *world = arena_new_one(arena, struct world);

	world->keep.arena = arena;
	world->keep.doors = doors;
	world->doors = doors;
	world->faults_end = &world->faults;
	pthread_mutex_init(&world->lock, NULL);
	copy_options(world, options);
	settings_init(&world->settings);
	world->settings.reuses_rsa_keys = options->reuse_keys;
	world->log.arena = arena_new();
	add_first(world);
	rng_hex(doors->rng, world->arc_key, 32);
	return world;
}

void world_free(struct world *world)
{
	if (!world)
		return;
	gateway_fini(world);
	vault_fini(world);
	acme_model_fini(world);
	faults_remove(world, 0);
	arena_free(world->log.arena);
	pthread_mutex_destroy(&world->lock);
	arena_free(world->keep.arena);
}

static void answer(struct world *world, struct call *call)
{
	struct fault_rule *rule = call->door == DOOR_ADMIN ? NULL : faults_find(world, call);

	if (!rule || faults_before(rule, call))
		handlers[call->door](world, call);
	if (rule)
		faults_after(rule, call);
	if (call->door != DOOR_ADMIN)
		requests_add(world, call);
}

void world_handle(struct world *world, struct call *call)
{
	assert(call->door < DOOR_COUNT);
	call->reply = "";
	call->end = CALL_WHOLE;
	if (!call->body)
		call->body = "";
	if (!call_split(call)) {
		call_arm_error(call, 400, "InvalidRequestUri", "The path has too many segments.");
		return;
	}
	pthread_mutex_lock(&world->lock);
	gateway_tick(world);
	owners_of_call(world, call);
	answer(world, call);
	owners_first(world);
	pthread_mutex_unlock(&world->lock);
}

void world_tick(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	gateway_tick(world);
	pthread_mutex_unlock(&world->lock);
}

enum err world_set(struct ctx *ctx, struct world *world, const char *name, const char *value)
{
	return world_set_of(ctx, world, "gateway", name, value);
}

enum err world_set_of(struct ctx *ctx, struct world *world, const char *owner, const char *name,
		      const char *value)
{
	enum err err;

	pthread_mutex_lock(&world->lock);
	err = owners_by_name(world, owner)
		      ? settings_set(ctx, world, name, value)
		      : fault_set(ctx, E_REFUSED, "UnknownOwner", "%s is nobody", owner);
	owners_first(world);
	pthread_mutex_unlock(&world->lock);
	return err;
}

enum err world_add_fault(struct ctx *ctx, struct world *world, const char *text, unsigned *id)
{
	struct json *json = NULL;
	enum err err;

	TRY(json_parse(ctx, text, strlen(text), &json));
	pthread_mutex_lock(&world->lock);
	err = faults_add(ctx, world, json, id);
	owners_first(world);
	pthread_mutex_unlock(&world->lock);
	return err;
}

void world_add_client(struct world *world, const char *client_id, const char *client_secret)
{
	pthread_mutex_lock(&world->lock);
	rights_add_principal(world, PRINCIPAL_DAEMON, client_id, client_secret);
	pthread_mutex_unlock(&world->lock);
}

enum err world_change_right(struct ctx *ctx, struct world *world, const char *text)
{
	struct json *json = NULL;
	enum err err;

	TRY(json_parse(ctx, text, strlen(text), &json));
	pthread_mutex_lock(&world->lock);
	err = rights_change(ctx, world, json);
	pthread_mutex_unlock(&world->lock);
	return err;
}

void world_restore_rights(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	rights_restore(world);
	pthread_mutex_unlock(&world->lock);
}

void world_clear_faults(struct world *world)
{
	pthread_mutex_lock(&world->lock);
	faults_remove(world, 0);
	pthread_mutex_unlock(&world->lock);
}

struct world_never world_never_events(struct world *world)
{
	struct world_never never;

	pthread_mutex_lock(&world->lock);
	never = world->never;
	pthread_mutex_unlock(&world->lock);
	return never;
}
