#include "world/vault.h"

#include <string.h>

#include "base/text.h"

static void create(struct world *world, struct call *call, const char *name)
{
	struct json *body = call_vault_body(call);
	struct version *version;
	struct object *object;
	EVP_PKEY *key;

	if (!body || !vault_check_free(world, call, OBJECT_KEY, name) ||
	    !vault_check_key_limit(world, call))
		return;
	key = vault_make_key(world, call, json_get_text(body, "kty"),
			     json_get_int(body, "key_size", 2048),
			     json_get_text(body, "crv") ? json_get_text(body, "crv") : "P-256");
	if (!key)
		return;
	object = vault_find(world, OBJECT_KEY, name);
	if (!object)
		object = vault_add(world, OBJECT_KEY, name);
	version = vault_add_version(world, object);
	version->key = key;
	version->key_ops = json_array(&world->keep);
	if (json_is_array(json_get(body, "key_ops"))) {
		version->key_ops = json_dup(&world->keep, json_get(body, "key_ops"));
	} else {
		static const char *const all[] = {"sign",      "verify",  "wrapKey",
						  "unwrapKey", "encrypt", "decrypt"};
		size_t i, count = EVP_PKEY_is_a(key, "RSA") ? ARRAY_SIZE(all) : 2;

		for (i = 0; i < count; i++)
			json_append(&world->keep, version->key_ops,
				    json_string(&world->keep, all[i]));
	}
	vault_take(world, version, body);
	call_json(call, 200, vault_show_key(call->ctx, world, object, version));
}

static bool allows(const struct version *version, const char *operation)
{
	json_for_each (item, version->key_ops)
		if (json_text(item) && text_equals_nocase(json_text(item), operation))
			return true;
	return false;
}

struct operands {
	const char *alg;
	struct bytes value, signature;
};

static bool perform(struct ctx *ctx, const char *operation, struct version *version,
		    const struct operands *in, struct bytes *out)
{
	if (text_equals(operation, "sign"))
		return crypto_sign_digest(ctx, version->key, in->alg, &in->value, out);
	if (text_equals(operation, "wrapkey") || text_equals(operation, "encrypt"))
		return crypto_encrypt(ctx, version->key, in->alg, &in->value, out);
	return crypto_decrypt(ctx, version->key, in->alg, &in->value, out);
}

static void operate(struct world *world, struct call *call, const struct object *object,
		    struct version *version, const char *operation)
{
	struct json *body = call_vault_body(call), *reply = json_object(call->ctx);
	const char *value = json_get_text(body, "value"), *signature = json_get_text(body, "value");
	bool is_verify = text_equals(operation, "verify");
	struct operands in = {.alg = json_get_text(body, "alg")};
	struct bytes out;

	if (!body)
		return;
	if (is_verify)
		value = json_get_text(body, "digest");
	if (!allows(version, operation)) {
		call_vault_error(call, 403, "Forbidden", "KeyOperationForbidden",
				 "Operation %s is not permitted on this key.", operation);
		return;
	}
	if (!in.alg || !value || !signature || base64url_decode(call->ctx, value, &in.value) ||
	    base64url_decode(call->ctx, signature, &in.signature)) {
		call_vault_error(call, 400, "BadParameter", NULL,
				 "Property alg, value or digest is missing or invalid.");
		return;
	}
	if (is_verify) {
		json_set_bool(call->ctx, reply, "value",
			      crypto_verify_digest(call->ctx, version->key, in.alg, &in.value,
						   &in.signature));
		call_json(call, 200, reply);
		return;
	}
	if (!perform(call->ctx, operation, version, &in, &out)) {
		call_vault_error(
			call, 400, "BadParameter", NULL,
			"Key and algorithm %s do not fit, or the value has a wrong length.",
			in.alg);
		return;
	}
	json_set_text(call->ctx, reply, "kid",
		      vault_url(call->ctx, world, "keys", object, version));
	json_set_text(call->ctx, reply, "value", base64url_encode(call->ctx, out.data, out.size));
	call_json(call, 200, reply);
}

static const char *operation_of(const struct call *call)
{
	static const char *const known[] = {"sign",	 "verify",  "wrapkey",
					    "unwrapkey", "encrypt", "decrypt"};
	const char *last = call_segment(call, call->segment_count - 1);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (call->segment_count >= 3 && text_equals_nocase(known[i], last))
			return known[i];
	return NULL;
}

static void use(struct world *world, struct call *call, const char *name)
{
	const char *operation = operation_of(call);
	struct object *object = vault_need(world, call, OBJECT_KEY, name);
	struct version *version;

	if (!object)
		return;
	if (call_is(call, "POST") && operation) {
		version = vault_need_version(call, object,
					     call->segment_count > 3 ? call_segment(call, 2) : "");
		if (version && !version->attributes.is_enabled)
			call_vault_error(call, 403, "Forbidden", "KeyDisabled",
					 "Operation %s is not allowed on a disabled key.",
					 operation);
		else if (version)
			operate(world, call, object, version, operation);
	} else if (call_is(call, "GET") && text_equals(call_segment(call, 2), "versions")) {
		vault_list_versions(world, call, object);
	} else if (call_is(call, "GET")) {
		version = vault_need_version(call, object, call_segment(call, 2));
		if (version)
			call_json(call, 200, vault_show_key(call->ctx, world, object, version));
	} else if (call_is(call, "PATCH") && object->kind == OBJECT_KEY) {
		vault_update(world, call, object, call_segment(call, 2));
	}
}

void vault_keys(struct world *world, struct call *call, const char *name)
{
	if (call_is(call, "POST") && text_equals(call_segment(call, 2), "create"))
		create(world, call, name);
	else if (call_is(call, "DELETE") && call->segment_count == 2)
		vault_delete(world, call, OBJECT_KEY, name);
	else
		use(world, call, name);
}
