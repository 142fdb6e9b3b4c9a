/* RFC 8555 6: requests are JWS with a fresh nonce, the exact URL, and a key or an account. */
#include "world/acme_state.h"

#include <string.h>

#include "base/text.h"

void acme_fresh_nonce(struct world *world, struct call *call)
{
	struct acme *acme = world->acme;
	char *slot = acme->nonces[acme->nonce_count++ % ACME_NONCES];

	acme_id(world, slot);
	call_set_header(call, "Replay-Nonce", slot);
	call_set_header(call, "Cache-Control", "no-store");
}

/* A nonce is good once. */
static bool spend_nonce(struct world *world, const char *nonce)
{
	struct acme *acme = world->acme;
	int64_t every = world->settings.bad_nonce_every;
	size_t i;

	acme->posts++;
	if (!nonce || !*nonce)
		return false;
	for (i = 0; i < ACME_NONCES; i++) {
		if (!text_equals(acme->nonces[i], nonce))
			continue;
		acme->nonces[i][0] = '\0';
		return !every || acme->posts % every != 0;
	}
	return false;
}

static struct json *decode(struct ctx *ctx, const char *text)
{
	struct json *json = NULL;
	struct bytes bytes;

	if (!text || base64url_decode(ctx, text, &bytes) != E_OK ||
	    json_parse(ctx, (const char *)bytes.data, bytes.size, &json) != E_OK)
		return NULL;
	return json;
}

static struct acme_account *account_by_kid(const struct world *world, struct ctx *ctx,
					   const char *kid)
{
	struct acme_account *account;

	for (account = world->acme->accounts; account; account = account->next)
		if (text_equals(acme_url(ctx, world, "account", account->id), kid))
			return account;
	return NULL;
}

struct acme_account *acme_account_by_jwk(const struct world *world, struct ctx *ctx,
					 const struct json *jwk)
{
	const char *thumbprint = crypto_thumbprint(ctx, jwk);
	struct acme_account *account;

	for (account = world->acme->accounts; account; account = account->next)
		if (text_equals(account->thumbprint, thumbprint))
			return account;
	return NULL;
}

static bool is_signed_by(struct call *call, EVP_PKEY *key, const char *alg, const struct json *body)
{
	const char *protected = json_get_text(body, "protected");
	const char *payload = json_get_text(body, "payload");
	struct bytes digest = {arena_alloc(call->ctx->arena, 32), 32}, signature;
	char *input = arena_printf(call->ctx->arena, "%s.%s", protected, payload);

	if (!alg || (strcmp(alg, "ES256") != 0 && strcmp(alg, "RS256") != 0))
		return false;
	if (!json_get_text(body, "signature") ||
	    base64url_decode(call->ctx, json_get_text(body, "signature"), &signature) != E_OK)
		return false;
	crypto_sha256(input, strlen(input), digest.data);
	return crypto_verify_digest(call->ctx, key, alg, &digest, &signature);
}

/* Which key the header names: an account's, or one of its own where that is allowed. */
static bool find_key(struct world *world, struct call *call, const struct json *header,
		     struct acme_request *out)
{
	const char *kid = json_get_text(header, "kid");
	bool takes_jwk = call_segment_is(call, 0, "new-account") ||
			 call_segment_is(call, 0, "revoke-cert");

	out->jwk = json_get(header, "jwk");
	if ((kid != NULL) == (out->jwk != NULL) || (out->jwk && !takes_jwk) ||
	    (kid && call_segment_is(call, 0, "new-account"))) {
		call_acme_problem(call, 400, "malformed",
				  "Exactly one of jwk and kid must be there, and the right one.");
		return false;
	}
	if (out->jwk) {
		out->jwk_key = crypto_from_jwk(call->ctx, out->jwk);
		if (!out->jwk_key)
			call_acme_problem(call, 400, "badPublicKey", "The jwk is not usable.");
		return out->jwk_key != NULL;
	}
	out->account = account_by_kid(world, call->ctx, kid);
	if (!out->account) {
		call_acme_problem(call, 400, "accountDoesNotExist", "No account has this kid.");
		return false;
	}
	if (out->account->status != ACME_VALID) {
		call_acme_problem(call, 403, "unauthorized", "The account is deactivated.");
		return false;
	}
	return true;
}

static bool check_header(struct world *world, struct call *call, const struct json *header)
{
	const char *url = json_get_text(header, "url");
	char *expected = arena_printf(call->ctx->arena, "%s%s", world->acme->place.where,
				      call->target);

	if (!header) {
		call_acme_problem(call, 400, "malformed", "The body is no flattened JWS.");
		return false;
	}
	if (!spend_nonce(world, json_get_text(header, "nonce"))) {
		call_acme_problem(call, 400, "badNonce", "JWS has an invalid anti-replay nonce.");
		return false;
	}
	if (!text_equals(url, expected)) {
		call_acme_problem(call, 403, "unauthorized",
				  "JWS header url %s does not match the request URL %s.",
				  url ? url : "(none)", expected);
		return false;
	}
	return true;
}

bool acme_verify(struct world *world, struct call *call, struct acme_request *out)
{
	const char *type = call_header(call, "Content-Type"), *payload;
	struct json *body = NULL, *header;

	memset(out, 0, sizeof(*out));
	if (!text_equals(type, "application/jose+json")) {
		call_acme_problem(call, 415, "malformed",
				  "Content-Type must be application/jose+json.");
		return false;
	}
	(void)json_parse(call->ctx, call->body, call->body_size, &body);
	header = decode(call->ctx, json_get_text(body, "protected"));
	if (!check_header(world, call, header) || !find_key(world, call, header, out))
		return false;
	payload = json_get_text(body, "payload");
	if (!payload || !is_signed_by(call, out->account ? out->account->key : out->jwk_key,
				      json_get_text(header, "alg"), body)) {
		call_acme_problem(call, 400, "malformed", "JWS verification error.");
		acme_request_done(out);
		return false;
	}
	out->payload = *payload ? decode(call->ctx, payload) : NULL;
	if (!*payload || json_is_object(out->payload))
		return true;
	call_acme_problem(call, 400, "malformed", "The payload is no JSON object.");
	acme_request_done(out);
	return false;
}

void acme_request_done(struct acme_request *request)
{
	EVP_PKEY_free(request->jwk_key);
	request->jwk_key = NULL;
}
