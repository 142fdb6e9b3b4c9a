#include "acme/client.h"

#include "acme/acme_internal.h"
#include "acme/nonce.h"
#include "acme/problem.h"
#include "acme/time.h"
#include "codec/json.h"

#define GET_TIMEOUT (30 * MSEC_PER_SEC)

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

enum err acme_exchange(struct ctx *ctx, struct acme_session *session,
		       const struct http_request *request, struct http_reply *reply)
{
	TRY(acme_by_ca(ctx, http_send(ctx, session->http, request, reply)));
	acme_time_note(ctx, session->acme, reply);
	return E_OK;
}

enum err acme_get(struct ctx *ctx, struct acme_session *session, const char *method,
		  const char *url, struct http_reply *reply)
{
	struct http_request request = {
		.kind = HTTP_READ,
		.method = method,
		.url = url,
		.timeout = GET_TIMEOUT,
		.reply_bytes_max = ACME_JSON_BYTES_MAX,
	};
	struct acme_problem problem;

	TRY(acme_check_url(ctx, session->acme, url));
	http_set_header(&request, "Accept-Language", "en");
	TRY(acme_exchange(ctx, session, &request, reply));
	if (acme_is_success(reply))
		return E_OK;
	acme_nonce_keep(ctx, session->acme, acme_nonce_of(reply));
	acme_problem_read(ctx, reply, &problem);
	return acme_problem_fault(ctx, session->acme, &request, reply, &problem);
}
