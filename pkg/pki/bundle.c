#include "pki/bundle.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pkcs12.h>

#include "base/heap.h"
#include "base/text.h"
#include "pki/ossl.h"
#include "pki/key_internal.h"

#define PBE	   NID_pbe_WithSHA1And3_Key_TripleDES_CBC
#define ITERATIONS 2048

static bool is_pem(const char *text)
{
	return strstr(text, "-----BEGIN ") != NULL;
}

/* Base64 as people paste it: with line ends. */
static enum err decode(struct ctx *ctx, const char *text, struct bytes *out)
{
	size_t size = strlen(text), kept = 0;
	char *bare = arena_alloc(ctx->arena, size + 1);

	arena_wipe_at_end(ctx->arena, bare, size + 1);
	for (size_t i = 0; i < size; i++)
		if (!strchr(" \t\r\n", text[i]))
			bare[kept++] = text[i];
	TRY(base64_decode(ctx, bare, out));
	arena_wipe_at_end(ctx->arena, out->data, out->size);
	return E_OK;
}

/* What Key Vault takes, and no other length or curve. */
static bool is_rsa_of_vault(const EVP_PKEY *pkey)
{
	int bits = EVP_PKEY_is_a(pkey, "RSA") ? EVP_PKEY_get_bits(pkey) : 0;

	return bits == 2048 || bits == 3072 || bits == 4096;
}

static bool is_curve_of_vault(const EVP_PKEY *pkey)
{
	static const char *const curves[] = {SN_X9_62_prime256v1, SN_secp384r1, SN_secp521r1,
					     SN_secp256k1};
	char name[64];

	if (!EVP_PKEY_is_a(pkey, "EC") || !EVP_PKEY_get_group_name(pkey, name, sizeof(name), NULL))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(curves); i++)
		if (text_equals(name, curves[i]))
			return true;
	return false;
}

static enum err check_kind(struct ctx *ctx, const struct key *key)
{
	const char *kind;

	if (is_rsa_of_vault(key->pkey) || is_curve_of_vault(key->pkey))
		return E_OK;
	kind = EVP_PKEY_is_a(key->pkey, "RSA-PSS") ? "for RSA-PSS alone"
						   : ossl_key_type(ctx, key->pkey);
	ERR_clear_error();
	return fault_set(ctx, E_REFUSED, "InvalidKey",
			 "the private key is %s%s; Key Vault takes RSA of 2048, 3072 or 4096 bits "
			 "and EC on P-256, P-384, P-521 or P-256K",
			 kind, text_equals(kind, "EC") ? " on another curve" : "");
}

enum err bundle_read_key(struct ctx *ctx, const char *text, const char *password, struct key **out)
{
	struct bytes der;

	if (is_pem(text)) {
		TRY(key_from_pem(ctx, text, strlen(text), password, out));
		return check_kind(ctx, *out);
	}
	if (decode(ctx, text, &der) != E_OK)
		return fault_set(ctx, E_REFUSED, "InvalidKey",
				 "the private key is neither PEM nor base64 of DER");
	TRY(key_from_der(ctx, der.data, der.size, password, out));
	return check_kind(ctx, *out);
}

enum err bundle_read_chain(struct ctx *ctx, const char *text, struct chain *out)
{
	struct bytes der;

	if (is_pem(text))
		return chain_from_pem(ctx, text, strlen(text), out);
	if (decode(ctx, text, &der) != E_OK)
		return fault_set(ctx, E_REFUSED, "InvalidCertificate",
				 "the certificate is neither PEM nor base64 of DER");
	out->items = arena_new_one(ctx->arena, struct cert);
	out->count = 1;
	return cert_from_der(ctx, der.data, der.size, &out->items[0]);
}

static bool names_hostname(const struct cert *leaf, const char *hostname)
{
	for (size_t i = 0; i < leaf->names.count; i++)
		if (names_cover(leaf->names.items[i], hostname))
			return true;
	return false;
}

enum err bundle_check(struct ctx *ctx, const struct key *key, const struct chain *chain,
		      const char *hostname, msec_t now)
{
	const struct cert *leaf = &chain->items[0];
	struct bytes public_key;

	if (!ossl_public_key(ctx, key->pkey, &public_key) || !cert_has_key(leaf, &public_key))
		return fault_set(ctx, E_REFUSED, "KeyMismatch",
				 "the private key does not belong to the certificate");
	if (leaf->not_after <= now)
		return fault_set(ctx, E_REFUSED, "CertificateExpired",
				 "the certificate has expired");
	if (!names_hostname(leaf, hostname))
		return fault_set(ctx, E_REFUSED, "HostnameMismatch",
				 "the certificate does not name %s", hostname);
	return chain_check_links(ctx, chain);
}

static void release_stack(void *stack)
{
	sk_X509_pop_free(stack, X509_free);
}

static X509 *certificate_of(const struct cert *cert)
{
	const unsigned char *at = cert->der.data;

	return d2i_X509(NULL, &at, (long)cert->der.size);
}

static STACK_OF(X509) * intermediates(struct ctx *ctx, const struct chain *chain)
{
	STACK_OF(X509) *stack = heap_have(sk_X509_new_null());

	arena_defer(ctx->arena, release_stack, stack);
	for (size_t i = 1; i < chain->count; i++)
		sk_X509_push(stack, certificate_of(&chain->items[i]));
	return stack;
}

static enum err encode(struct ctx *ctx, PKCS12 *pkcs12, struct bytes *out)
{
	unsigned char *der = NULL;
	int size = pkcs12 ? i2d_PKCS12(pkcs12, &der) : -1;

	ERR_clear_error();
	if (size <= 0)
		return fault_set(ctx, E_REFUSED, "InvalidKey",
				 "the key cannot be put into a PKCS#12");
	out->data = arena_copy(ctx->arena, der, (size_t)size);
	out->size = (size_t)size;
	arena_wipe_at_end(ctx->arena, out->data, out->size);
	OPENSSL_cleanse(der, (size_t)size);
	OPENSSL_free(der);
	return E_OK;
}

/* SHA-1 for the MAC too: OpenSSL's own choice, SHA-256, is not what Windows calls TripleDES-SHA1.
 */
static PKCS12 *make_pkcs12(const struct key *key, X509 *leaf, STACK_OF(X509) * others,
			   const char *password)
{
	PKCS12 *pkcs12 = PKCS12_create(password, NULL, key->pkey, leaf, others, PBE, PBE,
				       ITERATIONS, -1, 0);

	if (pkcs12 && PKCS12_set_mac(pkcs12, password, -1, NULL, 0, ITERATIONS, EVP_sha1()) == 1)
		return pkcs12;
	PKCS12_free(pkcs12);
	return NULL;
}

enum err bundle_to_pkcs12(struct ctx *ctx, const struct key *key, const struct chain *chain,
			  const char *password, struct bytes *out)
{
	X509 *leaf = certificate_of(&chain->items[0]);
	PKCS12 *pkcs12 = make_pkcs12(key, leaf, intermediates(ctx, chain), password);
	enum err err = encode(ctx, pkcs12, out);

	PKCS12_free(pkcs12);
	X509_free(leaf);
	return err;
}
