#include "acme/acme.h"

#include <stdlib.h>
#include <string.h>

#include "acme/acme_internal.h"
#include "base/heap.h"
#include "base/text.h"
#include "codec/date.h"
#include "codec/json.h"
#include "http/url.h"

#define BAD_NONCE_RETRIES_MAX 5

static const struct {
	const char *word;
	enum acme_status status;
} statuses[] = {
	{"pending", ACME_PENDING}, {"ready", ACME_READY},     {"processing", ACME_PROCESSING},
	{"valid", ACME_VALID},	   {"invalid", ACME_INVALID}, {"deactivated", ACME_DEACTIVATED},
	{"expired", ACME_EXPIRED}, {"revoked", ACME_REVOKED},
};

enum acme_status acme_status_parse(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (text_equals(word, statuses[i].word))
			return statuses[i].status;
	return ACME_UNKNOWN;
}

const char *acme_status_name(enum acme_status status)
{
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].word;
	return "unknown";
}

msec_t acme_time(const struct json *object, const char *member)
{
	const char *text = json_get_text(object, member);
	msec_t wall;

	return text && date_parse_rfc3339(text, &wall) ? wall : 0;
}

const char *acme_who(struct ctx *ctx, const struct acme *acme)
{
	const char *name = acme->directory_url;
	struct url url;

	if (url_parse(ctx, acme->directory_url, &url) == E_OK)
		name = strstr(url_origin(ctx, &url), "://") + 3;
	return arena_printf(ctx->arena, "The CA (%s)", name);
}

enum err acme_check_url(struct ctx *ctx, const struct acme *acme, const char *url)
{
	enum err err = url_check_origin(ctx, acme->directory_url, url);

	return err ? fault_wrap(ctx, err, "%s", acme_who(ctx, acme)) : E_OK;
}

enum err acme_garbled(struct ctx *ctx, const struct acme *acme, enum http_kind kind,
		      const char *what, const char *wrong)
{
	return acme_by_ca(ctx, fault_set(ctx, kind == HTTP_ONE_SHOT ? E_CONFLICT : E_AGAIN,
					 "CAAnswerUnclear", "%s gave an unclear answer: %s %s",
					 acme_who(ctx, acme), what, wrong));
}

enum err acme_reply_object(struct ctx *ctx, const struct acme *acme, enum http_kind kind,
			   const char *what, const struct http_reply *reply, struct json **out)
{
	if (json_parse_reply(ctx, reply->body, reply->body_size, out) != E_OK ||
	    !json_is_object(*out))
		return acme_garbled(ctx, acme, kind, what, "is no JSON object");
	return E_OK;
}

static enum err exchange(struct ctx *ctx, struct acme_session *session,
			 const struct http_request *request, struct http_reply *reply)
{
	TRY(acme_by_ca(ctx, http_send(ctx, session->http, request, reply)));
	acme_time_note(ctx, session->acme, reply);
	return E_OK;
}

static bool is_success(const struct http_reply *reply)
{
	return reply->status >= 200 && reply->status <= 299;
}

enum err acme_get(struct ctx *ctx, struct acme_session *session, const char *method,
		  const char *url, struct http_reply *reply)
{
	struct http_request request = {
		.kind = HTTP_READ,
		.method = method,
		.url = url,
		.timeout = ACME_GET_TIMEOUT,
		.reply_bytes_max = ACME_JSON_BYTES_MAX,
	};
	struct acme_problem problem;

	TRY(acme_check_url(ctx, session->acme, url));
	http_set_header(&request, "Accept-Language", "en");
	TRY(exchange(ctx, session, &request, reply));
	if (is_success(reply))
		return E_OK;
	acme_nonce_keep(ctx, session->acme, acme_nonce_of(reply));
	acme_problem_read(ctx, reply, &problem);
	return acme_problem_fault(ctx, session->acme, &request, reply, &problem);
}

/* The vault's "not found" or "conflict" is about its key: nobody may take it for an answer of
 * the CA. */
static enum err signer_fault(struct ctx *ctx, enum err err)
{
	if (err == E_NOTFOUND)
		err = E_REFUSED;
	else if (err == E_CONFLICT)
		err = E_AGAIN;
	return fault_wrap(ctx, err, "signing with the ACME account's key");
}

static enum err sign_and_send(struct ctx *ctx, struct acme_session *session,
			      const struct acme_post *post, const struct jws_header *header,
			      struct http_request *request, struct http_reply *reply)
{
	char *body;
	enum err err = jws_sign(ctx, session->signer, header, post->payload, &body);

	if (err)
		return signer_fault(ctx, err);
	*request = (struct http_request){
		.kind = post->kind,
		.method = "POST",
		.url = post->url,
		.body = body,
		.body_size = strlen(body),
		.timeout = ACME_POST_TIMEOUT,
		.reply_bytes_max = post->reply_bytes_max ? post->reply_bytes_max
							 : ACME_JSON_BYTES_MAX,
	};
	http_set_header(request, "Content-Type", "application/jose+json");
	http_set_header(request, "Accept-Language", "en");
	if (post->accept)
		http_set_header(request, "Accept", post->accept);
	return exchange(ctx, session, request, reply);
}

/* A nonce that the CA does not want says that its memory of nonces is not ours: the pool is
 * worth nothing. The answer brings a good one (RFC 8555 6.5), and the request was not carried
 * out, so that even a ONE_SHOT may be signed again. */
static enum err nonce_after_bad(struct ctx *ctx, struct acme_session *session,
				const struct http_reply *reply, const char **nonce)
{
	acme_nonces_drop(session->acme);
	*nonce = acme_nonce_of(reply);
	return *nonce ? E_OK : acme_nonce_take(ctx, session, nonce);
}

enum err acme_post(struct ctx *ctx, struct acme_session *session, const struct acme_post *post,
		   struct acme_answer *answer)
{
	struct jws_header header = {.url = post->url};
	struct http_reply *reply = &answer->reply;
	struct http_request request;

	*answer = (struct acme_answer){0};
	TRY(acme_check_url(ctx, session->acme, post->url));
	if (!post->is_account_request)
		TRY(acme_account_url(ctx, session, &header.kid));
	TRY(acme_nonce_take(ctx, session, &header.nonce));
	for (int retries = 0;; retries++) {
		TRY(sign_and_send(ctx, session, post, &header, &request, reply));
		if (is_success(reply))
			break;
		acme_problem_read(ctx, reply, &answer->problem);
		if (!text_equals(answer->problem.type, "badNonce") ||
		    retries == BAD_NONCE_RETRIES_MAX)
			break;
		TRY(nonce_after_bad(ctx, session, reply, &header.nonce));
	}
	acme_nonce_keep(ctx, session->acme, acme_nonce_of(reply));
	if (is_success(reply))
		return E_OK;
	if (text_equals(answer->problem.type, "accountDoesNotExist"))
		acme_account_forget(session->acme);
	return acme_problem_fault(ctx, session->acme, &request, reply, &answer->problem);
}

struct acme *acme_new(const char *directory_url)
{
	struct acme *acme = heap_calloc(1, sizeof(*acme));

	acme->directory_url = heap_strdup(directory_url);
	pthread_mutex_init(&acme->lock, NULL);
	return acme;
}

void acme_free(struct acme *acme)
{
	if (!acme)
		return;
	arena_free(acme->directory_memory);
	pthread_mutex_destroy(&acme->lock);
	free(acme->account_url);
	free(acme->directory_url);
	free(acme);
}
