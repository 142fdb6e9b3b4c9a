/* Keys and certificates as somebody hands them in: text up to the first NUL is the key, what is
 * behind it the certificate; the same bytes once more as DER. What is refused is told without a
 * byte of it. */
#include "fuzz/fuzz.h"
#include "pki/bundle.h"

#define HOST	 "shop.example.com"
#define PASSWORD "secret"

static void check_refusal(const struct ctx *ctx, enum err err, const char *reason)
{
	assert(err == E_REFUSED && strcmp(ctx->fault.reason, reason) == 0);
	for (const char *at = ctx->fault.text; *at; at++)
		assert(*at >= ' ' && *at < 127);
}

static struct key *read_key(struct ctx *ctx, const char *text)
{
	struct key *key = NULL, *again;
	char *pem, *same;
	enum err err = bundle_read_key(ctx, text, PASSWORD, &key);

	if (err != E_OK) {
		check_refusal(ctx, err, "InvalidKey");
		return NULL;
	}
	assert(key_to_pem(ctx, key, &pem) == E_OK);
	assert(bundle_read_key(ctx, pem, NULL, &again) == E_OK);
	assert(key_to_pem(ctx, again, &same) == E_OK && strcmp(pem, same) == 0);
	return key;
}

static void check_certificate(struct ctx *ctx, const struct cert *cert)
{
	struct cert again;

	assert(cert_from_der(ctx, cert->der.data, cert->der.size, &again) == E_OK);
	assert(memcmp(cert->sha256, again.sha256, sizeof(again.sha256)) == 0);
	assert(cert->serial[0] && cert->key_type[0] && cert_has_key(cert, &again.public_key));
	for (size_t i = 0; i < cert->names.count; i++)
		for (const char *at = cert->names.items[i]; *at; at++)
			assert(*at > ' ' && *at < 127 && !(*at >= 'A' && *at <= 'Z'));
}

static bool read_chain(struct ctx *ctx, const char *text, struct chain *chain)
{
	enum err err = bundle_read_chain(ctx, text, chain);

	if (err != E_OK) {
		check_refusal(ctx, err, "InvalidCertificate");
		return false;
	}
	assert(chain->count >= 1 && chain->count <= CHAIN_LENGTH_MAX);
	for (size_t i = 0; i < chain->count; i++)
		check_certificate(ctx, &chain->items[i]);
	return true;
}

static void check_pair(struct ctx *ctx, const struct key *key, const struct chain *chain)
{
	msec_t now = chain->items[0].not_before;
	struct bytes pkcs12;

	if (bundle_check(ctx, key, chain, HOST, now) == E_OK)
		assert(bundle_to_pkcs12(ctx, key, chain, PASSWORD, &pkcs12) == E_OK);
}

static void check_text(struct ctx *ctx, const uint8_t *data, size_t size)
{
	char *key_text = fuzz_text(data, size);
	size_t behind = strlen(key_text) + 1;
	char *chain_text = behind < size ? fuzz_text(data + behind, size - behind) : NULL;
	struct key *key = read_key(ctx, key_text);
	struct chain chain;

	if (read_chain(ctx, chain_text ? chain_text : key_text, &chain) && key)
		check_pair(ctx, key, &chain);
	free(chain_text);
	free(key_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx ctx cleanup_ctx;
	struct chain chain;
	char *der;

	fuzz_begin(&ctx);
	check_text(&ctx, data, size);
	der = base64_encode(&ctx, data, size);
	read_key(&ctx, der);
	read_chain(&ctx, der, &chain);
	return 0;
}
