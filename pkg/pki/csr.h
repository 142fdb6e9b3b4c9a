/*
 * csr - PKCS#10 certificate signing requests, read only: Key Vault makes them.
 */
#pragma once

#include "codec/base64.h"
#include "pki/names.h"

struct csr {
	struct bytes der;
	struct bytes public_key; /* SubjectPublicKeyInfo, DER */
	struct names names;	 /* of the SAN extension, and the CN when it is a DNS name */
	const char *key_type;	 /* "RSA-2048", "EC-P256", ... */
	char sha256[65];	 /* of the DER, hex */
};

/* Checks the signature too. E_REFUSED, reason InvalidCsr. */
enum err csr_from_der(struct ctx *ctx, const void *der, size_t size, struct csr *out);
