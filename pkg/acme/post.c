#include "acme/post.h"

#include <string.h>

#include "acme/acme_internal.h"
#include "acme/client.h"
#include "acme/directory.h"
#include "acme/nonce.h"
#include "acme/problem.h"
#include "base/text.h"

#define POST_TIMEOUT	      (90 * MSEC_PER_SEC)
#define BAD_NONCE_RETRIES_MAX 5

enum err acme_post_nonce(struct ctx *ctx, struct acme_session *session, const char **out)
{
	struct acme_directory directory;
	struct http_reply reply;
	enum err err;

	*out = acme_nonce_take(ctx, session->acme);
	if (*out)
		return E_OK;
	TRY(acme_directory_get(ctx, session, &directory));
	err = acme_get(ctx, session, "HEAD", directory.new_nonce, &reply);
	if (err == E_NOTFOUND) {
		acme_directory_expire(session->acme);
		return fault_wrap(ctx, E_AGAIN, "the CA's newNonce");
	}
	TRY(err);
	*out = acme_nonce_of(&reply);
	if (!*out)
		return acme_garbled(ctx, session->acme, HTTP_READ, "newNonce",
				    "brings no usable Replay-Nonce");
	return E_OK;
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
		.timeout = POST_TIMEOUT,
		.reply_bytes_max = post->reply_bytes_max ? post->reply_bytes_max
							 : ACME_JSON_BYTES_MAX,
	};
	http_set_header(request, "Content-Type", "application/jose+json");
	http_set_header(request, "Accept-Language", "en");
	if (post->accept)
		http_set_header(request, "Accept", post->accept);
	return acme_exchange(ctx, session, request, reply);
}

/* A nonce that the CA does not want says that its memory of nonces is not ours: the pool is
 * worth nothing. The answer brings a good one (RFC 8555 6.5), and the request was not carried
 * out, so that even a ONE_SHOT may be signed again. */
static enum err nonce_after_bad(struct ctx *ctx, struct acme_session *session,
				const struct http_reply *reply, const char **nonce)
{
	acme_nonces_drop(session->acme);
	*nonce = acme_nonce_of(reply);
	return *nonce ? E_OK : acme_post_nonce(ctx, session, nonce);
}

enum err acme_post(struct ctx *ctx, struct acme_session *session, const struct acme_post *post,
		   const char *kid, struct acme_answer *answer)
{
	struct jws_header header = {.url = post->url, .kid = kid};
	struct http_reply *reply = &answer->reply;
	struct http_request request;

	*answer = (struct acme_answer){0};
	TRY(acme_check_url(ctx, session->acme, post->url));
	TRY(acme_post_nonce(ctx, session, &header.nonce));
	for (int retries = 0;; retries++) {
		TRY(sign_and_send(ctx, session, post, &header, &request, reply));
		if (acme_is_success(reply))
			break;
		acme_problem_read(ctx, reply, &answer->problem);
		if (!text_equals(answer->problem.type, "badNonce") ||
		    retries == BAD_NONCE_RETRIES_MAX)
			break;
		TRY(nonce_after_bad(ctx, session, reply, &header.nonce));
	}
	acme_nonce_keep(ctx, session->acme, acme_nonce_of(reply));
	if (acme_is_success(reply))
		return E_OK;
	if (text_equals(answer->problem.type, "accountDoesNotExist"))
		acme_account_forget(session->acme);
	return acme_problem_fault(ctx, session->acme, &request, reply, &answer->problem);
}
