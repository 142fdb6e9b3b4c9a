#include "entra/access_token.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "codec/date.h"
#include "entra/said.h"

#define TOKEN_LENGTH_MAX   ((size_t)32 * 1024)
#define LIFE_WHEN_NOT_SAID (5 * MSEC_PER_MIN)
#define AADSTS		   "AADSTS"

/* RFC 6750 2.1: anything else could end the header early. */
static bool token_is_valid(const char *text)
{
	static const char others[] = "-._~+/=";
	size_t length = text ? strnlen(text, TOKEN_LENGTH_MAX + 1) : 0;

	if (length == 0 || length > TOKEN_LENGTH_MAX)
		return false;
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(others, *p))
			return false;
	return true;
}

/* 3599 and "3599" alike; -1 for neither. */
static int64_t whole_number(const struct json *node)
{
	const char *text = json_text(node);

	if (!text)
		return json_int(node, -1);
	if (!*text || strlen(text) > 15 || text[strspn(text, "0123456789")])
		return -1;
	return strtoll(text, NULL, 10);
}

static msec_t seconds(int64_t count)
{
	return count > MSEC_PER_DAY ? MSEC_PER_DAY * MSEC_PER_SEC : count * MSEC_PER_SEC;
}

/* Until the time in `expires_on`: epoch seconds or, from some hosts, a date. */
static msec_t life_until(struct ctx *ctx, const struct json *expires_on)
{
	int64_t at = whole_number(expires_on);
	msec_t wall;

	if (at > 0 && at < JSON_INT_MAX / MSEC_PER_SEC)
		return at * MSEC_PER_SEC - ctx_wall(ctx);
	if (json_text(expires_on) && date_parse_rfc3339(json_text(expires_on), &wall))
		return wall - ctx_wall(ctx);
	return 0;
}

/* A cached token's expires_in may be its whole life, so the smaller one counts; a clock of ours
 * that runs ahead must not make every token look dead. */
static msec_t life_of(struct ctx *ctx, const struct json *body)
{
	msec_t until = life_until(ctx, json_get(body, "expires_on"));
	msec_t whole = seconds(whole_number(json_get(body, "expires_in")));

	if (until > 0 && whole > 0)
		return until < whole ? until : whole;
	if (until > 0 || whole > 0)
		return until > 0 ? until : whole;
	return LIFE_WHEN_NOT_SAID;
}

static void wipe_text(const char *text)
{
	if (text)
		explicit_bzero((char *)text, strlen(text));
}

static const char *take_header(struct ctx *ctx, const char *token)
{
	char *header = arena_printf(ctx->arena, "Bearer %s", token);

	arena_wipe_at_end(ctx->arena, header, strlen(header));
	return header;
}

enum err access_token_read(struct ctx *ctx, const struct http_reply *reply, const char *who,
			   struct access_token *out)
{
	struct json *body;
	const char *token;
	enum err kind = json_parse_reply(ctx, reply->body, reply->body_size, &body);

	if (kind != E_OK)
		return fault_wrap(ctx, kind, "%s", who);
	token = json_get_text(body, "access_token");
	out->client_id = json_get_text(body, "client_id");
	out->life = life_of(ctx, body);
	out->header = token_is_valid(token) ? take_header(ctx, token) : NULL;
	wipe_text(token);
	wipe_text(reply->body);
	if (!out->header)
		return fault_set(ctx, E_AGAIN, "MalformedReply", "%s answered without a token",
				 who);
	return E_OK;
}

/* "AADSTS7000215: Invalid client secret ...": the code in its own place, the rest stays. */
static const char *split_aadsts(struct ctx *ctx, const char **words)
{
	size_t length = strlen(AADSTS);
	const char *code;

	if (!*words || !text_starts_with(*words, AADSTS))
		return NULL;
	length += strspn(*words + length, "0123456789");
	code = arena_strndup(ctx->arena, *words, length);
	if ((*words)[length] == ':')
		*words += length + 1 + strspn(*words + length + 1, " ");
	return code;
}

/* Entra and IMDS: {"error", "error_description"}; App Service: {"message"} or {"error": {"code",
 * "message"}}. */
static void read_words(struct ctx *ctx, const struct http_reply *reply, const char **code,
		       const char **words)
{
	struct json *body = NULL, *error;

	*code = *words = NULL;
	if (!reply->body_size ||
	    json_parse_reply(ctx, reply->body, reply->body_size, &body) != E_OK)
		return;
	error = json_get(body, "error");
	*words = json_get_text(body, "error_description");
	*code = split_aadsts(ctx, words);
	if (!*words)
		*words = json_get_text(json_is_object(error) ? error : body, "message");
	if (!*words)
		*words = json_text(error);
	if (!*code)
		*code = json_get_text(error, "code");
}

enum err access_token_fault(struct ctx *ctx, const struct http_request *request,
			    const struct http_reply *reply, const char *who)
{
	const char *code, *words;
	enum err kind;

	read_words(ctx, reply, &code, &words);
	kind = said_fault(ctx, request, reply, who, code, words, NULL);
	if (kind == E_AGAIN || kind == E_THROTTLED)
		return kind;
	said_reason(ctx, "AzureAuthFailed");
	return E_REFUSED;
}
