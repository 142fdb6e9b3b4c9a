/*
 * client - one exchange with the CA, and the shape that its answers must have. For this package
 * alone.
 */
#pragma once

#include "acme/acme.h"

/* Notes the time of the answer. What is no success is an answer still. */
enum err acme_exchange(struct ctx *ctx, struct acme_session *session,
		       const struct http_request *request, struct http_reply *reply);

static inline bool acme_is_success(const struct http_reply *reply)
{
	return reply->status >= 200 && reply->status <= 299;
}

/* E_OK for 2xx only. E_NOTFOUND is the CA's 404. */
enum err acme_get(struct ctx *ctx, struct acme_session *session, const char *method,
		  const char *url, struct http_reply *reply);

/* The answer is not what it must be: E_CONFLICT for a ONE_SHOT, else E_AGAIN. */
enum err acme_garbled(struct ctx *ctx, const struct acme *acme, enum http_kind kind,
		      const char *what, const char *wrong);

/* The answer as a JSON object, or acme_garbled. */
enum err acme_reply_object(struct ctx *ctx, const struct acme *acme, enum http_kind kind,
			   const char *what, const struct http_reply *reply, struct json **out);
