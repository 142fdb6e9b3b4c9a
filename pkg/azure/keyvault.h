/*
 * keyvault - Azure Key Vault's data plane: certificates whose keys are born there, and keys that
 * sign there.
 *
 * No secret value comes through here, and no private key but one that is being imported. Names are
 * those of the vault
 * ([0-9a-zA-Z-]{1,127}). create and merge are ONE_SHOT: no clear answer is E_CONFLICT, and the
 * caller reads pending or current before anything else.
 */
#pragma once

#include "codec/fields.h"
#include "http/http.h"
#include "pki/cert.h"
#include "pki/signer.h"

struct keyvault {
	struct http *http; /* with bearer */
	const char *base;  /* "https://vault.example", no trailing slash */
};

enum vault_key_type { VAULT_RSA_2048, VAULT_EC_P256 };

struct vault_certificate {
	const char *id;	       /* with version */
	const char *secret_id; /* "sid", with version */
	struct cert cert;
	struct text_map tags;
	bool is_enabled;
	bool has_pending; /* an operation, maybe one that has ended */
};

enum vault_operation_status {
	VAULT_IN_PROGRESS,
	VAULT_COMPLETED,
	VAULT_CANCELED,
	VAULT_FAILED,
	VAULT_STATUS_UNKNOWN,
};

struct vault_operation {
	enum vault_operation_status status;
	const char *request_id;
	bool is_foreign_issuer; /* issuer is not Unknown: not a CSR for us to merge */
	bool has_csr;
	struct csr csr;
	const char *error; /* the vault's words; NULL */
};

struct vault_certificate_request {
	const char *name;
	const char *const
		*hostnames; /* DNS names; the first becomes the CN when it has at most 64 octets */
	size_t hostname_count;
	enum vault_key_type key_type;
	const struct text_map *tags;
};

/* The current version. E_NOTFOUND: none; `out` is empty then, or tells of a first one that is
 * pending (has_pending, tags). */
enum err keyvault_certificate_get(struct ctx *ctx, struct keyvault *vault, const char *name,
				  struct vault_certificate *out);

/* ONE_SHOT. E_OK: `out` has the CSR. E_CONFLICT, reason PendingExists: somebody's (maybe our
 * own) is in progress; reason SoftDeleted: the name stands for a deleted one. Key: exportable,
 * software, application/x-pkcs12, never reused. */
enum err keyvault_certificate_create(struct ctx *ctx, struct keyvault *vault,
				     const struct vault_certificate_request *request,
				     struct vault_operation *out);

/* E_NOTFOUND: nothing pending. */
enum err keyvault_pending_get(struct ctx *ctx, struct keyvault *vault, const char *name,
			      struct vault_operation *out);
enum err keyvault_pending_delete(struct ctx *ctx, struct keyvault *vault, const char *name);

/* ONE_SHOT. E_REFUSED, reason KeyMismatch, when the leaf does not have the pending key. */
enum err keyvault_certificate_merge(struct ctx *ctx, struct keyvault *vault, const char *name,
				    const struct chain *chain, const struct text_map *tags,
				    struct vault_certificate *out);

/* ONE_SHOT. A certificate with its key becomes the current version; `pfx` is PKCS#12. The caller's
 * arena is to be a secret one. E_CONFLICT as for create. */
enum err keyvault_certificate_import(struct ctx *ctx, struct keyvault *vault, const char *name,
				     const struct bytes *pfx, const char *password,
				     const struct text_map *tags, struct vault_certificate *out);

/* A soft-deleted one; `cert` is empty when it never had a version. E_NOTFOUND: none, or its
 * deletion is under way. */
enum err keyvault_certificate_get_deleted(struct ctx *ctx, struct keyvault *vault, const char *name,
					  struct vault_certificate *out);
/* A soft-deleted one comes back; ready when keyvault_certificate_get finds it. */
enum err keyvault_certificate_recover(struct ctx *ctx, struct keyvault *vault, const char *name);

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
