#include "pki/seal.h"

#include <assert.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/heap.h"

#define KEY_BYTES    32
#define IV_BYTES     12 /* NIST SP 800-38D 5.2.1.1 */
#define TAG_BYTES    16
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

static void release_key(void *key)
{
	EVP_PKEY_free(key);
}

static EVP_PKEY *build_key(const struct bytes *n, const struct bytes *e)
{
	OSSL_PARAM_BLD *builder = heap_have(OSSL_PARAM_BLD_new());
	BIGNUM *modulus = heap_have(BN_bin2bn(n->data, (int)n->size, NULL));
	BIGNUM *exponent = heap_have(BN_bin2bn(e->data, (int)e->size, NULL));
	EVP_PKEY_CTX *maker = heap_have(EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL));
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	if (!params || EVP_PKEY_fromdata_init(maker) != 1 ||
	    EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(modulus);
	BN_free(exponent);
	EVP_PKEY_CTX_free(maker);
	return key;
}

static enum err public_key(struct ctx *ctx, const struct seal_key *key, EVP_PKEY **out)
{
	struct bytes n, e;

	TRY(base64url_decode(ctx, key->n, &n));
	TRY(base64url_decode(ctx, key->e, &e));
	*out = n.size <= RSA_BITS_MAX / 8 && e.size <= 8 ? build_key(&n, &e) : NULL;
	ERR_clear_error();
	if (*out)
		arena_defer(ctx->arena, release_key, *out);
	if (*out && EVP_PKEY_get_bits(*out) >= RSA_BITS_MIN)
		return E_OK;
	return fault_set(ctx, E_REFUSED, "InvalidSealKey",
			 "the sealing key is no RSA key of 2048 to 8192 bits");
}

static bool set_oaep_sha256(EVP_PKEY_CTX *wrapper)
{
	return EVP_PKEY_encrypt_init(wrapper) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(wrapper, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(wrapper, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(wrapper, EVP_sha256()) == 1;
}

static enum err wrap(struct ctx *ctx, EVP_PKEY *rsa, const unsigned char key[static KEY_BYTES],
		     struct bytes *out)
{
	EVP_PKEY_CTX *wrapper = heap_have(EVP_PKEY_CTX_new_from_pkey(NULL, rsa, NULL));
	size_t size = (size_t)EVP_PKEY_get_size(rsa);
	bool is_wrapped;

	out->data = arena_alloc(ctx->arena, size);
	is_wrapped = set_oaep_sha256(wrapper) &&
		     EVP_PKEY_encrypt(wrapper, out->data, &size, key, KEY_BYTES) == 1;
	out->size = size;
	EVP_PKEY_CTX_free(wrapper);
	ERR_clear_error();
	return is_wrapped
		       ? E_OK
		       : fault_set(ctx, E_REFUSED, "InvalidSealKey", "the sealing key cannot wrap");
}

static bool encrypt(EVP_CIPHER_CTX *cipher, const unsigned char *key, struct sealed *out,
		    const char *associated, const void *plain, size_t size)
{
	int written = 0;

	return EVP_EncryptInit_ex2(cipher, EVP_aes_256_gcm(), key, out->iv.data, NULL) == 1 &&
	       EVP_EncryptUpdate(cipher, NULL, &written, (const unsigned char *)associated,
				 (int)strlen(associated)) == 1 &&
	       EVP_EncryptUpdate(cipher, out->ciphertext.data, &written, plain, (int)size) == 1 &&
	       EVP_EncryptFinal_ex(cipher, out->ciphertext.data + written, &written) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, out->tag.data) == 1;
}

static struct bytes new_bytes(struct ctx *ctx, size_t size)
{
	return (struct bytes){arena_alloc(ctx->arena, size ? size : 1), size};
}

enum err seal_close(struct ctx *ctx, const struct seal_key *key, const char *associated,
		    const void *plain, size_t size, struct sealed *out)
{
	EVP_CIPHER_CTX *cipher = heap_have(EVP_CIPHER_CTX_new());
	unsigned char secret[KEY_BYTES];
	EVP_PKEY *rsa = NULL;
	bool is_encrypted;
	enum err err;

	out->kid = arena_strdup(ctx->arena, key->kid);
	out->iv = new_bytes(ctx, IV_BYTES);
	out->tag = new_bytes(ctx, TAG_BYTES);
	out->ciphertext = new_bytes(ctx, size);
	ctx->doors->rng->fill(ctx->doors->rng, secret, sizeof(secret));
	ctx->doors->rng->fill(ctx->doors->rng, out->iv.data, IV_BYTES);
	err = public_key(ctx, key, &rsa);
	if (err == E_OK)
		err = wrap(ctx, rsa, secret, &out->wrapped_key);
	is_encrypted = err == E_OK && encrypt(cipher, secret, out, associated, plain, size);
	OPENSSL_cleanse(secret, sizeof(secret));
	EVP_CIPHER_CTX_free(cipher);
	assert(err != E_OK || is_encrypted);
	return err;
}

static bool decrypt(EVP_CIPHER_CTX *cipher, const struct sealed *sealed, const char *associated,
		    const unsigned char *key, struct bytes *plain)
{
	int written = 0;

	return EVP_DecryptInit_ex2(cipher, EVP_aes_256_gcm(), key, sealed->iv.data, NULL) == 1 &&
	       EVP_DecryptUpdate(cipher, NULL, &written, (const unsigned char *)associated,
				 (int)strlen(associated)) == 1 &&
	       EVP_DecryptUpdate(cipher, plain->data, &written, sealed->ciphertext.data,
				 (int)sealed->ciphertext.size) == 1 &&
	       EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, sealed->tag.data) ==
		       1 &&
	       EVP_DecryptFinal_ex(cipher, plain->data + written, &written) == 1;
}

enum err seal_open(struct ctx *ctx, const struct sealed *sealed, const char *associated,
		   const struct bytes *key, struct bytes *plain)
{
	EVP_CIPHER_CTX *cipher = heap_have(EVP_CIPHER_CTX_new());
	bool is_open;

	*plain = new_bytes(ctx, sealed->ciphertext.size + 1);
	plain->size--;
	arena_wipe_at_end(ctx->arena, plain->data, plain->size);
	is_open = key->size == KEY_BYTES && sealed->iv.size == IV_BYTES &&
		  sealed->tag.size == TAG_BYTES &&
		  decrypt(cipher, sealed, associated, key->data, plain);
	EVP_CIPHER_CTX_free(cipher);
	ERR_clear_error();
	if (is_open)
		return E_OK;
	return fault_set(
		ctx, E_REFUSED, "SealBroken",
		"the sealed key cannot be opened: it was changed, or sealed for something else");
}

static void set_bytes(struct ctx *ctx, struct json *json, const char *member,
		      const struct bytes *bytes)
{
	json_set_text(ctx, json, member, base64url_encode(ctx, bytes->data, bytes->size));
}

struct json *sealed_to_json(struct ctx *ctx, const struct sealed *sealed)
{
	struct json *json = json_object(ctx);

	json_set_text(ctx, json, "kid", sealed->kid);
	set_bytes(ctx, json, "wrappedKey", &sealed->wrapped_key);
	set_bytes(ctx, json, "iv", &sealed->iv);
	set_bytes(ctx, json, "tag", &sealed->tag);
	set_bytes(ctx, json, "ciphertext", &sealed->ciphertext);
	return json;
}

static enum err get_bytes(struct ctx *ctx, const struct json *json, const char *member,
			  struct bytes *out)
{
	const char *text = json_get_text(json, member);

	if (text && base64url_decode(ctx, text, out) == E_OK)
		return E_OK;
	return fault_set(ctx, E_REFUSED, "SealBroken", "the sealed key has no readable %s", member);
}

enum err sealed_from_json(struct ctx *ctx, const struct json *json, struct sealed *out)
{
	out->kid = json_get_text(json, "kid");
	if (!out->kid)
		return fault_set(ctx, E_REFUSED, "SealBroken",
				 "the sealed key has no readable kid");
	TRY(get_bytes(ctx, json, "wrappedKey", &out->wrapped_key));
	TRY(get_bytes(ctx, json, "iv", &out->iv));
	TRY(get_bytes(ctx, json, "tag", &out->tag));
	return get_bytes(ctx, json, "ciphertext", &out->ciphertext);
}
