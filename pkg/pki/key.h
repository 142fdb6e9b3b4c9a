/*
 * key - private keys in memory, and the hash everybody needs.
 *
 * Used for the account key in a file and for signing in to Azure by certificate. Certificate keys
 * are born in Key Vault and never come here. Every buffer with key material is wiped.
 */
#pragma once

#include "pki/signer.h"

struct key;

void sha256(const void *data, size_t size, unsigned char out[static 32]);

/* Equal without telling by the time it takes how much is equal. */
bool bytes_equal_const_time(const void *a, const void *b, size_t size);

/* HMAC-SHA-256. */
void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
		 unsigned char out[static 32]);

/* New EC P-256 key; lives in ctx's arena. */
enum err key_generate_p256(struct ctx *ctx, struct key **out);

/* PEM: PKCS#8, SEC1 or PKCS#1; encrypted PKCS#8 with `password`, else NULL. E_REFUSED, reason
 * InvalidKey. */
enum err key_from_pem(struct ctx *ctx, const char *pem, size_t size, const char *password,
		      struct key **out);

/* Unencrypted PKCS#8 PEM, wiped with ctx's arena. */
enum err key_to_pem(struct ctx *ctx, const struct key *key, char **pem);

/* PS256 or ES256 or RS256 over data, for client assertions (RFC 7518). */
enum err key_sign(struct ctx *ctx, const struct key *key, const char *alg, const void *data,
		  size_t size, struct bytes *signature);

/* A signer over an EC P-256 key of this process; both live in `arena`. E_REFUSED for other keys. */
enum err key_signer(struct ctx *ctx, struct arena *arena, const char *pem, size_t size,
		    struct signer **out);
