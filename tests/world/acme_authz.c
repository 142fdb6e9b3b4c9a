#include "world/acme_state.h"

#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "world/dns_model.h"
#include "world/front.h"

#define AUTHZ_SECONDS  ((int64_t)7 * 86400)
#define VALID_SECONDS  ((int64_t)30 * 86400)
#define FILE_BYTES_MAX 128

struct acme_authz *acme_find_authz(const struct world *world, const char *id)
{
	struct acme_authz *authz;

	for (authz = world->acme->authzs; authz; authz = authz->next)
		if (text_equals(authz->id, id))
			return authz;
	return NULL;
}

static struct acme_authz *find_valid(struct world *world, const struct acme_account *account,
				     const char *name, bool is_wildcard)
{
	struct acme_authz *authz;

	for (authz = world->acme->authzs; authz; authz = authz->next)
		if (authz->account == account && authz->status == ACME_VALID &&
		    authz->is_wildcard == is_wildcard && text_equals(authz->name, name) &&
		    authz->expires > world_seconds(world) + 3600)
			return authz;
	return NULL;
}

struct acme_authz *acme_authz_for(struct world *world, struct acme_account *account,
				  const char *name)
{
	bool is_wildcard = text_starts_with(name, "*.");
	struct acme_authz *authz = NULL;
	struct ctx *ctx = &world->keep;
	unsigned char token[32];

	if (is_wildcard)
		name += 2;
	if (world->settings.reuse_authz)
		authz = find_valid(world, account, name, is_wildcard);
	if (authz)
		return authz;
	authz = arena_new_one(ctx->arena, struct acme_authz);
	acme_id(world, authz->id);
	world->doors->rng->fill(world->doors->rng, token, sizeof(token));
	(void)snprintf(authz->token, sizeof(authz->token), "%s",
		       base64url_encode(ctx, token, sizeof(token)));
	authz->account = account;
	authz->name = arena_strdup(ctx->arena, name);
	authz->is_wildcard = is_wildcard;
	authz->expires = world_seconds(world) + AUTHZ_SECONDS;
	authz->next = world->acme->authzs;
	world->acme->authzs = authz;
	return authz;
}

static void show_challenge(struct ctx *ctx, const struct world *world,
			   const struct acme_authz *authz, const char *type, struct json *out)
{
	bool is_ours = text_equals(type, "http-01");
	struct json *error = NULL;

	json_set_text(ctx, out, "type", type);
	json_set_text(ctx, out, "url",
		      is_ours ? acme_url(ctx, world, "chall", authz->id)
			      : arena_printf(ctx->arena, "%s-%s",
					     acme_url(ctx, world, "chall", authz->id), type));
	json_set_text(ctx, out, "status", acme_word(is_ours ? authz->challenge : ACME_PENDING));
	json_set_text(ctx, out, "token", authz->token);
	if (is_ours && authz->error &&
	    json_parse(ctx, authz->error, strlen(authz->error), &error) == E_OK)
		json_set(ctx, out, "error", error);
}

static void show_authz(struct world *world, struct call *call, const struct acme_authz *authz)
{
	static const char *const types[] = {"dns-01", "http-01", "tls-alpn-01"};
	struct ctx *ctx = call->ctx;
	struct json *reply = json_object(ctx), *identifier = json_object(ctx);
	struct json *challenges = json_array(ctx), *challenge;
	size_t i;

	json_set_text(ctx, identifier, "type", "dns");
	json_set_text(ctx, identifier, "value", authz->name);
	json_set(ctx, reply, "identifier", identifier);
	json_set_text(ctx, reply, "status", acme_word(authz->status));
	json_set(ctx, reply, "expires", acme_date(ctx, authz->expires));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		bool is_ours = text_equals(types[i], "http-01");

		/* A settled authorization shows only the challenge that settled it. */
		if ((authz->is_wildcard && i != 0) || (authz->status != ACME_PENDING && !is_ours))
			continue;
		challenge = json_object(ctx);
		show_challenge(ctx, world, authz, types[i], challenge);
		json_append(ctx, challenges, challenge);
	}
	json_set(ctx, reply, "challenges", challenges);
	if (authz->is_wildcard)
		json_set_bool(ctx, reply, "wildcard", true);
	call_json(call, 200, reply);
	if (authz->status == ACME_PENDING && world->settings.retry_after > 0)
		call_set_header(call, "Retry-After",
				arena_printf(ctx->arena, "%lld",
					     (long long)(world->settings.retry_after / 1000)));
}

void acme_authz_post(struct world *world, struct call *call, const struct acme_request *request,
		     struct acme_authz *authz)
{
	const char *status = json_get_text(request->payload, "status");

	if (request->payload && text_equals(status, "deactivated") &&
	    (authz->status == ACME_PENDING || authz->status == ACME_VALID))
		authz->status = ACME_DEACTIVATED;
	else if (request->payload && !text_equals(status, "deactivated")) {
		call_acme_problem(call, 400, "malformed",
				  "An authorization can be deactivated only.");
		return;
	}
	show_authz(world, call, authz);
}

void acme_challenge_post(struct world *world, struct call *call, const struct acme_request *request,
			 struct acme_authz *authz)
{
	struct json *reply = json_object(call->ctx);

	if (request->payload && authz->status == ACME_PENDING && authz->challenge == ACME_PENDING) {
		if (authz->expires <= world_seconds(world)) {
			call_acme_problem(call, 404, "malformed", "Expired authorization.");
			return;
		}
		authz->challenge = ACME_PROCESSING;
		authz->due = msec_add(world_mono(world), world->settings.order_time);
	}
	show_challenge(call->ctx, world, authz, "http-01", reply);
	call_json(call, 200, reply);
	call_set_header(call, "Link",
			arena_printf(call->ctx->arena, "<%s>;rel=\"up\"",
				     acme_url(call->ctx, world, "authz", authz->id)));
}

static void fail(struct world *world, struct acme_authz *authz, const char *type, int status,
		 const char *detail)
{
	struct ctx *ctx = &world->keep;
	struct json *problem = json_object(ctx);

	json_set_text(ctx, problem, "type",
		      arena_printf(ctx->arena, "urn:ietf:params:acme:error:%s", type));
	json_set_text(ctx, problem, "detail", detail);
	json_set_int(ctx, problem, "status", status);
	authz->error = json_print(ctx, problem);
	authz->status = ACME_INVALID;
	authz->challenge = ACME_INVALID;
}

/* What the CA sees when it fetches the file; the status, 0 when nobody answers. */
static int fetch(struct world *world, struct ctx *ctx, const struct acme_authz *authz,
		 const char **body)
{
	struct call call = {
		.ctx = ctx,
		.door = DOOR_GATEWAY,
		.method = "GET",
		.body = "",
		.reply = "",
		.target = arena_printf(ctx->arena, "/.well-known/acme-challenge/%s", authz->token),
	};
	if (!call_split(&call))
		return 0;
	front_get(world, &call, authz->name);
	*body = arena_strndup(ctx->arena, call.reply, call.reply_size);
	return call.end == CALL_WHOLE ? call.status : 0;
}

static void validate(struct world *world, struct ctx *ctx, struct acme_authz *authz)
{
	const char *trouble = NULL, *body = "";
	char *expected;
	size_t length;
	int status;

	if (!dns_model_allows(world, authz->name)) {
		fail(world, authz, "caa", 403, "CAA record prevents issuance");
		return;
	}
	if (!dns_model_leads_to_gateway(world, authz->name, &trouble)) {
		fail(world, authz, trouble ? "dns" : "connection", 400,
		     arena_printf(ctx->arena, "%s: %s", authz->name,
				  trouble ? trouble : "Fetching the file: Connection refused"));
		return;
	}
	status = fetch(world, ctx, authz, &body);
	if (status != 200) {
		fail(world, authz, status ? "unauthorized" : "connection", status ? 403 : 400,
		     arena_printf(
			     ctx->arena,
			     "Invalid response from http://%s/.well-known/acme-challenge/%s: %d",
			     authz->name, authz->token, status));
		return;
	}
	expected = arena_printf(ctx->arena, "%s.%s", authz->token, authz->account->thumbprint);
	length = strlen(body);
	while (length && strchr(" \t\r\n", body[length - 1]))
		length--;
	if (length >= FILE_BYTES_MAX || length != strlen(expected) ||
	    memcmp(body, expected, length) != 0) {
		fail(world, authz, "unauthorized", 403,
		     "The key authorization file from the server did not match this challenge.");
		return;
	}
	authz->status = ACME_VALID;
	authz->challenge = ACME_VALID;
	authz->expires = world_seconds(world) + VALID_SECONDS;
}

void acme_authz_tick(struct world *world, struct ctx *ctx)
{
	struct acme_authz *authz;

	for (authz = world->acme->authzs; authz; authz = authz->next)
		if (authz->challenge == ACME_PROCESSING && authz->status == ACME_PENDING &&
		    world_mono(world) >= authz->due)
			validate(world, ctx, authz);
}
