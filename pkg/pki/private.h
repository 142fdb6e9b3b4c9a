/*
 * private - the inside of struct key, and the halves of checks that key, cert and bundle share.
 * For this folder only.
 */
#pragma once

#include <openssl/evp.h>

#include "pki/cert.h"
#include "pki/key.h"

struct key {
	EVP_PKEY *pkey;
};

/* DER: PKCS#8, encrypted PKCS#8 with `password`, PKCS#1 or SEC1. E_REFUSED, reason InvalidKey. */
enum err key_from_der(struct ctx *ctx, const void *der, size_t size, const char *password,
		      struct key **out);

/* Whether deriving the key of an encrypted PKCS#8 (RFC 5958 3) takes a tenth of a second or so at
 * most; true for whatever is no encrypted PKCS#8. The rounds are the choice of whoever sends it. */
bool pbe_is_affordable(const unsigned char *der, size_t size);

/* Each certificate is signed by the next. E_REFUSED, reason CertificateRejected. */
enum err chain_check_links(struct ctx *ctx, const struct chain *chain);
