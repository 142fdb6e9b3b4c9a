/* The exchange itself: directory, nonces, account, signatures. */
#include "acme/account.h"
#include "acme/directory.h"
#include "acme/nonce.h"
#include "acme/order.h"
#include "acme_script.h"

#define ORDER                                                                                \
	"{\"status\":\"pending\",\"authorizations\":[\"" CA "/authz/1\"],\"finalize\":\"" CA \
	"/finalize/1\"}"
#define READ_ORDER                                                                      \
	{                                                                               \
		.request = "POST /order/1", .status = 200, .body = ORDER, .payload = "" \
	}

static enum err find(struct script *s)
{
	const char *url = "";
	enum err err = acme_account_find(&s->ctx, &s->session, &url);

	if (err == E_OK)
		script_equal(s, url, CA "/account/1");
	return err;
}

static enum err ensure(struct script *s)
{
	const char *url = "";
	enum err err = acme_account_ensure(&s->ctx, &s->session, "ops@example.com", &url);

	if (err == E_OK)
		script_equal(s, url, CA "/account/1");
	return err;
}

static enum err read_order(struct script *s)
{
	struct acme_order order;

	return acme_order_get(&s->ctx, &s->session, CA "/order/1", &order);
}

static enum err new_order(struct script *s)
{
	static const char *const names[] = {"example.com", "www.example.com"};
	struct acme_order order;

	return acme_order_new(&s->ctx, &s->session, names, 2, &order);
}

static enum err two_reads(struct script *s)
{
	enum err err = read_order(s);

	return err ? err : read_order(s);
}

static enum err two_new_orders(struct script *s)
{
	enum err err = new_order(s);

	return err ? err : new_order(s);
}

struct row {
	const char *name;
	enum err (*call)(struct script *s);
	enum err err;
	unsigned signatures;
	const char *reason;
	struct step steps[STEPS_MAX];
};

#define NO_ACCOUNT                                              \
	{                                                       \
		.request = "POST /account", .status = 400,      \
		.body = PROBLEM("accountDoesNotExist", "none"), \
		.payload = "{\"onlyReturnExisting\":true}"      \
	}
#define NEW_ACCOUNT                                                                     \
	{                                                                               \
		.request = "POST /account", .status = 201, .location = CA "/account/1", \
		.body = "{\"status\":\"valid\"}",                                       \
		.payload = "{\"termsOfServiceAgreed\":true,"                            \
			   "\"contact\":[\"mailto:ops@example.com\"]}"                  \
	}
#define NEW_ORDER                                                                                  \
	{                                                                                          \
		.request = "POST /order", .status = 201, .location = CA "/order/1", .body = ORDER, \
		.payload = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"example.com\"},"       \
			   "{\"type\":\"dns\",\"value\":\"www.example.com\"}]}"                    \
	}

/* From nothing. */
static const struct row cold_rows[] = {
	{"a standing account costs one signature",
	 find,
	 E_OK,
	 1,
	 NULL,
	 {GET_DIRECTORY, HEAD_NONCE, FIND_ACCOUNT}},
	{"a nonce of the directory saves newNonce",
	 find,
	 E_OK,
	 1,
	 NULL,
	 {{.request = "GET /dir", .status = 200, .body = DIRECTORY}, FIND_ACCOUNT}},
	{"no account is an answer",
	 find,
	 E_NOTFOUND,
	 1,
	 "AccountDoesNotExist",
	 {GET_DIRECTORY, HEAD_NONCE, NO_ACCOUNT}},
	{"an account is looked for before it is made",
	 ensure,
	 E_OK,
	 2,
	 NULL,
	 {GET_DIRECTORY, HEAD_NONCE, NO_ACCOUNT, NEW_ACCOUNT}},
	{"an account that stands is not made again",
	 ensure,
	 E_OK,
	 1,
	 NULL,
	 {GET_DIRECTORY, HEAD_NONCE, FIND_ACCOUNT}},
	{"an account refused for its terms",
	 ensure,
	 E_REFUSED,
	 2,
	 "UserActionRequired",
	 {GET_DIRECTORY,
	  HEAD_NONCE,
	  NO_ACCOUNT,
	  {.request = "POST /account",
	   .status = 403,
	   .body = PROBLEM("userActionRequired", "terms")}}},
	{"a request in the name of nobody waits for an account",
	 read_order,
	 E_AGAIN,
	 1,
	 "AccountDoesNotExist",
	 {GET_DIRECTORY, HEAD_NONCE, NO_ACCOUNT}},
	{"a closed account is told as such",
	 find,
	 E_REFUSED,
	 1,
	 "AccountProblem",
	 {GET_DIRECTORY,
	  HEAD_NONCE,
	  {.request = "POST /account",
	   .status = 200,
	   .location = CA "/account/1",
	   .body = "{\"status\":\"deactivated\"}"}}},
	{"an account without Location is unclear",
	 find,
	 E_AGAIN,
	 1,
	 "CAAnswerUnclear",
	 {GET_DIRECTORY,
	  HEAD_NONCE,
	  {.request = "POST /account", .status = 200, .body = "{\"status\":\"valid\"}"}}},
	{"an account elsewhere is refused",
	 find,
	 E_REFUSED,
	 1,
	 "ForeignUrl",
	 {GET_DIRECTORY,
	  HEAD_NONCE,
	  {.request = "POST /account",
	   .status = 200,
	   .location = "https://evil.example/account/1",
	   .body = "{\"status\":\"valid\"}"}}},
	{"newAccount not found does not mean no account",
	 find,
	 E_AGAIN,
	 1,
	 NULL,
	 {GET_DIRECTORY, HEAD_NONCE, {.request = "POST /account", .status = 404}}},
	{"the CA is away",
	 find,
	 E_AGAIN,
	 0,
	 "Unreachable",
	 {{.request = "GET /dir", .err = E_AGAIN}}},
	{"no directory does not mean no account",
	 find,
	 E_REFUSED,
	 0,
	 "CADirectoryNotFound",
	 {{.request = "GET /dir", .status = 404}}},
	{"a directory that is no JSON",
	 find,
	 E_AGAIN,
	 0,
	 "CAAnswerUnclear",
	 {{.request = "GET /dir", .status = 200, .body = "<html>"}}},
	{"a directory without newOrder",
	 find,
	 E_AGAIN,
	 0,
	 "CAAnswerUnclear",
	 {{.request = "GET /dir",
	   .status = 200,
	   .body = "{\"newNonce\":\"" CA "/nonce\","
		   "\"newAccount\":\"" CA "/account\"}"}}},
	{"a directory that leads elsewhere",
	 find,
	 E_REFUSED,
	 0,
	 "ForeignUrl",
	 {{.request = "GET /dir",
	   .status = 200,
	   .body = "{\"newNonce\":\"https://evil.example/nonce\"}"}}},
	{"a directory that leads to another port",
	 find,
	 E_REFUSED,
	 0,
	 "ForeignUrl",
	 {{.request = "GET /dir", .status = 200, .body = "{\"newNonce\":\"" CA ":8443/n\"}"}}},
	{"newNonce without a nonce",
	 find,
	 E_AGAIN,
	 0,
	 "CAAnswerUnclear",
	 {GET_DIRECTORY, {.request = "HEAD /nonce", .status = 200, .nonce = ""}}},
	{"a nonce that is no base64url is ignored",
	 find,
	 E_AGAIN,
	 0,
	 "CAAnswerUnclear",
	 {GET_DIRECTORY, {.request = "HEAD /nonce", .status = 200, .nonce = "a b"}}},
	{"newNonce not found does not mean no account",
	 find,
	 E_AGAIN,
	 0,
	 NULL,
	 {GET_DIRECTORY, {.request = "HEAD /nonce", .status = 404, .nonce = ""}}},
	{"newNonce throttled",
	 find,
	 E_THROTTLED,
	 0,
	 NULL,
	 {GET_DIRECTORY, {.request = "HEAD /nonce", .status = 503, .retry_after = "5"}}},
};

/* With directory, account and one nonce at hand. */
static const struct row warm_rows[] = {
	{"one POST, one signature", read_order, E_OK, 1, NULL, {READ_ORDER}},
	{"each answer's nonce serves the next request",
	 two_new_orders,
	 E_OK,
	 2,
	 NULL,
	 {NEW_ORDER, NEW_ORDER}},
	{"an error's nonce too",
	 two_new_orders,
	 E_REFUSED,
	 2,
	 "RequestRejected",
	 {NEW_ORDER,
	  {.request = "POST /order", .status = 400, .body = PROBLEM("malformed", "no")}}},
	{"an answer without a nonce costs a newNonce",
	 two_new_orders,
	 E_OK,
	 2,
	 NULL,
	 {{.request = "POST /order",
	   .status = 201,
	   .location = CA "/order/1",
	   .body = ORDER,
	   .nonce = ""},
	  HEAD_NONCE,
	  NEW_ORDER}},
	{"newNonce not found does not mean no order",
	 two_reads,
	 E_AGAIN,
	 1,
	 NULL,
	 {{.request = "POST /order/1", .status = 200, .body = ORDER, .nonce = ""},
	  {.request = "HEAD /nonce", .status = 404, .nonce = ""}}},
	{"badNonce is signed again with the error's nonce",
	 read_order,
	 E_OK,
	 2,
	 NULL,
	 {BAD_NONCE("/order/1"), READ_ORDER}},
	{"a one-shot too, for it was not carried out",
	 new_order,
	 E_OK,
	 2,
	 NULL,
	 {BAD_NONCE("/order"), NEW_ORDER}},
	{"five times",
	 read_order,
	 E_OK,
	 6,
	 NULL,
	 {BAD_NONCE("/order/1"), BAD_NONCE("/order/1"), BAD_NONCE("/order/1"),
	  BAD_NONCE("/order/1"), BAD_NONCE("/order/1"), READ_ORDER}},
	{"and no more",
	 new_order,
	 E_AGAIN,
	 6,
	 "BadNonce",
	 {BAD_NONCE("/order"), BAD_NONCE("/order"), BAD_NONCE("/order"), BAD_NONCE("/order"),
	  BAD_NONCE("/order"), BAD_NONCE("/order")}},
	{"badNonce without a nonce asks for one",
	 read_order,
	 E_OK,
	 2,
	 NULL,
	 {{.request = "POST /order/1",
	   .status = 400,
	   .body = PROBLEM("badNonce", "old"),
	   .nonce = ""},
	  HEAD_NONCE,
	  READ_ORDER}},
	{"another 400 is not signed again",
	 read_order,
	 E_REFUSED,
	 1,
	 "RequestRejected",
	 {{.request = "POST /order/1", .status = 400, .body = PROBLEM("malformed", "no")}}},
	{"no answer to a read",
	 read_order,
	 E_AGAIN,
	 1,
	 "Unreachable",
	 {{.request = "POST /order/1", .err = E_AGAIN}}},
	{"no answer to a one-shot",
	 new_order,
	 E_CONFLICT,
	 1,
	 "Unreachable",
	 {{.request = "POST /order", .err = E_CONFLICT}}},
	{"shutting down",
	 read_order,
	 E_CANCELLED,
	 1,
	 NULL,
	 {{.request = "POST /order/1", .err = E_CANCELLED}}},
};

static void run_rows(const struct row *rows, size_t count, bool is_warm)
{
	for (size_t i = 0; i < count; i++) {
		struct script s;
		enum err err;

		if (is_warm)
			script_sign_in(&s);
		else
			script_init(&s);
		s.signatures = s.posts = 0;
		script_run(&s, rows[i].name, rows[i].steps);
		err = rows[i].call(&s);
		script_end(&s, err, rows[i].err);
		script_assert(&s, s.signatures == rows[i].signatures);
		if (rows[i].reason)
			script_equal(&s, s.ctx.fault.reason, rows[i].reason);
		script_fini(&s);
	}
}

static void test_from_nothing(void **state)
{
	(void)state;
	run_rows(cold_rows, ARRAY_SIZE(cold_rows), false);
}

static void test_signed_in(void **state)
{
	(void)state;
	run_rows(warm_rows, ARRAY_SIZE(warm_rows), true);
}

static void test_account_is_remembered_for_its_key_alone(void **state)
{
	static const struct step silence[] = {{0}};
	static const struct step again[] = {FIND_ACCOUNT, {0}};
	struct script s;

	(void)state;
	script_sign_in(&s);
	script_run(&s, "the same key asks nobody", silence);
	script_end(&s, ensure(&s), E_OK);
	s.key_x = OTHER_KEY_X;
	script_run(&s, "another key asks", again);
	script_end(&s, ensure(&s), E_OK);
	acme_account_forget(s.session.acme);
	script_run(&s, "a forgotten account is asked for", again);
	script_end(&s, ensure(&s), E_OK);
	script_fini(&s);
}

/* What the vault does not have is not what the CA does not have. */
static void test_a_missing_key_is_no_missing_account(void **state)
{
	static const struct step silence[] = {{0}};
	struct script s;

	(void)state;
	script_sign_in(&s);
	s.signer_err = E_NOTFOUND;
	script_run(&s, "no key", silence);
	script_end(&s, find(&s), E_REFUSED);
	script_end(&s, read_order(&s), E_REFUSED);
	s.signer_err = E_CANCELLED;
	script_end(&s, read_order(&s), E_CANCELLED);
	s.signer_err = E_OK;
	s.sign_err = E_NOTFOUND;
	script_end(&s, read_order(&s), E_REFUSED);
	s.sign_err = E_CONFLICT;
	script_run(&s, "a busy vault", (struct step[]){HEAD_NONCE, {0}});
	script_end(&s, new_order(&s), E_AGAIN);
	script_fini(&s);
}

/* The CA is left alone for longer than others; what signs for it is no part of it. */
static void test_patience_is_for_the_CA_alone(void **state)
{
	struct script s;

	(void)state;
	script_sign_in(&s);
	script_run(&s, "away", (struct step[]){{.request = "POST /order/1", .err = E_AGAIN}, {0}});
	script_end(&s, read_order(&s), E_AGAIN);
	script_assert(&s, s.ctx.fault.backoff_max_ms == 30 * MSEC_PER_MIN);
	script_run(&s, "in trouble",
		   (struct step[]){HEAD_NONCE, {.request = "POST /order/1", .status = 500}, {0}});
	script_end(&s, read_order(&s), E_AGAIN);
	script_assert(&s, s.ctx.fault.backoff_max_ms == 30 * MSEC_PER_MIN);
	script_run(&s, "garbled",
		   (struct step[]){{.request = "POST /order/1", .status = 200, .body = "<html>"},
				   {0}});
	script_end(&s, read_order(&s), E_AGAIN);
	script_assert(&s, s.ctx.fault.backoff_max_ms == 30 * MSEC_PER_MIN);
	s.sign_err = E_AGAIN;
	script_run(&s, "a vault that is away", (struct step[]){{0}});
	script_end(&s, read_order(&s), E_AGAIN);
	script_assert(&s, s.ctx.fault.backoff_max_ms == 0);
	script_fini(&s);
}

static void test_directory_is_kept_for_a_day_and_longer_when_the_CA_is_away(void **state)
{
	static const struct {
		const char *name;
		msec_t later;
		struct step steps[2];
	} rows[] = {
		{"fetched once", 0, {GET_DIRECTORY}},
		{"served from memory", MSEC_PER_DAY - 1, {{0}}},
		{"fetched afresh after a day", 1, {GET_DIRECTORY}},
		{"served stale", MSEC_PER_DAY, {{.request = "GET /dir", .err = E_AGAIN}}},
		{"not asked at once again", MSEC_PER_MIN - 1, {{0}}},
		{"asked a minute later", 1, {{.request = "GET /dir", .status = 503}}},
		{"garbage does not replace it",
		 MSEC_PER_MIN,
		 {{.request = "GET /dir", .status = 200, .body = "{}"}}},
		{"back again", MSEC_PER_MIN, {GET_DIRECTORY}},
		{"and kept", MSEC_PER_DAY - 1, {{0}}},
	};
	struct script s;
	const char *const *identities;
	size_t count;

	(void)state;
	script_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		s.now += rows[i].later;
		script_run(&s, rows[i].name, rows[i].steps);
		script_end(&s, acme_caa_identities(&s.ctx, &s.session, &identities, &count), E_OK);
		script_assert(&s, count == 2);
		script_equal(&s, identities[0], "ca.example");
		script_equal(&s, identities[1], "ca2.example");
		script_assert(&s, !*s.ctx.fault.text);
	}
	script_fini(&s);
}

static enum err ask_identities(struct script *s)
{
	const char *const *identities;
	size_t count;

	fault_clear(&s->ctx);
	return acme_caa_identities(&s->ctx, &s->session, &identities, &count);
}

static void others_are_turned_away(struct script *s)
{
	struct acme_directory directory;

	script_assert(s, acme_directory_get(&s->ctx, &s->session, &directory) == E_AGAIN);
	script_assert(s, s->ctx.fault.is_untried && s->ctx.fault.retry_after_ms == 250);
	s->now += 20 * MSEC_PER_SEC;
	script_assert(s, ask_identities(s) == E_AGAIN);
	script_assert(s, s->ctx.fault.retry_after_ms == 20 * MSEC_PER_SEC);
}

static void others_are_served(struct script *s)
{
	script_assert(s, ask_identities(s) == E_OK);
}

static void test_one_fetches_the_directory_and_nobody_waits_for_it(void **state)
{
	struct script s;

	(void)state;
	script_init(&s);
	script_run(&s, "for the first time", (struct step[]){GET_DIRECTORY, {0}});
	s.meanwhile = others_are_turned_away;
	script_end(&s, ask_identities(&s), E_OK);
	s.now += 2 * MSEC_PER_DAY;
	script_run(&s, "when it is stale", (struct step[]){GET_DIRECTORY, {0}});
	s.meanwhile = others_are_served;
	script_end(&s, ask_identities(&s), E_OK);
	script_assert(&s, !s.meanwhile);
	script_fini(&s);
}

static void nobody_is_asked_for_caa(struct script *s)
{
	script_assert(s, ask_identities(s) == E_NOTFOUND);
}

static void test_a_check_of_caa_asks_no_CA_that_is_known_to_be_away(void **state)
{
	static const struct step away = {.request = "GET /dir", .err = E_AGAIN};
	struct acme_directory directory;
	struct script s;

	(void)state;
	script_init(&s);
	script_run(&s, "found out by asking", (struct step[]){away, {0}});
	script_end(&s, ask_identities(&s), E_NOTFOUND);
	s.now += MSEC_PER_HOUR;
	script_run(&s, "then known", (struct step[]){{0}});
	script_end(&s, ask_identities(&s), E_NOTFOUND);
	script_run(&s, "while an order asks", (struct step[]){GET_DIRECTORY, {0}});
	s.meanwhile = nobody_is_asked_for_caa;
	script_end(&s, acme_directory_get(&s.ctx, &s.session, &directory), E_OK);
	script_run(&s, "and there again", (struct step[]){{0}});
	script_end(&s, ask_identities(&s), E_OK);
	script_fini(&s);
}

static void test_nonces_are_bounded_and_age(void **state)
{
	struct script s;
	struct http_reply reply = {.header_count = 1};
	struct http_header header = {.name = "REPLAY-NONCE"};
	const char *nonce;
	char text[300];

	(void)state;
	script_sign_in(&s);
	acme_nonces_drop(s.session.acme);
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "pooled-%d", i);
		acme_nonce_keep(&s.ctx, s.session.acme, text);
	}
	script_run(&s, "the newest 32 are kept", (struct step[]){HEAD_NONCE, {0}});
	for (int i = 39; i >= 8; i--) {
		snprintf(text, sizeof(text), "pooled-%d", i);
		assert_int_equal(acme_post_nonce(&s.ctx, &s.session, &nonce), E_OK);
		script_equal(&s, nonce, text);
	}
	script_end(&s, acme_post_nonce(&s.ctx, &s.session, &nonce), E_OK);
	acme_nonce_keep(&s.ctx, s.session.acme, "young");
	s.now += MSEC_PER_MIN - 1;
	script_run(&s, "younger than a minute", (struct step[]){{0}});
	script_end(&s, acme_post_nonce(&s.ctx, &s.session, &nonce), E_OK);
	script_equal(&s, nonce, "young");
	acme_nonce_keep(&s.ctx, s.session.acme, "old");
	acme_nonce_keep(&s.ctx, s.session.acme, "older");
	s.now += MSEC_PER_MIN;
	script_run(&s, "a minute old", (struct step[]){HEAD_NONCE, HEAD_NONCE, {0}});
	assert_int_equal(acme_post_nonce(&s.ctx, &s.session, &nonce), E_OK);
	script_end(&s, acme_post_nonce(&s.ctx, &s.session, &nonce), E_OK);
	reply.headers = &header;
	memset(text, 'a', sizeof(text));
	text[255] = '\0';
	header.value = text;
	assert_ptr_equal(acme_nonce_of(&reply), text);
	text[255] = 'a';
	text[256] = '\0';
	assert_null(acme_nonce_of(&reply));
	script_fini(&s);
}

/* The pool is worth nothing once the CA refused one of it. */
static void test_badNonce_empties_the_pool(void **state)
{
	struct script s;
	const char *nonce;

	(void)state;
	script_sign_in(&s);
	acme_nonce_keep(&s.ctx, s.session.acme, "stale");
	acme_nonce_keep(&s.ctx, s.session.acme, arena_printf(s.ctx.arena, "nonce-%u", s.nonces++));
	script_run(&s, "badNonce empties the pool",
		   (struct step[]){BAD_NONCE("/order/1"), READ_ORDER, HEAD_NONCE, {0}});
	assert_int_equal(read_order(&s), E_OK);
	assert_int_equal(acme_post_nonce(&s.ctx, &s.session, &nonce), E_OK);
	script_end(&s, acme_post_nonce(&s.ctx, &s.session, &nonce), E_OK);
	script_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_nothing),
		cmocka_unit_test(test_signed_in),
		cmocka_unit_test(test_account_is_remembered_for_its_key_alone),
		cmocka_unit_test(test_a_missing_key_is_no_missing_account),
		cmocka_unit_test(test_patience_is_for_the_CA_alone),
		cmocka_unit_test(test_directory_is_kept_for_a_day_and_longer_when_the_CA_is_away),
		cmocka_unit_test(test_one_fetches_the_directory_and_nobody_waits_for_it),
		cmocka_unit_test(test_a_check_of_caa_asks_no_CA_that_is_known_to_be_away),
		cmocka_unit_test(test_nonces_are_bounded_and_age),
		cmocka_unit_test(test_badNonce_empties_the_pool),
	};

	return cmocka_run_group_tests_name("acme", tests, NULL, NULL);
}
