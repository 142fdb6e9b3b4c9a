#include "pki/csr.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "pki/key.h"
#include "pki/ossl.h"

static enum err refuse_csr(struct ctx *ctx, const char *what)
{
	ERR_clear_error();
	return fault_set(ctx, E_REFUSED, "InvalidCsr", "the certificate signing request %s", what);
}

static void release_request(void *request)
{
	X509_REQ_free(request);
}

static void release_extensions(void *extensions)
{
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

static void release_names(void *names)
{
	GENERAL_NAMES_free(names);
}

static enum err parse(struct ctx *ctx, const void *der, size_t size, X509_REQ **out)
{
	const unsigned char *at = der;
	X509_REQ *request;

	if (size == 0 || size > OSSL_INPUT_MAX)
		return refuse_csr(ctx, size ? "is larger than 64 KiB" : "is empty");
	request = d2i_X509_REQ(NULL, &at, (long)size);
	if (!request)
		return refuse_csr(ctx, "is no PKCS#10 in DER");
	arena_defer(ctx->arena, release_request, request);
	if (at != (const unsigned char *)der + size)
		return refuse_csr(ctx, "has bytes behind its end");
	*out = request;
	return E_OK;
}

static bool has_dns_names_only(const GENERAL_NAMES *san)
{
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(san); i++)
		if (sk_GENERAL_NAME_value(san, i)->type != GEN_DNS)
			return false;
	return true;
}

static enum err read_names(struct ctx *ctx, const X509_REQ *request, struct names *out)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions((X509_REQ *)request);
	GENERAL_NAMES *san = NULL;
	int critical = -1;
	const char *wrong;

	if (extensions) {
		arena_defer(ctx->arena, release_extensions, extensions);
		san = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	}
	if (san)
		arena_defer(ctx->arena, release_names, san);
	else if (critical != -1)
		return refuse_csr(ctx, "has a malformed or repeated list of alternative names");
	if (san && !has_dns_names_only(san))
		return refuse_csr(ctx, "asks for alternative names other than DNS names");
	wrong = ossl_names(ctx, san, X509_REQ_get_subject_name(request), true, out);
	return wrong ? refuse_csr(ctx, arena_printf(ctx->arena, "has %s", wrong)) : E_OK;
}

static void hex(const unsigned char *data, size_t size, char *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < size; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * size] = '\0';
}

enum err csr_from_der(struct ctx *ctx, const void *der, size_t size, struct csr *out)
{
	unsigned char digest[32];
	X509_REQ *request = NULL;
	EVP_PKEY *key;

	TRY(parse(ctx, der, size, &request));
	key = X509_REQ_get0_pubkey(request);
	if (!key || !ossl_public_key(ctx, key, &out->public_key))
		return refuse_csr(ctx, "has a public key that cannot be read");
	if (X509_REQ_verify(request, key) != 1)
		return refuse_csr(ctx, "is not signed by its own key");
	TRY(read_names(ctx, request, &out->names));
	out->der.data = arena_copy(ctx->arena, der, size);
	out->der.size = size;
	out->key_type = ossl_key_type(ctx, key);
	sha256(der, size, digest);
	hex(digest, sizeof(digest), out->sha256);
	ERR_clear_error();
	return E_OK;
}
