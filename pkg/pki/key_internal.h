/*
 * key_internal - the inside of struct key, which bundle looks into too. For this folder only.
 */
#pragma once

#include <openssl/evp.h>

#include "pki/key.h"

struct key {
	EVP_PKEY *pkey;
};

/* DER: PKCS#8, encrypted PKCS#8 with `password`, PKCS#1 or SEC1. E_REFUSED, reason InvalidKey. */
enum err key_from_der(struct ctx *ctx, const void *der, size_t size, const char *password,
		      struct key **out);
