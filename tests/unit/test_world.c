/* The model world in itself: a name goes through every door from order to served certificate;
 * wrongs are counted. */
#include "unit/check.h"

#include "codec/base64.h"
#include "codec/json.h"
#include <openssl/x509v3.h>

#include "world/crypto.h"
#include "world/dns_model.h"
#include "world/sim_http.h"

#define GATEWAY_URL SIM_ARM "%s?api-version=2025-05-01"
#define HOST	    "shop.example.com"
#define CERT	    "/certificates/shop-example-com"

static msec_t elapsed;

static msec_t wall_time(struct clock *clock)
{
	(void)clock;
	return 1795000000000 + elapsed;
}

static msec_t mono_time(struct clock *clock)
{
	(void)clock;
	return 5000 + elapsed;
}

static struct clock our_clock = {wall_time, mono_time, NULL};

struct rig {
	struct doors doors;
	struct ctx ctx;
	struct world *world;
	struct http *http;
	EVP_PKEY *account_key;
	const char *kid, *nonce;
	struct http_reply reply;
	struct json *json;
};

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct world_options options = sim_options();

	elapsed = 0;
	rig->doors = (struct doors){&our_clock, rng_system(), fs_system(), NULL};
	ctx_init(&rig->ctx, &rig->doors);
	rig->world = world_new(&options, &rig->doors);
	rig->http = world_http(rig->ctx.arena, rig->world, false);
	rig->account_key = crypto_ec_new("P-256");
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	EVP_PKEY_free(rig->account_key);
	world_free(rig->world);
	ctx_fini(&rig->ctx);
	free(rig);
	return 0;
}

static int send(struct rig *rig, struct http_request *request)
{
	rig->json = NULL;
	assert_int_equal(rig->http->send(&rig->ctx, rig->http, request, &rig->reply), E_OK);
	(void)json_parse(&rig->ctx, rig->reply.body, rig->reply.body_size, &rig->json);
	return rig->reply.status;
}

static const char *reply_header(const struct rig *rig, const char *name)
{
	size_t i;

	for (i = 0; i < rig->reply.header_count; i++)
		if (text_equals_nocase(rig->reply.headers[i].name, name))
			return rig->reply.headers[i].value;
	return NULL;
}

/* --- Azure --- */

static int azure(struct rig *rig, const char *method, const char *resource, const char *url,
		 const char *if_match, const char *body)
{
	struct http_request request = {.method = method, .url = url, .body = body};

	request.headers[0] = (struct http_header){"Authorization",
						  world_bearer(&rig->ctx, rig->world, resource)};
	request.headers[1] = (struct http_header){"Content-Type", "application/json"};
	if (if_match)
		request.headers[2] = (struct http_header){"If-Match", if_match};
	request.body_size = body ? strlen(body) : 0;
	request.reply_bytes_max = (size_t)8 << 20;
	return send(rig, &request);
}

static int vault(struct rig *rig, const char *method, const char *path, const char *body)
{
	const char *url = arena_printf(rig->ctx.arena, SIM_VAULT "%s?api-version=7.4", path);

	return azure(rig, method, "https://vault.azure.net", url, NULL, body);
}

static int gateway(struct rig *rig, const char *method, const char *if_match, const char *body)
{
	const char *url = arena_printf(rig->ctx.arena, GATEWAY_URL, sim_options().gateway_id);

	return azure(rig, method, SIM_ARM, url, if_match, body);
}

static void put_blob(struct rig *rig, const char *token, const char *text)
{
	struct http_request request = {
		.method = "PUT",
		.url = arena_printf(rig->ctx.arena, SIM_BLOB "/acme/.well-known/acme-challenge/%s",
				    token),
		.body = text,
		.body_size = strlen(text)};

	request.headers[0] = (struct http_header){
		"Authorization", world_bearer(&rig->ctx, rig->world, "https://storage.azure.com")};
	request.headers[1] = (struct http_header){"x-ms-version", "2021-12-02"};
	request.headers[2] = (struct http_header){"x-ms-blob-type", "BlockBlob"};
	assert_int_equal(send(rig, &request), 201);
}

/* --- the CA --- */

static char *jws(struct rig *rig, const char *url, const char *payload)
{
	struct ctx *ctx = &rig->ctx;
	struct json *header = json_object(ctx), *body = json_object(ctx);
	struct bytes digest = {arena_alloc(ctx->arena, 32), 32}, signature;
	const char *head, *input;

	json_set_text(ctx, header, "alg", "ES256");
	json_set_text(ctx, header, "nonce", rig->nonce);
	json_set_text(ctx, header, "url", url);
	if (rig->kid)
		json_set_text(ctx, header, "kid", rig->kid);
	else
		json_set(ctx, header, "jwk", crypto_jwk(ctx, rig->account_key));
	head = json_print(ctx, header);
	json_set_text(ctx, body, "protected", base64url_encode(ctx, head, strlen(head)));
	json_set_text(ctx, body, "payload", base64url_encode(ctx, payload, strlen(payload)));
	input = arena_printf(ctx->arena, "%s.%s", json_get_text(body, "protected"),
			     json_get_text(body, "payload"));
	crypto_sha256(input, strlen(input), digest.data);
	assert_true(crypto_sign_digest(ctx, rig->account_key, "ES256", &digest, &signature));
	json_set_text(ctx, body, "signature",
		      base64url_encode(ctx, signature.data, signature.size));
	return json_print(ctx, body);
}

static int acme(struct rig *rig, const char *url, const char *payload)
{
	struct http_request nonce = {.method = "HEAD", .url = SIM_ACME "/new-nonce"};
	struct http_request request = {.method = "POST", .url = url};

	assert_int_equal(send(rig, &nonce), 200);
	rig->nonce = reply_header(rig, "Replay-Nonce");
	request.body = jws(rig, url, payload);
	request.body_size = strlen(request.body);
	request.headers[0] = (struct http_header){"Content-Type", "application/jose+json"};
	return send(rig, &request);
}

static void make_account(struct rig *rig)
{
	assert_int_equal(acme(rig, SIM_ACME "/new-account", "{\"termsOfServiceAgreed\":true}"),
			 201);
	rig->kid = reply_header(rig, "Location");
	assert_non_null(rig->kid);
}

static const char *order_new(struct rig *rig)
{
	assert_int_equal(acme(rig, SIM_ACME "/new-order",
			      "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" HOST "\"}]}"),
			 201);
	return reply_header(rig, "Location");
}

/* Reads the authorization of the order in rig->json, and answers its http-01 challenge; the
 * authorization's end. */
static const char *authorize(struct rig *rig, bool puts_file)
{
	const char *authz = json_text(json_first(json_get(rig->json, "authorizations")));
	const char *url = NULL, *token = NULL;

	assert_int_equal(acme(rig, authz, ""), 200);
	json_for_each (challenge, json_get(rig->json, "challenges")) {
		if (!text_equals(json_get_text(challenge, "type"), "http-01"))
			continue;
		url = json_get_text(challenge, "url");
		token = json_get_text(challenge, "token");
	}
	assert_non_null(url);
	if (puts_file)
		put_blob(rig, token,
			 arena_printf(rig->ctx.arena, "%s.%s", token,
				      crypto_thumbprint(&rig->ctx,
							crypto_jwk(&rig->ctx, rig->account_key))));
	assert_int_equal(acme(rig, url, "{}"), 200);
	assert_int_equal(acme(rig, authz, ""), 200);
	return json_get_text(rig->json, "status");
}

/* Standard base64 to the URL alphabet. */
static char *url_alphabet(struct ctx *ctx, const char *text)
{
	struct bytes bytes;

	assert_int_equal(base64_decode(ctx, text, &bytes), E_OK);
	return base64url_encode(ctx, bytes.data, bytes.size);
}

static const char *create_csr(struct rig *rig)
{
	assert_int_equal(
		vault(rig, "POST", CERT "/create",
		      "{\"policy\":{\"issuer\":{\"name\":\"Unknown\"},\"x509_props\":{\"sans\":{"
		      "\"dns_names\":[\"" HOST "\"]}}},\"tags\":{\"Hostname\":\"" HOST "\"}}"),
		202);
	return url_alphabet(&rig->ctx, json_get_text(rig->json, "csr"));
}

/* "-----BEGIN...": the base64 between the lines of each certificate, as a JSON array. */
static char *x5c(struct ctx *ctx, const char *pem)
{
	char *out = arena_strdup(ctx->arena, ""), *one;
	const char *begin, *end;
	size_t n;

	while ((begin = strstr(pem, "-----BEGIN CERTIFICATE-----\n")) != NULL) {
		begin += strlen("-----BEGIN CERTIFICATE-----\n");
		end = strstr(begin, "-----END");
		one = arena_alloc(ctx->arena, (size_t)(end - begin) + 1);
		for (n = 0; begin < end; begin++)
			if (*begin != '\n')
				one[n++] = *begin;
		out = arena_printf(ctx->arena, "%s%s\"%s\"", out, *out ? "," : "", one);
		pem = end;
	}
	return arena_printf(ctx->arena, "{\"x5c\":[%s]}", out);
}

/* From order to merged certificate. */
static void issue(struct rig *rig)
{
	const char *csr = create_csr(rig), *order = order_new(rig), *certificate;

	if (!text_equals(json_get_text(rig->json, "status"), "ready"))
		assert_string_equal(authorize(rig, true), "valid");
	assert_int_equal(acme(rig, order, ""), 200);
	assert_string_equal(json_get_text(rig->json, "status"), "ready");
	assert_int_equal(acme(rig, json_get_text(rig->json, "finalize"),
			      arena_printf(rig->ctx.arena, "{\"csr\":\"%s\"}", csr)),
			 200);
	assert_int_equal(acme(rig, order, ""), 200);
	certificate = json_get_text(rig->json, "certificate");
	assert_non_null(certificate);
	assert_int_equal(acme(rig, certificate, ""), 200);
	assert_int_equal(vault(rig, "POST", CERT "/pending/merge", x5c(&rig->ctx, rig->reply.body)),
			 201);
}

/* --- the gateway --- */

static void append(struct rig *rig, struct json *gateway_json, const char *collection,
		   const char *format)
{
	const char *id = sim_options().gateway_id;
	struct json *child = NULL;
	char *text = arena_printf(rig->ctx.arena, "%s", format), *at;

	while ((at = strstr(text, "$G")) != NULL)
		text = arena_printf(rig->ctx.arena, "%.*s%s%s", (int)(at - text), text, id, at + 2);
	assert_int_equal(json_parse(&rig->ctx, text, strlen(text), &child), E_OK);
	json_append(&rig->ctx, json_get(json_get(gateway_json, "properties"), collection), child);
}

static struct json *with_site(struct rig *rig)
{
	struct json *document;

	assert_int_equal(gateway(rig, "GET", NULL, NULL), 200);
	document = rig->json;
	append(rig, document, "sslCertificates",
	       "{\"name\":\"shop\",\"properties\":{\"keyVaultSecretId\":\"" SIM_VAULT
	       "/secrets/shop-example-com\"}}");
	append(rig, document, "httpListeners",
	       "{\"name\":\"shop\",\"properties\":{\"protocol\":\"Https\",\"hostName\":\"" HOST
	       "\","
	       "\"sslCertificate\":{\"id\":\"$G/sslCertificates/shop\"},"
	       "\"frontendIPConfiguration\":{\"id\":\"$G/frontendIPConfigurations/"
	       "appgw-public-ip\"},"
	       "\"frontendPort\":{\"id\":\"$G/frontendPorts/port-443\"}}}");
	append(rig, document, "requestRoutingRules",
	       "{\"name\":\"shop\",\"properties\":{\"ruleType\":\"Basic\",\"priority\":100,"
	       "\"httpListener\":{\"id\":\"$G/httpListeners/shop\"},"
	       "\"backendAddressPool\":{\"id\":\"$G/backendAddressPools/appgw-backend\"},"
	       "\"backendHttpSettings\":{\"id\":\"$G/backendHttpSettingsCollection/"
	       "appgw-http-settings\"}}}");
	return document;
}

static const char *monitor_status(struct rig *rig, const char *monitor)
{
	assert_int_equal(azure(rig, "GET", SIM_ARM, monitor, NULL, NULL), 200);
	return json_get_text(rig->json, "status");
}

static void a_name_goes_all_the_way(void **state)
{
	struct rig *rig = *state;
	struct json *document;
	const char *monitor, *etag;
	struct world_never never;

	make_account(rig);
	issue(rig);
	assert_null(world_served_certificate(&rig->ctx, rig->world, HOST));
	document = with_site(rig);
	etag = json_get_text(document, "etag");
	assert_int_equal(gateway(rig, "PUT", etag, json_print(&rig->ctx, document)), 200);
	monitor = reply_header(rig, "Azure-AsyncOperation");
	assert_non_null(monitor);
	assert_string_not_equal(json_get_text(rig->json, "etag"), etag);
	assert_string_equal(monitor_status(rig, monitor), "InProgress");
	elapsed += 2000;
	assert_string_equal(monitor_status(rig, monitor), "Succeeded");
	assert_non_null(world_served_certificate(&rig->ctx, rig->world, HOST));
	never = world_never_events(rig->world);
	check_row_text("nothing forbidden happened", never.last, "");
}

static void the_gateway_follows_the_vault_by_polling(void **state)
{
	struct rig *rig = *state;
	const char *first;

	a_name_goes_all_the_way(state);
	first = world_served_certificate(&rig->ctx, rig->world, HOST);
	elapsed += (msec_t)60 * MSEC_PER_DAY;
	issue(rig);
	elapsed += 6000;
	world_tick(rig->world);
	assert_string_not_equal(world_served_certificate(&rig->ctx, rig->world, HOST), first);
	assert_int_equal(world_set(&rig->ctx, rig->world, "gatewayVaultAccess", "forbid"), E_OK);
	elapsed += 6000;
	world_tick(rig->world);
	assert_null(world_served_certificate(&rig->ctx, rig->world, HOST));
	check_row_text("a renewal is nothing forbidden", world_never_events(rig->world).last, "");
}

static void a_missing_file_makes_the_order_invalid(void **state)
{
	struct rig *rig = *state;
	const char *order;

	make_account(rig);
	order = order_new(rig);
	assert_string_equal(authorize(rig, false), "invalid");
	assert_int_equal(acme(rig, order, ""), 200);
	assert_string_equal(json_get_text(rig->json, "status"), "invalid");
	assert_string_equal(json_get_text(json_get(rig->json, "error"), "type"),
			    "urn:ietf:params:acme:error:unauthorized");
}

static void a_name_that_points_elsewhere_is_not_validated(void **state)
{
	struct rig *rig = *state;

	make_account(rig);
	dns_model_set(rig->world, HOST, "198.51.100.1");
	order_new(rig);
	assert_string_equal(authorize(rig, true), "invalid");
}

static void a_nonce_is_good_once_and_every_nth_is_bad(void **state)
{
	struct rig *rig = *state;
	struct http_request again = {.method = "POST", .url = SIM_ACME "/new-account"};

	make_account(rig);
	rig->kid = NULL;
	again.body = jws(rig, again.url, "{}");
	again.body_size = strlen(again.body);
	again.headers[0] = (struct http_header){"Content-Type", "application/jose+json"};
	assert_int_equal(send(rig, &again), 400);
	assert_string_equal(json_get_text(rig->json, "type"),
			    "urn:ietf:params:acme:error:badNonce");
	assert_non_null(reply_header(rig, "Replay-Nonce"));
	assert_int_equal(world_set(&rig->ctx, rig->world, "badNonceEvery", "1"), E_OK);
	assert_int_equal(acme(rig, SIM_ACME "/new-account", "{\"termsOfServiceAgreed\":true}"),
			 400);
	assert_string_equal(json_get_text(rig->json, "type"),
			    "urn:ietf:params:acme:error:badNonce");
}

static void a_second_finalize_is_counted(void **state)
{
	struct rig *rig = *state;
	const char *csr, *order, *finalize, *body;

	make_account(rig);
	csr = create_csr(rig);
	order = order_new(rig);
	assert_string_equal(authorize(rig, true), "valid");
	assert_int_equal(acme(rig, order, ""), 200);
	finalize = json_get_text(rig->json, "finalize");
	body = arena_printf(rig->ctx.arena, "{\"csr\":\"%s\"}", csr);
	assert_int_equal(acme(rig, finalize, body), 200);
	assert_int_equal(world_never_events(rig->world).finalized_twice, 0);
	assert_int_equal(acme(rig, finalize, body), 403);
	assert_int_equal(world_never_events(rig->world).finalized_twice, 1);
	assert_int_equal(vault(rig, "DELETE", CERT "/pending", NULL), 200);
	assert_int_equal(world_never_events(rig->world).pending_lost, 1);
}

/* RFC 9773 4.1, from the certificate that the vault has now. */
static char *ari_of_current(struct rig *rig)
{
	struct ctx *ctx = &rig->ctx;
	struct bytes der, serial;
	const ASN1_OCTET_STRING *aki;
	const ASN1_INTEGER *number;
	char *id;
	X509 *cert;

	assert_int_equal(vault(rig, "GET", CERT, NULL), 200);
	assert_int_equal(base64_decode(ctx, json_get_text(rig->json, "cer"), &der), E_OK);
	cert = crypto_parse_cert(&der);
	aki = X509_get0_authority_key_id(cert);
	number = X509_get0_serialNumber(cert);
	serial.size = (size_t)ASN1_STRING_length(number) + 1;
	serial.data = arena_alloc(ctx->arena, serial.size);
	memcpy(serial.data + 1, ASN1_STRING_get0_data(number), serial.size - 1);
	if (!(serial.data[1] & 0x80)) {
		serial.data++;
		serial.size--;
	}
	id = arena_printf(
		ctx->arena, "%s.%s",
		base64url_encode(ctx, ASN1_STRING_get0_data(aki), (size_t)ASN1_STRING_length(aki)),
		base64url_encode(ctx, serial.data, serial.size));
	X509_free(cert);
	return id;
}

static void a_certificate_has_a_window_and_is_replaced_once(void **state)
{
	struct rig *rig = *state;
	struct http_request window = {.method = "GET"};
	const char *id, *order;

	make_account(rig);
	issue(rig);
	id = ari_of_current(rig);
	window.url = arena_printf(rig->ctx.arena, SIM_ACME "/renewal-info/%s", id);
	assert_int_equal(send(rig, &window), 200);
	assert_non_null(json_path(rig->json, "suggestedWindow.start"));
	assert_non_null(reply_header(rig, "Retry-After"));
	window.url = SIM_ACME "/renewal-info/AAAA.AAAA";
	assert_int_equal(send(rig, &window), 404);
	order = arena_printf(rig->ctx.arena,
			     "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" HOST
			     "\"}],\"replaces\":\"%s\"}",
			     id);
	assert_int_equal(acme(rig, SIM_ACME "/new-order", order), 201);
	assert_string_equal(json_get_text(rig->json, "status"), "ready");
	assert_int_equal(acme(rig, SIM_ACME "/new-order", order), 409);
	assert_string_equal(json_get_text(rig->json, "type"),
			    "urn:ietf:params:acme:error:alreadyReplaced");
}

static void changes_of_foreign_parts_are_counted(void **state)
{
	struct rig *rig = *state;
	struct json *document;

	assert_int_equal(gateway(rig, "GET", NULL, NULL), 200);
	document = rig->json;
	assert_int_equal(gateway(rig, "PUT", json_get_text(document, "etag"),
				 json_print(&rig->ctx, document)),
			 200);
	check_row_text("the same body changes nothing", world_never_events(rig->world).last, "");
	json_remove(json_get(document, "properties"), "somethingNewIn2027");
	json_remove_node(json_path(document, "properties.probes"),
			 json_first(json_path(document, "properties.probes")));
	json_remove(
		json_get(
			json_at(json_path(document, "properties.backendHttpSettingsCollection"), 2),
			"properties"),
		"probe");
	assert_int_equal(gateway(rig, "PUT", NULL, json_print(&rig->ctx, document)), 200);
	assert_int_equal(world_never_events(rig->world).foreign_changed, 3);
	assert_int_equal(world_never_events(rig->world).put_without_if_match, 1);
}

static void faults_strike_as_told(void **state)
{
	static const struct {
		const char *sentence, *fault;
		enum http_kind kind;
		enum err err;
		int status;
	} rows[] = {
		{"a status takes the model's place",
		 "{\"path\":\"^/cert\",\"do\":{\"status\":503}}", HTTP_READ, E_OK, 503},
		{"a reset of a read is a hiccup", "{\"path\":\"\",\"do\":{\"reset\":\"before\"}}",
		 HTTP_READ, E_AGAIN, 0},
		{"a reset of a one-shot is ambiguous",
		 "{\"path\":\"\",\"do\":{\"reset\":\"after\"}}", HTTP_ONE_SHOT, E_CONFLICT, 0},
		{"a cut answer is none", "{\"path\":\"\",\"do\":{\"truncate\":3}}", HTTP_READ,
		 E_AGAIN, 0},
		{"an answer that is shorter than it was is one",
		 "{\"path\":\"\",\"do\":{\"cut\":3}}", HTTP_READ, E_OK, 401},
		{"an answer that is too large is none",
		 "{\"path\":\"\",\"do\":{\"oversize\":300000}}", HTTP_READ, E_AGAIN, 0},
		{"an answer that is too late is none", "{\"path\":\"\",\"do\":{\"delayMs\":10000}}",
		 HTTP_READ, E_AGAIN, 0},
		{"a late answer is one", "{\"path\":\"\",\"do\":{\"delayMs\":9000}}", HTTP_READ,
		 E_OK, 401},
		{"another method is left alone",
		 "{\"method\":\"PUT\",\"path\":\"\",\"do\":{\"status\":500}}", HTTP_READ, E_OK,
		 401},
		{"another path is left alone", "{\"path\":\"^/keys\",\"do\":{\"status\":500}}",
		 HTTP_READ, E_OK, 401},
		{"the first is let through", "{\"path\":\"\",\"after\":1,\"do\":{\"status\":500}}",
		 HTTP_READ, E_OK, 401},
	};
	struct http_request request = {.method = "GET",
				       .url = SIM_VAULT "/certificates?api-version=7.4"};
	struct rig *rig = *state;
	enum err err;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world_clear_faults(rig->world);
		assert_int_equal(world_add_fault(&rig->ctx, rig->world, rows[i].fault, NULL), E_OK);
		request.kind = rows[i].kind;
		err = rig->http->send(&rig->ctx, rig->http, &request, &rig->reply);
		check_row_int(rows[i].sentence, err, rows[i].err);
		if (!err)
			check_row_int(rows[i].sentence, rig->reply.status, rows[i].status);
	}
	assert_int_equal(world_add_fault(&rig->ctx, rig->world, "{\"do\":{\"stats\":1}}", NULL),
			 E_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_goes_all_the_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_gateway_follows_the_vault_by_polling, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_missing_file_makes_the_order_invalid, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_points_elsewhere_is_not_validated,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_nonce_is_good_once_and_every_nth_is_bad, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_certificate_has_a_window_and_is_replaced_once,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_second_finalize_is_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changes_of_foreign_parts_are_counted, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(faults_strike_as_told, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("world", tests, NULL, NULL);
}
