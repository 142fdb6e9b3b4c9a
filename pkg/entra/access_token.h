/*
 * access_token - what every token endpoint answers, read and wiped.
 *
 * Entra, IMDS, App Service and Arc spell the same document differently: times as numbers, as
 * strings or as dates. The token leaves as a header value that is wiped with the pass, and the
 * answer it stood in is wiped at once.
 */
#pragma once

#include "codec/json.h"
#include "http/http.h"

struct access_token {
	const char *header;    /* "Bearer ..." */
	msec_t life;	       /* from now */
	const char *client_id; /* of a managed identity that says whose token it is, or NULL */
};

/* A 200 answer of `who`. E_AGAIN: it is no token. */
enum err access_token_read(struct ctx *ctx, const struct http_reply *reply, const char *who,
			   struct access_token *out);

/* Any other answer. E_AGAIN, E_THROTTLED, or E_REFUSED with reason AzureAuthFailed; never
 * E_NOTFOUND. */
enum err access_token_fault(struct ctx *ctx, const struct http_request *request,
			    const struct http_reply *reply, const char *who);
