/*
 * private - the inside of struct key, and the two halves of checks that key, cert and bundle share.
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

/* Each certificate is signed by the next. E_REFUSED, reason CertificateRejected. */
enum err chain_check_links(struct ctx *ctx, const struct chain *chain);
