/* Orders, authorizations, challenges and certificates: every status, and every way to be wrong. */
#include "acme/challenge.h"
#include "acme/order.h"
#include "acme_script.h"
#include "http/url.h"

#define FINALIZE "\"finalize\":\"" CA "/finalize/1\""
#define AUTHZ	 "\"authorizations\":[\"" CA "/authz/1\",\"" CA "/authz/2\"]"
#define TOKEN	 "LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"
#define HTTP01(status)                                                            \
	"{\"type\":\"http-01\",\"url\":\"" CA "/challenge/1\",\"token\":\"" TOKEN \
	"\",\"status\":\"" status "\"}"
#define DNS01                                                                    \
	"{\"type\":\"dns-01\",\"url\":\"" CA "/challenge/2\",\"token\":\"" TOKEN \
	"\",\"status\":\"pending\"}"
#define IDENTIFIER "\"identifier\":{\"type\":\"dns\",\"value\":\"example.com\"}"

struct order_row {
	const char *name;
	const char *body;
	enum err err;
	enum acme_status status;
	const char *reason;
	size_t authorizations;
};

static const struct order_row order_rows[] = {
	{"pending", "{\"status\":\"pending\"," AUTHZ "," FINALIZE "}", E_OK, ACME_PENDING, NULL, 2},
	{"ready", "{\"status\":\"ready\"," AUTHZ "," FINALIZE "}", E_OK, ACME_READY, NULL, 2},
	{"processing", "{\"status\":\"processing\"," AUTHZ "," FINALIZE "}", E_OK, ACME_PROCESSING,
	 NULL, 2},
	{"valid", "{\"status\":\"valid\"," AUTHZ ",\"certificate\":\"" CA "/cert/1\"}", E_OK,
	 ACME_VALID, NULL, 2},
	{"invalid without anything else", "{\"status\":\"invalid\"}", E_OK, ACME_INVALID, NULL, 0},
	{"a status that nobody knows", "{\"status\":\"frozen\"}", E_OK, ACME_UNKNOWN, NULL, 0},
	{"a status in capitals is unknown", "{\"status\":\"Valid\"}", E_OK, ACME_UNKNOWN, NULL, 0},
	{"an empty list of authorizations",
	 "{\"status\":\"ready\",\"authorizations\":[]," FINALIZE "}", E_OK, ACME_READY, NULL, 0},
	{"no list of authorizations", "{\"status\":\"ready\"," FINALIZE "}", E_OK, ACME_READY, NULL,
	 0},
	{"unknown members", "{\"status\":\"ready\",\"new\":{\"a\":[1]}," FINALIZE "}", E_OK,
	 ACME_READY, NULL, 0},
	{"no status", "{" AUTHZ "," FINALIZE "}", E_AGAIN, 0, "CAAnswerUnclear", 0},
	{"a status that is a number", "{\"status\":5}", E_AGAIN, 0, "CAAnswerUnclear", 0},
	{"ready without finalize", "{\"status\":\"ready\"}", E_AGAIN, 0, "CAAnswerUnclear", 0},
	{"valid without certificate", "{\"status\":\"valid\"}", E_AGAIN, 0, "CAAnswerUnclear", 0},
	{"authorizations that are no list",
	 "{\"status\":\"ready\",\"authorizations\":{}," FINALIZE "}", E_AGAIN, 0, "CAAnswerUnclear",
	 0},
	{"an authorization that is no text",
	 "{\"status\":\"ready\",\"authorizations\":[1]," FINALIZE "}", E_AGAIN, 0,
	 "CAAnswerUnclear", 0},
	{"no JSON", "<html>", E_AGAIN, 0, "CAAnswerUnclear", 0},
	{"nothing", "", E_AGAIN, 0, "CAAnswerUnclear", 0},
	{"a list", "[]", E_AGAIN, 0, "CAAnswerUnclear", 0},
	{"a member twice", "{\"status\":\"ready\",\"status\":\"valid\"}", E_AGAIN, 0,
	 "CAAnswerUnclear", 0},
	{"finalize elsewhere", "{\"status\":\"ready\",\"finalize\":\"https://evil.example/f\"}",
	 E_REFUSED, 0, "ForeignUrl", 0},
	{"finalize without TLS", "{\"status\":\"ready\",\"finalize\":\"http://ca.example/f\"}",
	 E_REFUSED, 0, "ForeignUrl", 0},
	{"finalize on this machine", "{\"status\":\"ready\",\"finalize\":\"file:///etc/passwd\"}",
	 E_REFUSED, 0, "ForeignUrl", 0},
	{"finalize with a user",
	 "{\"status\":\"ready\",\"finalize\":\"https://ca.example@evil/f\"}", E_REFUSED, 0,
	 "ForeignUrl", 0},
	{"a relative finalize", "{\"status\":\"ready\",\"finalize\":\"/finalize/1\"}", E_REFUSED, 0,
	 "ForeignUrl", 0},
	{"a certificate elsewhere",
	 "{\"status\":\"valid\",\"certificate\":\"https://169.254.169.254/metadata\"}", E_REFUSED,
	 0, "ForeignUrl", 0},
	{"an authorization elsewhere",
	 "{\"status\":\"pending\"," FINALIZE ",\"authorizations\":[\"https://evil.example\"]}",
	 E_REFUSED, 0, "ForeignUrl", 0},
};

static void check_order(struct script *s, const struct order_row *row, enum err expected,
			enum err err, const struct acme_order *order)
{
	script_end(s, err, expected);
	if (row->reason)
		script_equal(s, s->ctx.fault.reason, row->reason);
	if (expected != E_OK)
		return;
	script_equal(s, order->url, CA "/order/1");
	script_assert(s, order->status == row->status);
	script_assert(s, order->authorization_count == row->authorizations);
	for (size_t i = 0; i < order->authorization_count; i++)
		script_equal(s, order->authorizations[i],
			     arena_printf(s->ctx.arena, CA "/authz/%zu", i + 1));
	script_assert(s, (order->status == ACME_VALID) == (order->certificate != NULL));
	script_assert(s, order->error.detail && !order->error.type);
}

static void test_orders_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order_rows); i++) {
		const struct order_row *row = &order_rows[i];
		struct step steps[] = {{.request = "POST /order/1",
					.status = 200,
					.body = row->body,
					.payload = ""},
				       {0}};
		struct acme_order order;
		struct script s;

		script_sign_in(&s);
		script_run(&s, row->name, steps);
		check_order(&s, row, row->err,
			    acme_order_get(&s.ctx, &s.session, CA "/order/1", &order), &order);
		script_fini(&s);
	}
}

/* An unclear answer to a one-shot: the order may stand. One that leads elsewhere would do so again.
 */
static void test_orders_made(void **state)
{
	static const char *const names[] = {"example.com"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order_rows); i++) {
		const struct order_row *row = &order_rows[i];
		struct step steps[] = {{.request = "POST /order",
					.status = 201,
					.body = row->body,
					.location = CA "/order/1"},
				       {0}};
		enum err expected = row->err == E_AGAIN ? E_CONFLICT : row->err;
		struct acme_order order;
		struct script s;

		script_sign_in(&s);
		script_run(&s, row->name, steps);
		check_order(&s, row, expected, acme_order_new(&s.ctx, &s.session, names, 1, &order),
			    &order);
		script_assert(&s, s.ctx.fault.by_ca == (expected == E_REFUSED));
		script_fini(&s);
	}
}

static void test_finalize(void **state)
{
	static const unsigned char csr[] = {0xfb, 0xff, 0xfe};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(order_rows); i++) {
		const struct order_row *row = &order_rows[i];
		struct step steps[] = {{.request = "POST /finalize/1",
					.status = 200,
					.body = row->body,
					.payload = "{\"csr\":\"-__-\"}"},
				       {0}};
		enum err expected = row->err == E_OK ? E_OK : E_CONFLICT;
		struct acme_order order;
		struct script s;

		script_sign_in(&s);
		script_run(&s, row->name, steps);
		check_order(&s, row, expected,
			    acme_order_finalize(&s.ctx, &s.session, CA "/order/1", CA "/finalize/1",
						csr, sizeof(csr), &order),
			    &order);
		script_fini(&s);
	}
}

static void test_finalize_refused(void **state)
{
	static const struct {
		const char *name;
		struct step step;
		enum err err;
		const char *reason;
	} rows[] = {
		{"not ready, said with 403",
		 {.status = 403, .body = PROBLEM("orderNotReady", "no")},
		 E_CONFLICT,
		 "OrderNotReady"},
		{"not ready, said with 401",
		 {.status = 401, .body = PROBLEM("orderNotReady", "no")},
		 E_CONFLICT,
		 "OrderNotReady"},
		{"the CSR is bad",
		 {.status = 400, .body = PROBLEM("badCSR", "no")},
		 E_REFUSED,
		 "CSRRejected"},
		{"the order is gone", {.status = 404}, E_CONFLICT, NULL},
		{"an accident",
		 {.status = 500, .body = PROBLEM("serverInternal", "oops")},
		 E_CONFLICT,
		 "CAUnavailable"},
		{"not now", {.status = 503, .retry_after = "9"}, E_THROTTLED, NULL},
		{"no answer", {.err = E_CONFLICT}, E_CONFLICT, "Unreachable"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct step steps[] = {rows[i].step, {0}};
		struct acme_order order;
		struct script s;

		steps[0].request = "POST /finalize/1";
		script_sign_in(&s);
		script_run(&s, rows[i].name, steps);
		script_end(&s,
			   acme_order_finalize(&s.ctx, &s.session, CA "/order/1", CA "/finalize/1",
					       "x", 1, &order),
			   rows[i].err);
		if (rows[i].reason)
			script_equal(&s, s.ctx.fault.reason, rows[i].reason);
		script_fini(&s);
	}
}

static void test_an_order_in_full(void **state)
{
	static const struct step steps[] = {
		{.request = "POST /order",
		 .status = 201,
		 .body = "{\"status\":\"ready\"," FINALIZE "}"},
		{.request = "POST /order",
		 .status = 201,
		 .location = "https://evil.example/order/1",
		 .body = "{\"status\":\"ready\"," FINALIZE "}"},
		{.request = "POST /order/1",
		 .status = 200,
		 .retry_after = "15",
		 .body = "{\"status\":\"invalid\",\"expires\":\"2026-03-01T14:09:07Z\","
			 "\"error\":{\"type\":\"urn:ietf:params:acme:error:compound\","
			 "\"detail\":\"two\",\"subproblems\":[{\"detail\":\"x\"," IDENTIFIER
			 "}]}}"},
		{0}};
	static const char *const names[] = {"example.com"};
	struct acme_order order;
	struct script s;

	(void)state;
	script_sign_in(&s);
	script_run(&s, "orders in full", steps);
	assert_int_equal(acme_order_new(&s.ctx, &s.session, names, 1, &order), E_CONFLICT);
	assert_non_null(strstr(s.ctx.fault.text, "has no Location"));
	assert_int_equal(acme_order_new(&s.ctx, &s.session, names, 1, &order), E_REFUSED);
	assert_int_equal(s.ctx.fault.by_ca, 1);
	script_end(&s, acme_order_get(&s.ctx, &s.session, CA "/order/1", &order), E_OK);
	assert_int_equal(order.expires, 1772374147000);
	assert_int_equal(order.retry_after, 15 * MSEC_PER_SEC);
	script_equal(&s, order.error.type, "compound");
	script_equal(&s, order.error.detail, "two; example.com: x");
	/* Recorded while another CA was configured: no request at all. */
	script_end(&s, acme_order_get(&s.ctx, &s.session, "https://old.example/1", &order),
		   E_NOTFOUND);
	script_fini(&s);
}

struct authorization_row {
	const char *name;
	const char *body;
	enum err err;
	enum acme_status status, challenge_status;
	bool has_challenge;
	const char *error_type;
};

static const struct authorization_row authorization_rows[] = {
	{"pending with http-01",
	 "{\"status\":\"pending\"," IDENTIFIER ",\"challenges\":[" DNS01 "," HTTP01("pending") "]}",
	 E_OK, ACME_PENDING, ACME_PENDING, true, NULL},
	{"the challenge was born processing",
	 "{\"status\":\"pending\"," IDENTIFIER ",\"challenges\":[" HTTP01("processing") "]}", E_OK,
	 ACME_PENDING, ACME_PROCESSING, true, NULL},
	{"valid through another challenge",
	 "{\"status\":\"valid\"," IDENTIFIER ",\"challenges\":[" DNS01 "]}", E_OK, ACME_VALID,
	 ACME_UNKNOWN, false, NULL},
	{"valid without challenges", "{\"status\":\"valid\"," IDENTIFIER "}", E_OK, ACME_VALID,
	 ACME_UNKNOWN, false, NULL},
	{"deactivated", "{\"status\":\"deactivated\"," IDENTIFIER "}", E_OK, ACME_DEACTIVATED,
	 ACME_UNKNOWN, false, NULL},
	{"expired", "{\"status\":\"expired\"," IDENTIFIER "}", E_OK, ACME_EXPIRED, ACME_UNKNOWN,
	 false, NULL},
	{"revoked", "{\"status\":\"revoked\"," IDENTIFIER "}", E_OK, ACME_REVOKED, ACME_UNKNOWN,
	 false, NULL},
	{"a new word", "{\"status\":\"asleep\"," IDENTIFIER "}", E_OK, ACME_UNKNOWN, ACME_UNKNOWN,
	 false, NULL},
	{"invalid by http-01",
	 "{\"status\":\"invalid\"," IDENTIFIER
	 ",\"challenges\":[{\"type\":\"http-01\",\"url\":\"" CA "/challenge/1\",\"token\":\"" TOKEN
	 "\",\"status\":\"invalid\",\"error\":" PROBLEM("connection", "refused") "}]}",
	 E_OK, ACME_INVALID, ACME_INVALID, true, "connection"},
	{"invalid by another challenge",
	 "{\"status\":\"invalid\"," IDENTIFIER
	 ",\"challenges\":[{\"type\":\"dns-01\",\"error\":" PROBLEM("dns", "refused") "}," HTTP01(
		 "pending") "]}",
	 E_OK, ACME_INVALID, ACME_PENDING, true, "dns"},
	{"challenges of types that nobody knows",
	 "{\"status\":\"pending\"," IDENTIFIER
	 ",\"challenges\":[{\"type\":\"http-02\"},{},7,null]}",
	 E_OK, ACME_PENDING, ACME_UNKNOWN, false, NULL},
	{"a token that is a path",
	 "{\"status\":\"pending\"," IDENTIFIER
	 ",\"challenges\":[{\"type\":\"http-01\",\"url\":\"" CA "/challenge/1\","
	 "\"token\":\"../../../../etc/passwd\"}]}",
	 E_AGAIN, 0, 0, false, NULL},
	{"a token that becomes a path",
	 "{\"status\":\"pending\"," IDENTIFIER
	 ",\"challenges\":[{\"type\":\"http-01\",\"url\":\"" CA "/challenge/1\","
	 "\"token\":\"" TOKEN "/../x\"}]}",
	 E_AGAIN, 0, 0, false, NULL},
	{"a token that is too short",
	 "{\"status\":\"pending\"," IDENTIFIER
	 ",\"challenges\":[{\"type\":\"http-01\",\"url\":\"" CA "/challenge/1\","
	 "\"token\":\"abcdefghijklmno\"}]}",
	 E_AGAIN, 0, 0, false, NULL},
	{"no token",
	 "{\"status\":\"pending\"," IDENTIFIER
	 ",\"challenges\":[{\"type\":\"http-01\",\"url\":\"" CA "/challenge/1\"}]}",
	 E_AGAIN, 0, 0, false, NULL},
	{"no URL",
	 "{\"status\":\"pending\"," IDENTIFIER
	 ",\"challenges\":[{\"type\":\"http-01\",\"token\":\"" TOKEN "\"}]}",
	 E_AGAIN, 0, 0, false, NULL},
	{"a challenge elsewhere",
	 "{\"status\":\"pending\"," IDENTIFIER ",\"challenges\":[{\"type\":\"http-01\",\"url\":"
	 "\"https://evil.example\",\"token\":\"" TOKEN "\"}]}",
	 E_REFUSED, 0, 0, false, NULL},
	{"no identifier", "{\"status\":\"valid\"}", E_AGAIN, 0, 0, false, NULL},
	{"no status", "{" IDENTIFIER "}", E_AGAIN, 0, 0, false, NULL},
	{"no JSON", "hello", E_AGAIN, 0, 0, false, NULL},
};

static void test_authorizations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(authorization_rows); i++) {
		const struct authorization_row *row = &authorization_rows[i];
		struct step steps[] = {{.request = "POST /authz/1",
					.status = 200,
					.body = row->body,
					.payload = ""},
				       {0}};
		struct acme_authorization got;
		struct script s;

		script_sign_in(&s);
		script_run(&s, row->name, steps);
		script_end(&s, acme_authorization_get(&s.ctx, &s.session, CA "/authz/1", &got),
			   row->err);
		if (row->err == E_OK) {
			script_equal(&s, got.identifier, "example.com");
			script_assert(&s, got.status == row->status);
			script_assert(&s, got.challenge_status == row->challenge_status);
			script_equal(&s, got.challenge_url,
				     row->has_challenge ? CA "/challenge/1" : NULL);
			script_equal(&s, got.token, row->has_challenge ? TOKEN : NULL);
			script_equal(&s, got.error.type, row->error_type);
			script_assert(&s, got.error.detail != NULL);
		}
		script_fini(&s);
	}
}

struct change_row {
	const char *name;
	struct step first, look;
	enum err err;
};

#define MALFORMED                                                           \
	{                                                                   \
		.status = 400, .body = PROBLEM("malformed", "already done") \
	}
#define STANDS(word)                                                              \
	{                                                                         \
		.status = 200, .body = "{\"status\":\"" word "\"}", .payload = "" \
	}

static void run_changes(const struct change_row *rows, size_t count, const char *path,
			const char *payload,
			enum err (*change)(struct ctx *, struct acme_session *, const char *))
{
	for (size_t i = 0; i < count; i++) {
		struct step steps[] = {rows[i].first, rows[i].look, {0}};
		struct script s;

		script_sign_in(&s);
		steps[0].request = arena_printf(s.ctx.arena, "POST %s", path);
		steps[0].payload = payload;
		if (steps[1].status || steps[1].err)
			steps[1].request = steps[0].request;
		script_run(&s, rows[i].name, steps);
		script_end(&s, change(&s.ctx, &s.session, arena_printf(s.ctx.arena, CA "%s", path)),
			   rows[i].err);
		script_assert(&s, (rows[i].err == E_OK) == !*s.ctx.fault.text);
		if (steps[0].body && rows[i].err == E_REFUSED)
			script_assert(&s, strstr(s.ctx.fault.text, "already done"));
		script_fini(&s);
	}
}

static const struct change_row change_rows[] = {
	{"done", {.status = 200, .body = "{\"status\":\"processing\"}"}, {0}, E_OK},
	{"already processing, said with 400", MALFORMED, STANDS("processing"), E_OK},
	{"already valid, said with 400", MALFORMED, STANDS("valid"), E_OK},
	{"already final, said with 409", {.status = 409}, STANDS("invalid"), E_OK},
	{"refused while pending", MALFORMED, STANDS("pending"), E_REFUSED},
	{"refused in a state that nobody knows", MALFORMED, STANDS("asleep"), E_REFUSED},
	{"refused, and then out of sight", MALFORMED, {.err = E_AGAIN}, E_REFUSED},
	{"a conflict while pending", {.status = 409}, STANDS("pending"), E_CONFLICT},
	{"away", {.err = E_AGAIN}, {0}, E_AGAIN},
	{"busy", {.status = 503, .retry_after = "3"}, {0}, E_THROTTLED},
};

static void test_answer_to_a_challenge(void **state)
{
	static const struct change_row gone[] = {
		{"gone: the order tells", {.status = 404}, {0}, E_CONFLICT},
	};

	(void)state;
	run_changes(change_rows, ARRAY_SIZE(change_rows), "/challenge/1", "{}",
		    acme_challenge_answer);
	run_changes(gone, ARRAY_SIZE(gone), "/challenge/1", "{}", acme_challenge_answer);
}

static void test_deactivation(void **state)
{
	static const struct change_row gone[] = {
		{"gone is given up", {.status = 404}, {0}, E_OK},
		{"another account's is given up",
		 {.status = 403, .body = PROBLEM("unauthorized", "no")},
		 {0},
		 E_OK},
	};
	const char *payload = "{\"status\":\"deactivated\"}";

	(void)state;
	run_changes(change_rows, ARRAY_SIZE(change_rows), "/authz/1", payload,
		    acme_authorization_deactivate);
	run_changes(gone, ARRAY_SIZE(gone), "/authz/1", payload, acme_authorization_deactivate);
}

static void test_certificates(void **state)
{
	static const char pem[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	static const struct step steps[] = {
		{.request = "POST /cert/1", .status = 200, .body = pem, .payload = ""},
		{.request = "POST /cert/1", .status = 200, .body = "{}"},
		{.request = "POST /cert/1", .status = 200},
		{.request = "POST /cert/1", .status = 404},
		{.request = "POST /cert/1", .status = 403, .body = PROBLEM("unauthorized", "no")},
		{0}};
	struct script s;
	const char *got;
	size_t size;

	(void)state;
	script_sign_in(&s);
	script_run(&s, "certificates", steps);
	assert_int_equal(acme_certificate_get(&s.ctx, &s.session, CA "/cert/1", &got, &size), E_OK);
	assert_string_equal(got, pem);
	assert_int_equal(size, strlen(pem));
	assert_int_equal(s.last.reply_bytes_max, 64 * 1024);
	assert_string_equal(script_header_of(&s.last, "Accept"),
			    "application/pem-certificate-chain");
	assert_int_equal(acme_certificate_get(&s.ctx, &s.session, CA "/cert/1", &got, &size),
			 E_AGAIN);
	assert_int_equal(acme_certificate_get(&s.ctx, &s.session, CA "/cert/1", &got, &size),
			 E_AGAIN);
	assert_int_equal(acme_certificate_get(&s.ctx, &s.session, CA "/cert/1", &got, &size),
			 E_NOTFOUND);
	script_end(&s, acme_certificate_get(&s.ctx, &s.session, CA "/cert/1", &got, &size),
		   E_NOTFOUND);
	script_end(&s,
		   acme_certificate_get(&s.ctx, &s.session, "https://evil.example/", &got, &size),
		   E_REFUSED);
	script_fini(&s);
}

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END   "-----END CERTIFICATE-----\n"

static const struct {
	const char *name, *body;
	enum err err;
} chains[] = {
	{"two certificates", BEGIN "AAAA\n" END BEGIN "BBBB\n" END, E_OK},
	{"an empty line between and behind", BEGIN "AAAA\n" END "\n" BEGIN "BBBB\n" END "\r\n",
	 E_OK},
	{"words around", "leaf\n" BEGIN "AAAA\n" END "root\n", E_OK},
	{"cut in the first", BEGIN "AA", E_AGAIN},
	{"cut in its end", BEGIN "AAAA\n-----END CERTIFI", E_AGAIN},
	{"cut in the beginning of the second", BEGIN "AAAA\n" END "-----BEG", E_AGAIN},
	{"cut after a dash", BEGIN "AAAA\n" END "-", E_AGAIN},
	{"cut in the second", BEGIN "AAAA\n" END BEGIN "BB", E_AGAIN},
	{"an end without a beginning", END, E_AGAIN},
};

static void test_chains_that_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		const struct step steps[] = {
			{.request = "POST /cert/1", .status = 200, .body = chains[i].body}, {0}};
		struct script s;
		const char *got;
		size_t size;

		script_sign_in(&s);
		script_run(&s, chains[i].name, steps);
		script_end(&s, acme_certificate_get(&s.ctx, &s.session, CA "/cert/1", &got, &size),
			   chains[i].err);
		script_fini(&s);
	}
}

static void test_key_authorization_costs_no_signature(void **state)
{
	struct script s;
	char *got;

	(void)state;
	script_init(&s);
	script_run(&s, "the key authorization", (struct step[]){{0}});
	script_end(&s, acme_key_authorization(&s.ctx, &s.session, TOKEN, &got), E_OK);
	script_equal(&s, got, TOKEN "." KEY_THUMBPRINT);
	script_assert(&s, s.signatures == 0);
	script_end(&s, acme_key_authorization(&s.ctx, &s.session, "../../../../../etc/x", &got),
		   E_REFUSED);
	script_fini(&s);
}

static void damage(char *body, unsigned *seed)
{
	size_t size = strlen(body);

	*seed = *seed * 1103515245 + 12345;
	if (size && *seed & 0x10000)
		body[(*seed >> 8) % size] ^= (char)(1 << (*seed >> 20) % 8);
	else if (size)
		body[(*seed >> 8) % size] = '\0';
}

static bool is_ours(struct script *s, const char *url)
{
	return url_check_origin(&s->ctx, CA, url) == E_OK;
}

/* Bits flipped and tails lost: what is still taken has URLs of the CA and a token that is one. */
static void test_garbage(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (size_t i = 0; i < 300 * ARRAY_SIZE(authorization_rows); i++) {
		size_t a = i % ARRAY_SIZE(authorization_rows), o = i % ARRAY_SIZE(order_rows);
		struct step steps[] = {{.request = "POST /authz/1", .status = 200},
				       {.request = "POST /order/1", .status = 200},
				       {0}};
		struct acme_authorization got;
		struct acme_order order;
		struct script s;

		script_sign_in(&s);
		steps[0].body = arena_strdup(s.ctx.arena, authorization_rows[a].body);
		steps[1].body = arena_strdup(s.ctx.arena, order_rows[o].body);
		damage((char *)steps[0].body, &seed);
		damage((char *)steps[1].body, &seed);
		script_run(&s, "garbage", steps);
		if (acme_authorization_get(&s.ctx, &s.session, CA "/authz/1", &got) == E_OK)
			script_assert(&s, !got.challenge_url || (is_ours(&s, got.challenge_url) &&
								 !strpbrk(got.token, "./")));
		if (acme_order_get(&s.ctx, &s.session, CA "/order/1", &order) == E_OK)
			script_assert(&s, !order.finalize || is_ours(&s, order.finalize));
		script_fini(&s);
	}
}

static void test_status_names(void **state)
{
	static const char *const words[] = {"unknown",	   "pending", "ready",
					    "processing",  "valid",   "invalid",
					    "deactivated", "expired", "revoked"};

	(void)state;
	for (enum acme_status i = ACME_UNKNOWN; i <= ACME_REVOKED; i++) {
		assert_string_equal(acme_status_name(i), words[i]);
		assert_int_equal(acme_status_parse(words[i]), i);
	}
	assert_int_equal(acme_status_parse(NULL), ACME_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders_read),
		cmocka_unit_test(test_orders_made),
		cmocka_unit_test(test_finalize),
		cmocka_unit_test(test_finalize_refused),
		cmocka_unit_test(test_an_order_in_full),
		cmocka_unit_test(test_authorizations),
		cmocka_unit_test(test_answer_to_a_challenge),
		cmocka_unit_test(test_deactivation),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_chains_that_are_cut),
		cmocka_unit_test(test_key_authorization_costs_no_signature),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_status_names),
	};

	return cmocka_run_group_tests_name("acme_order", tests, NULL, NULL);
}
