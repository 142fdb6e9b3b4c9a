/*
 * ossl - what key, csr and cert share about OpenSSL's objects. For this folder only.
 *
 * Every object that OpenSSL hands out is tied to an arena at once, and the thread's error queue is
 * empty when a function of key.h, csr.h, cert.h or jws.h returns.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "codec/base64.h"
#include "pki/names.h"

#define OSSL_INPUT_MAX ((size_t)64 * 1024)
#define OSSL_NAMES_MAX 100

/* "RSA-2048", "EC-P256", "ED25519", ... in ctx's arena. */
const char *ossl_key_type(struct ctx *ctx, const EVP_PKEY *key);
bool ossl_is_p256(const EVP_PKEY *key);

/* SubjectPublicKeyInfo, DER. False when OpenSSL cannot encode it. */
bool ossl_public_key(struct ctx *ctx, const EVP_PKEY *key, struct bytes *out);

/* DNS names of a SAN (may be NULL), and the subject's CN when `with_cn` and it looks like one, as
 * names.h wants them. NULL, or what is wrong with them. */
const char *ossl_names(struct ctx *ctx, const GENERAL_NAMES *san, const X509_NAME *subject,
		       bool with_cn, struct names *out);

/* The first common name, or NULL. */
const char *ossl_common_name(struct ctx *ctx, const X509_NAME *name);

void ossl_defer_key(struct arena *arena, EVP_PKEY *key);
