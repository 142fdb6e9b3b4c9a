/*
 * sign_in - the ways to get a token, each behind the same signature; those that go to the
 * authority.
 *
 * E_NOTFOUND means "not configured, or not reachable here", and the fault's text says which: the
 * next way has its turn. Any other error ends the search.
 */
#pragma once

#include <stdatomic.h>

#include "entra/access_token.h"
#include "entra/credential_options.h"

struct sign_in {
	const struct credential_options *options; /* NULL, never "" */
	struct http *http;			  /* to the authority */
	struct http *local_http;		  /* to managed identity endpoints */
	const char *resource;
	const char *claims;	/* of a challenge, or NULL */
	atomic_bool *imds_seen; /* it answered once, so it needs no more probing */
};

enum err sign_in_client_secret(struct ctx *ctx, const struct sign_in *how,
			       struct access_token *out);
enum err sign_in_client_certificate(struct ctx *ctx, const struct sign_in *how,
				    struct access_token *out);
enum err sign_in_federated(struct ctx *ctx, const struct sign_in *how, struct access_token *out);
