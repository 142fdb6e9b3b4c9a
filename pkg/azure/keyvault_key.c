#include "azure/keyvault_key.h"

#include <stdlib.h>
#include <string.h>

#include "azure/vault.h"
#include "base/text.h"
#include "entra/said.h"

#define ROLE_CREATE	 "Key Vault Crypto Officer"
#define ROLE_USE	 "Key Vault Crypto User"
#define PAGES_MAX	 40
#define VERSIONS_MAX	 500
#define COORDINATE_BYTES 32

struct key_version {
	const char *version;
	int64_t created;
};

struct vault_signer {
	struct signer base;
	struct keyvault *vault;
	const struct vault_key *key;
};

static enum err read_key(struct ctx *ctx, const struct vault_call *call, const struct json *bundle,
			 struct vault_key *out)
{
	const struct json *key = json_get(bundle, "key");

	*out = (struct vault_key){
		.id = json_get_text(key, "kid"),
		.kty = json_get_text(key, "kty"),
		.crv = json_get_text(key, "crv"),
		.x = json_get_text(key, "x"),
		.y = json_get_text(key, "y"),
		.n = json_get_text(key, "n"),
		.e = json_get_text(key, "e"),
	};
	out->version = vault_id_version(ctx, out->id);
	if (!out->id || !out->kty || !out->version)
		return vault_malformed(ctx, call, "a key");
	return E_OK;
}

enum err keyvault_key_get(struct ctx *ctx, struct keyvault *vault, const char *name,
			  const char *version, struct vault_key *out)
{
	struct vault_call call = {.kind = HTTP_READ, .method = "GET", .role = ROLE_USE};
	struct json *bundle;
	enum err kind = vault_check_name(ctx, name);

	if (kind == E_OK && version)
		kind = vault_check_name(ctx, version);
	if (kind == E_OK) {
		call.path = arena_printf(ctx->arena, "/keys/%s%s%s", name, version ? "/" : "",
					 version ? version : "");
		kind = vault_send(ctx, vault, &call, &bundle);
	}
	if (kind == E_OK)
		kind = read_key(ctx, &call, bundle, out);
	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "key %s", name);
}

static struct json *create_body(struct ctx *ctx, enum vault_key_use use)
{
	static const char *const may[][2] = {
		[VAULT_KEY_SIGN] = {"sign", "verify"},
		[VAULT_KEY_WRAP] = {"wrapKey", "unwrapKey"},
	};
	struct json *body = json_object(ctx), *operations = json_array(ctx);

	json_append(ctx, operations, json_string(ctx, may[use][0]));
	json_append(ctx, operations, json_string(ctx, may[use][1]));
	json_set_text(ctx, body, "kty", use == VAULT_KEY_SIGN ? "EC" : "RSA");
	if (use == VAULT_KEY_SIGN)
		json_set_text(ctx, body, "crv", "P-256");
	else
		json_set_int(ctx, body, "key_size", 2048);
	json_set(ctx, body, "key_ops", operations);
	return body;
}

static enum err create_key(struct ctx *ctx, struct keyvault *vault, const char *name,
			   enum vault_key_use use, struct vault_key *out)
{
	struct vault_call call = {.kind = HTTP_ONE_SHOT, .method = "POST", .role = ROLE_CREATE};
	struct json *bundle;

	call.path = arena_printf(ctx->arena, "/keys/%s/create", name);
	call.body = create_body(ctx, use);
	TRY(vault_send(ctx, vault, &call, &bundle));
	return read_key(ctx, &call, bundle, out);
}

/* Takes seconds; until then the key is neither there nor can be made. */
static enum err recover_key(struct ctx *ctx, struct keyvault *vault, const char *name)
{
	struct vault_call call = {.kind = HTTP_IDEMPOTENT, .method = "POST", .role = ROLE_CREATE};
	struct json *bundle;

	call.path = arena_printf(ctx->arena, "/deletedkeys/%s/recover", name);
	TRY(vault_send(ctx, vault, &call, &bundle));
	return fault_set(ctx, E_AGAIN, "Recovering", "is being recovered from soft deletion");
}

static enum err check_p256(struct ctx *ctx, const struct vault_key *key)
{
	struct bytes x, y;

	if (!text_starts_with(key->kty, "EC") || !text_equals(key->crv, "P-256") || !key->x ||
	    !key->y)
		return fault_set(
			ctx, E_REFUSED, "WrongKeyType",
			"is no EC P-256 key. Make a new version of it that is one (az keyvault "
			"key create --kty EC --curve P-256), or keep the account's key in a "
			"file (AcmeAccountKey)");
	if (base64url_decode(ctx, key->x, &x) != E_OK || x.size != COORDINATE_BYTES ||
	    base64url_decode(ctx, key->y, &y) != E_OK || y.size != COORDINATE_BYTES)
		return fault_set(ctx, E_AGAIN, "MalformedReply",
				 "Key Vault answered with coordinates that are not 32 bytes");
	return E_OK;
}

static enum err check_rsa(struct ctx *ctx, const struct vault_key *key)
{
	if (text_starts_with(key->kty, "RSA") && key->n && key->e)
		return E_OK;
	return fault_set(ctx, E_REFUSED, "WrongKeyType",
			 "is no RSA key. Make a new version of it that is one (az keyvault key "
			 "create --kty RSA --size 2048)");
}

static enum err check_use(struct ctx *ctx, const struct vault_key *key, enum vault_key_use use)
{
	return use == VAULT_KEY_SIGN ? check_p256(ctx, key) : check_rsa(ctx, key);
}

static enum err ensure(struct ctx *ctx, struct keyvault *vault, const char *name,
		       enum vault_key_use use, struct vault_key *out)
{
	enum err kind;

	fault_clear(ctx);
	kind = create_key(ctx, vault, name, use, out);
	if (kind == E_CONFLICT && !strcmp(ctx->fault.reason, "SoftDeleted"))
		kind = recover_key(ctx, vault, name);
	return kind == E_OK ? check_use(ctx, out, use) : kind;
}

enum err keyvault_key_ensure(struct ctx *ctx, struct keyvault *vault, const char *name,
			     enum vault_key_use use, struct vault_key *out)
{
	enum err kind = keyvault_key_get(ctx, vault, name, NULL, out);

	if (kind == E_OK)
		kind = check_use(ctx, out, use);
	else if (kind != E_NOTFOUND)
		return kind;
	else
		kind = ensure(ctx, vault, name, use, out);
	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "key %s", name);
}

static int newest_first(const void *a, const void *b)
{
	const struct key_version *left = a, *right = b;

	return (left->created < right->created) - (left->created > right->created);
}

static size_t add_versions(struct ctx *ctx, const struct json *page, struct key_version *versions,
			   size_t count)
{
	json_for_each (item, json_get(page, "value")) {
		const struct json *attributes = json_get(item, "attributes");
		const char *version = vault_id_version(ctx, json_get_text(item, "kid"));

		if (version && count < VERSIONS_MAX && json_get_bool(attributes, "enabled", true))
			versions[count++] = (struct key_version){
				version, json_get_int(attributes, "created", 0)};
	}
	return count;
}

static enum err list_versions(struct ctx *ctx, struct keyvault *vault, const char *name,
			      struct key_version *versions, size_t *count)
{
	struct vault_call call = {.kind = HTTP_READ, .method = "GET", .role = ROLE_USE};
	struct json *page;

	TRY(vault_check_name(ctx, name));
	call.path = arena_printf(ctx->arena, "/keys/%s/versions?maxresults=25", name);
	for (unsigned i = 0; call.path && *call.path; i++) {
		if (i == PAGES_MAX)
			return fault_set(ctx, E_REFUSED, "TooManyVersions",
					 "has more versions than can be read; disable old ones");
		TRY(vault_send(ctx, vault, &call, &page));
		if (!json_is_array(json_get(page, "value")))
			return vault_malformed(ctx, &call, "a list of versions");
		*count = add_versions(ctx, page, versions, *count);
		call.path = json_get_text(page, "nextLink");
		/* only an absolute one: "/..." would be taken for a path of ours */
		if (call.path && *call.path == '/')
			return vault_malformed(ctx, &call, "an absolute nextLink");
	}
	return E_OK;
}

enum err keyvault_key_versions(struct ctx *ctx, struct keyvault *vault, const char *name,
			       struct texts *versions)
{
	struct key_version *found = arena_new_array(ctx->arena, struct key_version, VERSIONS_MAX);
	size_t count = 0;
	enum err kind = list_versions(ctx, vault, name, found, &count);

	if (kind != E_OK)
		return fault_wrap(ctx, kind, "versions of key %s", name);
	qsort(found, count, sizeof(*found), newest_first);
	versions->items = arena_new_array(ctx->arena, const char *, count + 1);
	versions->count = count;
	for (size_t i = 0; i < count; i++)
		versions->items[i] = found[i].version;
	return E_OK;
}

static enum err sign(struct ctx *ctx, struct keyvault *vault, const char *name, const char *version,
		     const unsigned char *digest, unsigned char *signature)
{
	/* asking twice makes two signatures, which harms nobody */
	struct vault_call call = {.kind = HTTP_IDEMPOTENT, .method = "POST", .role = ROLE_USE};
	struct json *body = json_object(ctx), *reply;
	const char *value;
	struct bytes bytes;

	TRY(vault_check_name(ctx, name));
	TRY(vault_check_name(ctx, version));
	json_set_text(ctx, body, "alg", "ES256");
	json_set_text(ctx, body, "value", base64url_encode(ctx, digest, 32));
	call.body = body;
	call.path = arena_printf(ctx->arena, "/keys/%s/%s/sign", name, version);
	TRY(vault_send(ctx, vault, &call, &reply));
	value = json_get_text(reply, "value");
	if (!value || base64url_decode(ctx, value, &bytes) != E_OK || bytes.size != 64)
		return vault_malformed(ctx, &call, "a signature of 64 bytes");
	memcpy(signature, bytes.data, 64);
	return E_OK;
}

enum err keyvault_key_sign(struct ctx *ctx, struct keyvault *vault, const char *key_id,
			   const unsigned char digest[static 32],
			   unsigned char signature[static 64])
{
	/* the parts alone: a token never follows an id to another host */
	const char *name = vault_id_name(ctx, key_id), *version = vault_id_version(ctx, key_id);
	enum err kind;

	if (!name || !version)
		return fault_set(ctx, E_REFUSED, "InvalidVaultName",
				 "signing needs the id of a key with its version");
	kind = sign(ctx, vault, name, version, digest, signature);
	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "sign with key %s", name);
}

static enum err unwrap(struct ctx *ctx, struct keyvault *vault, const char *name,
		       const char *version, const struct bytes *wrapped, struct bytes *key)
{
	struct vault_call call = {.kind = HTTP_IDEMPOTENT, .method = "POST", .role = ROLE_USE};
	struct json *body = json_object(ctx), *reply;
	const char *value;

	TRY(vault_check_name(ctx, name));
	TRY(vault_check_name(ctx, version));
	json_set_text(ctx, body, "alg", "RSA-OAEP-256");
	json_set_text(ctx, body, "value", base64url_encode(ctx, wrapped->data, wrapped->size));
	call.body = body;
	call.path = arena_printf(ctx->arena, "/keys/%s/%s/unwrapkey", name, version);
	TRY(vault_send(ctx, vault, &call, &reply));
	value = json_get_text(reply, "value");
	if (!value || base64url_decode(ctx, value, key) != E_OK)
		return vault_malformed(ctx, &call, "an unwrapped key");
	arena_wipe_at_end(ctx->arena, key->data, key->size);
	return E_OK;
}

enum err keyvault_key_unwrap(struct ctx *ctx, struct keyvault *vault, const char *key_id,
			     const struct bytes *wrapped, struct bytes *key)
{
	const char *name = vault_id_name(ctx, key_id), *version = vault_id_version(ctx, key_id);
	enum err kind;

	if (!name || !version)
		return fault_set(ctx, E_REFUSED, "InvalidVaultName",
				 "unwrapping needs the id of a key with its version");
	kind = unwrap(ctx, vault, name, version, wrapped, key);
	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "unwrap with key %s", name);
}

static enum err signer_public_key(struct ctx *ctx, struct signer *signer, struct jwk *out)
{
	const struct vault_signer *self = (const struct vault_signer *)signer;

	TRY(check_p256(ctx, self->key));
	*out = (struct jwk){.x = self->key->x, .y = self->key->y};
	return E_OK;
}

static enum err signer_sign(struct ctx *ctx, struct signer *signer,
			    const unsigned char digest[static 32],
			    unsigned char signature[static 64])
{
	const struct vault_signer *self = (const struct vault_signer *)signer;

	return keyvault_key_sign(ctx, self->vault, self->key->id, digest, signature);
}

struct signer *keyvault_signer(struct ctx *ctx, struct keyvault *vault, const struct vault_key *key)
{
	struct vault_signer *signer = arena_new_one(ctx->arena, struct vault_signer);

	*signer = (struct vault_signer){
		.base = {.public_key = signer_public_key, .sign = signer_sign},
		.vault = vault,
		.key = key,
	};
	return &signer->base;
}
