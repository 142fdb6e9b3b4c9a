#include "world/crypto.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <string.h>

#include "base/text.h"

#define POOL_SIZE   (CRYPTO_FIXED_KEYS - 1)
#define PROCESS_KEY POOL_SIZE

/* A sweep makes thousands of certificates. */
static struct {
	pthread_mutex_t lock;
	EVP_PKEY *keys[POOL_SIZE];
	unsigned next;
	EVP_PKEY *process_key;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct curve {
	const char *jwk, *group;
	size_t bytes;
} curves[] = {
	{"P-256", "prime256v1", 32},
	{"P-384", "secp384r1", 48},
	{"P-521", "secp521r1", 66},
	{"P-256K", "secp256k1", 32},
};

static EVP_PKEY *up(EVP_PKEY *key)
{
	EVP_PKEY_up_ref(key);
	return key;
}

EVP_PKEY *crypto_rsa_new(unsigned bits, bool reuse)
{
	EVP_PKEY *key;
	size_t slot;

	if (!reuse || bits != 2048) {
		key = EVP_RSA_gen(bits);
		assert(key);
		return key;
	}
	pthread_mutex_lock(&pool.lock);
	slot = pool.next++ % POOL_SIZE;
	if (!pool.keys[slot])
		pool.keys[slot] = crypto_fixed_key(slot);
	key = up(pool.keys[slot]);
	pthread_mutex_unlock(&pool.lock);
	return key;
}

EVP_PKEY *crypto_process_key(void)
{
	pthread_mutex_lock(&pool.lock);
	if (!pool.process_key)
		pool.process_key = crypto_fixed_key(PROCESS_KEY);
	pthread_mutex_unlock(&pool.lock);
	return pool.process_key;
}

EVP_PKEY *crypto_ec_new(const char *curve)
{
	EVP_PKEY *key;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(curves); i++) {
		if (!text_equals(curves[i].jwk, curve))
			continue;
		key = EVP_EC_gen(curves[i].group);
		assert(key);
		return key;
	}
	return NULL;
}

static const struct curve *curve_of(EVP_PKEY *key)
{
	char group[64];
	size_t i;

	if (!EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
					    NULL))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(curves); i++)
		if (strcmp(curves[i].group, group) == 0)
			return &curves[i];
	return NULL;
}

/* A number of the key, left-padded to `width` bytes (0: as short as it is). */
static char *number_of(struct ctx *ctx, EVP_PKEY *key, const char *param, size_t width)
{
	unsigned char data[1024];
	BIGNUM *number = NULL;
	size_t size;

	assert(EVP_PKEY_get_bn_param(key, param, &number));
	size = width ? width : (size_t)BN_num_bytes(number);
	assert(size <= sizeof(data));
	assert(BN_bn2binpad(number, data, (int)size) >= 0);
	BN_free(number);
	return base64url_encode(ctx, data, size);
}

bool crypto_has_jwk(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA") || curve_of(key);
}

struct json *crypto_jwk(struct ctx *ctx, EVP_PKEY *key)
{
	struct json *jwk = json_object(ctx);
	const struct curve *curve;

	if (EVP_PKEY_is_a(key, "RSA")) {
		json_set_text(ctx, jwk, "kty", "RSA");
		json_set_text(ctx, jwk, "n", number_of(ctx, key, OSSL_PKEY_PARAM_RSA_N, 0));
		json_set_text(ctx, jwk, "e", number_of(ctx, key, OSSL_PKEY_PARAM_RSA_E, 0));
		return jwk;
	}
	curve = curve_of(key);
	assert(curve);
	json_set_text(ctx, jwk, "kty", "EC");
	json_set_text(ctx, jwk, "crv", curve->jwk);
	json_set_text(ctx, jwk, "x", number_of(ctx, key, OSSL_PKEY_PARAM_EC_PUB_X, curve->bytes));
	json_set_text(ctx, jwk, "y", number_of(ctx, key, OSSL_PKEY_PARAM_EC_PUB_Y, curve->bytes));
	return jwk;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	assert(params && maker);
	if (EVP_PKEY_fromdata_init(maker) <= 0 ||
	    EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(maker);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

static EVP_PKEY *rsa_from_jwk(struct ctx *ctx, const struct json *jwk)
{
	OSSL_PARAM_BLD *builder;
	struct bytes n, e;
	BIGNUM *bn_n, *bn_e;
	EVP_PKEY *key;

	if (base64url_decode(ctx, json_get_text(jwk, "n"), &n) != E_OK ||
	    base64url_decode(ctx, json_get_text(jwk, "e"), &e) != E_OK || n.size > 1024 ||
	    e.size > 8)
		return NULL;
	builder = OSSL_PARAM_BLD_new();
	bn_n = BN_bin2bn(n.data, (int)n.size, NULL);
	bn_e = BN_bin2bn(e.data, (int)e.size, NULL);
	assert(builder && bn_n && bn_e);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, bn_n);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, bn_e);
	key = from_params("RSA", builder);
	BN_free(bn_n);
	BN_free(bn_e);
	return key;
}

static EVP_PKEY *ec_from_jwk(struct ctx *ctx, const struct json *jwk)
{
	const char *crv = json_get_text(jwk, "crv");
	unsigned char point[1 + 2 * 66];
	const struct curve *curve = NULL;
	OSSL_PARAM_BLD *builder;
	struct bytes x, y;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(curves); i++)
		if (text_equals(curves[i].jwk, crv))
			curve = &curves[i];
	/* RFC 7518 6.2.1.2: the full width of the curve, leading zeros included. */
	if (!curve || base64url_decode(ctx, json_get_text(jwk, "x"), &x) != E_OK ||
	    base64url_decode(ctx, json_get_text(jwk, "y"), &y) != E_OK || x.size != curve->bytes ||
	    y.size != curve->bytes)
		return NULL;
	point[0] = 4;
	memcpy(point + 1, x.data, x.size);
	memcpy(point + 1 + x.size, y.data, y.size);
	builder = OSSL_PARAM_BLD_new();
	assert(builder);
	OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0);
	OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
					 1 + 2 * curve->bytes);
	return from_params("EC", builder);
}

EVP_PKEY *crypto_from_jwk(struct ctx *ctx, const struct json *jwk)
{
	const char *kty = json_get_text(jwk, "kty");

	if (text_equals(kty, "RSA") && json_get_text(jwk, "n") && json_get_text(jwk, "e"))
		return rsa_from_jwk(ctx, jwk);
	if (text_equals(kty, "EC") && json_get_text(jwk, "x") && json_get_text(jwk, "y"))
		return ec_from_jwk(ctx, jwk);
	return NULL;
}

char *crypto_thumbprint(struct ctx *ctx, const struct json *jwk)
{
	unsigned char digest[32];
	char *canonical;

	if (text_equals(json_get_text(jwk, "kty"), "RSA"))
		canonical = arena_printf(ctx->arena, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}",
					 json_get_text(jwk, "e"), json_get_text(jwk, "n"));
	else
		canonical = arena_printf(
			ctx->arena, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
			json_get_text(jwk, "crv"), json_get_text(jwk, "x"),
			json_get_text(jwk, "y"));
	crypto_sha256(canonical, strlen(canonical), digest);
	return base64url_encode(ctx, digest, sizeof(digest));
}

void crypto_sha256(const void *data, size_t size, unsigned char out[32])
{
	assert(EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL));
}
