#include "world/crypto.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/text.h"

enum scheme { SCHEME_PKCS1, SCHEME_PSS, SCHEME_ECDSA };

static const struct algorithm {
	const char *name;
	enum scheme scheme;
	const char *digest;
	size_t digest_bytes;
	size_t half; /* ECDSA: bytes of R and of S */
} algorithms[] = {
	{"RS256", SCHEME_PKCS1, "SHA256", 32, 0},  {"RS384", SCHEME_PKCS1, "SHA384", 48, 0},
	{"RS512", SCHEME_PKCS1, "SHA512", 64, 0},  {"PS256", SCHEME_PSS, "SHA256", 32, 0},
	{"PS384", SCHEME_PSS, "SHA384", 48, 0},	   {"PS512", SCHEME_PSS, "SHA512", 64, 0},
	{"ES256", SCHEME_ECDSA, "SHA256", 32, 32}, {"ES384", SCHEME_ECDSA, "SHA384", 48, 48},
	{"ES512", SCHEME_ECDSA, "SHA512", 64, 66}, {"ES256K", SCHEME_ECDSA, "SHA256", 32, 32},
};

static const struct algorithm *find_algorithm(EVP_PKEY *key, const char *name)
{
	bool is_rsa = EVP_PKEY_is_a(key, "RSA");
	const struct algorithm *found = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (text_equals(algorithms[i].name, name))
			found = &algorithms[i];
	if (!found || is_rsa != (found->scheme != SCHEME_ECDSA))
		return NULL;
	if (!is_rsa && (size_t)(EVP_PKEY_get_bits(key) + 7) / 8 != found->half)
		return NULL;
	return found;
}

static bool set_scheme(EVP_PKEY_CTX *pkey, const struct algorithm *algorithm)
{
	const EVP_MD *md = EVP_get_digestbyname(algorithm->digest);

	if (algorithm->scheme == SCHEME_ECDSA)
		return true;
	if (EVP_PKEY_CTX_set_signature_md(pkey, md) <= 0)
		return false;
	if (algorithm->scheme == SCHEME_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST) > 0;
}

/* DER to R and S side by side (RFC 7518 3.4). */
static struct bytes raw_from_der(struct ctx *ctx, const struct bytes *der, size_t half)
{
	const unsigned char *at = der->data;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der->size);
	struct bytes raw = {arena_alloc(ctx->arena, 2 * half), 2 * half};

	assert(sig);
	assert(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw.data, (int)half) >= 0);
	assert(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw.data + half, (int)half) >= 0);
	ECDSA_SIG_free(sig);
	return raw;
}

static struct bytes der_from_raw(struct ctx *ctx, const struct bytes *raw, size_t half)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	unsigned char *data = NULL;
	struct bytes der;
	int size;

	assert(sig);
	ECDSA_SIG_set0(sig, BN_bin2bn(raw->data, (int)half, NULL),
		       BN_bin2bn(raw->data + half, (int)half, NULL));
	size = i2d_ECDSA_SIG(sig, &data);
	assert(size > 0);
	der.data = arena_copy(ctx->arena, data, (size_t)size);
	der.size = (size_t)size;
	OPENSSL_free(data);
	ECDSA_SIG_free(sig);
	return der;
}

bool crypto_sign_digest(struct ctx *ctx, EVP_PKEY *key, const char *alg, const struct bytes *digest,
			struct bytes *signature)
{
	const struct algorithm *algorithm = find_algorithm(key, alg);
	EVP_PKEY_CTX *pkey;
	bool is_done;

	if (!algorithm || digest->size != algorithm->digest_bytes)
		return false;
	pkey = EVP_PKEY_CTX_new(key, NULL);
	assert(pkey);
	signature->size = (size_t)EVP_PKEY_get_size(key);
	signature->data = arena_alloc(ctx->arena, signature->size);
	is_done = EVP_PKEY_sign_init(pkey) > 0 && set_scheme(pkey, algorithm) &&
		  EVP_PKEY_sign(pkey, signature->data, &signature->size, digest->data,
				digest->size) > 0;
	EVP_PKEY_CTX_free(pkey);
	if (is_done && algorithm->scheme == SCHEME_ECDSA)
		*signature = raw_from_der(ctx, signature, algorithm->half);
	return is_done;
}

bool crypto_verify_digest(struct ctx *ctx, EVP_PKEY *key, const char *alg,
			  const struct bytes *digest, const struct bytes *signature)
{
	const struct algorithm *algorithm = find_algorithm(key, alg);
	struct bytes sent = *signature;
	EVP_PKEY_CTX *pkey;
	bool is_right;

	if (!algorithm || digest->size != algorithm->digest_bytes)
		return false;
	if (algorithm->scheme == SCHEME_ECDSA) {
		if (sent.size != 2 * algorithm->half)
			return false;
		sent = der_from_raw(ctx, &sent, algorithm->half);
	}
	pkey = EVP_PKEY_CTX_new(key, NULL);
	assert(pkey);
	is_right = EVP_PKEY_verify_init(pkey) > 0 && set_scheme(pkey, algorithm) &&
		   EVP_PKEY_verify(pkey, sent.data, sent.size, digest->data, digest->size) == 1;
	EVP_PKEY_CTX_free(pkey);
	return is_right;
}

static bool set_padding(EVP_PKEY_CTX *pkey, const char *alg)
{
	if (text_equals(alg, "RSA1_5"))
		return EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PADDING) > 0;
	if (!text_equals(alg, "RSA-OAEP") && !text_equals(alg, "RSA-OAEP-256"))
		return false;
	return EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_OAEP_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(pkey, text_equals(alg, "RSA-OAEP") ? EVP_sha1()
									       : EVP_sha256()) > 0;
}

typedef int transform(EVP_PKEY_CTX *pkey, unsigned char *out, size_t *out_size,
		      const unsigned char *in, size_t in_size);

static bool transform_rsa(struct ctx *ctx, EVP_PKEY *key, const char *alg,
			  int (*init)(EVP_PKEY_CTX *pkey), transform *apply, const struct bytes *in,
			  struct bytes *out)
{
	EVP_PKEY_CTX *pkey = EVP_PKEY_CTX_new(key, NULL);
	bool is_done;

	assert(pkey);
	out->size = (size_t)EVP_PKEY_get_size(key);
	out->data = arena_alloc(ctx->arena, out->size);
	is_done = EVP_PKEY_is_a(key, "RSA") && init(pkey) > 0 && set_padding(pkey, alg) &&
		  apply(pkey, out->data, &out->size, in->data, in->size) > 0;
	EVP_PKEY_CTX_free(pkey);
	return is_done;
}

bool crypto_encrypt(struct ctx *ctx, EVP_PKEY *key, const char *alg, const struct bytes *in,
		    struct bytes *out)
{
	return transform_rsa(ctx, key, alg, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, in, out);
}

bool crypto_decrypt(struct ctx *ctx, EVP_PKEY *key, const char *alg, const struct bytes *in,
		    struct bytes *out)
{
	return transform_rsa(ctx, key, alg, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, in, out);
}

/* Of the digest, not of the text: what made it checks it. */
static struct bytes authenticate(struct ctx *ctx, const struct bytes *digest)
{
	static const char secret[] = "known to the model alone";
	struct bytes mac = {arena_alloc(ctx->arena, EVP_MAX_MD_SIZE), 0};
	unsigned size = 0;

	assert(HMAC(EVP_sha256(), secret, sizeof(secret), digest->data, digest->size, mac.data,
		    &size));
	mac.size = size;
	return mac;
}

static bool is_signed(struct ctx *ctx, EVP_PKEY *key, const char *alg, const struct bytes *digest,
		      const struct bytes *signature)
{
	struct bytes wanted;

	if (key)
		return crypto_verify_digest(ctx, key, alg, digest, signature);
	wanted = authenticate(ctx, digest);
	return text_equals(alg, "HS256") && signature->size == wanted.size &&
	       memcmp(signature->data, wanted.data, wanted.size) == 0;
}

char *crypto_jwt(struct ctx *ctx, EVP_PKEY *key, const struct json *claims)
{
	const char *alg = key ? "RS256" : "HS256";
	const char *header =
		arena_printf(ctx->arena, "{\"typ\":\"JWT\",\"alg\":\"%s\",\"kid\":\"model\"}", alg);
	const char *payload = json_print(ctx, claims);
	struct bytes digest = {arena_alloc(ctx->arena, 32), 32}, signature;
	char *input;

	input = arena_printf(ctx->arena, "%s.%s", base64url_encode(ctx, header, strlen(header)),
			     base64url_encode(ctx, payload, strlen(payload)));
	crypto_sha256(input, strlen(input), digest.data);
	if (key)
		assert(crypto_sign_digest(ctx, key, alg, &digest, &signature));
	else
		signature = authenticate(ctx, &digest);
	return arena_printf(ctx->arena, "%s.%s", input,
			    base64url_encode(ctx, signature.data, signature.size));
}

static struct json *decode_part(struct ctx *ctx, const char *part, size_t size)
{
	struct json *json = NULL;
	struct bytes text;

	if (base64url_decode(ctx, arena_strndup(ctx->arena, part, size), &text) != E_OK ||
	    json_parse(ctx, (const char *)text.data, text.size, &json) != E_OK)
		return NULL;
	return json;
}

struct json *crypto_jwt_claims(struct ctx *ctx, EVP_PKEY *key, const char *token,
			       struct json **header)
{
	const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
	struct bytes digest = {arena_alloc(ctx->arena, 32), 32}, signature;
	struct json *head;

	if (!second || base64url_decode(ctx, second + 1, &signature) != E_OK)
		return NULL;
	head = decode_part(ctx, token, (size_t)(first - token));
	crypto_sha256(token, (size_t)(second - token), digest.data);
	if (!is_signed(ctx, key, json_get_text(head, "alg"), &digest, &signature))
		return NULL;
	if (header)
		*header = head;
	return decode_part(ctx, first + 1, (size_t)(second - first - 1));
}
