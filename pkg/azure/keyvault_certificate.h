/*
 * keyvault_certificate - certificates of a vault, whose keys are born there: the current version,
 * the pending operation, what was deleted.
 *
 * create, merge and import are ONE_SHOT: no clear answer is E_CONFLICT, and the caller reads
 * pending or current before anything else.
 */
#pragma once

#include "azure/keyvault.h"
#include "codec/fields.h"
#include "pki/cert.h"

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
