/*
 * pki_forge - requests and certificates for tests, right or wrong in one point each.
 */
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/cert.h"

#define FORGE_NOW ((msec_t)1600000000000)

static inline void forge_add_name(X509_NAME *name, const char *cn)
{
	if (cn)
		X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1,
					   -1, 0);
}

static inline struct bytes forge_take(struct ctx *ctx, unsigned char *der, int size)
{
	struct bytes out = {arena_copy(ctx->arena, der, (size_t)size), (size_t)size};

	OPENSSL_free(der);
	return out;
}

/* `san` as in OpenSSL's configuration ("DNS:a,DNS:b"); both names may be NULL. */
static inline struct bytes forge_csr(struct ctx *ctx, EVP_PKEY *key, const char *cn,
				     const char *san)
{
	X509_REQ *request = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	unsigned char *der = NULL;
	int size;

	forge_add_name(X509_REQ_get_subject_name(request), cn);
	X509_REQ_set_pubkey(request, key);
	if (san) {
		sk_X509_EXTENSION_push(extensions,
				       X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
		X509_REQ_add_extensions(request, extensions);
	}
	X509_REQ_sign(request, key, EVP_sha256());
	size = i2d_X509_REQ(request, &der);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
	return forge_take(ctx, der, size);
}

struct forged {
	EVP_PKEY *key, *issuer_key;
	const char *cn, *issuer_cn, *san;
	msec_t not_before, not_after;
};

static inline struct bytes forge_cert(struct ctx *ctx, const struct forged *forged)
{
	X509 *certificate = X509_new();
	X509_EXTENSION *san = forged->san ? X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
								forged->san)
					  : NULL;
	unsigned char *der = NULL;
	int size;

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), 0xabcdef0123);
	ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(forged->not_before / 1000));
	ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(forged->not_after / 1000));
	forge_add_name(X509_get_subject_name(certificate), forged->cn);
	forge_add_name(X509_get_issuer_name(certificate), forged->issuer_cn);
	X509_set_pubkey(certificate, forged->key);
	if (san)
		X509_add_ext(certificate, san, -1);
	X509_EXTENSION_free(san);
	X509_sign(certificate, forged->issuer_key, EVP_sha256());
	size = i2d_X509(certificate, &der);
	X509_free(certificate);
	return forge_take(ctx, der, size);
}

/* The PEM block of any DER. */
static inline char *forge_pem(struct ctx *ctx, const char *label, const struct bytes *der)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *out;
	long size;

	PEM_write_bio(bio, label, "", der->data, (long)der->size);
	size = BIO_get_mem_data(bio, &data);
	out = arena_strndup(ctx->arena, data, (size_t)size);
	BIO_free(bio);
	return out;
}
