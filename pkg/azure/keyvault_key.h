/*
 * keyvault_key - keys of a vault, which sign or unwrap there.
 */
#pragma once

#include "azure/keyvault.h"
#include "base/text.h"
#include "codec/base64.h"
#include "pki/signer.h"

struct vault_key {
	const char *id; /* with version */
	const char *version;
	const char *kty, *crv;
	const char *x, *y; /* EC */
	const char *n, *e; /* RSA */
};

/* `version` NULL: the newest. E_NOTFOUND. */
enum err keyvault_key_get(struct ctx *ctx, struct keyvault *vault, const char *name,
			  const char *version, struct vault_key *out);

enum vault_key_use {
	VAULT_KEY_SIGN, /* EC P-256: sign and verify */
	VAULT_KEY_WRAP, /* RSA 2048: wrap and unwrap */
};

/* Gets the key, recovers it when soft-deleted, makes it when there is none. E_REFUSED, reason
 * WrongKeyType, when what stands there is not for this use. */
enum err keyvault_key_ensure(struct ctx *ctx, struct keyvault *vault, const char *name,
			     enum vault_key_use use, struct vault_key *out);

/* RSA-OAEP-256. The key in the clear is wiped with ctx's arena. */
enum err keyvault_key_unwrap(struct ctx *ctx, struct keyvault *vault, const char *key_id,
			     const struct bytes *wrapped, struct bytes *key);

/* Enabled versions, newest first. */
enum err keyvault_key_versions(struct ctx *ctx, struct keyvault *vault, const char *name,
			       struct texts *versions);

/* ES256: R and S side by side. */
enum err keyvault_key_sign(struct ctx *ctx, struct keyvault *vault, const char *key_id,
			   const unsigned char digest[static 32],
			   unsigned char signature[static 64]);

/* A signer on this key; lives in ctx's arena, as the key and the vault must. */
struct signer *keyvault_signer(struct ctx *ctx, struct keyvault *vault,
			       const struct vault_key *key);
