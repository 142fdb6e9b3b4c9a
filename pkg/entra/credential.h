/*
 * credential - who we are to Azure: tokens per resource, found the way Azure's tools find them.
 *
 * DefaultAzureCredential's order: environment (client secret, then client certificate), workload
 * identity, managed identity (App Service, Arc, IMDS). AZURE_TOKEN_CREDENTIALS narrows it. A
 * credential that is configured but fails stops the search; only one that is not configured or not
 * reachable lets the next have its turn. Tokens are kept per resource until max(5 min, 10 %) before
 * they end, refreshed by one thread at a time, and never leave this module but as a header value.
 */
#pragma once

#include "entra/credential_options.h"
#include "http/http.h"

struct credential;

/* Copies the options. E_REFUSED, reason InvalidCredentialSettings: an unknown
 * AZURE_TOKEN_CREDENTIALS, half a set. */
enum err credential_new(struct ctx *ctx, const struct credential_options *options,
			struct credential **out);
void credential_free(struct credential *credential);

/* "Bearer ..." for this resource, in ctx's arena, wiped at its end. `http` reaches the
 * authority, `local_http` (never through a proxy, plain http allowed) the managed identity
 * endpoints. E_REFUSED, reason AzureAuthFailed or NoCredential (the text lists what was tried
 * and why each gave up); E_AGAIN and E_THROTTLED, reason AzureAuthUnavailable. */
enum err credential_header(struct ctx *ctx, struct credential *credential, struct http *http,
			   struct http *local_http, const char *resource, const char **header);

/* The token in `header` was refused: the next call gets a fresh one, unless somebody got one
 * already. `claims` of a CAE challenge or NULL. */
void credential_discard(struct credential *credential, const char *resource, const char *header,
			const char *claims);
