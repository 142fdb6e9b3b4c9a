/*
 * nonce - the pool of nonces: what the CA gave and nobody used yet. For this package alone.
 */
#pragma once

#include "acme/acme.h"

/* The newest, unless even that is too old; NULL: there is none. */
const char *acme_nonce_take(struct ctx *ctx, struct acme *acme);

/* The nonce of an answer, or NULL. */
const char *acme_nonce_of(const struct http_reply *reply);
void acme_nonce_keep(struct ctx *ctx, struct acme *acme, const char *nonce); /* NULL is fine */
void acme_nonces_drop(struct acme *acme);
