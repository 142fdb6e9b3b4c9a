/*
 * bearer - wraps a struct http and adds the Authorization header of one Azure service.
 *
 * A 401 means the request was not executed: the token is thrown away (a vault's challenge is read:
 * resource, tenant, claims), and the request goes out once more with a fresh one. A second 401 is
 * E_REFUSED, reason AzureAuthFailed. The token is sent only to the origin it was made for.
 */
#pragma once

#include "entra/credential.h"

struct bearer_options {
	struct credential *credential;
	struct http *inner;	/* the service itself */
	struct http *authority; /* for tokens */
	struct http *local;	/* for managed identity endpoints */
	const char *origin; /* the service's https origin; requests elsewhere go without a token and
			       are refused */
	const char *resource;	       /* audience */
	bool check_challenge_resource; /* a vault's host must end in "." + the host of its
					  challenge's resource */
};

/* Lives in `arena`; the options' strings must outlive it. */
struct http *bearer_wrap(struct arena *arena, const struct bearer_options *options);
