/* What the CA says when it says no, and what becomes of it. */
#include "acme/order.h"
#include "acme/problem.h"
#include "acme_script.h"

#define SAYS "The CA (ca.example) says "
#define UNPAUSE \
	"https://portal.example/sfe/v1/unpause?jwt=eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3NTB9.c2ln"

struct row {
	const char *name;
	int status;
	const char *body, *retry_after;
	enum err err;
	const char *reason, *text; /* NULL: not looked at */
	int by_ca;
	msec_t wait;
};

static const struct row rows[] = {
	{"unauthorized with 403 is counted by the CA", 403, PROBLEM("unauthorized", "no"), NULL,
	 E_REFUSED, "Unauthorized", SAYS "unauthorized: no", 1, 0},
	{"unauthorized with 401 is the same", 401, PROBLEM("unauthorized", "no"), NULL, E_REFUSED,
	 "Unauthorized", SAYS "unauthorized: no", 1, 0},
	{"subproblems are told in one line", 403,
	 "{\"type\":\"urn:ietf:params:acme:error:compound\",\"detail\":\"two\","
	 "\"subproblems\":[{\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"NXDOMAIN\","
	 "\"identifier\":{\"type\":\"dns\",\"value\":\"example.com\"}},"
	 "{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":\"forbidden\"}]}",
	 NULL, E_REFUSED, "SeveralProblems",
	 SAYS "compound: two; example.com: dns: NXDOMAIN; caa: forbidden", 1, 0},
	{"a rejected name is counted", 400, PROBLEM("rejectedIdentifier", "policy"), NULL,
	 E_REFUSED, "IdentifierRejected", SAYS "rejectedIdentifier: policy", 1, 0},
	{"CAA is counted", 403, PROBLEM("caa", "forbids"), NULL, E_REFUSED, "CAAForbids",
	 SAYS "caa: forbids", 1, 0},
	{"rateLimited waits as long as it says", 429, PROBLEM("rateLimited", "slow"), "120",
	 E_THROTTLED, "RateLimited", SAYS "rateLimited: slow", 1, 120 * MSEC_PER_SEC},
	{"rateLimited may come with 403", 403, PROBLEM("rateLimited", "slow"), "120", E_THROTTLED,
	 "RateLimited", NULL, 1, 120 * MSEC_PER_SEC},
	{"Retry-After may be a date", 429, PROBLEM("rateLimited", "slow"),
	 "Sun, 15 Jun 2025 18:06:40 GMT", E_THROTTLED, "RateLimited", NULL, 1, 2 * MSEC_PER_HOUR},
	{"rateLimited without a wait is a refusal", 429, PROBLEM("rateLimited", "slow"), NULL,
	 E_REFUSED, "RateLimited", SAYS "rateLimited: slow", 1, 0},
	{"a pause names the page that lifts it", 429,
	 PROBLEM("rateLimited", "Paused, see https://ca.example/docs or " UNPAUSE), NULL, E_REFUSED,
	 "PausedByCA",
	 "The CA (ca.example) paused this account and name; to go on, visit " UNPAUSE
	 " (Paused, see https://ca.example/docs or " UNPAUSE ")",
	 1, 0},
	{"503 with a wait is throttling", 503, PROBLEM("serverInternal", "busy"), "7", E_THROTTLED,
	 "CAUnavailable", SAYS "serverInternal: busy", 1, 7 * MSEC_PER_SEC},
	{"serverInternal comes and goes", 500, PROBLEM("serverInternal", "oops"), NULL, E_AGAIN,
	 "CAUnavailable", SAYS "serverInternal: oops", 0, 0},
	{"a proxy's 502 comes and goes", 502, "<html>Bad Gateway</html>", NULL, E_AGAIN, NULL, NULL,
	 0, 0},
	{"a proxy's 403 is a refusal that nobody counted", 403, "<html>No</html>", NULL, E_REFUSED,
	 NULL, NULL, 0, 0},
	{"a redirect is not followed", 302, "", NULL, E_AGAIN, NULL, NULL, 0, 0},
	{"userActionRequired names where to act", 403,
	 "{\"type\":\"urn:ietf:params:acme:error:userActionRequired\",\"detail\":\"new terms\","
	 "\"instance\":\"https://ca.example/terms\"}",
	 NULL, E_REFUSED, "UserActionRequired",
	 SAYS "userActionRequired: new terms; visit https://ca.example/terms", 0, 0},
	{"malformed is ours to mend", 400, PROBLEM("malformed", "what"), NULL, E_REFUSED,
	 "RequestRejected", SAYS "malformed: what", 0, 0},
	{"404 is not found whatever the type", 404, PROBLEM("malformed", "no such order"), NULL,
	 E_NOTFOUND, "RequestRejected", SAYS "malformed: no such order", 0, 0},
	{"404 is not counted whatever the type", 404, PROBLEM("unauthorized", "not yours"), NULL,
	 E_NOTFOUND, NULL, NULL, 0, 0},
	{"404 without a problem is not found", 404, "", NULL, E_NOTFOUND, NULL, NULL, 0, 0},
	{"an order that is not ready is looked at", 403, PROBLEM("orderNotReady", "wait"), NULL,
	 E_CONFLICT, "OrderNotReady", SAYS "orderNotReady: wait", 0, 0},
	{"an unknown type is filed by its status", 400, PROBLEM("newThing", "hm"), NULL, E_REFUSED,
	 "Http400", SAYS "newThing: hm", 0, 0},
	{"an old namespace says the same", 403,
	 "{\"type\":\"urn:acme:error:caa\",\"detail\":\"forbids\"}", NULL, E_REFUSED, "CAAForbids",
	 SAYS "caa: forbids", 1, 0},
	{"about:blank has a status and words only", 400,
	 "{\"type\":\"about:blank\",\"detail\":\"odd\"}", NULL, E_REFUSED, "Http400",
	 "The CA (ca.example) answered 400 Bad Request: odd", 0, 0},
	{"control characters become spaces", 403, PROBLEM("caa", "a\\nb\\u0007c\\u0085d\\u00e9"),
	 NULL, E_REFUSED, NULL, SAYS "caa: a b c  d\xc3\xa9", 1, 0},
	{"a type with strange characters is none", 403, PROBLEM("ca a", "x"), NULL, E_REFUSED,
	 "Http403", NULL, 0, 0},
	{"no detail is no colon", 403, "{\"type\":\"urn:ietf:params:acme:error:caa\"}", NULL,
	 E_REFUSED, NULL, SAYS "caa", 1, 0},
	{"a title stands in for the detail", 403,
	 "{\"type\":\"urn:ietf:params:acme:error:caa\",\"title\":\"No\"}", NULL, E_REFUSED, NULL,
	 SAYS "caa: No", 1, 0},
	{"duplicate members are no problem document", 403,
	 "{\"type\":\"urn:ietf:params:acme:error:caa\",\"type\":\"x\"}", NULL, E_REFUSED, "Http403",
	 NULL, 0, 0},
};

static void test_answers_to_a_read(void **state)
{
	struct acme_order order;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct step steps[] = {{.request = "POST /order/1",
					.status = row->status,
					.body = row->body,
					.retry_after = row->retry_after},
				       {0}};
		struct script s;
		enum err expected = row->err;

		/* An order that this account may not see is one that the CA does not know. */
		if (row->reason && text_equals(row->reason, "Unauthorized"))
			expected = E_NOTFOUND;
		script_sign_in(&s);
		script_run(&s, row->name, steps);
		script_end(&s, acme_order_get(&s.ctx, &s.session, CA "/order/1", &order), expected);
		script_assert(&s, s.ctx.fault.http_status == row->status);
		script_assert(&s, s.ctx.fault.by_ca == row->by_ca);
		script_assert(&s, s.ctx.fault.retry_after_ms == row->wait);
		if (row->reason)
			script_equal(&s, s.ctx.fault.reason, row->reason);
		if (row->text)
			script_equal(&s, s.ctx.fault.text, row->text);
		script_fini(&s);
	}
}

static void test_answers_to_newOrder(void **state)
{
	static const char *const names[] = {"example.com"};
	struct acme_order order;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct step steps[] = {{.request = "POST /order",
					.status = row->status,
					.body = row->body,
					.retry_after = row->retry_after},
				       {0}};
		struct script s;
		enum err expected = row->err;

		/* An unclear answer: the order may stand. A missing newOrder: nothing happened. */
		if (row->err == E_AGAIN)
			expected = E_CONFLICT;
		else if (row->err == E_NOTFOUND)
			expected = E_AGAIN;
		script_sign_in(&s);
		script_run(&s, row->name, steps);
		script_end(&s, acme_order_new(&s.ctx, &s.session, names, 1, &order), expected);
		script_assert(&s, s.ctx.fault.by_ca == row->by_ca);
		script_fini(&s);
	}
}

static void test_the_unpause_url_survives_a_long_detail(void **state)
{
	struct script s;
	struct acme_order order;
	char jwt[431], words[600], body[2048], url[600];

	(void)state;
	memset(jwt, 'j', sizeof(jwt) - 1);
	jwt[sizeof(jwt) - 1] = '\0';
	memset(words, 'w', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	snprintf(url, sizeof(url), "https://portal.example/unpause?jwt=%s", jwt);
	snprintf(body, sizeof(body), PROBLEM("rateLimited", "%s %s"), words, url);
	script_sign_in(&s);
	script_run(&s, "a pause with many words",
		   (struct step[]){{.request = "POST /order/1", .status = 429, .body = body}, {0}});
	script_end(&s, acme_order_get(&s.ctx, &s.session, CA "/order/1", &order), E_REFUSED);
	script_assert(&s, strstr(s.ctx.fault.text, url));
	script_fini(&s);
}

static void test_an_account_that_vanished_is_forgotten(void **state)
{
	static const struct step steps[] = {{.request = "POST /order/1",
					     .status = 400,
					     .body = PROBLEM("accountDoesNotExist", "who")},
					    FIND_ACCOUNT,
					    {.request = "POST /order/1", .status = 404},
					    {0}};
	struct script s;
	struct acme_order order;

	(void)state;
	script_sign_in(&s);
	script_run(&s, "a vanished account", steps);
	assert_int_equal(acme_order_get(&s.ctx, &s.session, CA "/order/1", &order), E_AGAIN);
	assert_string_equal(s.ctx.fault.reason, "AccountDoesNotExist");
	script_end(&s, acme_order_get(&s.ctx, &s.session, CA "/order/1", &order), E_NOTFOUND);
	script_fini(&s);
}

static void test_limits_of_names_do_not_stop_the_others(void **state)
{
	static const struct {
		const char *name;
		int status;
		const char *body;
		bool of_names;
	} limits[] = {
		{"certificates of a set of names", 429,
		 PROBLEM("rateLimited", "too many certificates (5) already issued"), true},
		{"failures of a name", 429,
		 PROBLEM("rateLimited", "too many failed authorizations (5)"), true},
		{"a pause", 429, PROBLEM("rateLimited", "temporarily prevented"), true},
		{"orders of the account", 429,
		 PROBLEM("rateLimited", "too many new orders (300) from this account"), false},
		{"accounts of the address", 429,
		 PROBLEM("rateLimited", "too many new registrations (10) from this IP"), false},
		{"a proxy's pace", 429, "slow down", false},
		{"load", 503, PROBLEM("rateLimited", "Service busy"), false},
	};

	struct http_header header = {"Retry-After", "36"};
	struct http_request request = {.kind = HTTP_READ, .method = "POST", .url = CA};
	struct script s;

	(void)state;
	script_sign_in(&s);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct http_reply reply = {.status = limits[i].status,
					   .body = limits[i].body,
					   .body_size = strlen(limits[i].body),
					   .headers = &header,
					   .header_count = 1};
		struct acme_problem problem;

		acme_problem_read(&s.ctx, &reply, &problem);
		acme_problem_fault(&s.ctx, s.session.acme, &request, &reply, &problem);
		if (acme_is_limit_of_names(&reply) != limits[i].of_names ||
		    s.ctx.fault.for_all == limits[i].of_names)
			fail_msg("%s", limits[i].name);
	}
	script_fini(&s);
}

/* Bits flipped and tails lost: some error always comes of it. */
static void test_garbage_stays_an_error(void **state)
{
	struct script s;
	unsigned seed = 1;

	(void)state;
	script_sign_in(&s);
	for (size_t i = 0; i < 200 * ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i % ARRAY_SIZE(rows)];
		size_t size = strlen(row->body);
		char *body = arena_strdup(s.ctx.arena, row->body);
		struct http_reply reply = {.status = row->status, .body = body};
		struct http_request request = {.kind = HTTP_READ, .method = "POST", .url = CA};
		struct acme_problem problem;

		seed = seed * 1103515245 + 12345;
		if (size && seed & 0x10000)
			body[(seed >> 8) % size] ^= (char)(1 << (seed >> 20) % 8);
		else if (size)
			body[(seed >> 8) % size] = '\0';
		reply.body_size = strlen(body);
		acme_problem_read(&s.ctx, &reply, &problem);
		assert_non_null(problem.detail);
		assert_int_not_equal(
			acme_problem_fault(&s.ctx, s.session.acme, &request, &reply, &problem),
			E_OK);
	}
	script_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_to_a_read),
		cmocka_unit_test(test_answers_to_newOrder),
		cmocka_unit_test(test_the_unpause_url_survives_a_long_detail),
		cmocka_unit_test(test_an_account_that_vanished_is_forgotten),
		cmocka_unit_test(test_limits_of_names_do_not_stop_the_others),
		cmocka_unit_test(test_garbage_stays_an_error),
	};

	return cmocka_run_group_tests_name("acme_problem", tests, NULL, NULL);
}
