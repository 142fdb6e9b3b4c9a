#include "world/vault.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

#define NAMES_MAX 100
#define TAGS_MAX  15

static void set_default(struct ctx *ctx, struct json *object, const char *member, const char *json)
{
	struct json *value = NULL;

	if (json_get(object, member))
		return;
	assert(json_parse(ctx, json, strlen(json), &value) == E_OK);
	json_set(ctx, object, member, value);
}

/* Fills in what the service fills in. Lasting memory. */
static struct json *complete_policy(struct world *world, const struct json *given)
{
	struct ctx *ctx = &world->keep;
	struct json *policy = json_dup(ctx, given), *keys, *x509;

	json_remove(policy, "id");
	set_default(ctx, policy, "issuer", "{\"name\":\"Unknown\"}");
	set_default(ctx, policy, "key_props", "{}");
	set_default(ctx, policy, "secret_props", "{\"contentType\":\"application/x-pkcs12\"}");
	set_default(ctx, policy, "x509_props", "{}");
	set_default(ctx, policy, "lifetime_actions",
		    "[{\"trigger\":{\"lifetime_percentage\":80},\"action\":{\"action_type\":"
		    "\"EmailContacts\"}}]");
	set_default(ctx, policy, "attributes", "{\"enabled\":true}");
	keys = json_get(policy, "key_props");
	set_default(ctx, keys, "exportable", "true");
	set_default(ctx, keys, "kty", "\"RSA\"");
	if (text_equals(json_get_text(keys, "kty"), "RSA"))
		set_default(ctx, keys, "key_size", "2048");
	set_default(ctx, keys, "reuse_key", "false");
	x509 = json_get(policy, "x509_props");
	set_default(ctx, x509, "key_usage", "[\"digitalSignature\",\"keyEncipherment\"]");
	set_default(ctx, x509, "ekus", "[\"1.3.6.1.5.5.7.3.1\",\"1.3.6.1.5.5.7.3.2\"]");
	set_default(ctx, x509, "validity_months", "12");
	return policy;
}

static const char **texts(struct ctx *ctx, const struct json *list, size_t *count)
{
	const char **items = arena_new_array(ctx->arena, const char *, NAMES_MAX);

	*count = 0;
	json_for_each (item, list)
		if (json_text(item) && *count < NAMES_MAX)
			items[(*count)++] = json_text(item);
	return items;
}

static bool check_policy(struct call *call, const struct json *policy)
{
	const struct json *x509 = json_get(policy, "x509_props");
	const char *subject = json_get_text(x509, "subject");
	const char *issuer = json_get_text(json_get(policy, "issuer"), "name");
	const char *type = json_get_text(json_get(policy, "secret_props"), "contentType");

	if ((!subject || !*subject) && json_size(json_path(x509, "sans.dns_names")) == 0) {
		call_vault_error(
			call, 400, "BadParameter", NULL,
			"Property policy.x509_props has invalid value: subject or sans must "
			"be given.");
		return false;
	}
	if (type && !text_equals(type, "application/x-pkcs12") &&
	    !text_equals(type, "application/x-pem-file")) {
		call_vault_error(call, 400, "BadParameter", NULL,
				 "Property policy.secret_props.contentType has invalid value.");
		return false;
	}
	if (issuer && !text_equals(issuer, "Unknown") && !text_equals(issuer, "Self") &&
	    !text_equals(issuer, VAULT_PARTNER)) {
		call_vault_error(call, 400, "BadParameter", NULL,
				 "The certificate issuer %s was not found.", issuer);
		return false;
	}
	return true;
}

static bool check_tags(struct call *call, const struct json *body)
{
	if (json_size(json_get(body, "tags")) <= TAGS_MAX)
		return true;
	call_vault_error(call, 400, "BadParameter", NULL, "At most %d tags are allowed.", TAGS_MAX);
	return false;
}

static bool check_not_pending(struct call *call, const struct object *object)
{
	if (!object || !object->pending || object->pending->state != PENDING_IN_PROGRESS)
		return true;
	call_vault_error(
		call, 409, "Forbidden", NULL,
		"A new key vault certificate can not be created or imported while a pending "
		"key vault certificate's status is inProgress.");
	return false;
}

void vault_take(struct world *world, struct version *version, const struct json *body)
{
	const struct json *attributes = json_get(body, "attributes");

	version->attributes.is_enabled = json_get_bool(attributes, "enabled",
						       version->attributes.is_enabled);
	version->attributes.nbf = json_get_int(attributes, "nbf", version->attributes.nbf);
	version->attributes.exp = json_get_int(attributes, "exp", version->attributes.exp);
	if (json_is_object(json_get(body, "tags")))
		version->tags = json_dup(&world->keep, json_get(body, "tags"));
}

static bool make_csr(struct world *world, const struct json *policy, EVP_PKEY *key,
		     struct bytes *csr)
{
	const struct json *x509 = json_get(policy, "x509_props");
	struct crypto_request request = {.subject = json_get_text(x509, "subject")};
	struct ctx *ctx = &world->keep;

	request.dns_names = texts(ctx, json_path(x509, "sans.dns_names"), &request.dns_name_count);
	request.key_usage = texts(ctx, json_get(x509, "key_usage"), &request.key_usage_count);
	request.ekus = texts(ctx, json_get(x509, "ekus"), &request.eku_count);
	return crypto_csr(ctx, key, &request, csr);
}

static EVP_PKEY *key_for(struct world *world, struct call *call, const struct object *object,
			 const struct json *policy)
{
	const struct json *props = json_get(policy, "key_props");
	struct version *current = object ? vault_current(object) : NULL;
	EVP_PKEY *key;

	if (json_get_bool(props, "reuse_key", false) && current) {
		EVP_PKEY_up_ref(current->key);
		return current->key;
	}
	key = vault_make_key(world, call, json_get_text(props, "kty"),
			     json_get_int(props, "key_size", 0), json_get_text(props, "crv"));
	return key;
}

static struct json *key_ops_for(struct world *world, EVP_PKEY *key)
{
	static const char *const rsa[] = {"sign",      "verify",  "wrapKey",
					  "unwrapKey", "encrypt", "decrypt"};
	struct json *list = json_array(&world->keep);
	size_t i, count = EVP_PKEY_is_a(key, "RSA") ? ARRAY_SIZE(rsa) : 2;

	for (i = 0; i < count; i++)
		json_append(&world->keep, list, json_string(&world->keep, rsa[i]));
	return list;
}

static void equip(struct world *world, struct version *version, EVP_PKEY *key,
		  const struct json *policy)
{
	version->key = key;
	version->policy = json_dup(&world->keep, policy);
	version->key_ops = key_ops_for(world, key);
	version->is_exportable = json_get_bool(json_get(policy, "key_props"), "exportable", true);
	version->content_type = json_get_text(json_path(version->policy, "secret_props"),
					      "contentType");
	if (!version->content_type)
		version->content_type = "application/x-pkcs12";
}

static void start_pending(struct world *world, struct object *object, EVP_PKEY *key,
			  struct bytes csr, const struct json *body)
{
	struct pending *pending = arena_new_one(world->keep.arena, struct pending);

	world_hex_id(world, pending->request_id);
	pending->csr = csr;
	pending->preserves_order = json_get_bool(body, "preserveCertOrder", false);
	pending->version = vault_add_version(world, object);
	equip(world, pending->version, key, object->policy);
	pending->version->attributes.is_enabled = false;
	vault_take(world, pending->version, body);
	pending->version->attributes.is_enabled = false;
	object->pending = pending;
}

static void create(struct world *world, struct call *call, const char *name)
{
	struct json *body = call_vault_body(call), *policy;
	struct object *object = vault_find(world, OBJECT_CERTIFICATE, name);
	struct bytes csr;
	EVP_PKEY *key;

	if (!body || !check_tags(call, body) ||
	    !vault_check_free(world, call, OBJECT_CERTIFICATE, name) ||
	    !check_not_pending(call, object))
		return;
	if (!json_is_object(json_get(body, "policy")) && !object) {
		call_vault_error(call, 400, "BadParameter", NULL,
				 "Property policy is required to create a certificate.");
		return;
	}
	policy = json_is_object(json_get(body, "policy"))
			 ? complete_policy(world, json_get(body, "policy"))
			 : object->policy;
	if (!check_policy(call, policy) || !vault_check_key_limit(world, call))
		return;
	key = key_for(world, call, object, policy);
	if (!key)
		return;
	if (!make_csr(world, policy, key, &csr)) {
		EVP_PKEY_free(key);
		call_vault_error(call, 400, "BadParameter", NULL,
				 "Property policy.x509_props has an invalid subject or name.");
		return;
	}
	if (!object)
		object = vault_add(world, OBJECT_CERTIFICATE, name);
	object->policy = policy;
	start_pending(world, object, key, csr, body);
	object->pending->by_other = call->by_other;
	call_json(call, 202, vault_show_operation(call->ctx, world, object));
	call_set_header(call, "Location",
			arena_printf(call->ctx->arena, "%s/pending?api-version=%s&request_id=%s",
				     vault_url(call->ctx, world, "certificates", object, NULL),
				     call_query(call, "api-version"), object->pending->request_id));
}

bool vault_take_bag(struct world *world, struct ctx *ctx, struct version *version,
		    const char *value, const char *password, bool is_pem)
{
	struct crypto_bag bag;
	struct bytes pfx;

	(void)world;
	if (is_pem ? !crypto_parse_pem(value, &bag)
		   : base64_decode(ctx, value, &pfx) != E_OK ||
			     !crypto_parse_pfx(&pfx, password ? password : "", &bag))
		return false;
	if (X509_check_private_key(bag.certs[0], bag.key) != 1 || !crypto_has_jwk(bag.key)) {
		crypto_bag_free(&bag);
		return false;
	}
	version->key = bag.key;
	memcpy(version->certs, bag.certs, sizeof(bag.certs));
	version->cert_count = bag.cert_count;
	version->attributes.nbf = crypto_not_before(bag.certs[0]);
	version->attributes.exp = crypto_not_after(bag.certs[0]);
	return true;
}

/* What the service works out from an imported certificate where the policy is silent. */
static struct json *import_policy(struct world *world, const struct json *body,
				  const struct version *parsed, bool is_pem)
{
	struct ctx *ctx = &world->keep;
	const struct json *given = json_get(body, "policy");
	struct json *policy = json_is_object(given) ? json_dup(ctx, given) : json_object(ctx);
	struct json *keys, *secret, *x509, *sans, *names = json_array(ctx);
	char **found;
	size_t count, i;

	set_default(ctx, policy, "key_props", "{}");
	keys = json_get(policy, "key_props");
	json_for_each (member, crypto_jwk(ctx, parsed->key))
		if (text_equals(json_name(member), "kty") || text_equals(json_name(member), "crv"))
			json_set(ctx, keys, json_name(member), json_dup(ctx, member));
	if (EVP_PKEY_is_a(parsed->key, "RSA"))
		json_set_int(ctx, keys, "key_size", EVP_PKEY_get_bits(parsed->key));
	secret = json_object(ctx);
	json_set_text(ctx, secret, "contentType",
		      is_pem ? "application/x-pem-file" : "application/x-pkcs12");
	json_set(ctx, policy, "secret_props", secret);
	set_default(ctx, policy, "x509_props", "{}");
	x509 = json_get(policy, "x509_props");
	found = crypto_cert_names(ctx, parsed->certs[0], &count);
	for (i = 0; i < count; i++)
		json_append(ctx, names, json_string(ctx, found[i]));
	sans = json_object(ctx);
	json_set(ctx, sans, "dns_names", names);
	json_set(ctx, x509, "sans", sans);
	return complete_policy(world, policy);
}

static void import(struct world *world, struct call *call, const char *name)
{
	struct json *body = call_vault_body(call);
	struct object *object = vault_find(world, OBJECT_CERTIFICATE, name);
	const char *value = json_get_text(body, "value");
	const char *type = json_get_text(json_path(body, "policy.secret_props"), "contentType");
	/* The official client for JavaScript sends no policy with PEM: then the value itself tells.
	 */
	bool is_pem = type ? text_equals(type, "application/x-pem-file")
			   : value && strstr(value, "-----BEGIN ") != NULL;
	struct bytes text;
	struct version parsed = {0}, *version, *older;

	if (!body || !check_tags(call, body) ||
	    !vault_check_free(world, call, OBJECT_CERTIFICATE, name) ||
	    !check_not_pending(call, object))
		return;
	/* PEM goes as it is, or in base64, as az sends it. */
	if (is_pem && value && !strstr(value, "-----BEGIN ") &&
	    base64_decode(call->ctx, value, &text) == E_OK)
		value = arena_strndup(call->ctx->arena, (const char *)text.data, text.size);
	if (!value ||
	    !vault_take_bag(world, call->ctx, &parsed, value, json_get_text(body, "pwd"), is_pem)) {
		call_vault_error(
			call, 400, "BadParameter", NULL,
			"The specified %s X.509 certificate content can not be read. Please "
			"check if certificate is in valid %s format.",
			is_pem ? "PEM" : "PKCS#12", is_pem ? "PEM" : "PKCS#12");
		return;
	}
	if (!object)
		object = vault_add(world, OBJECT_CERTIFICATE, name);
	object->policy = import_policy(world, body, &parsed, is_pem);
	object->pending = NULL;
	version = vault_add_version(world, object);
	older = version->older;
	memcpy(parsed.id, version->id, sizeof(parsed.id));
	parsed.attributes.is_enabled = true;
	parsed.attributes.created = version->attributes.created;
	parsed.attributes.updated = version->attributes.updated;
	*version = parsed;
	version->older = older;
	equip(world, version, parsed.key, object->policy);
	vault_take(world, version, body);
	call_json(call, 200, vault_show_certificate(call->ctx, world, object, version));
}

void vault_update(struct world *world, struct call *call, struct object *object, const char *id)
{
	struct json *body = call_vault_body(call);
	struct version *version = body ? vault_need_version(call, object, id) : NULL;

	if (!version || !check_tags(call, body))
		return;
	vault_take(world, version, body);
	if (json_is_array(json_get(body, "key_ops")))
		version->key_ops = json_dup(&world->keep, json_get(body, "key_ops"));
	version->attributes.updated = world_seconds(world);
	call_json(call, 200, vault_show(call->ctx, world, object, version));
}

static void policy(struct world *world, struct call *call, struct object *object)
{
	struct json *body, *merged;

	if (call_is(call, "PATCH")) {
		body = call_vault_body(call);
		if (!body)
			return;
		merged = json_dup(&world->keep, object->policy);
		json_for_each (member, body)
			json_set(&world->keep, merged, json_name(member),
				 json_dup(&world->keep, member));
		object->policy = merged;
	} else if (!call_is(call, "GET")) {
		return;
	}
	merged = json_dup(call->ctx, object->policy);
	json_set_text(call->ctx, merged, "id",
		      arena_printf(call->ctx->arena, "%s/policy",
				   vault_url(call->ctx, world, "certificates", object, NULL)));
	call_json(call, 200, merged);
}

static void one_version(struct world *world, struct call *call, struct object *object,
			const char *id)
{
	struct version *version;

	if (call_is(call, "PATCH")) {
		vault_update(world, call, object, id);
	} else if (call_is(call, "GET")) {
		version = vault_need_version(call, object, id);
		if (version)
			call_json(call, 200,
				  vault_show_certificate(call->ctx, world, object, version));
	}
}

void vault_certificates(struct world *world, struct call *call, const char *name)
{
	const char *third = call_segment(call, 2);
	struct object *object;

	if (call_is(call, "POST") && text_equals(third, "create")) {
		create(world, call, name);
	} else if (call_is(call, "POST") && text_equals(third, "import")) {
		import(world, call, name);
	} else if (text_equals(third, "pending")) {
		vault_pending(world, call, name);
	} else if (call_is(call, "DELETE") && !*third) {
		vault_delete(world, call, OBJECT_CERTIFICATE, name);
	} else {
		object = vault_need(world, call, OBJECT_CERTIFICATE, name);
		if (object && text_equals(third, "policy"))
			policy(world, call, object);
		else if (object && text_equals(third, "versions") && call_is(call, "GET"))
			vault_list_versions(world, call, object);
		else if (object)
			one_version(world, call, object, third);
	}
}
