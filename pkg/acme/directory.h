/*
 * directory - the CA's directory: cached for 24 h, and served stale when the CA is away.
 */
#pragma once

#include "acme/acme.h"

struct acme_directory;

/* Fetched by one at a time: the others get the stale one, or E_AGAIN with fault.is_untried. */
enum err acme_directory_get(struct ctx *ctx, struct acme_session *session,
			    struct acme_directory *out);

/* Fetch it afresh next time: one of its URLs was not found. */
void acme_directory_expire(struct acme *acme);

/* CAA identities of the directory's meta (RFC 8555 7.1.1), for the caller's CAA check, which is no
 * reason to wait for a CA: E_NOTFOUND when the directory cannot be had, and nobody is asked once
 * that is known; E_AGAIN when another one is just fetching it. */
enum err acme_caa_identities(struct ctx *ctx, struct acme_session *session,
			     const char *const **identities, size_t *count);
