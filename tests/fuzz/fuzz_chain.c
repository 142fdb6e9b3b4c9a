/* A chain as a CA sends it: PEM, or DER certificates one behind the other, which become PEM here
 * so that the search need not find base64. What is accepted for a request has its key and its
 * names, and each certificate is signed by the next. */
#include "acme/order.h"
#include "fuzz/chain_request.h"
#include "fuzz/peer_ca.h"
#include "pki/cert.h"

#define DER_HEADER 4 /* of a SEQUENCE of 256 octets and more */

static size_t der_length(const uint8_t *data, size_t size)
{
	size_t length = 0;

	if (size >= DER_HEADER && data[0] == 0x30 && data[1] == 0x82)
		length = DER_HEADER + ((size_t)data[2] << 8 | data[3]);
	return length && length <= size ? length : size;
}

static char *to_pem(struct ctx *ctx, const uint8_t *data, size_t size)
{
	char *pem = arena_strdup(ctx->arena, "");

	while (size > 0) {
		size_t length = der_length(data, size);

		pem = arena_printf(ctx->arena,
				   "%s-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n",
				   pem, base64_encode(ctx, data, length));
		data += length;
		size -= length;
	}
	return pem;
}

static void check_certificate(struct ctx *ctx, const struct cert *cert)
{
	struct cert again;

	assert(cert_from_der(ctx, cert->der.data, cert->der.size, &again) == E_OK);
	assert(memcmp(cert->sha256, again.sha256, sizeof(again.sha256)) == 0);
	assert(cert->serial[0] && cert->key_type[0] && cert_has_key(cert, &again.public_key));
	for (const char *at = cert->issuer; *at; at++)
		assert((unsigned char)*at >= ' ' && *at != 127);
	for (size_t i = 0; i < cert->names.count; i++)
		for (const char *at = cert->names.items[i]; *at; at++)
			assert(*at > ' ' && *at < 127 && !(*at >= 'A' && *at <= 'Z'));
}

static void check_refusal(const struct ctx *ctx, enum err err, const char *reason)
{
	assert(err == E_REFUSED && strcmp(ctx->fault.reason, reason) == 0);
	for (const char *at = ctx->fault.text; *at; at++)
		assert(*at >= ' ' && *at < 127);
}

static void check_chain(struct ctx *ctx, const struct chain *chain, const struct csr *csr)
{
	enum err err;

	assert(chain->count >= 1 && chain->count <= CHAIN_LENGTH_MAX);
	for (size_t i = 0; i < chain->count; i++)
		check_certificate(ctx, &chain->items[i]);
	err = chain_check(ctx, chain, csr);
	if (err != E_OK) {
		check_refusal(ctx, err, "CertificateRejected");
		return;
	}
	assert(cert_has_key(&chain->items[0], &csr->public_key));
	assert(names_are(&chain->items[0].names, csr->names.items, csr->names.count));
}

/* Set up once, and kept: what is judged is the answer alone. */
static struct world {
	struct ctx ctx;
	struct peer_ca ca;
	struct csr csr;
} world;

static void begin(void)
{
	if (world.ctx.arena)
		return;
	fuzz_begin(&world.ctx);
	peer_ca_init(&world.ca);
	assert(csr_from_der(&world.ctx, chain_request, sizeof(chain_request), &world.csr) == E_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx ctx cleanup_ctx;
	struct chain chain;
	struct http_reply *answer = &world.ca.answer;
	const char *pem;
	enum err err;

	fuzz_begin(&ctx);
	begin();
	*answer = (struct http_reply){.status = 200, .body_size = size};
	if (size > 0 && data[0] == 0x30) {
		answer->body = to_pem(&ctx, data, size);
		answer->body_size = strlen(answer->body);
	} else { /* a NUL behind it, as every client of http.h has */
		char *copy = arena_alloc(ctx.arena, size + 1);

		memcpy(copy, data, size);
		answer->body = copy;
	}
	err = acme_certificate_get(&ctx, &world.ca.session, PEER_CA "/certificate/1", &pem, &size);
	if (err == E_OK)
		err = chain_from_pem(&ctx, pem, size, &chain);
	else
		assert(err == E_AGAIN && !strcmp(ctx.fault.reason, "CAAnswerUnclear"));
	if (err == E_OK)
		check_chain(&ctx, &chain, &world.csr);
	else if (err != E_AGAIN)
		check_refusal(&ctx, err, "InvalidCertificate");
	return 0;
}
