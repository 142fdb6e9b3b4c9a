#include "world/vault.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

char *vault_url(struct ctx *ctx, const struct world *world, const char *collection,
		const struct object *object, const struct version *version)
{
	return arena_printf(ctx->arena, "%s/%s/%s%s%s", world->vault->place.where, collection,
			    object->name, version ? "/" : "", version ? version->id : "");
}

struct json *vault_attributes(struct ctx *ctx, const struct world *world,
			      const struct version *version)
{
	const struct attributes *attributes = &version->attributes;
	struct json *json = json_object(ctx);

	json_set_bool(ctx, json, "enabled", attributes->is_enabled);
	if (attributes->nbf)
		json_set_int(ctx, json, "nbf", attributes->nbf);
	if (attributes->exp)
		json_set_int(ctx, json, "exp", attributes->exp);
	json_set_int(ctx, json, "created", attributes->created);
	json_set_int(ctx, json, "updated", attributes->updated);
	json_set_text(ctx, json, "recoveryLevel",
		      world->settings.purge_is_protected ? "Recoverable" : "Recoverable+Purgeable");
	json_set_int(ctx, json, "recoverableDays", VAULT_RECOVERABLE_DAYS);
	return json;
}

static void show_common(struct ctx *ctx, struct world *world, const struct version *version,
			struct json *body)
{
	json_set(ctx, body, "attributes", vault_attributes(ctx, world, version));
	if (version->tags)
		json_set(ctx, body, "tags", json_dup(ctx, version->tags));
}

static void show_policy(struct ctx *ctx, struct world *world, const struct object *object,
			struct json *body)
{
	struct json *policy = json_dup(ctx, object->policy);

	json_set_text(ctx, policy, "id",
		      arena_printf(ctx->arena, "%s/policy",
				   vault_url(ctx, world, "certificates", object, NULL)));
	json_set(ctx, body, "policy", policy);
}

static void show_cert(struct ctx *ctx, const struct version *version, struct json *body,
		      bool as_item)
{
	struct bytes der;

	json_set_text(ctx, body, "x5t", crypto_x5t(ctx, version->certs[0]));
	if (as_item)
		return;
	der = crypto_cert_der(ctx, version->certs[0]);
	json_set_text(ctx, body, "cer", base64_encode(ctx, der.data, der.size));
}

struct json *vault_show_certificate(struct ctx *ctx, struct world *world,
				    const struct object *object, const struct version *version)
{
	struct json *body = json_object(ctx), *pending;

	json_set_text(ctx, body, "id", vault_url(ctx, world, "certificates", object, version));
	json_set_text(ctx, body, "kid", vault_url(ctx, world, "keys", object, version));
	if (version->cert_count) {
		json_set_text(ctx, body, "sid", vault_url(ctx, world, "secrets", object, version));
		show_cert(ctx, version, body, false);
		json_set_text(ctx, body, "contentType", version->content_type);
	}
	show_common(ctx, world, version, body);
	show_policy(ctx, world, object, body);
	if (!object->pending)
		return body;
	pending = json_object(ctx);
	json_set_text(ctx, pending, "id",
		      arena_printf(ctx->arena, "%s/pending",
				   vault_url(ctx, world, "certificates", object, NULL)));
	json_set(ctx, body, "pending", pending);
	return body;
}

struct json *vault_show_operation(struct ctx *ctx, struct world *world, const struct object *object)
{
	static const char *const words[] = {"inProgress", "completed", "canceled", "failed"};
	const struct pending *pending = object->pending;
	const char *url = vault_url(ctx, world, "certificates", object, NULL);
	struct json *body = json_object(ctx), *issuer;

	json_set_text(ctx, body, "id", arena_printf(ctx->arena, "%s/pending", url));
	issuer = json_dup(ctx, json_get(pending->version->policy, "issuer"));
	json_set(ctx, body, "issuer", issuer);
	json_set_text(ctx, body, "csr", base64_encode(ctx, pending->csr.data, pending->csr.size));
	json_set_bool(ctx, body, "cancellation_requested", pending->is_cancellation_requested);
	json_set_text(ctx, body, "status", words[pending->state]);
	if (pending->state == PENDING_IN_PROGRESS)
		json_set_text(ctx, body, "status_details",
			      vault_is_self_signed(pending)
				      ? "Pending certificate created. Certificate request is in "
					"progress. This may take some time based on the issuer "
					"provider. Please check again later."
				      : "Pending certificate created. Please Perform Merge to "
					"complete the request.");
	if (pending->state == PENDING_COMPLETED)
		json_set_text(ctx, body, "target", url);
	json_set_text(ctx, body, "request_id", pending->request_id);
	json_set_bool(ctx, body, "preserveCertOrder", pending->preserves_order);
	return body;
}

struct json *vault_show_key(struct ctx *ctx, struct world *world, const struct object *object,
			    const struct version *version)
{
	struct json *body = json_object(ctx), *key = json_object(ctx);

	json_set_text(ctx, key, "kid", vault_url(ctx, world, "keys", object, version));
	json_for_each (member, crypto_jwk(ctx, version->key))
		json_set(ctx, key, json_name(member), json_dup(ctx, member));
	json_set(ctx, key, "key_ops", json_dup(ctx, version->key_ops));
	json_set(ctx, body, "key", key);
	show_common(ctx, world, version, body);
	if (object->kind == OBJECT_CERTIFICATE)
		json_set_bool(ctx, body, "managed", true);
	return body;
}

char *vault_secret_value(struct ctx *ctx, const struct version *version)
{
	struct bytes pfx;
	char *text;
	size_t i;

	if (version->value)
		return arena_strdup(ctx->arena, version->value);
	if (!text_equals(version->content_type, "application/x-pem-file")) {
		assert(crypto_pfx(ctx, version->key, version->certs, version->cert_count, "",
				  &pfx));
		return base64_encode(ctx, pfx.data, pfx.size);
	}
	text = crypto_key_pem(ctx, version->key);
	for (i = 0; i < version->cert_count; i++)
		text = arena_printf(ctx->arena, "%s%s", text,
				    crypto_cert_pem(ctx, version->certs[i]));
	return text;
}

struct json *vault_show_secret(struct ctx *ctx, struct world *world, const struct object *object,
			       const struct version *version, bool with_value)
{
	struct json *body = json_object(ctx);

	json_set_text(ctx, body, "id", vault_url(ctx, world, "secrets", object, version));
	if (with_value)
		json_set_text(ctx, body, "value", vault_secret_value(ctx, version));
	if (version->content_type)
		json_set_text(ctx, body, "contentType", version->content_type);
	show_common(ctx, world, version, body);
	if (object->kind == OBJECT_CERTIFICATE) {
		json_set_bool(ctx, body, "managed", true);
		json_set_text(ctx, body, "kid", vault_url(ctx, world, "keys", object, version));
	}
	return body;
}

/* List items are short: no policy, no value; the id has no version there. */
struct json *vault_show_item(struct ctx *ctx, struct world *world, const struct object *object,
			     const struct version *version, enum object_kind list)
{
	struct json *body = json_object(ctx);

	json_set_text(ctx, body, list == OBJECT_KEY ? "kid" : "id",
		      vault_url(ctx, world, vault_collections[list], object, NULL));
	if (list == OBJECT_CERTIFICATE && version->cert_count)
		show_cert(ctx, version, body, true);
	if (list == OBJECT_SECRET && version->content_type)
		json_set_text(ctx, body, "contentType", version->content_type);
	show_common(ctx, world, version, body);
	if (object->kind == OBJECT_CERTIFICATE && list != OBJECT_CERTIFICATE)
		json_set_bool(ctx, body, "managed", true);
	return body;
}

struct json *vault_show(struct ctx *ctx, struct world *world, const struct object *object,
			const struct version *version)
{
	switch (object->kind) {
	case OBJECT_CERTIFICATE: return vault_show_certificate(ctx, world, object, version);
	case OBJECT_KEY: return vault_show_key(ctx, world, object, version);
	case OBJECT_SECRET: break;
	}
	return vault_show_secret(ctx, world, object, version, false);
}

void vault_show_deleted(struct ctx *ctx, struct world *world, const struct object *object,
			struct json *body)
{
	json_set_text(ctx, body, "recoveryId",
		      arena_printf(ctx->arena, "%s/deleted%s/%s", world->vault->place.where,
				   vault_collections[object->kind], object->name));
	json_set_int(ctx, body, "deletedDate", object->deleted_at);
	json_set_int(ctx, body, "scheduledPurgeDate",
		     object->deleted_at + (int64_t)VAULT_RECOVERABLE_DAYS * 86400);
}
