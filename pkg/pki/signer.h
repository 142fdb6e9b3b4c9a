/*
 * signer - somebody who holds a private key and signs digests with it: a key in memory, or one in a
 * vault.
 *
 * Nobody gets the private key out. A JWS is made with a signer only, so the ACME code cannot tell
 * where the key lives.
 */
#pragma once

#include "codec/base64.h"

/* The public half of an EC P-256 key as RFC 7517 writes it: base64url, 32 octets each. */
struct jwk {
	const char *x, *y;
};

struct signer {
	/* Borrowed until the pass ends. */
	enum err (*public_key)(struct ctx *ctx, struct signer *signer, struct jwk *out);
	/* ES256 (RFC 7518 3.4): R and S side by side, 64 octets, over a SHA-256 digest. */
	enum err (*sign)(struct ctx *ctx, struct signer *signer,
			 const unsigned char digest[static 32], unsigned char signature[static 64]);
};
