/*
 * vault - Key Vault's data plane: certificates, keys and secrets of world->vault.
 *
 * A certificate is one object with three faces: /certificates, /keys and /secrets. Versions are
 * kept newest first; the newest of a certificate may be pending and has no certificate yet.
 */
#pragma once

#include "world/model.h"

#define VAULT_RESOURCE	       "https://vault.azure.net"
#define VAULT_RECOVERABLE_DAYS 90
#define VAULT_PARTNER	       "partner-ca" /* an issuer that the vault itself asks; it never answers */

/* For owners_add. */
struct place *vault_new(struct world *world);
void vault_fini(struct world *world);

/* Any state; NULL when there is none. */
struct object *vault_find(const struct world *world, enum object_kind kind, const char *name);
struct object *vault_add(struct world *world, enum object_kind kind, const char *name);
/* On top of the others, enabled, with an id; the caller sets the rest. */
struct version *vault_add_version(struct world *world, struct object *object);

/* The newest that has what its kind is about; a pending certificate does not count. */
struct version *vault_current(const struct object *object);
/* By id, or the current one when `id` is "". */
struct version *vault_version(const struct object *object, const char *id);

/* What the gateway gets for a secret id, or NULL with why (one of Azure's words). */
struct version *vault_read_for_gateway(struct world *world, const char *secret_id,
				       const char **trouble);
/* Syntax of keyVaultSecretId: .../secrets/name[/version][/]. */
bool vault_is_secret_id(const char *text);
bool vault_id_has_version(const char *text);

/* False after 409, 404 or 403 was answered, for a new object or version of this name. */
bool vault_check_free(struct world *world, struct call *call, enum object_kind kind,
		      const char *name);
/* False after 429 was answered. */
bool vault_check_key_limit(struct world *world, struct call *call);
/* The live object, or NULL after 404 was answered. */
struct object *vault_need(struct world *world, struct call *call, enum object_kind kind,
			  const char *name);
/* The same for one of its versions ("": the current one). */
struct version *vault_need_version(struct call *call, const struct object *object, const char *id);

/* A key as the body or policy asks for it, or NULL after 400 was answered. */
EVP_PKEY *vault_make_key(struct world *world, struct call *call, const char *kty, int64_t bits,
			 const char *curve);

/* Bodies. */
struct json *vault_show_certificate(struct ctx *ctx, struct world *world,
				    const struct object *object, const struct version *version);
struct json *vault_show_operation(struct ctx *ctx, struct world *world,
				  const struct object *object);
struct json *vault_show_key(struct ctx *ctx, struct world *world, const struct object *object,
			    const struct version *version);
struct json *vault_show_secret(struct ctx *ctx, struct world *world, const struct object *object,
			       const struct version *version, bool with_value);
/* One of the three, and what DELETE adds to it. */
struct json *vault_show(struct ctx *ctx, struct world *world, const struct object *object,
			const struct version *version);
/* As it stands in the list of that collection, where a certificate's key and secret stand too. */
struct json *vault_show_item(struct ctx *ctx, struct world *world, const struct object *object,
			     const struct version *version, enum object_kind list);
void vault_show_deleted(struct ctx *ctx, struct world *world, const struct object *object,
			struct json *body);
char *vault_url(struct ctx *ctx, const struct world *world, const char *collection,
		const struct object *object, const struct version *version);
struct json *vault_attributes(struct ctx *ctx, const struct world *world,
			      const struct version *version);

/* attributes and tags of a request body into a version. */
void vault_take(struct world *world, struct version *version, const struct json *body);
/* The PFX or PEM that the certificate's secret holds. */
char *vault_secret_value(struct ctx *ctx, const struct version *version);
/* Fills key and certificates of a version from what an import or a secret carries. False:
 * unreadable. */
bool vault_take_bag(struct world *world, struct ctx *ctx, struct version *version,
		    const char *value, const char *password, bool is_pem);

/* vault_self.c: signs what was asked to be self-signed before this request. */
void vault_settle(struct world *world);
bool vault_is_self_signed(const struct pending *pending);

/* vault_rights.c: false after 403 was answered. */
bool vault_may(struct world *world, struct call *call);

/* Handlers; the collection and the name are there already. */
void vault_certificates(struct world *world, struct call *call, const char *name);
void vault_pending(struct world *world, struct call *call, const char *name);
void vault_keys(struct world *world, struct call *call, const char *name);
void vault_secrets(struct world *world, struct call *call, const char *name);
void vault_deleted(struct world *world, struct call *call, enum object_kind kind, const char *name);
void vault_delete(struct world *world, struct call *call, enum object_kind kind, const char *name);
void vault_list(struct world *world, struct call *call, enum object_kind kind, bool is_deleted);
void vault_list_versions(struct world *world, struct call *call, const struct object *object);
void vault_update(struct world *world, struct call *call, struct object *object, const char *id);

extern const char *const vault_collections[]; /* by enum object_kind */
