/*
 * cert - X.509 certificates: what they say, and whether they are the ones we want.
 */
#pragma once

#include "codec/base64.h"
#include "pki/csr.h"

struct cert {
	const char *subject; /* one line; may be "" */
	const char *issuer;  /* common name of the issuer, else its one-line name */
	const char *serial;  /* lower-case hex */
	msec_t not_before, not_after;
	struct names names;   /* DNS names of the SAN; the CN when there is no SAN */
	const char *key_type; /* "RSA-2048", "EC-P256", ... */
	struct bytes der;
	struct bytes public_key;  /* SubjectPublicKeyInfo, DER */
	unsigned char sha256[32]; /* of the DER */
};

struct chain {
	struct cert *items; /* leaf first */
	size_t count;
};

#define CHAIN_LENGTH_MAX 10

/* RFC 8555 9.1: PEM certificates, leaf first. E_REFUSED, reason InvalidCertificate. */
enum err chain_from_pem(struct ctx *ctx, const char *pem, size_t size, struct chain *out);
/* How many certificates a file of trusted CAs holds, by OpenSSL's own rules for one: whatever else
 * is in it is passed over, but all must be readable. E_REFUSED, reason InvalidCertificate. */
enum err certs_count_pem(struct ctx *ctx, const char *pem, size_t size, size_t *count);

enum err cert_from_der(struct ctx *ctx, const void *der, size_t size, struct cert *out);

/* SHA-256 of the SubjectPublicKeyInfo is equal. */
bool cert_has_key(const struct cert *cert, const struct bytes *public_key);

/* Judges a fresh chain before it replaces anything, by what no clock can get wrong: the leaf has
 * the CSR's key, covers exactly its names, and each certificate is signed by the next. E_REFUSED,
 * reason CertificateRejected, and the text says which of these failed. */
enum err chain_check(struct ctx *ctx, const struct chain *chain, const struct csr *csr);

/* Each certificate is signed by the next. E_REFUSED, reason CertificateRejected. */
enum err chain_check_links(struct ctx *ctx, const struct chain *chain);
