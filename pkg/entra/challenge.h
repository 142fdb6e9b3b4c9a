/*
 * challenge - the WWW-Authenticate header of an Azure service that refuses a token (RFC 9110
 * 11.6.1, scheme Bearer).
 */
#pragma once

#include "base/ctx.h"

struct challenge {
	const char *authority; /* "authorization" or "authorization_uri" */
	const char *resource;  /* "resource" or "resource_id", else "scope" without "/.default" */
	const char *error, *description;
	const char *claims; /* decoded JSON of a claims challenge */
};

/* Whatever is missing or malformed is NULL; `header` may be NULL. */
void challenge_read(struct ctx *ctx, const char *header, struct challenge *out);
