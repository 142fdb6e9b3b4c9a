#include "world/crypto.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

static char *drain(struct ctx *ctx, BIO *bio)
{
	char *data = NULL, *text;
	long size = BIO_get_mem_data(bio, &data);

	text = arena_strndup(ctx->arena, data, (size_t)size);
	BIO_free(bio);
	return text;
}

char *crypto_cert_pem(struct ctx *ctx, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert(bio && PEM_write_bio_X509(bio, cert));
	return drain(ctx, bio);
}

char *crypto_key_pem(struct ctx *ctx, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert(bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	return drain(ctx, bio);
}

char *crypto_public_pem(struct ctx *ctx, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert(bio && PEM_write_bio_PUBKEY(bio, key));
	return drain(ctx, bio);
}

void crypto_bag_free(struct crypto_bag *bag)
{
	size_t i;

	EVP_PKEY_free(bag->key);
	for (i = 0; i < bag->cert_count; i++)
		X509_free(bag->certs[i]);
	memset(bag, 0, sizeof(*bag));
}

static void take_certs(struct crypto_bag *bag, STACK_OF(X509) * list)
{
	X509 *cert;

	while ((cert = sk_X509_shift(list)) != NULL) {
		if (bag->cert_count < CRYPTO_CHAIN_MAX)
			bag->certs[bag->cert_count++] = cert;
		else
			X509_free(cert);
	}
}

bool crypto_parse_pfx(const struct bytes *der, const char *password, struct crypto_bag *bag)
{
	const unsigned char *at = der->data;
	PKCS12 *pfx = d2i_PKCS12(NULL, &at, (long)der->size);
	STACK_OF(X509) *others = NULL;
	X509 *leaf = NULL;
	bool is_good;

	memset(bag, 0, sizeof(*bag));
	is_good = pfx && PKCS12_parse(pfx, password, &bag->key, &leaf, &others) == 1;
	if (leaf)
		bag->certs[bag->cert_count++] = leaf;
	if (others)
		take_certs(bag, others);
	sk_X509_free(others);
	PKCS12_free(pfx);
	if (is_good && leaf && bag->key)
		return true;
	crypto_bag_free(bag);
	return false;
}

bool crypto_parse_pem(const char *text, struct crypto_bag *bag)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	bool is_good = true;
	long size = 0;

	memset(bag, 0, sizeof(*bag));
	while (is_good && PEM_read_bio(bio, &name, &header, &data, &size)) {
		const unsigned char *at = data;

		if (strcmp(name, "PRIVATE KEY") == 0 && !bag->key) {
			PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, size);

			bag->key = info ? EVP_PKCS82PKEY(info) : NULL;
			PKCS8_PRIV_KEY_INFO_free(info);
			is_good = bag->key != NULL;
		} else if (strcmp(name, "CERTIFICATE") == 0 && bag->cert_count < CRYPTO_CHAIN_MAX) {
			bag->certs[bag->cert_count] = d2i_X509(NULL, &at, size);
			is_good = bag->certs[bag->cert_count] != NULL;
			bag->cert_count += is_good;
		} else {
			is_good = false;
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(data);
	}
	BIO_free(bio);
	if (is_good && bag->key && bag->cert_count)
		return true;
	crypto_bag_free(bag);
	return false;
}

bool crypto_pfx(struct ctx *ctx, EVP_PKEY *key, X509 *const *certs, size_t count,
		const char *password, struct bytes *out)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	unsigned char *data = NULL;
	PKCS12 *pfx;
	size_t i;
	int size;

	assert(others && count > 0);
	for (i = 1; i < count; i++)
		sk_X509_push(others, certs[i]);
	pfx = PKCS12_create(password, NULL, key, certs[0], others, 0, 0, 0, 0, 0);
	sk_X509_free(others);
	if (!pfx)
		return false;
	size = i2d_PKCS12(pfx, &data);
	assert(size > 0);
	out->data = arena_copy(ctx->arena, data, (size_t)size);
	out->size = (size_t)size;
	OPENSSL_free(data);
	PKCS12_free(pfx);
	return true;
}

struct bytes crypto_pkcs7(struct ctx *ctx, X509 *const *certs, size_t count)
{
	PKCS7 *pkcs7 = PKCS7_new();
	unsigned char *data = NULL;
	struct bytes out;
	size_t i;
	int size;

	assert(pkcs7 && PKCS7_set_type(pkcs7, NID_pkcs7_signed) == 1 &&
	       PKCS7_content_new(pkcs7, NID_pkcs7_data) == 1);
	PKCS7_set_detached(pkcs7, 1);
	for (i = 0; i < count; i++)
		assert(PKCS7_add_certificate(pkcs7, certs[i]) == 1);
	size = i2d_PKCS7(pkcs7, &data);
	assert(size > 0);
	out = (struct bytes){arena_copy(ctx->arena, data, (size_t)size), (size_t)size};
	OPENSSL_free(data);
	PKCS7_free(pkcs7);
	return out;
}
