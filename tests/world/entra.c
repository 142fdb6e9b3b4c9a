#include "world/rights.h"

#include <string.h>

#include "base/text.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static char *trimmed(struct ctx *ctx, const char *url)
{
	size_t length = strlen(url);

	while (length && url[length - 1] == '/')
		length--;
	return arena_strndup(ctx->arena, url, length);
}

/* "https://x/.default" -> "https://x"; the first scope counts. NULL when it is no `.default` scope.
 */
static char *resource_of_scope(struct ctx *ctx, const char *scope)
{
	static const char suffix[] = "/.default";
	size_t length = strcspn(scope, " ");

	if (length <= strlen(suffix) ||
	    strncmp(scope + length - strlen(suffix), suffix, strlen(suffix)) != 0)
		return NULL;
	return arena_strndup(ctx->arena, scope, length - strlen(suffix));
}

static bool is_known_resource(struct ctx *ctx, const struct world *world, const char *resource)
{
	const char *known[] = {
		world->options.arm_url,
		"https://management.azure.com",
		"https://management.core.windows.net",
		"https://vault.azure.net",
		"https://storage.azure.com",
	};
	const char *wanted = trimmed(ctx, resource);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (text_equals_nocase(known[i], wanted))
			return true;
	return false;
}

/* Signatures would be a third of the time of a simulation. */
static EVP_PKEY *token_key(const struct world *world)
{
	return world->settings.reuses_rsa_keys ? NULL : crypto_process_key();
}

char *entra_token(struct ctx *ctx, struct world *world, const struct principal *principal,
		  const char *audience)
{
	struct json *claims = json_object(ctx);
	int64_t now = world_seconds(world);

	json_set_text(ctx, claims, "aud", audience);
	json_set_text(
		ctx, claims, "iss",
		arena_printf(ctx->arena, "https://sts.windows.net/%s/", world->options.tenant));
	json_set_int(ctx, claims, "iat", now);
	json_set_int(ctx, claims, "nbf", now - 5);
	json_set_int(ctx, claims, "exp", now + world->settings.token_lifetime / MSEC_PER_SEC);
	json_set_text(ctx, claims, "appid", principal->client_id);
	json_set_text(ctx, claims, "oid", principal->object_id);
	json_set_text(ctx, claims, "tid", world->options.tenant);
	json_set_text(ctx, claims, "uti", world_guid(ctx, world));
	json_set_text(ctx, claims, "ver", "1.0");
	return crypto_jwt(ctx, token_key(world), claims);
}

static const struct principal *principal_of(const struct world *world, const struct json *claims)
{
	const char *client = json_get_text(claims, "appid");

	return client ? rights_by_client(world, client) : NULL;
}

bool entra_is_authorized(struct world *world, struct call *call, const char *const *audiences)
{
	const char *header = call_header(call, "Authorization"), *audience;
	int64_t now = world_seconds(world);
	struct json *claims;

	if (!header || strncasecmp(header, "Bearer ", 7) != 0)
		return false;
	claims = crypto_jwt_claims(call->ctx, token_key(world), header + 7, NULL);
	audience = json_get_text(claims, "aud");
	if (!audience || now >= json_get_int(claims, "exp", 0) ||
	    now < json_get_int(claims, "nbf", now))
		return false;
	while (*audiences && !text_equals_nocase(trimmed(call->ctx, audience), *audiences))
		audiences++;
	if (!*audiences || !principal_of(world, claims))
		return false;
	call->principal = principal_of(world, claims);
	call->by_other |= call->principal->kind == PRINCIPAL_OPERATOR;
	return true;
}

/* False after the error was answered. */
static bool authenticate(struct world *world, struct call *call, const struct principal *principal)
{
	const char *secret = call_form(call, "client_secret");
	const char *assertion = call_form(call, "client_assertion");

	if (secret) {
		if (text_equals(secret, principal->secret))
			return true;
		call_entra_error(call, 401, "invalid_client", 7000215,
				 "Invalid client secret provided.");
		return false;
	}
	if (assertion && text_equals(call_form(call, "client_assertion_type"), ASSERTION_TYPE))
		return entra_check_assertion(world, call, principal, assertion);
	call_entra_error(call, 401, "invalid_client", 7000216,
			 "'client_assertion' or 'client_secret' is required.");
	return false;
}

static void send_token(struct world *world, struct call *call, const struct principal *principal,
		       const char *audience)
{
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx);
	int64_t lifetime = world->settings.token_lifetime / MSEC_PER_SEC;

	json_set_text(ctx, reply, "token_type", "Bearer");
	json_set_int(ctx, reply, "expires_in", lifetime);
	json_set_int(ctx, reply, "ext_expires_in", lifetime);
	json_set_text(ctx, reply, "access_token", entra_token(ctx, world, principal, audience));
	call_json(call, 200, reply);
	call_set_header(call, "Cache-Control", "no-store, no-cache");
}

static void token_endpoint(struct world *world, struct call *call)
{
	const char *type = call_header(call, "Content-Type"), *scope, *resource;
	const char *client = call_form(call, "client_id");
	const struct principal *principal = client ? rights_by_client(world, client) : NULL;

	if (!type || strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0) {
		call_entra_error(call, 400, "invalid_request", 900144,
				 "The request body must be a form.");
		return;
	}
	if (!text_equals(call_form(call, "grant_type"), "client_credentials")) {
		call_entra_error(call, 400, "unsupported_grant_type", 70003,
				 "The grant type is not supported.");
		return;
	}
	if (!principal || principal->kind == PRINCIPAL_GATEWAY) {
		call_entra_error(call, 400, "unauthorized_client", 700016,
				 "Application was not found in the directory.");
		return;
	}
	if (!authenticate(world, call, principal))
		return;
	call->principal = principal;
	scope = call_form(call, "scope");
	resource = scope ? resource_of_scope(call->ctx, scope) : NULL;
	if (!resource) {
		call_entra_error(call, 400, "invalid_scope", 1002012,
				 "Client credential flows must have a scope ending in /.default.");
		return;
	}
	if (!is_known_resource(call->ctx, world, resource)) {
		call_entra_error(call, 400, "invalid_resource", 500011,
				 "The resource principal named %s was not found.", resource);
		return;
	}
	send_token(world, call, principal, resource);
}

static void openid_configuration(struct world *world, struct call *call)
{
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx);
	const char *base = arena_printf(ctx->arena, "%s/%s", world->options.authority_url,
					call_segment(call, 0));
	static const struct {
		const char *name, *path;
	} urls[] = {
		{"token_endpoint", "/oauth2/v2.0/token"},
		{"authorization_endpoint", "/oauth2/v2.0/authorize"},
		{"end_session_endpoint", "/oauth2/v2.0/logout"},
		{"device_authorization_endpoint", "/oauth2/v2.0/devicecode"},
		{"jwks_uri", "/discovery/v2.0/keys"},
		{"issuer", "/v2.0"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(urls); i++)
		json_set_text(ctx, reply, urls[i].name,
			      arena_printf(ctx->arena, "%s%s", base, urls[i].path));
	json_set_text(ctx, reply, "tenant_region_scope", "EU");
	json_set_text(ctx, reply, "cloud_instance_name", "microsoftonline.com");
	call_json(call, 200, reply);
}

static void signing_keys(struct call *call)
{
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx), *keys = json_array(ctx);
	struct json *jwk = crypto_jwk(ctx, crypto_process_key());

	json_set_text(ctx, jwk, "kid", "model");
	json_set_text(ctx, jwk, "use", "sig");
	json_append(ctx, keys, jwk);
	json_set(ctx, reply, "keys", keys);
	call_json(call, 200, reply);
}

void entra_handle(struct world *world, struct call *call)
{
	bool is_ours = call_segment_is(call, 0, world->options.tenant);

	if (!is_ours && call->segment_count > 1) {
		call_entra_error(call, 400, "invalid_request", 90002, "Tenant '%s' not found.",
				 call_segment(call, 0));
		return;
	}
	if (text_ends_with(call->path, "/.well-known/openid-configuration"))
		openid_configuration(world, call);
	else if (text_ends_with(call->path, "/discovery/v2.0/keys"))
		signing_keys(call);
	else if (!text_ends_with(call->path, "/oauth2/v2.0/token"))
		call_entra_error(call, 404, "invalid_request", 90014, "There is no such endpoint.");
	else if (!call_is(call, "POST"))
		call_entra_error(call, 405, "invalid_request", 900561,
				 "The endpoint only accepts POST requests.");
	else
		token_endpoint(world, call);
}
