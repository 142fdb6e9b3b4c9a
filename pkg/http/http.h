/*
 * http - the one seam to the outside: a request goes out, an answer or an error comes back.
 *
 * Every outbound effect but DNS passes through `send`. Implementations: curl.h (real), gate.h
 * (Retry-After), absence.h (silence), bearer (adds a token) wrap each other; tests put a model
 * world in their place. A request says what it is, because that decides what may be done when no
 * clear answer comes. `send` returns E_OK for any complete HTTP answer, whatever its status.
 */
#pragma once

#include <stdbool.h>

#include "base/ctx.h"

enum http_kind {
	HTTP_READ,	  /* may be repeated */
	HTTP_IDEMPOTENT,  /* changes something; may be repeated */
	HTTP_CONDITIONAL, /* carries If-Match or If-None-Match: a refusal means look again */
	HTTP_ONE_SHOT,	  /* never sent twice by anyone: no answer means E_CONFLICT, and the caller
			     observes */
};

struct http_header {
	const char *name, *value;
};

#define HTTP_HEADERS_MAX 16

struct http_request {
	enum http_kind kind;
	const char *method;
	const char *url;
	struct http_header headers[HTTP_HEADERS_MAX]; /* up to the first without a name */
	const void *body;			      /* NULL: none */
	size_t body_size;
	msec_t timeout;		/* for the whole exchange; the client's own where 0 or longer */
	size_t reply_bytes_max; /* 0: 256 KiB; a larger answer is E_AGAIN (ONE_SHOT: E_CONFLICT) */
	const char *connect_to; /* "address:port" to connect to whatever the URL names, or NULL */
	bool allow_plain;	/* http:// allowed: IMDS and the self-check only */
	bool accept_any_certificate; /* the self-check only: it is redirected to https as the CA is,
					which looks at no certificate there; no secret may go out */
};

struct http_reply {
	int status;
	struct http_header *headers; /* as received */
	size_t header_count;
	const char *body; /* NUL-terminated behind body_size; "" when empty */
	size_t body_size;
};

struct http {
	enum err (*send)(struct ctx *ctx, struct http *http, const struct http_request *request,
			 struct http_reply *reply);
};

enum err http_send(struct ctx *ctx, struct http *http, const struct http_request *request,
		   struct http_reply *reply);

/* Puts a header behind those there are; a header of that name is replaced. */
void http_set_header(struct http_request *request, const char *name, const char *value);

/* The first of that name (any case), or NULL. */
const char *http_header(const struct http_reply *reply, const char *name);

/* The wait that the answer asks for (retry-after-ms, x-ms-retry-after-ms, Retry-After, in that
 * order), or 0. */
msec_t http_retry_after(struct ctx *ctx, const struct http_reply *reply);

/* The kind of an answer that is no success, by its status alone, with fault.http_status and
 * retry_after_ms set: the edge where every HTTP error is filed. `who` names the peer ("Key Vault"),
 * `said` its own words (may be NULL or ""), quoted with control characters escaped and cut. 401,
 * 403, 4xx: E_REFUSED; 404: E_NOTFOUND; 409, 412: E_CONFLICT; 429, 503 with Retry-After:
 * E_THROTTLED; 408, 5xx, 3xx: E_AGAIN, and E_CONFLICT for a ONE_SHOT. */
enum err http_reply_fault(struct ctx *ctx, const struct http_request *request,
			  const struct http_reply *reply, const char *who, const char *code,
			  const char *said);
