#include "acme/challenge.h"

#include <string.h>

#include "acme/account.h"
#include "acme/acme_internal.h"
#include "acme/client.h"
#include "acme/post.h"
#include "acme/problem.h"
#include "base/text.h"
#include "codec/json.h"

#define TOKEN_LENGTH_MIN 16
#define TOKEN_LENGTH_MAX 128

/* The CA chose it, and it becomes the name of a file (RFC 8555 8.3: base64url). */
static bool is_token(const char *token)
{
	size_t length = strspn(token,
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return !token[length] && length >= TOKEN_LENGTH_MIN && length <= TOKEN_LENGTH_MAX;
}

static enum err read_http01(struct ctx *ctx, const struct acme *acme, const struct json *challenge,
			    struct acme_authorization *out)
{
	out->challenge_url = json_get_text(challenge, "url");
	out->token = json_get_text(challenge, "token");
	out->challenge_status = acme_status_parse(json_get_text(challenge, "status"));
	if (!out->challenge_url)
		return acme_garbled(ctx, acme, HTTP_READ, "the http-01 challenge", "has no URL");
	if (!out->token || !is_token(out->token))
		return acme_garbled(ctx, acme, HTTP_READ, "the http-01 challenge",
				    "has no usable token");
	return acme_check_url(ctx, acme, out->challenge_url);
}

/* The error of http-01, else of whichever challenge brought the authorization down. */
static enum err read_challenges(struct ctx *ctx, const struct acme *acme, const struct json *list,
				struct acme_authorization *out)
{
	json_for_each (challenge, list) {
		bool is_http01 = text_equals(json_get_text(challenge, "type"), "http-01");
		const struct json *error = json_get(challenge, "error");

		if (is_http01 && !out->challenge_url)
			TRY(read_http01(ctx, acme, challenge, out));
		if (json_is_object(error) && (is_http01 || !out->error.type))
			acme_problem_from_json(ctx, error, &out->error);
	}
	return E_OK;
}

static enum err read_authorization(struct ctx *ctx, const struct acme *acme,
				   const struct http_reply *reply, struct acme_authorization *out)
{
	const char *const what = "the authorization";
	struct json *json;

	TRY(acme_reply_object(ctx, acme, HTTP_READ, what, reply, &json));
	*out = (struct acme_authorization){
		.status = acme_status_parse(json_get_text(json, "status")),
		.identifier = json_text(json_path(json, "identifier.value")),
		.expires = acme_time(json, "expires"),
		.error = {.detail = ""},
		.retry_after = http_retry_after(ctx, reply),
	};
	if (!json_get_text(json, "status"))
		return acme_garbled(ctx, acme, HTTP_READ, what, "has no status");
	if (!out->identifier)
		return acme_garbled(ctx, acme, HTTP_READ, what, "has no identifier");
	return read_challenges(ctx, acme, json_get(json, "challenges"), out);
}

static bool is_unauthorized(enum err err, const struct acme_answer *answer)
{
	return err == E_REFUSED && text_equals(answer->problem.type, "unauthorized");
}

/* POST-as-GET of an authorization or a challenge. E_NOTFOUND: gone, or another account's. */
static enum err look(struct ctx *ctx, struct acme_session *session, const char *url,
		     struct http_reply *reply)
{
	struct acme_post post = {.kind = HTTP_READ, .url = url, .payload = ""};
	struct acme_answer answer;
	enum err err = acme_account_post(ctx, session, &post, &answer);

	*reply = answer.reply;
	return is_unauthorized(err, &answer) ? E_NOTFOUND : err;
}

/* A URL of another CA was recorded while that one was configured: nothing of it is known here. */
enum err acme_authorization_get(struct ctx *ctx, struct acme_session *session, const char *url,
				struct acme_authorization *out)
{
	struct http_reply reply;

	if (acme_check_url(ctx, session->acme, url) != E_OK)
		return E_NOTFOUND;
	TRY(look(ctx, session, url, &reply));
	return read_authorization(ctx, session->acme, &reply, out);
}

/* CAs refuse a change of what is past it in different words ("malformed", 400, 409): the thing
 * itself tells. */
static bool is_past_pending(struct ctx *ctx, struct acme_session *session, const char *url)
{
	struct http_reply reply;
	struct json *json;
	enum acme_status status;

	if (look(ctx, session, url, &reply) != E_OK ||
	    acme_reply_object(ctx, session->acme, HTTP_READ, "the challenge", &reply, &json) !=
		    E_OK)
		return false;
	status = acme_status_parse(json_get_text(json, "status"));
	return status != ACME_PENDING && status != ACME_UNKNOWN;
}

static enum err unless_past_pending(struct ctx *ctx, struct acme_session *session, const char *url,
				    enum err err, const struct acme_answer *answer)
{
	struct fault fault = ctx->fault;

	if (err != E_CONFLICT &&
	    !(err == E_REFUSED && text_equals(answer->problem.type, "malformed")))
		return err;
	if (is_past_pending(ctx, session, url)) {
		fault_clear(ctx);
		return E_OK;
	}
	ctx->fault = fault;
	return err;
}

enum err acme_authorization_deactivate(struct ctx *ctx, struct acme_session *session,
				       const char *url)
{
	struct acme_post post = {
		.kind = HTTP_IDEMPOTENT,
		.url = url,
		.payload = "{\"status\":\"deactivated\"}",
	};
	struct acme_answer answer;
	enum err err = acme_check_url(ctx, session->acme, url);

	err = err ? E_NOTFOUND : acme_account_post(ctx, session, &post, &answer);
	if (err == E_NOTFOUND || is_unauthorized(err, &answer)) {
		fault_clear(ctx);
		return E_OK;
	}
	return unless_past_pending(ctx, session, url, err, &answer);
}

enum err acme_challenge_answer(struct ctx *ctx, struct acme_session *session, const char *url)
{
	struct acme_post post = {.kind = HTTP_IDEMPOTENT, .url = url, .payload = "{}"};
	struct acme_answer answer;
	enum err err = acme_account_post(ctx, session, &post, &answer);

	/* Gone: the order tells what became of it. */
	if (err == E_NOTFOUND)
		return E_CONFLICT;
	return unless_past_pending(ctx, session, url, err, &answer);
}

enum err acme_key_authorization(struct ctx *ctx, struct acme_session *session, const char *token,
				char **out)
{
	struct jwk jwk;
	char *thumbprint;

	if (!is_token(token))
		return fault_set(ctx, E_REFUSED, "InvalidToken", "the challenge's token is none");
	TRY(session->signer->public_key(ctx, session->signer, &jwk));
	TRY(jwk_thumbprint(ctx, &jwk, &thumbprint));
	*out = arena_printf(ctx->arena, "%s.%s", token, thumbprint);
	return E_OK;
}
