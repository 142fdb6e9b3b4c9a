/*
 * crypto - keys, CSRs, certificates and tokens of the model, on OpenSSL alone.
 *
 * Deliberately not pkg/pki: what both got wrong in the same way no test would see. Trouble inside
 * OpenSSL is a bug or out of memory and aborts; bad input is NULL or false.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/ctx.h"
#include "codec/base64.h"
#include "codec/json.h"

#define CRYPTO_CHAIN_MAX  10
#define CRYPTO_FIXED_KEYS 7

/* The caller owns the key (EVP_PKEY_free). `reuse`: one of a few that are always the same. */
EVP_PKEY *crypto_rsa_new(unsigned bits, bool reuse);
/* "P-256", "P-384", "P-521", "P-256K"; NULL when the curve is none of them. */
EVP_PKEY *crypto_ec_new(const char *curve);
/* One RSA key, for what is signed but never looked at closely. Borrowed. */
EVP_PKEY *crypto_process_key(void);
/* RSA 2048, the same in every process; the caller owns it. */
EVP_PKEY *crypto_fixed_key(size_t index);

/* The public half as JWK members (kty, n, e / crv, x, y), base64url. */
struct json *crypto_jwk(struct ctx *ctx, EVP_PKEY *key);
/* A type and a curve that the vault knows; of others there is no JWK. */
bool crypto_has_jwk(EVP_PKEY *key);
/* From a JWK (RSA or EC); the caller owns it; NULL when it is none. */
EVP_PKEY *crypto_from_jwk(struct ctx *ctx, const struct json *jwk);
/* RFC 7638. */
char *crypto_thumbprint(struct ctx *ctx, const struct json *jwk);

/* What a CSR or a self-made certificate says. */
struct crypto_request {
	const char *subject; /* "CN=host, O=..." or NULL */
	const char **dns_names;
	size_t dns_name_count;
	const char **key_usage; /* JWK-like names: digitalSignature, ... */
	size_t key_usage_count;
	const char **ekus; /* OIDs */
	size_t eku_count;
};

bool crypto_csr(struct ctx *ctx, EVP_PKEY *key, const struct crypto_request *request,
		struct bytes *der);
/* The caller owns it; NULL when it does not parse or its signature is wrong. */
X509_REQ *crypto_parse_csr(const struct bytes *der);
/* Lower-case DNS names of the SAN extension and the CN, sorted, without duplicates. */
char **crypto_csr_names(struct ctx *ctx, X509_REQ *csr, size_t *count);

X509 *crypto_parse_cert(const struct bytes *der);
struct bytes crypto_cert_der(struct ctx *ctx, X509 *cert);
char **crypto_cert_names(struct ctx *ctx, X509 *cert, size_t *count);
int64_t crypto_not_before(X509 *cert); /* seconds */
int64_t crypto_not_after(X509 *cert);
char *crypto_x5t(struct ctx *ctx, X509 *cert); /* base64url SHA-1 */
char *crypto_x5t_s256(struct ctx *ctx, X509 *cert);
char *crypto_serial(struct ctx *ctx, X509 *cert); /* lower-case hex */

/* A certificate for `key` signed by `issuer_key`; issuer NULL: self-signed. The caller owns it. */
struct crypto_issue {
	X509 *issuer;
	EVP_PKEY *issuer_key;
	EVP_PKEY *key;
	const char *common_name; /* may be NULL */
	const char **dns_names;
	size_t dns_name_count;
	int64_t not_before, not_after; /* seconds */
	bool is_ca;
	struct rng *rng;
};
X509 *crypto_issue(const struct crypto_issue *issue);

/* PEM text of one certificate, of a public or a PKCS#8 private key, in the arena. */
char *crypto_cert_pem(struct ctx *ctx, X509 *cert);
char *crypto_key_pem(struct ctx *ctx, EVP_PKEY *key);
char *crypto_public_pem(struct ctx *ctx, EVP_PKEY *key);

/* Key and certificates as people hand them over. Certificates: the leaf first. Owned by the caller.
 */
struct crypto_bag {
	EVP_PKEY *key;
	X509 *certs[CRYPTO_CHAIN_MAX];
	size_t cert_count;
};
void crypto_bag_free(struct crypto_bag *bag);
bool crypto_parse_pfx(const struct bytes *der, const char *password, struct crypto_bag *bag);
/* PKCS#8 only, unencrypted, as Key Vault takes it; any certificates. */
bool crypto_parse_pem(const char *text, struct crypto_bag *bag);
/* A PKCS#7 of certificates alone. */
struct bytes crypto_pkcs7(struct ctx *ctx, X509 *const *certs, size_t count);

bool crypto_pfx(struct ctx *ctx, EVP_PKEY *key, X509 *const *certs, size_t count,
		const char *password, struct bytes *out);

/* JWS algorithms over a digest that is already made (RS256.. PS256.. ES256..), encoded as JWA says.
 * False: key and algorithm do not fit. */
bool crypto_sign_digest(struct ctx *ctx, EVP_PKEY *key, const char *alg, const struct bytes *digest,
			struct bytes *signature);
bool crypto_verify_digest(struct ctx *ctx, EVP_PKEY *key, const char *alg,
			  const struct bytes *digest, const struct bytes *signature);
/* RSA1_5, RSA-OAEP, RSA-OAEP-256. */
bool crypto_encrypt(struct ctx *ctx, EVP_PKEY *key, const char *alg, const struct bytes *in,
		    struct bytes *out);
bool crypto_decrypt(struct ctx *ctx, EVP_PKEY *key, const char *alg, const struct bytes *in,
		    struct bytes *out);

void crypto_sha256(const void *data, size_t size, unsigned char out[32]);

/* A compact JWT, RS256, or HS256 with a secret of the model where there is no key, and back: the
 * claims when the signature (RS256, PS256, ES256) is right, else NULL. */
char *crypto_jwt(struct ctx *ctx, EVP_PKEY *key, const struct json *claims);
struct json *crypto_jwt_claims(struct ctx *ctx, EVP_PKEY *key, const char *token,
			       struct json **header);
