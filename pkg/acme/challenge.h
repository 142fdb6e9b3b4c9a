/*
 * challenge - the authorizations of an order (RFC 8555 7.5), and their http-01 challenge.
 */
#pragma once

#include "acme/acme.h"

enum err acme_authorization_get(struct ctx *ctx, struct acme_session *session, const char *url,
				struct acme_authorization *out);
/* Gives up a pending one, so that it does not count as open. An already final one is fine. */
enum err acme_authorization_deactivate(struct ctx *ctx, struct acme_session *session,
				       const char *url);

/* Idempotent: an answer that is being looked at or was already given is fine. */
enum err acme_challenge_answer(struct ctx *ctx, struct acme_session *session, const char *url);

/* RFC 8555 8.1. */
enum err acme_key_authorization(struct ctx *ctx, struct acme_session *session, const char *token,
				char **out);
