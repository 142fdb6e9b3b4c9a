#include "world/rights.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "world/owners.h"

#define NETWORK "Microsoft.Network/"
#define MSI	"Microsoft.ManagedIdentity/userAssignedIdentities/"
#define VAULT	"Microsoft.KeyVault/vaults/"
#define BLOBS	"Microsoft.Storage/storageAccounts/blobServices/containers/blobs/"

#define GET_SECRET   VAULT "secrets/getSecret/action" /* of Key Vault Secrets User */
#define READ_SECRETS VAULT "secrets/readMetadata/action"

const struct rights_role rights_roles[] = {
	{"role-gateway.json",
	 RIGHTS_GATEWAY,
	 {NETWORK "applicationGateways/read", NETWORK "applicationGateways/write",
	  NETWORK "publicIPAddresses/read", NETWORK "publicIPAddresses/join/action",
	  NETWORK "virtualNetworks/subnets/read", NETWORK "virtualNetworks/subnets/join/action",
	  NETWORK "ApplicationGatewayWebApplicationFirewallPolicies/read",
	  NETWORK "ApplicationGatewayWebApplicationFirewallPolicies/join/action",
	  NETWORK "locations/operations/read", NETWORK "locations/operationResults/read",
	  MSI "read", MSI "assign/action"}},
	{"role-certificates.json",
	 RIGHTS_VAULT,
	 {VAULT "certificates/read", VAULT "certificates/create/action",
	  VAULT "certificates/import/action", VAULT "certificates/update/action",
	  VAULT "certificates/recover/action"}},
	{"role-account-key.json",
	 RIGHTS_ACCOUNT_KEY,
	 {VAULT "keys/read", VAULT "keys/create/action", VAULT "keys/recover/action",
	  VAULT "keys/sign/action"}},
	{"role-seal-key.json",
	 RIGHTS_SEAL_KEY,
	 {VAULT "keys/read", VAULT "keys/create/action", VAULT "keys/recover/action",
	  VAULT "keys/unwrap/action"}},
	{"role-challenges.json", RIGHTS_CONTAINER, {BLOBS "write", BLOBS "delete"}},
};
const size_t rights_role_count = ARRAY_SIZE(rights_roles);

struct right_change {
	struct right_change *next;
	bool is_given;
	const char *action;		   /* may end in a star */
	const char *scope;		   /* NULL: everywhere */
	const struct principal *principal; /* NULL: of everybody but the operator */
};

struct principal *rights_add_principal(struct world *world, enum principal_kind kind,
				       const char *client_id, const char *secret)
{
	static const char *const names[] = {"daemon", "operator", "gateway"};
	struct principal *principal = arena_new_one(world->keep.arena, struct principal), **end;
	struct ctx *ctx = &world->keep;
	unsigned number = 1;

	for (end = &world->principals; *end; end = &(*end)->next)
		number += (*end)->kind == kind;
	principal->kind = kind;
	principal->name = number == 1 ? names[kind]
				      : arena_printf(ctx->arena, "%s-%u", names[kind], number);
	principal->client_id = client_id ? arena_strdup(ctx->arena, client_id)
					 : world_guid(ctx, world);
	principal->object_id = world_guid(ctx, world);
	principal->secret = secret ? arena_strdup(ctx->arena, secret) : NULL;
	*end = principal;
	return principal;
}

struct principal *rights_by_client(const struct world *world, const char *client_id)
{
	struct principal *principal = world->principals;

	while (principal && !text_equals_nocase(principal->client_id, client_id))
		principal = principal->next;
	return principal;
}

struct principal *rights_by_name(const struct world *world, const char *name)
{
	struct principal *principal = world->principals;

	while (principal && !text_equals(principal->name, name))
		principal = principal->next;
	return principal;
}

static bool is_at_gateway(const struct world *world, const char *scope)
{
	const struct place *place;

	for (place = world->places[PLACE_GATEWAY]; place; place = place->next) {
		const struct gateway *gateway = (const struct gateway *)place;

		if (owners_is_below(scope, gateway->id) ||
		    owners_is_below(scope, gateway->public_ip_id) ||
		    owners_is_below(scope, gateway->subnet_id) ||
		    owners_is_below(scope, gateway->identity_id))
			return true;
	}
	return strcasestr(scope, "/ApplicationGatewayWebApplicationFirewallPolicies/") != NULL;
}

/* Below a vault or container, and there below what `child` says ("" is all of it). */
static bool is_at(const struct world *world, enum place_kind kind, const char *scope,
		  const char *child)
{
	const struct place *place;

	for (place = world->places[kind]; place; place = place->next)
		if (owners_is_below(scope, place->id) &&
		    owners_is_below(scope + strlen(place->id), child))
			return true;
	return false;
}

static bool is_assigned(const struct world *world, enum rights_scope where, const char *scope)
{
	switch (where) {
	case RIGHTS_GATEWAY: return is_at_gateway(world, scope);
	case RIGHTS_VAULT: return is_at(world, PLACE_VAULT, scope, "");
	case RIGHTS_ACCOUNT_KEY:
		return is_at(world, PLACE_VAULT, scope, "/keys/" RIGHTS_ACCOUNT_KEY_NAME);
	case RIGHTS_SEAL_KEY:
		return is_at(world, PLACE_VAULT, scope, "/keys/" RIGHTS_SEAL_KEY_NAME);
	case RIGHTS_CONTAINER: return is_at(world, PLACE_CONTAINER, scope, "");
	}
	return false;
}

static bool has_action(const struct rights_role *role, const char *action)
{
	size_t i;

	for (i = 0; i < RIGHTS_ACTIONS_MAX && role->actions[i]; i++)
		if (text_equals_nocase(role->actions[i], action))
			return true;
	return false;
}

bool rights_in_manifests(const struct world *world, const struct principal *principal,
			 const char *action, const char *scope)
{
	size_t i;

	if (principal->kind == PRINCIPAL_OPERATOR)
		return true;
	if (principal->kind == PRINCIPAL_GATEWAY)
		return (text_equals_nocase(action, GET_SECRET) ||
			text_equals_nocase(action, READ_SECRETS)) &&
		       is_at(world, PLACE_VAULT, scope, "");
	for (i = 0; i < rights_role_count; i++)
		if (has_action(&rights_roles[i], action) &&
		    is_assigned(world, rights_roles[i].scope, scope))
			return true;
	return false;
}

static bool fits(const struct right_change *change, const struct principal *principal,
		 const char *action, const char *scope)
{
	size_t length = strlen(change->action);
	bool is_prefix = length && change->action[length - 1] == '*';

	if (change->principal && change->principal != principal)
		return false;
	if (change->scope && !owners_is_below(scope, change->scope))
		return false;
	return is_prefix ? strncasecmp(action, change->action, length - 1) == 0
			 : text_equals_nocase(action, change->action);
}

bool rights_has(struct world *world, const struct principal *principal, const char *action,
		const char *scope)
{
	const struct right_change *change;
	bool has = rights_in_manifests(world, principal, action, scope);

	if (principal->kind == PRINCIPAL_OPERATOR)
		return true;
	for (change = world->right_changes; change; change = change->next)
		if (fits(change, principal, action, scope))
			has = change->is_given;
	return has;
}

static void count_beyond(struct world *world, const char *action, const char *scope)
{
	struct world_never *never = &world->never;

	never->beyond_rights++;
	never->secrets_read += text_equals_nocase(action, GET_SECRET);
	never->deleted += text_ends_with(action, "/delete");
	never->purged += text_ends_with(action, "/purge/action");
	(void)snprintf(never->last, sizeof(never->last), "beyond manifests/azure: %s on ...%s",
		       action, strlen(scope) > 60 ? scope + strlen(scope) - 60 : scope);
}

bool rights_allow(struct world *world, const struct call *call, const char *action,
		  const char *scope)
{
	const struct principal *principal = call->principal;

	if (call->by_other)
		return true;
	if (!principal)
		return false;
	if (!rights_in_manifests(world, principal, action, scope))
		count_beyond(world, action, scope);
	return rights_has(world, principal, action, scope);
}

static const char *scope_of(struct ctx *ctx, const struct world *world, const char *name)
{
	const struct place *place;
	enum place_kind kind;

	for (kind = PLACE_GATEWAY; kind < PLACE_COUNT; kind++)
		for (place = world->places[kind]; place; place = place->next) {
			if (!text_equals(place->owner, name))
				continue;
			return place->id;
		}
	return *name == '/' ? arena_strdup(ctx->arena, name) : NULL;
}

enum err rights_change(struct ctx *ctx, struct world *world, const struct json *json)
{
	struct right_change *change = arena_new_one(world->keep.arena, struct right_change), **end;
	const char *effect = json_get_text(json, "effect"), *action = json_get_text(json, "action");
	const char *scope = json_get_text(json, "scope");
	const char *identity = json_get_text(json, "identity");

	change->is_given = text_equals(effect, "give");
	if (!action || (!change->is_given && !text_equals(effect, "take")))
		return fault_set(ctx, E_REFUSED, "InvalidRight",
				 "`effect` is give or take, `action` an action of Azure");
	change->action = arena_strdup(world->keep.arena, action);
	change->scope = scope ? scope_of(&world->keep, world, scope) : NULL;
	change->principal = identity ? rights_by_name(world, identity) : NULL;
	if (scope && !change->scope)
		return fault_set(ctx, E_REFUSED, "InvalidRight", "%s is neither an id nor an owner",
				 scope);
	if (identity && !change->principal)
		return fault_set(ctx, E_REFUSED, "InvalidRight", "%s is nobody", identity);
	for (end = &world->right_changes; *end; end = &(*end)->next)
		;
	*end = change;
	return E_OK;
}

void rights_restore(struct world *world)
{
	world->right_changes = NULL;
}

static struct json *show_principals(struct ctx *ctx, const struct world *world)
{
	struct json *list = json_array(ctx), *item;
	const struct principal *principal;

	for (principal = world->principals; principal; principal = principal->next) {
		item = json_object(ctx);
		json_set_text(ctx, item, "name", principal->name);
		json_set_text(ctx, item, "clientId", principal->client_id);
		json_set_text(ctx, item, "objectId", principal->object_id);
		json_append(ctx, list, item);
	}
	return list;
}

struct json *rights_show(struct ctx *ctx, const struct world *world)
{
	struct json *all = json_object(ctx), *list = json_array(ctx), *item;
	const struct right_change *change;

	json_set(ctx, all, "identities", show_principals(ctx, world));
	for (change = world->right_changes; change; change = change->next) {
		item = json_object(ctx);
		json_set_text(ctx, item, "effect", change->is_given ? "give" : "take");
		json_set_text(ctx, item, "action", change->action);
		if (change->scope)
			json_set_text(ctx, item, "scope", change->scope);
		if (change->principal)
			json_set_text(ctx, item, "identity", change->principal->name);
		json_append(ctx, list, item);
	}
	json_set(ctx, all, "changes", list);
	return all;
}
