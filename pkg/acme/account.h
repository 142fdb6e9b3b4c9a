/*
 * account - the account of a session's key: found, or made; and what is sent in its name.
 */
#pragma once

#include "acme/post.h"

/* Finds the account of the session's key without making one. E_NOTFOUND: this CA knows none. */
enum err acme_account_find(struct ctx *ctx, struct acme_session *session, const char **url);

/* Finds it or makes it, agreeing to the terms of service; `email` may be NULL or "". Remembered
 * with the key's thumbprint, so that later passes ask nobody. */
enum err acme_account_ensure(struct ctx *ctx, struct acme_session *session, const char *email,
			     const char **url);

/* acme_post in the account's name, for the rest of this package. E_AGAIN also when the CA knows no
 * account of this key: the caller makes one first. */
enum err acme_account_post(struct ctx *ctx, struct acme_session *session,
			   const struct acme_post *post, struct acme_answer *answer);
