/*
 * Whatever bytes an Azure service answers: no crash, an error that is allowed there, and a text
 * that is one line. Each seed goes through all its truncations and through a deterministic mutator.
 */
#include "azure_script.h"

#include <ctype.h>

#include "azure/appgateway.h"
#include "azure/blob.h"
#include "azure/keyvault.h"
#include "azure/keyvault_certificate.h"
#include "azure/keyvault_key.h"
#include "base/log.h"
#include "entra/access_token.h"
#include "entra/challenge.h"

#define VAULT	  "https://v.vault.azure.net"
#define ID	  "/subscriptions/s/resourceGroups/g/providers/M.N/applicationGateways/gw"
#define MUTATIONS 400

struct garbler {
	struct http http;
	int status;
	const char *body;
	size_t size;
};

struct seed {
	const char *sentence;
	enum err (*act)(struct ctx *ctx, struct http *http);
	bool is_one_shot; /* then "try again" would be wrong */
	int status;
	const char *body;
};

static enum err garbler_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			     struct http_reply *reply)
{
	const struct garbler *garbler = (const struct garbler *)http;
	char *text = arena_alloc(ctx->arena, garbler->size + 1);

	(void)request;
	memcpy(text, garbler->body, garbler->size);
	*reply = (struct http_reply){.status = garbler->status,
				     .headers = arena_new_array(ctx->arena, struct http_header, 4),
				     .header_count = 4,
				     .body = arena_copy(ctx->arena, text, garbler->size + 1),
				     .body_size = garbler->size};
	reply->headers[0] = (struct http_header){"Azure-AsyncOperation", text};
	reply->headers[1] = (struct http_header){"x-ms-error-code", text};
	reply->headers[2] = (struct http_header){"Retry-After", text};
	reply->headers[3] = (struct http_header){"WWW-Authenticate", text};
	return E_OK;
}

/* ---- acts */

static struct appgateway gateway_of(struct http *http)
{
	return (struct appgateway){.http = http,
				   .endpoint = "https://arm.example",
				   .gateway_id = ID,
				   .api_version = "2025-05-01"};
}

static enum err gateway_get(struct ctx *ctx, struct http *http)
{
	struct appgateway gateway = gateway_of(http);
	struct appgateway_document document;
	struct public_ips ips;

	TRY(appgateway_get(ctx, &gateway, &document));
	return appgateway_public_ips(ctx, &gateway, document.body, &ips);
}

static enum err gateway_put(struct ctx *ctx, struct http *http)
{
	struct appgateway gateway = gateway_of(http);
	struct appgateway_operation operation;

	return appgateway_put(ctx, &gateway, json_object(ctx), "W/\"1\"", &operation);
}

static enum err operation_get(struct ctx *ctx, struct http *http)
{
	struct appgateway gateway = gateway_of(http);
	struct appgateway_operation operation;

	TRY(appgateway_operation_get(ctx, &gateway, "https://arm.example/o", &operation));
	assert_non_null(operation.url);
	assert_non_null(operation.message);
	assert_null(strpbrk(operation.message, "\r\n"));
	return E_OK;
}

static enum err certificate_get(struct ctx *ctx, struct http *http)
{
	struct keyvault vault = {http, VAULT};
	struct vault_certificate certificate;

	return keyvault_certificate_get(ctx, &vault, "x", &certificate);
}

static enum err certificate_create(struct ctx *ctx, struct http *http)
{
	static const char *const names[] = {"shop.example.com"};
	const struct vault_certificate_request request = {
		.name = "x", .hostnames = names, .hostname_count = 1};
	struct keyvault vault = {http, VAULT};
	struct vault_operation operation;

	return keyvault_certificate_create(ctx, &vault, &request, &operation);
}

static enum err pending_get(struct ctx *ctx, struct http *http)
{
	struct keyvault vault = {http, VAULT};
	struct vault_operation operation;

	return keyvault_pending_get(ctx, &vault, "x", &operation);
}

static enum err certificate_merge(struct ctx *ctx, struct http *http)
{
	struct keyvault vault = {http, VAULT};
	struct cert leaf = {.der = {(unsigned char *)"x", 1}};
	struct vault_certificate certificate;

	return keyvault_certificate_merge(ctx, &vault, "x", &(struct chain){&leaf, 1}, NULL,
					  &certificate);
}

static enum err key_ensure(struct ctx *ctx, struct http *http)
{
	struct keyvault vault = {http, VAULT};
	struct vault_key key;

	return keyvault_key_ensure(ctx, &vault, "k", VAULT_KEY_SIGN, &key);
}

static enum err key_versions(struct ctx *ctx, struct http *http)
{
	struct keyvault vault = {http, VAULT};
	struct texts versions;

	return keyvault_key_versions(ctx, &vault, "k", &versions);
}

static enum err key_sign(struct ctx *ctx, struct http *http)
{
	const unsigned char digest[32] = {0};
	struct keyvault vault = {http, VAULT};
	unsigned char signature[64];

	return keyvault_key_sign(ctx, &vault, VAULT "/keys/k/v", digest, signature);
}

static enum err blob(struct ctx *ctx, struct http *http)
{
	struct blob_container container = {http, "https://a.blob.core.windows.net/c"};

	return blob_put(ctx, &container, "n", "text/plain", "x", 1);
}

static enum err token(struct ctx *ctx, struct http *http)
{
	const struct http_request request = {
		.kind = HTTP_READ, .method = "GET", .url = "https://a.example/"};
	struct access_token out;
	struct http_reply reply;

	TRY(http_send(ctx, http, &request, &reply));
	if (reply.status != 200)
		return access_token_fault(ctx, &request, &reply, "a.example");
	TRY(access_token_read(ctx, &reply, "a.example", &out));
	assert_true(text_starts_with(out.header, "Bearer "));
	assert_null(strpbrk(out.header, "\r\n"));
	assert_true(out.life > 0);
	return E_OK;
}

static enum err challenge(struct ctx *ctx, struct http *http)
{
	const struct http_request request = {
		.kind = HTTP_READ, .method = "GET", .url = "https://a.example/"};
	struct challenge out;
	struct http_reply reply;

	TRY(http_send(ctx, http, &request, &reply));
	challenge_read(ctx, reply.body, &out);
	return E_OK;
}

/* ---- seeds */

#define ERROR                                                                                    \
	"{\"error\":{\"code\":\"Conflict\",\"message\":\"pending inProgress 1b0f6b0f-aaaa-bbbb-" \
	"cccc-1b0f6b0faaaa at 2026-11-23T15:39:55Z W/\\\"x\\\"\",\"innererror\":{\"code\":"      \
	"\"ObjectIsDeletedButRecoverable\"},\"details\":[{\"code\":\"a\",\"message\":\"b\","     \
	"\"details\":[{\"code\":\"c\"}]}]}}"
#define GATEWAY                                                                          \
	"{\"etag\":\"W/\\\"1\\\"\",\"properties\":{\"provisioningState\":\"Succeeded\"," \
	"\"ipAddress\":\"203.0.113.7\",\"frontendIPConfigurations\":[{\"properties\":"   \
	"{\"publicIPAddress\":{\"id\":\"/subscriptions/s/x\"}}}]}}"
#define CERTIFICATE                                                                         \
	"{\"id\":\"https://v/certificates/x/1\",\"sid\":\"https://v/secrets/x/1\",\"cer\":" \
	"\"MIIBAAAA\",\"attributes\":{\"enabled\":true},\"tags\":{\"a\":\"b\"}}"
#define OPERATION                                                                            \
	"{\"status\":\"inProgress\",\"issuer\":{\"name\":\"Unknown\"},\"csr\":\"MIIBAAAA\"," \
	"\"error\":{\"code\":\"a\",\"message\":\"b\"}}"
#define KEY                                                                                \
	"{\"key\":{\"kid\":\"https://v/keys/k/1\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":" \
	"\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\",\"y\":"                           \
	"\"ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8\"}}"
#define VERSIONS                                                                        \
	"{\"value\":[{\"kid\":\"https://v/keys/k/1\",\"attributes\":{\"enabled\":true," \
	"\"created\":7}}],\"nextLink\":null}"
#define TOKEN                                                                                \
	"{\"access_token\":\"a.b.c\",\"expires_in\":\"3600\",\"expires_on\":\"1800003600\"," \
	"\"client_id\":\"x\"}"
#define OAUTH \
	"{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: no. Trace ID: 1\"}"
#define BEARER                                                                                  \
	"Bearer authorization=\"https://a/t\", scope=\"https://r/.default\", error=\"e\\\"\", " \
	"claims=\"eyJhIjoxfQ==\""
#define XML "<?xml?><Error><Code>x</Code><Message>no\nRequestId:1</Message></Error>"

static const struct seed seeds[] = {
	{"a gateway", gateway_get, false, 200, GATEWAY},
	{"a refusal to show it", gateway_get, false, 403, ERROR},
	{"an accepted gateway", gateway_put, true, 200, GATEWAY},
	{"a refused gateway", gateway_put, false, 429, ERROR},
	{"an operation", operation_get, false, 200,
	 "{\"status\":\"Failed\","
	 "\"error\":" ERROR "}"},
	{"a certificate", certificate_get, false, 200, CERTIFICATE},
	{"a certificate in the making", certificate_create, true, 202, OPERATION},
	{"a conflict over one", certificate_create, true, 409, ERROR},
	{"a pending certificate", pending_get, false, 200, OPERATION},
	{"a merged certificate", certificate_merge, true, 201, CERTIFICATE},
	{"a key", key_ensure, false, 200, KEY},
	{"versions of a key", key_versions, false, 200, VERSIONS},
	{"a signature", key_sign, false, 200, "{\"value\":\"AAECAwQF\"}"},
	{"a storage error", blob, false, 403, XML},
	{"a token", token, false, 200, TOKEN},
	{"a token refused", token, false, 401, OAUTH},
	{"a challenge", challenge, false, 401, BEARER},
};

/* ---- the mutator */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static size_t mutate(char *data, size_t size, uint32_t seed)
{
	static const char tokens[] = "\"{}[]:,\\\n\0\xff\x80 0-";
	uint32_t state = seed * 2654435761u + 1;
	unsigned changes = 1 + next_random(&state) % 3;

	while (changes--) {
		size_t at = next_random(&state) % size;

		switch (next_random(&state) % 3) {
		case 0: data[at] = (char)(data[at] ^ (1 << next_random(&state) % 8)); break;
		case 1: data[at] = tokens[next_random(&state) % (sizeof(tokens) - 1)]; break;
		default:
			memmove(data + at, data + at + 1, size - at - 1);
			size -= size > 1;
			break;
		}
	}
	return size;
}

static void try_one(const struct seed *seed, const char *body, size_t size)
{
	static const struct exchange none = {.request = NULL};
	struct garbler garbler = {
		.http = {.send = garbler_send}, .status = seed->status, .body = body, .size = size};
	struct script script;
	enum err kind;

	script_begin(&script, seed->sentence, &none);
	kind = seed->act(&script.ctx, &garbler.http);
	if (kind != E_OK) {
		assert_true(*script.ctx.fault.text);
		for (const char *p = script.ctx.fault.reason; *p || p == script.ctx.fault.reason;
		     p++)
			assert_true(isalnum((unsigned char)*p));
		assert_null(strpbrk(script.ctx.fault.text, "\r\n"));
	}
	if (seed->is_one_shot && (kind == E_AGAIN || kind == E_REFUSED))
		fail_msg("%s: %s (%s) although it may have happened: %.*s", seed->sentence,
			 err_name(kind), script.ctx.fault.text, (int)size, body);
	script_end(&script);
}

static void no_answer_does_harm(void **state)
{
	char body[2048];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		size_t size = strlen(seeds[i].body);

		assert_in_range(size, 1, sizeof(body) - 1);
		for (size_t length = 0; length <= size; length++)
			try_one(&seeds[i], seeds[i].body, length);
		for (uint32_t n = 0; n < MUTATIONS; n++) {
			memcpy(body, seeds[i].body, size + 1);
			try_one(&seeds[i], body, mutate(body, size, n));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_answer_does_harm),
	};

	log_open(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("azure_garbage", tests, NULL, NULL);
}
