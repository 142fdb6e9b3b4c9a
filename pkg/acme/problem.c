#include "acme/problem.h"

#include <string.h>

#include "acme/acme_internal.h"
#include "base/text.h"
#include "base/utf8.h"
#include "codec/json.h"

#define WORDS_MAX	((size_t)400) /* of one detail */
#define DETAIL_MAX	((size_t)500) /* of the whole line */
#define SUBPROBLEMS_MAX 10
#define BACKOFF_MAX	(30 * MSEC_PER_MIN)

/* What a problem type means for us (RFC 8555 6.7), where the status alone says "refused".
 * `by_ca`: the CA counts it, or would see the same again, so that the issuance backoff applies.
 * A type that is not here is filed by its status. */
static const struct ruling {
	const char *type;
	enum err kind;
	const char *reason;
	int by_ca;
} rulings[] = {
	{"accountDoesNotExist", E_AGAIN, "AccountDoesNotExist", 0},
	{"badCSR", E_REFUSED, "CSRRejected", 1},
	{"badNonce", E_AGAIN, "BadNonce", 0},
	{"badPublicKey", E_REFUSED, "KeyRejected", 1},
	{"badSignatureAlgorithm", E_REFUSED, "KeyRejected", 0},
	{"caa", E_REFUSED, "CAAForbids", 1},
	{"compound", E_REFUSED, "SeveralProblems", 1},
	{"connection", E_REFUSED, "ValidationFailed", 1},
	{"dns", E_REFUSED, "ValidationFailed", 1},
	{"externalAccountRequired", E_REFUSED, "AccountProblem", 0},
	{"incorrectResponse", E_REFUSED, "ValidationFailed", 1},
	{"invalidContact", E_REFUSED, "AccountProblem", 0},
	{"malformed", E_REFUSED, "RequestRejected", 0},
	{"orderNotReady", E_CONFLICT, "OrderNotReady", 0},
	{"rateLimited", E_THROTTLED, "RateLimited", 0}, /* see refuse_paused */
	{"rejectedIdentifier", E_REFUSED, "IdentifierRejected", 1},
	{"serverInternal", E_AGAIN, "CAUnavailable", 0},
	{"tls", E_REFUSED, "ValidationFailed", 1},
	{"unauthorized", E_REFUSED, "Unauthorized", 1},
	{"unsupportedContact", E_REFUSED, "AccountProblem", 0},
	{"unsupportedIdentifier", E_REFUSED, "IdentifierRejected", 1},
	{"userActionRequired", E_REFUSED, "UserActionRequired", 0},
};

static const struct ruling *find_ruling(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(rulings); i++)
		if (text_equals(type, rulings[i].type))
			return &rulings[i];
	return NULL;
}

/* The CA's words in one line: no control characters (C0, DEL, C1), cut between words. */
static char *in_one_line(struct ctx *ctx, const char *said, size_t max)
{
	size_t length = strlen(said), kept = utf8_cut_words(said, length, max);
	char *line = arena_printf(ctx->arena, "%.*s%s", (int)kept, said,
				  kept < length ? "..." : "");

	for (unsigned char *at = (unsigned char *)line; *at; at++) {
		if (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			at[0] = at[1] = ' ';
		else if (*at < ' ' || *at == 0x7f)
			*at = ' ';
	}
	return line;
}

/* "urn:ietf:params:acme:error:dns" is "dns" to us, whatever the namespace; "about:blank" is none
 * (RFC 7807 4.2). */
static const char *short_type(const struct json *json)
{
	const char *type = json_get_text(json, "type");
	const char *word = type && text_starts_with(type, "urn:") ? strrchr(type, ':') + 1 : "";
	size_t length = strspn(word,
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return length > 0 && length <= 64 && !word[length] ? word : NULL;
}

static const char *words_of(struct ctx *ctx, const struct json *json)
{
	const char *said = json_get_text(json, "detail");

	if (!said)
		said = json_get_text(json, "title");
	return said ? in_one_line(ctx, said, WORDS_MAX) : "";
}

/* "example.com: dns: detail" (RFC 8555 6.7.1), without what is missing. */
static const char *subproblem_line(struct ctx *ctx, const struct json *json)
{
	const char *name = json_text(json_path(json, "identifier.value"));
	const char *type = short_type(json);

	return arena_printf(ctx->arena, "%s%s%s%s%s", name ? in_one_line(ctx, name, WORDS_MAX) : "",
			    name ? ": " : "", type ? type : "", type ? ": " : "",
			    words_of(ctx, json));
}

void acme_problem_from_json(struct ctx *ctx, const struct json *json, struct acme_problem *out)
{
	const char *line = words_of(ctx, json);
	size_t count = 0;

	json_for_each (sub, json_get(json, "subproblems")) {
		if (count++ == SUBPROBLEMS_MAX)
			break;
		line = arena_printf(ctx->arena, "%s%s%s", line, *line ? "; " : "",
				    subproblem_line(ctx, sub));
	}
	out->type = short_type(json);
	out->detail = in_one_line(ctx, line, DETAIL_MAX);
}

void acme_problem_read(struct ctx *ctx, const struct http_reply *reply, struct acme_problem *out)
{
	struct json *json;

	if (json_parse_reply(ctx, reply->body, reply->body_size, &json) != E_OK) {
		fault_clear(ctx);
		json = NULL;
	}
	acme_problem_from_json(ctx, json, out);
}

/* Boulder's limits of an account or an address say "new orders" or "new registrations"; the others
 * count certificates or failures of a name, and ask it to wait for up to a week. */
bool acme_is_limit_of_names(const struct http_reply *reply)
{
	return reply->status == 429 && strstr(reply->body, ":rateLimited\"") &&
	       !strcasestr(reply->body, "new orders") &&
	       !strcasestr(reply->body, "new registrations");
}

/* Where a person can lift a pause: Let's Encrypt puts it into the detail and nowhere else. */
static const char *find_unpause_url(struct ctx *ctx, const struct http_reply *reply)
{
	struct json *json;
	const char *said = NULL, *url;

	if (json_parse_reply(ctx, reply->body, reply->body_size, &json) == E_OK)
		said = json_get_text(json, "detail");
	for (url = said ? strstr(said, "https://") : NULL; url; url = strstr(url + 1, "https://")) {
		char *word = arena_strndup(ctx->arena, url, strcspn(url, " \t\r\n\"<>"));

		if (strstr(word, "unpause"))
			return in_one_line(ctx, word, DETAIL_MAX);
	}
	return NULL;
}

/* The URL comes first: it is long, and cut it would be worth nothing. */
static enum err refuse_paused(struct ctx *ctx, const struct acme *acme,
			      const struct http_reply *reply, const struct acme_problem *problem)
{
	const char *url = find_unpause_url(ctx, reply);

	if (url)
		fault_set(ctx, E_REFUSED, "PausedByCA",
			  "%s paused this account and name; to go on, visit %s (%s)",
			  acme_who(ctx, acme), url, problem->detail);
	else
		fault_set(ctx, E_REFUSED, "RateLimited", "%s says rateLimited: %s",
			  acme_who(ctx, acme), problem->detail);
	ctx->fault.by_ca = 1;
	ctx->fault.http_status = reply->status;
	return E_REFUSED;
}

/* RFC 8555 7.3.3: where the user has to act stands in `instance`. */
static const char *find_instance(struct ctx *ctx, const struct http_reply *reply)
{
	struct json *json;
	const char *url = NULL;

	if (json_parse_reply(ctx, reply->body, reply->body_size, &json) == E_OK)
		url = json_get_text(json, "instance");
	return url ? arena_printf(ctx->arena, "; visit %s", in_one_line(ctx, url, WORDS_MAX)) : "";
}

enum err acme_by_ca(struct ctx *ctx, enum err err)
{
	if (err == E_OK)
		return err;
	ctx->fault.backoff_max_ms = BACKOFF_MAX;
	ctx->fault.by_ca = ctx->fault.by_ca || err == E_THROTTLED;
	return err;
}

/* As the gate takes it. */
static bool is_for_all(const struct http_reply *reply)
{
	return reply->status == 503 || (reply->status == 429 && !acme_is_limit_of_names(reply));
}

static enum err file(struct ctx *ctx, const struct acme *acme, const struct http_request *request,
		     const struct http_reply *reply, const struct acme_problem *problem)
{
	const struct ruling *ruling = find_ruling(problem->type);
	const char *who = acme_who(ctx, acme), *act = "";
	enum err kind = http_reply_fault(ctx, request, reply, who, NULL, problem->detail);
	msec_t wait = http_retry_after(ctx, reply);
	struct fault by_status = ctx->fault;

	if (!problem->type)
		return kind;
	if (ruling && ruling->kind == E_THROTTLED) {
		if (!wait)
			return refuse_paused(ctx, acme, reply, problem);
		kind = E_THROTTLED;
	} else if (ruling && kind == E_REFUSED) {
		kind = ruling->kind;
	}
	if (text_equals(problem->type, "userActionRequired"))
		act = find_instance(ctx, reply);
	fault_set(ctx, kind, ruling ? ruling->reason : by_status.reason, "%s says %s%s%s%s", who,
		  problem->type, *problem->detail ? ": " : "", problem->detail, act);
	ctx->fault.http_status = reply->status;
	ctx->fault.retry_after_ms = kind == E_THROTTLED ? wait : 0;
	ctx->fault.by_ca = kind == E_REFUSED && ruling && ruling->by_ca;
	return kind;
}

enum err acme_problem_fault(struct ctx *ctx, const struct acme *acme,
			    const struct http_request *request, const struct http_reply *reply,
			    const struct acme_problem *problem)
{
	enum err err = file(ctx, acme, request, reply, problem);

	ctx->fault.for_all = err == E_THROTTLED && is_for_all(reply);
	return acme_by_ca(ctx, err);
}
