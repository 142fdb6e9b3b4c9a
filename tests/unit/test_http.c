#include "http/http.h"

#include "unit/check.h"
#include "unit/mutate.h"

#define NOW ((msec_t)1600000000000) /* 2020-09-13T12:26:40Z */

static msec_t stopped(struct clock *clock)
{
	(void)clock;
	return NOW;
}

static struct clock stopped_clock = {stopped, stopped, NULL};
static struct doors doors;
static struct ctx ctx;

static int set_up(void **state)
{
	(void)state;
	doors = (struct doors){&stopped_clock, rng_system(), fs_system(), NULL};
	ctx_init(&ctx, &doors);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ctx_fini(&ctx);
	return 0;
}

/* --- headers --- */

static void test_setting_a_header_replaces_it(void **state)
{
	struct http_request request = {.method = "GET"};

	(void)state;
	http_set_header(&request, "Accept", "a");
	http_set_header(&request, "If-Match", "b");
	http_set_header(&request, "ACCEPT", "c");
	assert_string_equal(request.headers[0].value, "c");
	assert_string_equal(request.headers[1].value, "b");
	assert_null(request.headers[2].name);
}

static void test_the_first_header_of_a_name_counts(void **state)
{
	struct http_header headers[] = {{"A", "1"}, {"Link", "2"}, {"link", "3"}};
	struct http_reply reply = {.headers = headers, .header_count = 3};

	(void)state;
	assert_string_equal(http_header(&reply, "LINK"), "2");
	assert_null(http_header(&reply, "Lin"));
	assert_null(http_header(&reply, "Linkk"));
}

/* --- Retry-After --- */

struct wait {
	const char *sentence;
	struct http_header headers[3];
	msec_t expected;
};

static const struct wait waits[] = {
	{"no header, no wait", {{"Date", "x"}}, 0},
	{"seconds", {{"Retry-After", "17"}}, 17000},
	{"a date ahead", {{"retry-after", "Sun, 13 Sep 2020 12:27:10 GMT"}}, 30000},
	{"a date gone by is the shortest wait",
	 {{"Retry-After", "Sun, 13 Sep 2020 12:00:00 GMT"}},
	 1000},
	{"zero is the shortest wait", {{"Retry-After", "0"}}, 1000},
	{"more than a day is a day", {{"Retry-After", "864000"}}, MSEC_PER_DAY},
	{"rubbish is no wait", {{"Retry-After", "soon"}}, 0},
	{"a negative number is no wait", {{"Retry-After", "-5"}}, 0},
	{"milliseconds win over seconds",
	 {{"Retry-After", "17"}, {"retry-after-ms", "2500"}},
	 2500},
	{"the older milliseconds too",
	 {{"Retry-After", "17"}, {"x-ms-retry-after-ms", "2500"}},
	 2500},
	{"the newer milliseconds first",
	 {{"x-ms-retry-after-ms", "9000"}, {"retry-after-ms", "2500"}},
	 2500},
	{"few milliseconds are a second", {{"retry-after-ms", "20"}}, 1000},
	{"very many milliseconds are a day",
	 {{"retry-after-ms", "99999999999999999999999999"}},
	 MSEC_PER_DAY},
	{"milliseconds that are none leave the seconds",
	 {{"retry-after-ms", "2.5"}, {"Retry-After", "17"}},
	 17000},
};

static void test_the_wait_that_an_answer_asks_for(void **state)
{
	const struct wait *row;
	struct http_reply reply;

	(void)state;
	for (row = waits; row < waits + ARRAY_SIZE(waits); row++) {
		reply = (struct http_reply){.headers = (struct http_header *)row->headers};
		while (reply.header_count < 3 && row->headers[reply.header_count].name)
			reply.header_count++;
		check_row_int(row->sentence, http_retry_after(&ctx, &reply), row->expected);
	}
}

/* --- faults --- */

struct filed {
	const char *sentence;
	enum http_kind kind;
	int status;
	const char *retry_after, *code, *said;
	enum err expected;
	const char *reason, *text;
	msec_t wait;
};

#define AGAIN "Vault answered 500 Internal Server Error"

static const struct filed filed[] = {
	{"403 with a documented code", HTTP_READ, 403, NULL, "ForbiddenByRbac", "no role",
	 E_REFUSED, "ForbiddenByRbac", "Vault answered 403 Forbidden (ForbiddenByRbac): no role",
	 0},
	{"401 without a word", HTTP_READ, 401, NULL, NULL, NULL, E_REFUSED, "Http401",
	 "Vault answered 401 Unauthorized", 0},
	{"400 with a code that is no name", HTTP_ONE_SHOT, 400, NULL, "invalid_client", "bad",
	 E_REFUSED, "Http400", "Vault answered 400 Bad Request: bad", 0},
	{"404 is an answer", HTTP_READ, 404, NULL, "ResourceNotFound", "", E_NOTFOUND,
	 "ResourceNotFound", "Vault answered 404 Not Found (ResourceNotFound)", 0},
	{"409 means look again", HTTP_READ, 409, NULL, NULL, NULL, E_CONFLICT, "Http409",
	 "Vault answered 409 Conflict", 0},
	{"412 means look again", HTTP_CONDITIONAL, 412, NULL, NULL, NULL, E_CONFLICT, "Http412",
	 "Vault answered 412 Precondition Failed", 0},
	{"429 with a time", HTTP_ONE_SHOT, 429, "20", "Throttled", NULL, E_THROTTLED, "Throttled",
	 "Vault answered 429 Too Many Requests (Throttled)", 20000},
	{"429 without a time", HTTP_READ, 429, NULL, NULL, NULL, E_THROTTLED, "Http429",
	 "Vault answered 429 Too Many Requests", 0},
	{"503 with a time", HTTP_ONE_SHOT, 503, "5", NULL, NULL, E_THROTTLED, "Http503",
	 "Vault answered 503 Service Unavailable", 5000},
	{"503 without a time is a hiccup", HTTP_READ, 503, NULL, NULL, NULL, E_AGAIN, "Http503",
	 "Vault answered 503 Service Unavailable", 0},
	{"503 without a time leaves a ONE_SHOT open", HTTP_ONE_SHOT, 503, NULL, NULL, NULL,
	 E_CONFLICT, "Http503", "Vault answered 503 Service Unavailable", 0},
	{"500 is a hiccup", HTTP_IDEMPOTENT, 500, "5", NULL, NULL, E_AGAIN, "Http500", AGAIN, 0},
	{"500 on a CONDITIONAL is a hiccup", HTTP_CONDITIONAL, 500, NULL, NULL, NULL, E_AGAIN,
	 "Http500", AGAIN, 0},
	{"500 leaves a ONE_SHOT open", HTTP_ONE_SHOT, 500, NULL, NULL, NULL, E_CONFLICT, "Http500",
	 AGAIN, 0},
	{"408 is a hiccup", HTTP_READ, 408, NULL, NULL, NULL, E_AGAIN, "Http408",
	 "Vault answered 408 Request Timeout", 0},
	{"408 leaves a ONE_SHOT open", HTTP_ONE_SHOT, 408, NULL, NULL, NULL, E_CONFLICT, "Http408",
	 "Vault answered 408 Request Timeout", 0},
	{"a redirect is never followed", HTTP_READ, 302, NULL, NULL, NULL, E_AGAIN, "Http302",
	 "Vault answered 302 Found", 0},
	{"a redirect leaves a ONE_SHOT open", HTTP_ONE_SHOT, 307, NULL, NULL, NULL, E_CONFLICT,
	 "Http307", "Vault answered 307 Temporary Redirect", 0},
	{"an unexpected success leaves a ONE_SHOT open", HTTP_ONE_SHOT, 204, NULL, NULL, NULL,
	 E_CONFLICT, "Http204", "Vault answered 204 No Content", 0},
	{"a status nobody knows", HTTP_READ, 499, NULL, NULL, NULL, E_REFUSED, "Http499",
	 "Vault answered 499", 0},
	{"a status beyond all", HTTP_READ, 799, NULL, NULL, NULL, E_AGAIN, "Http799",
	 "Vault answered 799", 0},
	{"control characters are escaped", HTTP_READ, 400, NULL, NULL, "a\r\nb\tc\x1b[1m\x7f",
	 E_REFUSED, "Http400", "Vault answered 400 Bad Request: a\\r\\nb\\tc\\x1b[1m\\x7f", 0},
	{"UTF-8 stays, C1 controls and bad octets do not", HTTP_READ, 400, NULL, NULL,
	 "\xc3\xa4\xc2\x9b\xff\xe2\x82", E_REFUSED, "Http400",
	 "Vault answered 400 Bad Request: \xc3\xa4\\xc2\\x9b\\xff\\xe2\\x82", 0},
	{"a code may have 47 letters", HTTP_READ, 400, NULL,
	 "Abcdefghijabcdefghijabcdefghijabcdefghijabcdefg", NULL, E_REFUSED,
	 "Abcdefghijabcdefghijabcdefghijabcdefghijabcdefg",
	 "Vault answered 400 Bad Request "
	 "(Abcdefghijabcdefghijabcdefghijabcdefghijabcdefg)",
	 0},
	{"a longer code is none", HTTP_READ, 400, NULL,
	 "Abcdefghijabcdefghijabcdefghijabcdefghijabcdefgh", NULL, E_REFUSED, "Http400",
	 "Vault answered 400 Bad Request", 0},
	{"a storage error without its request id and time", HTTP_READ, 403, NULL,
	 "AuthenticationFailed",
	 "Server failed to authenticate.\nRequestId:7a-1\nTime:2026-11-23T15:00:00Z", E_REFUSED,
	 "AuthenticationFailed",
	 "Vault answered 403 Forbidden (AuthenticationFailed): "
	 "Server failed to authenticate.",
	 0},
	{"a sign-in error without its trace id", HTTP_READ, 401, NULL, "invalid_client",
	 "AADSTS7000215: Invalid client secret. Trace ID: 1 Correlation ID: 2 Timestamp: 3",
	 E_REFUSED, "Http401",
	 "Vault answered 401 Unauthorized: AADSTS7000215: Invalid client secret.", 0},
};

static void test_every_status_is_filed(void **state)
{
	const struct filed *row;
	enum err err;

	(void)state;
	for (row = filed; row < filed + ARRAY_SIZE(filed); row++) {
		struct http_request request = {.kind = row->kind, .method = "POST", .url = "x"};
		struct http_header header = {"Retry-After", row->retry_after};
		struct http_reply reply = {.status = row->status,
					   .headers = &header,
					   .header_count = row->retry_after ? 1 : 0};

		err = http_reply_fault(&ctx, &request, &reply, "Vault", row->code, row->said);
		check_row_text(row->sentence, err_name(err), err_name(row->expected));
		check_row_text(row->sentence, ctx.fault.reason, row->reason);
		check_row_text(row->sentence, ctx.fault.text, row->text);
		check_row_int(row->sentence, ctx.fault.http_status, row->status);
		check_row_int(row->sentence, ctx.fault.retry_after_ms, row->wait);
		check_row_int(row->sentence, ctx.fault.by_ca, 0);
	}
}

static void fault_of(const char *said)
{
	struct http_request request = {.kind = HTTP_READ, .method = "GET", .url = "x"};
	struct http_reply reply = {.status = 400};

	http_reply_fault(&ctx, &request, &reply, "V", NULL, said);
}

static void test_long_words_are_cut(void **state)
{
	const char *head = "V answered 400 Bad Request: ";
	char said[2000];
	size_t i;

	(void)state;
	memset(said, 'x', sizeof(said) - 1);
	said[sizeof(said) - 1] = '\0';
	fault_of(said);
	assert_int_equal(strlen(ctx.fault.text), strlen(head) + 300 + 3);
	assert_string_equal(ctx.fault.text + strlen(head) + 300, "...");
	said[300] = '\0';
	fault_of(said);
	assert_int_equal(strlen(ctx.fault.text), strlen(head) + 300);
	/* Never within a character. */
	for (i = 0; i + 2 < sizeof(said); i += 2)
		memcpy(said + i + 1, "\xc3\xa4", 2);
	said[1001] = '\0';
	fault_of(said);
	assert_int_equal(strlen(ctx.fault.text), strlen(head) + 299 + 3);
}

static void visit_damaged(const char *text, size_t size, void *data)
{
	const unsigned char *at;

	(void)size;
	(void)data;
	ctx_fini(&ctx);
	ctx_init(&ctx, &doors);
	fault_of(text);
	for (at = (const unsigned char *)ctx.fault.text; *at; at++)
		assert_true(*at >= ' ' && *at != 127);
}

static void test_damaged_words_stay_harmless(void **state)
{
	static const struct mutate mutate = {.is_terminated = true, .visit = visit_damaged};
	static const char seed[] = "The \xe2\x82\xac is \xf0\x9f\x98\x80 bad\r\nRequestId:1";

	(void)state;
	mutate_seed(&mutate, seed, sizeof(seed) - 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_setting_a_header_replaces_it, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_first_header_of_a_name_counts, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_wait_that_an_answer_asks_for, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_every_status_is_filed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_words_are_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_words_stay_harmless, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
