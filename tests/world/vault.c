#include "world/vault.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "world/gateway.h"
#include "world/owners.h"
#include "world/rights.h"
#include "world/versions.h"

#define PFX_BYTES_MAX (16 * 1024)

const char *const vault_collections[] = {"certificates", "keys", "secrets"};

struct place *vault_new(struct world *world)
{
	struct vault *vault = arena_new_one(world->keep.arena, struct vault);

	vault->end = &vault->objects;
	return &vault->place;
}

static void free_version(struct version *version)
{
	size_t i;

	EVP_PKEY_free(version->key);
	for (i = 0; i < version->cert_count; i++)
		X509_free(version->certs[i]);
}

void vault_fini(struct world *world)
{
	struct version *version;
	struct object *object;
	struct place *place;

	for (place = world->places[PLACE_VAULT]; place; place = place->next) {
		struct vault *vault = (struct vault *)place;

		for (object = vault->graveyard; object; object = object->next_purged)
			for (version = object->newest; version; version = version->older)
				free_version(version);
		for (object = vault->objects; object; object = object->next)
			for (version = object->newest; version; version = version->older)
				free_version(version);
	}
}

struct object *vault_find(const struct world *world, enum object_kind kind, const char *name)
{
	struct object *object;

	for (object = world->vault->objects; object; object = object->next)
		if (object->kind == kind && text_equals_nocase(object->name, name))
			return object;
	return NULL;
}

struct object *vault_add(struct world *world, enum object_kind kind, const char *name)
{
	struct object *object = arena_new_one(world->keep.arena, struct object);

	object->kind = kind;
	object->name = arena_strdup(world->keep.arena, name);
	*world->vault->end = object;
	world->vault->end = &object->next;
	return object;
}

struct version *vault_add_version(struct world *world, struct object *object)
{
	struct version *version = arena_new_one(world->keep.arena, struct version);

	world_hex_id(world, version->id);
	version->attributes.is_enabled = true;
	version->attributes.created = world_seconds(world);
	version->attributes.updated = version->attributes.created;
	version->older = object->newest;
	object->newest = version;
	return version;
}

struct version *vault_current(const struct object *object)
{
	struct version *version = object->newest;

	while (object->kind == OBJECT_CERTIFICATE && version && version->cert_count == 0)
		version = version->older;
	return version;
}

struct version *vault_version(const struct object *object, const char *id)
{
	struct version *version;

	if (!*id)
		return vault_current(object) ? vault_current(object) : object->newest;
	for (version = object->newest; version; version = version->older)
		if (text_equals_nocase(version->id, id))
			return version;
	return NULL;
}

/* The certificate stands in for the key and the secret that it has. */
static struct object *find_face(const struct world *world, enum object_kind kind, const char *name)
{
	struct object *object = vault_find(world, kind, name);

	return object || kind == OBJECT_CERTIFICATE ? object
						    : vault_find(world, OBJECT_CERTIFICATE, name);
}

struct object *vault_need(struct world *world, struct call *call, enum object_kind kind,
			  const char *name)
{
	static const char *const codes[] = {"CertificateNotFound", "KeyNotFound", "SecretNotFound"};
	struct object *object = find_face(world, kind, name);

	if (object && !object->is_deleted && world_mono(world) >= object->settles_at)
		return object;
	call_vault_error(
		call, 404, codes[kind], NULL,
		"A %.*s with (name/id) %s was not found in this key vault. If you recently "
		"deleted it you may be able to recover it using the correct recovery command.",
		(int)strlen(vault_collections[kind]) - 1, vault_collections[kind], name);
	return NULL;
}

struct version *vault_need_version(struct call *call, const struct object *object, const char *id)
{
	struct version *version = vault_version(object, id);

	if (version)
		return version;
	call_vault_error(call, 404,
			 object->kind == OBJECT_CERTIFICATE ? "CertificateNotFound"
			 : object->kind == OBJECT_KEY	    ? "KeyNotFound"
							    : "SecretNotFound",
			 NULL, "A version %s of %s was not found in this key vault.", id,
			 object->name);
	return NULL;
}

bool vault_check_free(struct world *world, struct call *call, enum object_kind kind,
		      const char *name)
{
	enum object_kind other;
	struct object *object;

	for (other = OBJECT_CERTIFICATE; other <= OBJECT_SECRET; other++) {
		object = vault_find(world, other, name);
		if (!object ||
		    (other != kind && other != OBJECT_CERTIFICATE && kind != OBJECT_CERTIFICATE))
			continue;
		if (world_mono(world) < object->settles_at) {
			call_vault_error(call, 409, "Conflict",
					 object->is_deleted ? "ObjectIsBeingDeleted"
							    : "ObjectIsBeingRecovered",
					 "Object %s is currently being %s.", name,
					 object->is_deleted ? "deleted" : "recovered");
			return false;
		}
		if (object->is_deleted) {
			call_vault_error(
				call, 409, "Conflict", "ObjectIsDeletedButRecoverable",
				"%s %s is currently in a deleted but recoverable state, and "
				"its name cannot be reused; in this state, the object can "
				"only be recovered or purged.",
				vault_collections[other], name);
			return false;
		}
		if (other != kind) {
			call_vault_error(call, 409, "Conflict", NULL,
					 "There is already an object of another kind with the name "
					 "%s.",
					 name);
			return false;
		}
	}
	return true;
}

bool vault_check_key_limit(struct world *world, struct call *call)
{
	struct vault *vault = world->vault;
	const unsigned ring = ARRAY_SIZE(vault->key_creations);
	int64_t limit = world->settings.key_create_limit, recent = 0;
	msec_t now = world_mono(world);
	unsigned i, known = vault->key_creation_count < ring ? vault->key_creation_count : ring;

	for (i = 0; i < known; i++)
		recent += vault->key_creations[i] > now - 10 * MSEC_PER_SEC;
	if (limit > 0 && recent >= limit) {
		/* Key Vault may leave Retry-After out; so does the model. */
		call_vault_error(
			call, 429, "Throttled", NULL,
			"Request was not processed because too many requests were received. "
			"Reason: VaultRequestTypeLimitReached");
		return false;
	}
	vault->key_creations[vault->key_creation_count++ % ring] = now;
	return true;
}

EVP_PKEY *vault_make_key(struct world *world, struct call *call, const char *kty, int64_t bits,
			 const char *curve)
{
	EVP_PKEY *key = NULL;

	if (text_equals(kty, "RSA") && (bits == 2048 || bits == 3072 || bits == 4096))
		key = crypto_rsa_new((unsigned)bits, world->settings.reuses_rsa_keys);
	else if (text_equals(kty, "EC"))
		key = crypto_ec_new(curve);
	if (!key)
		call_vault_error(call, 400, "BadParameter", NULL,
				 "Property kty, key_size or crv has an invalid value.");
	return key;
}

/* Points behind "<vault>/secrets/", or NULL. */
static const char *secret_path(const char *id)
{
	const char *at = strstr(id, "://");

	if (!at || strncasecmp(id, "https", 5) != 0)
		return NULL;
	at = strchr(at + 3, '/');
	return at && strncasecmp(at, "/secrets/", 9) == 0 ? at + 9 : NULL;
}

bool vault_is_secret_id(const char *text)
{
	const char *path = secret_path(text), *at;
	unsigned slashes = 0;

	if (!path || !isalnum((unsigned char)*path))
		return false;
	for (at = path; *at; at++) {
		if (!isalnum((unsigned char)*at) && *at != '-' && *at != '/')
			return false;
		slashes += *at == '/';
	}
	return slashes < 2 || (slashes == 2 && text_ends_with(path, "/"));
}

bool vault_id_has_version(const char *text)
{
	const char *path = secret_path(text), *slash = path ? strchr(path, '/') : NULL;

	return slash && slash[1];
}

/* The limit is on the PFX; what it wraps is nearly all of it. */
static bool is_small_enough(struct version *version)
{
	size_t i;

	if (version->bytes)
		return version->bytes <= PFX_BYTES_MAX;
	version->bytes = i2d_PrivateKey(version->key, NULL);
	for (i = 0; i < version->cert_count; i++)
		version->bytes += i2d_X509(version->certs[i], NULL);
	return version->bytes <= PFX_BYTES_MAX;
}

static struct version *read_for_gateway(struct world *world, const char *secret_id,
					const char **trouble)
{
	const char *path = secret_path(secret_id);
	struct ctx *ctx = &world->keep;
	struct version *version;
	struct object *object;
	size_t length;
	char *name;

	*trouble = "SecretDeletedFromKeyVault";
	if (!path || !owners_by_where(world, PLACE_VAULT, secret_id))
		return NULL;
	*trouble = "UserAssignedIdentityDoesNotHaveGetPermissionOnKeyVault";
	if (world->settings.vault_is_forbidden || world->settings.vault_is_forbidden_to_gateway ||
	    !rights_has(world, world->gateway->principal,
			"Microsoft.KeyVault/vaults/secrets/getSecret/action",
			world->vault->place.id))
		return NULL;
	*trouble = "SecretDeletedFromKeyVault";
	length = strcspn(path, "/");
	name = arena_strndup(ctx->arena, path, length);
	object = find_face(world, OBJECT_SECRET, name);
	if (!object || object->is_deleted || world_mono(world) < object->settles_at)
		return NULL;
	path += length + (path[length] == '/');
	version = *path ? vault_version(object, arena_strndup(ctx->arena, path, strcspn(path, "/")))
			: vault_current(object);
	if (!version)
		return NULL;
	*trouble = "SecretDisabled";
	if (!version->attributes.is_enabled)
		return NULL;
	*trouble = "SecretIsNotACertificateWithAnExportablePrivateKey";
	if (version->cert_count == 0 || !version->key || !version->is_exportable)
		return NULL;
	*trouble = "CertificateIsOver16KB";
	if (!is_small_enough(version))
		return NULL;
	*trouble = NULL;
	return version;
}

struct version *vault_read_for_gateway(struct world *world, const char *secret_id,
				       const char **trouble)
{
	struct vault *before = world->vault;
	struct version *version = read_for_gateway(world, secret_id, trouble);

	world->vault = before;
	return version;
}

static bool check_token(struct world *world, struct call *call)
{
	const char *audiences[] = {VAULT_RESOURCE, NULL};
	bool has_token = call_header(call, "Authorization") != NULL;

	if (entra_is_authorized(world, call, audiences))
		return true;
	call_vault_error(call, 401, "Unauthorized", NULL, "%s",
			 has_token ? "[BearerReadAccessTokenFailed] Error validating token."
				   : "AKV10000: Request is missing a Bearer or PoP token.");
	call_set_header(
		call, "WWW-Authenticate",
		arena_printf(call->ctx->arena, "Bearer authorization=\"%s/%s\", resource=\"%s\"",
			     world->options.authority_url, world->options.tenant, VAULT_RESOURCE));
	return false;
}

static bool check_version(struct call *call)
{
	const char *version = call_query(call, "api-version");

	if (version && versions_has(VERSIONS_VAULT, version))
		return true;
	call_vault_error(call, 400, "BadParameter", NULL,
			 "The specified version (%s) is not recognized. Consider using the latest "
			 "supported version.",
			 version ? version : "");
	return false;
}

static bool check_name(struct call *call, const char *name)
{
	const char *c;

	for (c = name; isalnum((unsigned char)*c) || *c == '-'; c++)
		;
	if (!*c && c - name <= 127)
		return true;
	call_vault_error(call, 400, "BadParameter", NULL,
			 "The request URI contains an invalid name: %s", name);
	return false;
}

static void route(struct world *world, struct call *call)
{
	static void (*const handlers[])(struct world * world, struct call * call,
					const char *name) = {vault_certificates, vault_keys,
							     vault_secrets};
	const char *first = call_segment(call, 0), *name = call_segment(call, 1);
	bool is_deleted = strncasecmp(first, "deleted", 7) == 0;
	enum object_kind kind;

	for (kind = OBJECT_CERTIFICATE; kind <= OBJECT_SECRET; kind++) {
		if (!text_equals_nocase(first + (is_deleted ? 7 : 0), vault_collections[kind]))
			continue;
		if (!check_name(call, name))
			return;
		if (!*name && call_is(call, "GET"))
			vault_list(world, call, kind, is_deleted);
		else if (*name && is_deleted)
			vault_deleted(world, call, kind, name);
		else if (*name)
			handlers[kind](world, call, name);
		return;
	}
	call_vault_error(call, 404, "NotFound", NULL, "There is no such resource: %s", call->path);
}

void vault_handle(struct world *world, struct call *call)
{
	call_status(call, 405);
	if (!check_token(world, call))
		return;
	if (world->settings.vault_is_forbidden) {
		call_vault_error(call, 403, "Forbidden", "ForbiddenByRbac",
				 "Caller is not authorized to perform action on resource.");
		return;
	}
	vault_settle(world);
	if (!check_version(call) || !vault_may(world, call))
		return;
	route(world, call);
	if (call->status == 405)
		call_vault_error(call, 405, "MethodNotAllowed", NULL,
				 "The method is not allowed for this resource.");
	call_set_header(call, "x-ms-request-id", world_guid(call->ctx, world));
}
