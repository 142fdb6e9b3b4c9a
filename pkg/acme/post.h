/*
 * post - a signed request to the CA (RFC 8555 6.2), signed again while its nonce is refused. For
 * this package alone.
 */
#pragma once

#include "acme/acme.h"

struct acme_post {
	enum http_kind kind;
	const char *url;
	const char *payload; /* "": POST-as-GET (RFC 8555 6.3) */
	const char *accept;  /* NULL: JSON, and its limit */
	size_t reply_bytes_max;
};

struct acme_answer {
	struct http_reply reply;
	struct acme_problem problem; /* the type is NULL unless the CA sent one */
};

/* In the name of the account `kid`; NULL: signed with the key itself. E_OK for 2xx only. */
enum err acme_post(struct ctx *ctx, struct acme_session *session, const struct acme_post *post,
		   const char *kid, struct acme_answer *answer);

/* A pooled nonce, or a new one. */
enum err acme_post_nonce(struct ctx *ctx, struct acme_session *session, const char **out);
