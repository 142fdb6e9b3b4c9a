/* Certificates of the gateway: uploaded ones, and those that it reads from the vault. */
#include "world/gateway.h"

#include <string.h>

#include "base/text.h"
#include "world/vault.h"

#define PFX_BYTES_MAX ((size_t)16 * 1024)

struct upload *gateway_upload(const struct world *world, const char *name)
{
	struct upload *upload;

	for (upload = world->gateway->uploads; upload; upload = upload->next)
		if (text_equals_nocase(upload->name, name))
			return upload;
	return NULL;
}

struct binding *gateway_binding(const struct world *world, const char *entry)
{
	struct binding *binding;

	for (binding = world->gateway->bindings; binding; binding = binding->next)
		if (text_equals_nocase(binding->entry, entry))
			return binding;
	return NULL;
}

static bool refuse(struct call *call, const char *code, const char *text, const struct json *entry)
{
	call_arm_error(call, 400, code, "%s %s.", text, json_get_text(entry, "id"));
	return false;
}

static bool parse_upload(struct ctx *ctx, const struct json *properties, struct crypto_bag *bag)
{
	const char *password = json_get_text(properties, "password");
	struct bytes pfx;

	return base64_decode(ctx, json_get_text(properties, "data"), &pfx) == E_OK &&
	       pfx.size <= PFX_BYTES_MAX && crypto_parse_pfx(&pfx, password ? password : "", bag);
}

static bool check_upload(struct world *world, struct call *call, const struct json *entry,
			 const struct json *sent)
{
	struct crypto_bag bag;

	(void)world;
	if (!parse_upload(call->ctx, json_get(sent, "properties"), &bag))
		return refuse(
			call, "ApplicationGatewaySslCertificateInvalidData",
			"Data for certificate is invalid, its password is wrong or it is over "
			"16 KB:",
			entry);
	crypto_bag_free(&bag);
	return true;
}

static bool check_entry(struct world *world, struct call *call, const struct json *entry,
			const struct json *sent)
{
	const char *secret = json_get_text(json_get(entry, "properties"), "keyVaultSecretId");
	const char *data = json_get_text(json_get(sent, "properties"), "data");

	if (secret && data)
		return refuse(
			call, "ApplicationGatewaySslCertificateDataAndKeyVaultSecretId",
			"Data and KeyVaultSecretId must not both be specified for Certificate",
			entry);
	if (data)
		return check_upload(world, call, entry, sent);
	if (!secret && !gateway_upload(world, json_get_text(entry, "name")))
		return refuse(call, "ApplicationGatewaySslCertificateDataMustBeSpecified",
			      "Either Data or KeyVaultSecretId must be specified for Certificate",
			      entry);
	if (!secret || vault_is_secret_id(secret))
		return true;
	call_arm_error(
		call, 400, "ApplicationGatewayKeyVaultSecretIdInvalid",
		"SecretId '%s' specified in '%s' is invalid: it doesn't properly reference a "
		"secret.",
		secret, json_get_text(entry, "id"));
	return false;
}

static bool check_identity(struct world *world, struct call *call, const struct json *document,
			   bool needs_identity)
{
	const struct json *identity = json_get(document, "identity");
	const struct json *users = json_get(identity, "userAssignedIdentities");
	const char *type = json_get_text(identity, "type");

	json_for_each (user, users) {
		if (text_equals_nocase(json_name(user), world->gateway->identity_id))
			continue;
		call_arm_error(
			call, 403, "LinkedAuthorizationFailed",
			"The client has permission to perform action "
			"'Microsoft.Network/applicationGateways/write' on scope '%s', however the "
			"linked scope '%s' was not found or may not be assigned.",
			world->gateway->id, json_name(user));
		return false;
	}
	if (!needs_identity)
		return true;
	if (json_size(users) > 0 && type && text_equals_nocase(type, "UserAssigned"))
		return true;
	call_arm_error(call, 400, "ApplicationGatewayKeyVaultSecretRequiresUserAssignedIdentity",
		       "Application Gateway %s references Key Vault secrets and must have a user "
		       "assigned identity.",
		       world->gateway->id);
	return false;
}

bool gateway_check_certificates(struct world *world, struct call *call, const struct json *document,
				const struct json *body)
{
	bool needs_identity = false;

	json_for_each (entry, gateway_list(document, "sslCertificates")) {
		const char *name = json_get_text(entry, "name");

		if (!check_entry(world, call, entry, gateway_child(body, "sslCertificates", name)))
			return false;
		if (json_get_text(json_get(entry, "properties"), "keyVaultSecretId"))
			needs_identity = true;
	}
	return check_identity(world, call, document, needs_identity);
}

void gateway_take_uploads(struct world *world, struct ctx *ctx, const struct json *body)
{
	struct upload *upload;
	struct crypto_bag bag;

	json_for_each (entry, gateway_list(body, "sslCertificates")) {
		const char *name = json_get_text(entry, "name");

		if (!json_get_text(json_get(entry, "properties"), "data") ||
		    !parse_upload(ctx, json_get(entry, "properties"), &bag))
			continue;
		upload = gateway_upload(world, name);
		if (!upload) {
			upload = arena_new_one(world->keep.arena, struct upload);
			upload->name = arena_strdup(world->keep.arena, name);
			upload->next = world->gateway->uploads;
			world->gateway->uploads = upload;
		}
		crypto_bag_free(&upload->bag);
		upload->bag = bag;
	}
}

static size_t trimmed(const char *id)
{
	size_t length = strlen(id);

	while (length && id[length - 1] == '/')
		length--;
	return length;
}

/* The same secret for the gateway, however it is spelled: then it does not look for a newer
 * version. */
static bool same_secret(const char *a, const char *b)
{
	return trimmed(a) == trimmed(b) && strncasecmp(a, b, trimmed(a)) == 0;
}

static const char *describe(struct world *world, const char *entry, const char *trouble)
{
	struct ctx *ctx = &world->keep;
	struct json *error = json_object(ctx), *details = json_array(ctx),
		    *detail = json_object(ctx);

	json_set_text(ctx, error, "code", "ApplicationGatewayKeyVaultSecretException");
	json_set_text(ctx, error, "message",
		      "Problem occured while accessing and validating KeyVault Secrets associated "
		      "with Application Gateway. See details below:");
	json_set_text(ctx, detail, "code", "ApplicationGatewayKeyVaultSecretAccessDenied");
	json_set_text(
		ctx, detail, "message",
		arena_printf(
			ctx->arena,
			"Access denied for KeyVault Secret of certificate '%s/sslCertificates/%s' "
			"(%s). Make sure that the identity assigned to the gateway has access "
			"to the secret.",
			world->gateway->id, entry, trouble));
	json_append(ctx, details, detail);
	json_set(ctx, error, "details", details);
	return json_print(ctx, error);
}

static const char *bind_entry(struct world *world, const char *entry, const char *secret_id,
			      bool looks)
{
	struct binding *binding = gateway_binding(world, entry);
	const char *trouble = NULL;
	struct version *version = vault_read_for_gateway(world, secret_id, &trouble);

	if (!version)
		return describe(world, entry, trouble);
	if (!binding) {
		binding = arena_new_one(world->keep.arena, struct binding);
		binding->entry = arena_strdup(world->keep.arena, entry);
		binding->next = world->gateway->bindings;
		world->gateway->bindings = binding;
	}
	if (looks || !binding->version || !binding->is_current ||
	    !same_secret(binding->secret_id, secret_id))
		binding->version = version;
	binding->secret_id = arena_strdup(world->keep.arena, secret_id);
	binding->trouble = NULL;
	binding->is_current = true;
	return NULL;
}

const char *gateway_bind(struct world *world, const struct json *document, bool looks)
{
	struct binding *binding;
	const char *error;

	json_for_each (entry, gateway_list(document, "sslCertificates")) {
		const char *id = json_get_text(json_get(entry, "properties"), "keyVaultSecretId");

		error = id ? bind_entry(world, json_get_text(entry, "name"), id, looks) : NULL;
		if (error)
			return error;
	}
	for (binding = world->gateway->bindings; binding; binding = binding->next)
		if (!gateway_child(document, "sslCertificates", binding->entry))
			binding->is_current = false;
	return NULL;
}

bool gateway_poll_vault(struct world *world)
{
	struct binding *binding;
	bool is_changed = false;

	for (binding = world->gateway->bindings; binding; binding = binding->next) {
		const char *trouble = NULL;
		struct version *version;

		if (!binding->is_current)
			continue;
		version = vault_read_for_gateway(world, binding->secret_id, &trouble);
		if ((version != NULL) != (binding->trouble == NULL) ||
		    (version && version != binding->version))
			is_changed = true;
		binding->trouble = trouble;
		if (version)
			binding->version = version;
	}
	return is_changed;
}
