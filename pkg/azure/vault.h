/*
 * vault - one call of Key Vault's data plane, shared by certificates and keys.
 */
#pragma once

#include "azure/keyvault.h"
#include "codec/fields.h"
#include "codec/json.h"

struct vault_call {
	enum http_kind kind;
	const char *method;
	const char *
		path; /* "/certificates/NAME/create", or an absolute URL of this vault (nextLink) */
	const struct json *body; /* NULL: none */
	const char *role;	 /* that permits it, for the advice */
};

/* E_OK: any 2xx; `reply` is the document, or NULL for an empty answer. 409 is E_CONFLICT with
 * reason PendingExists, SoftDeleted, Busy, or the vault's own code. Any unclear answer to a
 * ONE_SHOT is E_CONFLICT. */
enum err vault_send(struct ctx *ctx, struct keyvault *vault, const struct vault_call *call,
		    struct json **reply);

/* [0-9a-zA-Z-]{1,127}. E_REFUSED, reason InvalidVaultName. */
enum err vault_check_name(struct ctx *ctx, const char *name);

/* Certificates, keys and secrets are "<base>/<collection>/<name>/<version>". The parts, or NULL
 * when `id` has none. */
const char *vault_id_name(struct ctx *ctx, const char *id);
const char *vault_id_version(struct ctx *ctx, const char *id);

/* The answer has not the shape it must have: E_AGAIN, or E_CONFLICT behind a ONE_SHOT. */
enum err vault_malformed(struct ctx *ctx, const struct vault_call *call, const char *what);

struct json *vault_tags_to_json(struct ctx *ctx, const struct text_map *tags);
void vault_tags_read(struct ctx *ctx, const struct json *object, struct text_map *out);
