#include "pki/key.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/heap.h"
#include "base/text.h"
#include "pki/ossl.h"
#include "pki/key_internal.h"
#include "pki/pbe.h"

#define SIGNATURE_MAX ((size_t)2048) /* RSA-16384, the largest that OpenSSL verifies */

struct key_signer {
	struct signer signer;
	EVP_PKEY *pkey;
	struct jwk jwk;
};

struct algorithm {
	const char *name;
	int padding; /* 0: ECDSA */
};

static const struct algorithm algorithms[] = {
	{"ES256", 0},
	{"PS256", RSA_PKCS1_PSS_PADDING},
	{"RS256", RSA_PKCS1_PADDING},
};

static enum err refuse_key(struct ctx *ctx, const char *what)
{
	return fault_set(ctx, E_REFUSED, "InvalidKey", "the private key %s", what);
}

void sha256(const void *data, size_t size, unsigned char out[static 32])
{
	int done = EVP_Digest(size ? data : "", size, out, NULL, EVP_sha256(), NULL);

	assert(done == 1);
}

bool bytes_equal_const_time(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

void hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
		 unsigned char out[static 32])
{
	size_t written = 0;
	unsigned char *done;

	done = EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key_size ? key : "", key_size,
			 size ? data : "", size, out, 32, &written);
	assert(done && written == 32);
}

static struct key *wrap_key(struct arena *arena, EVP_PKEY *pkey)
{
	struct key *key = arena_new_one(arena, struct key);

	key->pkey = pkey;
	ossl_defer_key(arena, pkey);
	return key;
}

enum err key_generate_p256(struct ctx *ctx, struct key **out)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");

	assert(pkey);
	*out = wrap_key(ctx->arena, pkey);
	return E_OK;
}

struct passphrase {
	const char *text;
	bool was_asked;
};

/* Without a callback of ours OpenSSL would ask on the terminal. */
static int give_passphrase(char *out, int size, int is_writing, void *arg)
{
	struct passphrase *passphrase = arg;
	size_t length = passphrase->text ? strlen(passphrase->text) : 0;

	(void)is_writing;
	passphrase->was_asked = true;
	if (!passphrase->text || length > (size_t)size)
		return -1;
	memcpy(out, passphrase->text, length);
	return (int)length;
}

static enum err explain_unreadable(struct ctx *ctx, const struct passphrase *passphrase,
				   const char *form)
{
	ERR_clear_error();
	if (passphrase->was_asked && !passphrase->text)
		return refuse_key(ctx, "is encrypted and no password was given");
	if (passphrase->was_asked)
		return refuse_key(ctx, "cannot be decrypted with the password given");
	return refuse_key(
		ctx, arena_printf(ctx->arena,
				  "cannot be read: expected %s with PKCS#8, SEC1 or PKCS#1", form));
}

static int give_decoder_passphrase(char *out, size_t size, size_t *written,
				   const OSSL_PARAM params[], void *arg)
{
	int given = give_passphrase(out, size > INT_MAX ? INT_MAX : (int)size, 0, arg);

	(void)params;
	*written = given > 0 ? (size_t)given : 0;
	return given >= 0;
}

static bool enter(const unsigned char **at, const unsigned char *end, int wanted)
{
	long length;
	int tag, class, form = ASN1_get_object(at, &length, &tag, &class, end - *at);

	return !(form & 0x80) && tag == wanted;
}

/* A version, or how it is encrypted, is what keys begin with. The decoder takes a millisecond to
 * find out that anything else is none. */
static bool may_be_key(const unsigned char *der, size_t size)
{
	const unsigned char *at = der, *end = der + size, *inside;

	if (!enter(&at, end, V_ASN1_SEQUENCE))
		return false;
	inside = at;
	return enter(&inside, end, V_ASN1_INTEGER) ||
	       (enter(&at, end, V_ASN1_SEQUENCE) && enter(&at, end, V_ASN1_OBJECT));
}

static EVP_PKEY *decode(const unsigned char *der, size_t size, struct passphrase *passphrase)
{
	EVP_PKEY *pkey = NULL;
	OSSL_DECODER_CTX *decoder = heap_have(OSSL_DECODER_CTX_new_for_pkey(
		&pkey, "DER", NULL, NULL, OSSL_KEYMGMT_SELECT_PRIVATE_KEY, NULL, NULL));

	if (OSSL_DECODER_CTX_set_passphrase_cb(decoder, give_decoder_passphrase, passphrase) != 1 ||
	    OSSL_DECODER_from_data(decoder, &der, &size) != 1 || size != 0) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	OSSL_DECODER_CTX_free(decoder);
	return pkey;
}

static enum err parse_der(struct ctx *ctx, struct arena *arena, const unsigned char *der,
			  size_t size, struct passphrase *passphrase, const char *form,
			  struct key **out)
{
	EVP_PKEY *pkey;

	if (!pbe_is_affordable(der, size))
		return refuse_key(ctx, "is encrypted in an unknown way, or in more than "
				       "100,000 rounds; encrypt it with PBES2 and fewer");
	pkey = may_be_key(der, size) ? decode(der, size, passphrase) : NULL;
	if (!pkey)
		return explain_unreadable(ctx, passphrase, form);
	ERR_clear_error();
	*out = wrap_key(arena, pkey);
	return E_OK;
}

enum err key_from_der(struct ctx *ctx, const void *der, size_t size, const char *password,
		      struct key **out)
{
	struct passphrase passphrase = {password, false};

	return parse_der(ctx, ctx->arena, der, size, &passphrase, "DER", out);
}

/* RFC 1421's encryption, with the password, where the header says so; one round of MD5. */
static bool decrypt_block(char *header, unsigned char *data, long *size,
			  struct passphrase *passphrase)
{
	EVP_CIPHER_INFO cipher;

	return PEM_get_EVP_CIPHER_INFO(header, &cipher) == 1 &&
	       PEM_do_header(&cipher, data, size, give_passphrase, passphrase) == 1;
}

/* The first block that is a private key, decrypted if need be; wiped with `ctx`. */
static bool find_key_block(struct ctx *ctx, BIO *bio, struct passphrase *passphrase,
			   struct bytes *out)
{
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	bool is_key = false, is_readable = false;
	long size = 0, whole;

	while (!is_key && PEM_read_bio(bio, &name, &header, &data, &size) == 1) {
		whole = size;
		is_key = text_ends_with(name, "PRIVATE KEY");
		is_readable = is_key && decrypt_block(header, data, &size, passphrase);
		if (is_readable) {
			out->data = arena_copy(ctx->arena, data, (size_t)size);
			out->size = (size_t)size;
			arena_wipe_at_end(ctx->arena, out->data, out->size);
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)whole);
	}
	return is_readable;
}

static enum err parse_pem(struct ctx *ctx, struct arena *arena, const char *pem, size_t size,
			  const char *password, struct key **out)
{
	struct passphrase passphrase = {password, false};
	struct bytes der;
	bool is_found;
	BIO *bio;

	if (size == 0 || size > OSSL_INPUT_MAX)
		return refuse_key(ctx, size ? "is larger than 64 KiB" : "is empty");
	bio = heap_have(BIO_new_mem_buf(pem, (int)size));
	is_found = find_key_block(ctx, bio, &passphrase, &der);
	BIO_free(bio);
	if (!is_found)
		return explain_unreadable(ctx, &passphrase, "PEM");
	return parse_der(ctx, arena, der.data, der.size, &passphrase, "PEM", out);
}

enum err key_from_pem(struct ctx *ctx, const char *pem, size_t size, const char *password,
		      struct key **out)
{
	return parse_pem(ctx, ctx->arena, pem, size, password, out);
}

enum err key_to_pem(struct ctx *ctx, const struct key *key, char **pem)
{
	BIO *bio = heap_have(BIO_new(BIO_s_secmem()));
	char *data;
	long size;
	int done;

	done = PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL);
	size = done == 1 ? BIO_get_mem_data(bio, &data) : 0;
	if (size > 0) {
		*pem = arena_strndup(ctx->arena, data, (size_t)size);
		arena_wipe_at_end(ctx->arena, *pem, (size_t)size);
	}
	BIO_free(bio);
	ERR_clear_error();
	return size > 0 ? E_OK : refuse_key(ctx, "cannot be written as PKCS#8");
}

static bool set_rsa_padding(EVP_PKEY_CTX *pctx, int padding)
{
	if (EVP_PKEY_CTX_set_rsa_padding(pctx, padding) != 1)
		return false;
	/* RFC 7518 3.5: the salt is as long as the digest, MGF1 uses the same hash. */
	return padding != RSA_PKCS1_PSS_PADDING ||
	       (EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, EVP_sha256()) == 1);
}

/* What OpenSSL writes: DER for ECDSA, the plain number for RSA. 0 on failure. */
static size_t sign_digest(EVP_PKEY *pkey, int padding, const unsigned char digest[static 32],
			  unsigned char out[static SIGNATURE_MAX])
{
	EVP_PKEY_CTX *pctx = heap_have(EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL));
	size_t size = SIGNATURE_MAX;
	bool is_signed;

	is_signed = EVP_PKEY_sign_init(pctx) == 1 && (!padding || set_rsa_padding(pctx, padding)) &&
		    EVP_PKEY_CTX_set_signature_md(pctx, EVP_sha256()) == 1 &&
		    EVP_PKEY_sign(pctx, out, &size, digest, 32) == 1;
	EVP_PKEY_CTX_free(pctx);
	ERR_clear_error();
	return is_signed ? size : 0;
}

/* RFC 7518 3.4: R and S as 32 octets each, with leading zeros. */
static bool ecdsa_der_to_raw(const unsigned char *der, size_t size, unsigned char raw[static 64])
{
	ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)size);
	bool fits;

	fits = parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts), raw, 32) == 32 &&
	       BN_bn2binpad(ECDSA_SIG_get0_s(parts), raw + 32, 32) == 32;
	ECDSA_SIG_free(parts);
	ERR_clear_error();
	return fits;
}

static enum err sign_es256(struct ctx *ctx, EVP_PKEY *pkey, const unsigned char digest[static 32],
			   unsigned char signature[static 64])
{
	unsigned char der[SIGNATURE_MAX];
	size_t size;

	if (!ossl_is_p256(pkey))
		return refuse_key(ctx, "is no EC P-256 key, which ES256 needs");
	size = sign_digest(pkey, 0, digest, der);
	if (size == 0 || !ecdsa_der_to_raw(der, size, signature))
		return refuse_key(ctx, "cannot sign with ES256");
	return E_OK;
}

static enum err sign_rsa(struct ctx *ctx, EVP_PKEY *pkey, const struct algorithm *algorithm,
			 const unsigned char digest[static 32], struct bytes *signature)
{
	unsigned char out[SIGNATURE_MAX];
	size_t size;

	if (!EVP_PKEY_is_a(pkey, "RSA"))
		return refuse_key(ctx, "is no RSA key, which PS256 and RS256 need");
	/* RFC 7518 3.3 and 3.5; the upper bound is the size of our buffer. */
	if (EVP_PKEY_get_bits(pkey) < 2048 || EVP_PKEY_get_bits(pkey) > (int)SIGNATURE_MAX * 8)
		return refuse_key(ctx, "has less than 2048 or more than 16384 bits");
	size = sign_digest(pkey, algorithm->padding, digest, out);
	if (size == 0)
		return refuse_key(ctx, "cannot sign");
	signature->data = arena_copy(ctx->arena, out, size);
	signature->size = size;
	return E_OK;
}

static const struct algorithm *find_algorithm(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (strcmp(algorithms[i].name, name) == 0)
			return &algorithms[i];
	return NULL;
}

enum err key_sign(struct ctx *ctx, const struct key *key, const char *alg, const void *data,
		  size_t size, struct bytes *signature)
{
	const struct algorithm *algorithm = find_algorithm(alg);
	unsigned char digest[32];

	assert(algorithm);
	sha256(data, size, digest);
	if (algorithm->padding)
		return sign_rsa(ctx, key->pkey, algorithm, digest, signature);
	signature->data = arena_alloc(ctx->arena, 64);
	signature->size = 64;
	return sign_es256(ctx, key->pkey, digest, signature->data);
}

static enum err signer_public_key(struct ctx *ctx, struct signer *signer, struct jwk *out)
{
	(void)ctx;
	*out = ((struct key_signer *)signer)->jwk;
	return E_OK;
}

static enum err signer_sign(struct ctx *ctx, struct signer *signer,
			    const unsigned char digest[static 32],
			    unsigned char signature[static 64])
{
	return sign_es256(ctx, ((struct key_signer *)signer)->pkey, digest, signature);
}

/* RFC 7518 6.2.1.2: a coordinate has the full 32 octets. NULL when OpenSSL cannot tell it. */
static const char *coordinate(struct ctx *ctx, struct arena *arena, const EVP_PKEY *pkey,
			      const char *which)
{
	unsigned char octets[32];
	BIGNUM *number = NULL;
	bool is_told;

	is_told = EVP_PKEY_get_bn_param(pkey, which, &number) == 1 &&
		  BN_bn2binpad(number, octets, 32) == 32;
	BN_free(number);
	ERR_clear_error();
	return is_told ? arena_strdup(arena, base64url_encode(ctx, octets, 32)) : NULL;
}

enum err key_signer(struct ctx *ctx, struct arena *arena, const char *pem, size_t size,
		    struct signer **out)
{
	struct key_signer *self;
	struct key *key;

	TRY(parse_pem(ctx, arena, pem, size, NULL, &key));
	if (!ossl_is_p256(key->pkey))
		return refuse_key(ctx, "is no EC P-256 key");
	self = arena_new_one(arena, struct key_signer);
	self->signer.public_key = signer_public_key;
	self->signer.sign = signer_sign;
	self->pkey = key->pkey;
	self->jwk.x = coordinate(ctx, arena, key->pkey, OSSL_PKEY_PARAM_EC_PUB_X);
	self->jwk.y = coordinate(ctx, arena, key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y);
	if (!self->jwk.x || !self->jwk.y)
		return refuse_key(ctx, "has no public half");
	*out = &self->signer;
	return E_OK;
}
