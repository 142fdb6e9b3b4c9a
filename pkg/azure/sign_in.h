/*
 * sign_in - the ways to get a token, each behind the same signature.
 *
 * E_NOTFOUND means "not configured, or not reachable here", and the fault's text says which: the
 * next way has its turn. Any other error ends the search.
 */
#pragma once

#include <stdatomic.h>

#include "azure/access_token.h"
#include "azure/credential.h"

struct sign_in {
	const struct credential_options *options; /* NULL, never "" */
	struct http *http;			  /* to the authority */
	struct http *local_http;		  /* to managed identity endpoints */
	const char *resource;
	const char *claims;	/* of a challenge, or NULL */
	atomic_bool *imds_seen; /* it answered once, so it needs no more probing */
};

/* entra.c */
enum err sign_in_client_secret(struct ctx *ctx, const struct sign_in *how,
			       struct access_token *out);
enum err sign_in_client_certificate(struct ctx *ctx, const struct sign_in *how,
				    struct access_token *out);
enum err sign_in_federated(struct ctx *ctx, const struct sign_in *how, struct access_token *out);

/* managed_identity.c */
enum err sign_in_app_service(struct ctx *ctx, const struct sign_in *how, struct access_token *out);
enum err sign_in_arc(struct ctx *ctx, const struct sign_in *how, struct access_token *out);
enum err sign_in_imds(struct ctx *ctx, const struct sign_in *how, struct access_token *out);

/* The whole of a file that another program rewrites or links into place, at most 64 KiB, wiped
 * with the pass. `setting` is the variable that names it. E_REFUSED, reason AzureAuthFailed. */
enum err sign_in_read_file(struct ctx *ctx, const char *setting, const char *path, char **data,
			   size_t *size);

/* How long after the nth failure in a row (from 0) the next try may come. */
msec_t sign_in_pause(enum err kind, const struct fault *fault, unsigned failures);
