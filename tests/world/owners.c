#include "world/owners.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "world/acme_model.h"
#include "world/blob_model.h"
#include "world/gateway.h"
#include "world/vault.h"

static const char *const kind_names[PLACE_COUNT] = {
	[PLACE_GATEWAY] = "gateway",
	[PLACE_VAULT] = "vault",
	[PLACE_CONTAINER] = "container",
	[PLACE_CA] = "ca",
};

/* What is no gateway lies in the resource group of the first. */
static const char *id_of(const struct world *world, const struct place *place)
{
	static const char *const types[PLACE_COUNT] = {
		[PLACE_VAULT] = "Microsoft.KeyVault/vaults",
		[PLACE_CONTAINER] = "Microsoft.Storage/storageAccounts/account/blobServices/"
				    "default/containers",
		[PLACE_CA] = "Acme/directories",
	};
	const char *gateway = world->options.gateway_id;
	int group = (int)(strcasestr(gateway, "/providers/") - gateway);

	if (place->kind == PLACE_GATEWAY)
		return place->where;
	return arena_printf(world->keep.arena, "%.*s/providers/%s/%s", group, gateway,
			    types[place->kind], place->owner);
}

void owners_add(struct world *world, struct place *place, enum place_kind kind, const char *where)
{
	struct place **end = &world->places[kind];
	struct arena *arena = world->keep.arena;

	place->number = 1;
	for (; *end; end = &(*end)->next)
		place->number++;
	place->kind = kind;
	place->where = arena_strdup(arena, where);
	place->owner = place->number == 1
			       ? kind_names[kind]
			       : arena_printf(arena, "%s-%u", kind_names[kind], place->number);
	place->id = id_of(world, place);
	*end = place;
}

static void take(struct world *world, struct place *place)
{
	switch (place->kind) {
	case PLACE_GATEWAY: world->gateway = (struct gateway *)place; break;
	case PLACE_VAULT: world->vault = (struct vault *)place; break;
	case PLACE_CONTAINER: world->blobs = (struct blobs *)place; break;
	case PLACE_CA: world->acme = (struct acme *)place; break;
	case PLACE_COUNT: break;
	}
}

void owners_first(struct world *world)
{
	enum place_kind kind;

	for (kind = PLACE_GATEWAY; kind < PLACE_COUNT; kind++)
		if (world->places[kind])
			take(world, world->places[kind]);
}

static struct place *find_number(const struct world *world, enum place_kind kind, unsigned number)
{
	struct place *place = world->places[kind];

	while (place && place->number < number)
		place = place->next;
	return place;
}

bool owners_by_number(struct world *world, enum place_kind kind, unsigned number)
{
	struct place *place = find_number(world, kind, number);

	if (place)
		take(world, place);
	return place != NULL;
}

bool owners_by_name(struct world *world, const char *name)
{
	struct place *place;
	enum place_kind kind;

	for (kind = PLACE_GATEWAY; kind < PLACE_COUNT; kind++)
		for (place = world->places[kind]; place; place = place->next)
			if (text_equals(place->owner, name)) {
				take(world, place);
				return true;
			}
	return false;
}

bool owners_is_below(const char *text, const char *base)
{
	size_t length = strlen(base);

	return strncasecmp(text, base, length) == 0 && strchr("/?", text[length]) != NULL;
}

static struct place *find_where(const struct world *world, enum place_kind kind, const char *text)
{
	struct place *place = world->places[kind];

	while (place && !owners_is_below(text, place->where))
		place = place->next;
	return place;
}

bool owners_by_where(struct world *world, enum place_kind kind, const char *text)
{
	struct place *place = find_where(world, kind, text);

	if (place)
		take(world, place);
	return place != NULL;
}

bool owners_by_ip(struct world *world, const char *ip)
{
	struct place *place;

	for (place = world->places[PLACE_GATEWAY]; place; place = place->next)
		if (text_equals(((struct gateway *)place)->ip, ip)) {
			take(world, place);
			return true;
		}
	return false;
}

/* The gateway, or what lies around it: its address, its identity, an operation of it. */
static struct place *find_at_arm(const struct world *world, const struct call *call)
{
	struct place *place = find_where(world, PLACE_GATEWAY, call->path);
	const struct gateway *gateway;
	const struct operation *operation;

	if (place)
		return place;
	for (place = world->places[PLACE_GATEWAY]; place; place = place->next) {
		gateway = (const struct gateway *)place;
		if (owners_is_below(call->path, gateway->public_ip_id) ||
		    owners_is_below(call->path, gateway->identity_id))
			return place;
		for (operation = gateway->operations; operation; operation = operation->next)
			if (text_equals(operation->target, call->target) ||
			    text_equals(operation->result, call->target))
				return place;
	}
	return NULL;
}

void owners_of_call(struct world *world, struct call *call)
{
	struct place *place = NULL;

	switch (call->door) {
	case DOOR_ARM: place = find_at_arm(world, call); break;
	case DOOR_VAULT: place = find_number(world, PLACE_VAULT, call->number); break;
	case DOOR_ACME: place = find_number(world, PLACE_CA, call->number); break;
	case DOOR_BLOB: place = find_number(world, PLACE_CONTAINER, call->number); break;
	case DOOR_GATEWAY: place = find_number(world, PLACE_GATEWAY, call->number); break;
	case DOOR_AUTHORITY:
	case DOOR_IMDS:
	case DOOR_ADMIN: /* it says itself whom it means */
	case DOOR_COUNT: break;
	}
	call->owner = place ? place->owner : NULL;
	if (place)
		take(world, place);
}

unsigned world_add(struct world *world, const struct place_options *options)
{
	struct place *place = NULL;

	pthread_mutex_lock(&world->lock);
	switch (options->kind) {
	case PLACE_GATEWAY: place = gateway_new(world); break;
	case PLACE_VAULT: place = vault_new(world); break;
	case PLACE_CONTAINER: place = blob_model_new(world, options->where); break;
	case PLACE_CA: place = acme_model_new(world); break;
	case PLACE_COUNT: break;
	}
	owners_add(world, place, options->kind, options->where);
	take(world, place);
	if (options->kind == PLACE_GATEWAY)
		gateway_init(world, options);
	owners_first(world);
	pthread_mutex_unlock(&world->lock);
	return place->number;
}
