#include "azure_script.h"

#include <pthread.h>

#include "entra/credential.h"
#include "unit/our_clock.h"

#define ARM	  "https://management.azure.com"
#define AUTHORITY "POST https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
#define TOKEN(t)  "{\"access_token\":\"" t "\",\"expires_in\":3600}"
#define SECRET	  .tenant_id = "tenant", .client_id = "client", .client_secret = "s3cr&t"

static enum err header_of(struct script *script, struct credential *credential, const char **header)
{
	return credential_header(&script->ctx, credential, &script->http, &script->http, ARM,
				 header);
}

/* One call after another: what the clock says, what happens before, and what comes back. */
struct step {
	const char *sentence;
	msec_t after;	     /* the step before */
	const char *discard; /* this header, before asking */
	enum err err;
	const char *header; /* of E_OK */
	msec_t retry_after; /* of E_THROTTLED */
};

static void run_steps(const struct step *steps, size_t count, const struct exchange *exchanges)
{
	static const struct credential_options options = {SECRET};
	struct credential *credential;
	struct script script;

	script_begin(&script, steps[0].sentence, exchanges);
	assert_int_equal(credential_new(&script.ctx, &options, &credential), E_OK);
	for (size_t i = 0; i < count; i++) {
		const char *header = NULL;
		enum err kind;

		script.name = steps[i].sentence;
		script.now += steps[i].after;
		if (steps[i].discard)
			credential_discard(credential, ARM, steps[i].discard, NULL);
		kind = header_of(&script, credential, &header);
		script_expect(&script, kind, &(struct outcome){.err = steps[i].err});
		if (kind == E_OK && !text_equals(header, steps[i].header))
			fail_msg("%s: the header is %s", steps[i].sentence, header);
		if (kind == E_THROTTLED)
			assert_int_equal(script.ctx.fault.retry_after_ms, steps[i].retry_after);
	}
	script_end(&script);
	credential_free(credential);
}

#define ASK(t)                                                        \
	{                                                             \
		.request = AUTHORITY, .status = 200, .body = TOKEN(t) \
	}

static void a_token_serves_until_its_margin(void **state)
{
	static const struct exchange exchanges[] = {ASK("1"),
						    ASK("2"),
						    {.request = AUTHORITY, .status = 503},
						    ASK("3"),
						    {.request = NULL}};
	static const struct step steps[] = {
		{"the first call signs in", 0, NULL, E_OK, "Bearer 1", 0},
		{"the second does not", 0, NULL, E_OK, "Bearer 1", 0},
		{"nor one a moment before the margin", 54 * MSEC_PER_MIN - 1, NULL, E_OK,
		 "Bearer 1", 0},
		{"the margin is a tenth of an hour", 1, NULL, E_OK, "Bearer 2", 0},
		{"a token that still lives bridges a failure", 54 * MSEC_PER_MIN, NULL, E_OK,
		 "Bearer 2", 0},
		{"and is not renewed again at once", 1, NULL, E_OK, "Bearer 2", 0},
		{"but a second later", MSEC_PER_SEC, NULL, E_OK, "Bearer 3", 0},
	};

	(void)state;
	run_steps(steps, ARRAY_SIZE(steps), exchanges);
}

static void a_refused_token_is_replaced_once(void **state)
{
	static const struct exchange exchanges[] = {ASK("1"), ASK("2"), {.request = NULL}};
	static const struct step steps[] = {
		{"the first call signs in", 0, NULL, E_OK, "Bearer 1", 0},
		{"a discarded token is replaced", 0, "Bearer 1", E_OK, "Bearer 2", 0},
		{"who discards the old one late does no harm", 0, "Bearer 1", E_OK, "Bearer 2", 0},
	};

	(void)state;
	run_steps(steps, ARRAY_SIZE(steps), exchanges);
}

static void failures_are_remembered_for_a_while(void **state)
{
	static const struct exchange exchanges[] = {
		{.request = AUTHORITY, .status = 401},
		{.request = AUTHORITY, .status = 401},
		{.request = AUTHORITY, .status = 429, .headers = {{"Retry-After", "30"}}},
		{.request = AUTHORITY, .status = 500},
		{.request = AUTHORITY, .status = 429},
		ASK("1"),
		{.request = NULL},
	};
	static const struct step steps[] = {
		{"a refusal comes from Entra", 0, NULL, E_REFUSED, NULL, 0},
		{"and is repeated without asking for 5 s", 5 * MSEC_PER_SEC - 1, NULL, E_REFUSED,
		 NULL, 0},
		{"then Entra is asked again", 1, NULL, E_REFUSED, NULL, 0},
		{"and next time left alone for twice as long", 10 * MSEC_PER_SEC - 1, NULL,
		 E_REFUSED, NULL, 0},
		{"a throttle says when", 1, NULL, E_THROTTLED, NULL, 30 * MSEC_PER_SEC},
		{"and counts down", 10 * MSEC_PER_SEC, NULL, E_THROTTLED, NULL, 20 * MSEC_PER_SEC},
		{"until it is over", 20 * MSEC_PER_SEC, NULL, E_AGAIN, NULL, 0},
		{"a throttle without a time gets ours, which grows with each failure",
		 8 * MSEC_PER_SEC, NULL, E_THROTTLED, NULL, 32 * MSEC_PER_SEC},
		{"a success ends it all", 32 * MSEC_PER_SEC, NULL, E_OK, "Bearer 1", 0},
	};

	(void)state;
	run_steps(steps, ARRAY_SIZE(steps), exchanges);
}

struct life {
	const char *sentence, *body;
	msec_t margin_at; /* when the next sign-in is due */
};

#define LIFE(rest) "{\"access_token\":\"t\"" rest "}"

static const struct life lives[] = {
	{"an hour in seconds", LIFE(",\"expires_in\":3600"), 54 * MSEC_PER_MIN},
	{"an hour as a string", LIFE(",\"expires_in\":\"3600\""), 54 * MSEC_PER_MIN},
	{"an hour as a time", LIFE(",\"expires_on\":\"1800003600\""), 54 * MSEC_PER_MIN},
	{"an hour as a date", LIFE(",\"expires_on\":\"2027-01-15T09:00:00Z\""), 54 * MSEC_PER_MIN},
	{"an hour left of a cached day", LIFE(",\"expires_on\":1800003600,\"expires_in\":86400"),
	 54 * MSEC_PER_MIN},
	{"an hour, although our clock says it is over",
	 LIFE(",\"expires_on\":1700000000,\"expires_in\":\"3600\""), 54 * MSEC_PER_MIN},
	{"half an hour has a margin of five minutes", LIFE(",\"expires_in\":1800"),
	 25 * MSEC_PER_MIN},
	{"a minute is renewed half-way", LIFE(",\"expires_in\":60"), 30 * MSEC_PER_SEC},
	{"five minutes when nothing is said", LIFE(""), 150 * MSEC_PER_SEC},
	{"five minutes when nonsense is said", LIFE(",\"expires_in\":\"soon\""),
	 150 * MSEC_PER_SEC},
};

static void test_lives(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++) {
		const struct exchange exchanges[] = {
			{.request = AUTHORITY, .status = 200, .body = lives[i].body},
			ASK("2"),
			{.request = NULL}};
		const struct step steps[] = {
			{lives[i].sentence, 0, NULL, E_OK, "Bearer t", 0},
			{lives[i].sentence, lives[i].margin_at - 1, NULL, E_OK, "Bearer t", 0},
			{lives[i].sentence, 1, NULL, E_OK, "Bearer 2", 0},
		};

		run_steps(steps, ARRAY_SIZE(steps), exchanges);
	}
}

/* What a machine's own endpoint answers, and how long it is left alone for that. */
static void the_metadata_service_is_left_alone_as_long_as_it_wants(void **state)
{
	static const struct {
		const char *sentence;
		int status;
		msec_t waits[3];
	} rows[] = {
		{"410 waits for ten seconds each time", 410, {10000, 10000, 10000}},
		{"404 backs off from a second", 404, {1000, 2000, 4000}},
		{"500 backs off from a second", 500, {1000, 2000, 4000}},
		{"400 is a refusal, and asked for rarely", 400, {5000, 10000, 20000}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct exchange failure = {
			.request = "GET http://imds.example/metadata/identity/"
				   "oauth2/token?api-version=2018-02-01&resource="
				   "https%3A%2F%2Fmanagement.azure.com",
			.status = rows[i].status};
		const struct exchange exchanges[] = {
			failure, failure, failure, failure, {.request = NULL}};
		const struct credential_options options = {
			.pod_identity_authority_host = "http://imds.example"};
		struct credential *credential;
		struct script script;
		const char *header;

		script_begin(&script, rows[i].sentence, exchanges);
		assert_int_equal(credential_new(&script.ctx, &options, &credential), E_OK);
		assert_int_not_equal(header_of(&script, credential, &header), E_OK);
		for (unsigned n = 0; n < 3; n++) {
			script.now += rows[i].waits[n] - 1;
			assert_int_not_equal(header_of(&script, credential, &header), E_OK);
			if (script.sent != n + 1)
				fail_msg("%s: asked too early", rows[i].sentence);
			script.now += 1;
			assert_int_not_equal(header_of(&script, credential, &header), E_OK);
			if (script.sent != n + 2)
				fail_msg("%s: not asked when due", rows[i].sentence);
		}
		script_end(&script);
		credential_free(credential);
	}
}

/* ---- threads */

#define THREADS 8

struct slow {
	struct http http;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned sends, started;
	bool is_open;
};

struct worker {
	struct slow *slow;
	struct credential *credential;
	struct cancel *cancel;
	struct clock *clock; /* NULL: the system's */
	pthread_t thread;
	enum err kind;
	bool has_header;
};

static enum err slow_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			  struct http_reply *reply)
{
	struct slow *slow = (struct slow *)http;

	(void)request;
	pthread_mutex_lock(&slow->lock);
	slow->sends++;
	pthread_cond_broadcast(&slow->changed);
	while (!slow->is_open)
		pthread_cond_wait(&slow->changed, &slow->lock);
	pthread_mutex_unlock(&slow->lock);
	*reply = (struct http_reply){.status = 200, .body = arena_strdup(ctx->arena, TOKEN("s"))};
	reply->body_size = strlen(reply->body);
	return E_OK;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	const struct doors doors = {.clock = worker->clock ? worker->clock : clock_system(),
				    .rng = rng_system(),
				    .fs = fs_system(),
				    .cancel = worker->cancel};
	const char *header = NULL;
	struct ctx ctx;

	ctx_init(&ctx, &doors);
	pthread_mutex_lock(&worker->slow->lock);
	worker->slow->started++;
	pthread_cond_broadcast(&worker->slow->changed);
	pthread_mutex_unlock(&worker->slow->lock);
	worker->kind = credential_header(&ctx, worker->credential, &worker->slow->http, NULL, ARM,
					 &header);
	worker->has_header = text_equals(header, "Bearer s");
	ctx_fini(&ctx);
	return NULL;
}

static void wait_until(struct slow *slow, unsigned started, unsigned sends)
{
	pthread_mutex_lock(&slow->lock);
	while (slow->started < started || slow->sends < sends)
		pthread_cond_wait(&slow->changed, &slow->lock);
	pthread_mutex_unlock(&slow->lock);
}

static void open_it(struct slow *slow)
{
	pthread_mutex_lock(&slow->lock);
	slow->is_open = true;
	pthread_cond_broadcast(&slow->changed);
	pthread_mutex_unlock(&slow->lock);
}

static struct credential *new_credential(void)
{
	static const struct credential_options options = {SECRET};
	static const struct exchange none = {.request = NULL};
	struct credential *credential;
	struct script script;

	script_begin(&script, __func__, &none);
	assert_int_equal(credential_new(&script.ctx, &options, &credential), E_OK);
	script_end(&script);
	return credential;
}

static void many_threads_sign_in_once(void **state)
{
	struct slow slow = {.http = {.send = slow_send},
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER};
	struct credential *credential = new_credential();
	struct worker workers[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.slow = &slow, .credential = credential};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	wait_until(&slow, THREADS, 1);
	open_it(&slow);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].kind, E_OK);
		assert_true(workers[i].has_header);
	}
	assert_int_equal(slow.sends, 1);
	credential_free(credential);
}

static void who_waits_for_another_sign_in_can_be_stopped(void **state)
{
	struct slow slow = {.http = {.send = slow_send},
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER};
	struct credential *credential = new_credential();
	struct cancel *cancel = cancel_new();
	struct worker first = {.slow = &slow, .credential = credential};
	struct worker second = {.slow = &slow, .credential = credential, .cancel = cancel};

	(void)state;
	assert_int_equal(pthread_create(&first.thread, NULL, work, &first), 0);
	wait_until(&slow, 1, 1);
	assert_int_equal(pthread_create(&second.thread, NULL, work, &second), 0);
	wait_until(&slow, 2, 1);
	cancel_request(cancel);
	pthread_join(second.thread, NULL);
	assert_int_equal(second.kind, E_CANCELLED);
	open_it(&slow);
	pthread_join(first.thread, NULL);
	assert_int_equal(first.kind, E_OK);
	credential_free(credential);
	cancel_free(cancel);
}

static void who_waits_for_another_sign_in_gives_up_after_a_minute(void **state)
{
	struct slow slow = {.http = {.send = slow_send},
			    .lock = PTHREAD_MUTEX_INITIALIZER,
			    .changed = PTHREAD_COND_INITIALIZER};
	struct credential *credential = new_credential();
	struct worker first = {.slow = &slow, .credential = credential, .clock = &our_clock};
	struct worker second = first;

	(void)state;
	our_time = MSEC_PER_HOUR;
	assert_int_equal(pthread_create(&first.thread, NULL, work, &first), 0);
	wait_until(&slow, 1, 1);
	assert_int_equal(pthread_create(&second.thread, NULL, work, &second), 0);
	our_wait_is_looked_at();
	our_time += MSEC_PER_MIN - 1;
	our_wait_is_looked_at();
	our_time++;
	pthread_join(second.thread, NULL);
	assert_int_equal(second.kind, E_AGAIN);
	open_it(&slow);
	pthread_join(first.thread, NULL);
	assert_int_equal(first.kind, E_OK);
	credential_free(credential);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_serves_until_its_margin),
		cmocka_unit_test(a_refused_token_is_replaced_once),
		cmocka_unit_test(failures_are_remembered_for_a_while),
		cmocka_unit_test(test_lives),
		cmocka_unit_test(the_metadata_service_is_left_alone_as_long_as_it_wants),
		cmocka_unit_test(many_threads_sign_in_once),
		cmocka_unit_test(who_waits_for_another_sign_in_can_be_stopped),
		cmocka_unit_test(who_waits_for_another_sign_in_gives_up_after_a_minute),
	};

	return cmocka_run_group_tests_name("credential_cache", tests, NULL, NULL);
}
