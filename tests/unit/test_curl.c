#include "http/curl.h"

#include <curl/curl.h>
#include <dlfcn.h>

#include "unit/check.h"
#include "unit/our_clock.h"
#include "unit/rude_peer.h"

struct world {
	struct peer peer;
	struct cancel *cancel;
	struct doors doors;
	struct ctx ctx;
	struct http *http;
};

/* --- set-up --- */

static int set_up(void **state)
{
	static const struct curl_options options = {
		.user_agent = "gatecert-test/1",
		.timeout = PATIENCE,
		.no_proxy = true,
	};
	struct world *world = calloc(1, sizeof(*world));

	peer_start(&world->peer, rude_answer);
	world->cancel = cancel_new();
	world->doors = (struct doors){clock_system(), rng_system(), fs_system(), world->cancel};
	ctx_init(&world->ctx, &world->doors);
	world->http = curl_new(&options);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	curl_close(world->http);
	peer_stop(&world->peer);
	ctx_fini(&world->ctx);
	cancel_free(world->cancel);
	free(world);
	return 0;
}

static struct http_request make_request(struct world *world, enum http_kind kind,
					const char *method, const char *path)
{
	struct http_request request = {.kind = kind, .method = method, .allow_plain = true};

	request.url = arena_printf(world->ctx.arena, "http://127.0.0.1:%u%s", world->peer.port,
				   path);
	if (strcmp(method, "POST") == 0) {
		request.body = "body";
		request.body_size = 4;
	}
	return request;
}

static enum err send_one(struct world *world, enum http_kind kind, const char *method,
			 const char *path, struct http_reply *reply)
{
	struct http_request request = make_request(world, kind, method, path);

	return http_send(&world->ctx, world->http, &request, reply);
}

/* --- tests --- */

struct failing {
	const char *sentence, *path;
	enum http_kind kind;
	msec_t timeout;
	enum err kind_expected;
	const char *reason, *text;
};

static const struct failing failing[] = {
	{"a dripping answer ends with the request's time", "/drip", HTTP_READ, 300, E_AGAIN,
	 "Timeout", "no clear answer from ORIGIN: no complete answer in time"},
	{"a dripping answer to a ONE_SHOT is open", "/drip", HTTP_ONE_SHOT, 300, E_CONFLICT,
	 "Timeout", "no clear answer from ORIGIN: no complete answer in time"},
	{"silence ends with the request's time", "/silence", HTTP_READ, 200, E_AGAIN, "Timeout",
	 "no clear answer from ORIGIN: no complete answer in time"},
	{"an endless answer is cut at its limit", "/endless", HTTP_READ, 0, E_AGAIN,
	 "ReplyTooLarge", "no clear answer from ORIGIN: the answer is larger than allowed"},
	{"an endless answer to a ONE_SHOT is open", "/endless", HTTP_ONE_SHOT, 0, E_CONFLICT,
	 "ReplyTooLarge", "no clear answer from ORIGIN: the answer is larger than allowed"},
	{"over 128 lines of headers are too many", "/many-lines", HTTP_READ, 0, E_AGAIN,
	 "ReplyTooLarge", "no clear answer from ORIGIN: the answer is larger than allowed"},
	{"over 64 KiB of headers are too many", "/large-lines", HTTP_READ, 0, E_AGAIN,
	 "ReplyTooLarge", "no clear answer from ORIGIN: the answer is larger than allowed"},
	{"a body shorter than announced is no answer", "/short", HTTP_READ, 0, E_AGAIN,
	 "ConnectionLost", "no clear answer from ORIGIN: the answer was cut short"},
	{"a body shorter than announced leaves a ONE_SHOT open", "/short", HTTP_ONE_SHOT, 0,
	 E_CONFLICT, "ConnectionLost", "no clear answer from ORIGIN: the answer was cut short"},
	{"a chunk cut short is no answer", "/short-chunk", HTTP_READ, 0, E_AGAIN, "ConnectionLost",
	 NULL},
	{"a chunk without a size is no answer", "/bad-chunk", HTTP_READ, 0, E_AGAIN, NULL, NULL},
	{"headers cut short are no answer", "/half-headers", HTTP_READ, 0, E_AGAIN,
	 "ConnectionLost", "no clear answer from ORIGIN: the answer was cut short"},
	{"headers cut short leave a ONE_SHOT open", "/half-headers", HTTP_ONE_SHOT, 0, E_CONFLICT,
	 "ConnectionLost", "no clear answer from ORIGIN: the answer was cut short"},
	{"an interim answer alone is none", "/only-interim", HTTP_ONE_SHOT, 0, E_CONFLICT,
	 "ConnectionLost", NULL},
	{"another protocol is no answer", "/garbage", HTTP_READ, 0, E_AGAIN, "ReplyMalformed",
	 "no clear answer from ORIGIN: the answer is not HTTP"},
	{"another protocol leaves a ONE_SHOT open", "/garbage", HTTP_ONE_SHOT, 0, E_CONFLICT,
	 "ReplyMalformed", "no clear answer from ORIGIN: the answer is not HTTP"},
	{"an HTTP version of the future is no answer", "/http-9", HTTP_ONE_SHOT, 0, E_CONFLICT,
	 "ReplyMalformed", NULL},
	{"a status that is no number is no answer", "/no-status", HTTP_ONE_SHOT, 0, E_CONFLICT,
	 NULL, NULL},
	{"a close instead of an answer may be repeated for a READ", "/nothing", HTTP_READ, 0,
	 E_AGAIN, "ConnectionLost",
	 "no clear answer from ORIGIN: the connection was closed without an answer"},
	{"a close instead of an answer leaves a ONE_SHOT open", "/nothing", HTTP_ONE_SHOT, 0,
	 E_CONFLICT, "ConnectionLost",
	 "no clear answer from ORIGIN: the connection was closed without an answer"},
	{"a reset leaves a ONE_SHOT open", "/reset", HTTP_ONE_SHOT, 0, E_CONFLICT, "ConnectionLost",
	 NULL},
	{"a reset may be repeated for an IDEMPOTENT", "/reset", HTTP_IDEMPOTENT, 0, E_AGAIN,
	 "ConnectionLost", NULL},
};

static void check_failing(struct world *world, const struct failing *row)
{
	struct http_request request = make_request(world, row->kind, "POST", row->path);
	struct http_reply reply = {0};
	char text[640], origin[64];
	enum err err;

	request.timeout = row->timeout;
	request.reply_bytes_max = 4096;
	/* A time in which it was not even sent was too short for the machine. */
	do {
		err = http_send(&world->ctx, world->http, &request, &reply);
		request.timeout *= 2;
	} while (row->timeout && text_starts_with(world->ctx.fault.text, "cannot reach"));
	if (err != row->kind_expected)
		fail_msg("%s: got %s (%s)", row->sentence, err_name(err), world->ctx.fault.text);
	if (row->reason && strcmp(world->ctx.fault.reason, row->reason) != 0)
		fail_msg("%s: got reason %s", row->sentence, world->ctx.fault.reason);
	snprintf(origin, sizeof(origin), "http://127.0.0.1:%u", world->peer.port);
	if (row->text) {
		snprintf(text, sizeof(text), "no clear answer from %s%s", origin,
			 strstr(row->text, "ORIGIN") + strlen("ORIGIN"));
		if (strcmp(world->ctx.fault.text, text) != 0)
			fail_msg("%s: said %s", row->sentence, world->ctx.fault.text);
	}
	if (strstr(world->ctx.fault.text, row->path))
		fail_msg("%s: the text tells the path", row->sentence);
	if (row->kind == HTTP_ONE_SHOT && peer_count(&world->peer, "POST", row->path) != 1)
		fail_msg("%s: sent more than once", row->sentence);
}

/* The peer is silent for longer than the test may take. */
static void test_the_client_has_the_last_word_on_time(void **state)
{
	static const struct curl_options options = {.timeout = 200, .no_proxy = true};
	struct world *world = *state;
	struct http *hasty = curl_new(&options);
	struct http_request request = make_request(world, HTTP_READ, "GET", "/silence");
	msec_t begun = ctx_mono(&world->ctx);
	struct http_reply reply;

	request.timeout = 10 * PATIENCE;
	assert_int_equal(http_send(&world->ctx, hasty, &request, &reply), E_AGAIN);
	assert_string_equal(world->ctx.fault.reason, "Timeout");
	assert_true(ctx_mono(&world->ctx) - begun < PATIENCE);
	curl_close(hasty);
}

struct pace {
	const char *sentence, *path;
	enum http_kind kind;
	enum err expected;
};

static const struct pace paces[] = {
	{"an answer may be thought about", "/thought", HTTP_READ, E_OK},
	{"an answer to a ONE_SHOT may be thought about", "/thought", HTTP_ONE_SHOT, E_OK},
	{"a thought after an interim answer is none less", "/interim-thought", HTTP_READ, E_OK},
	{"an answer that comes to a halt is given up", "/halt", HTTP_READ, E_AGAIN},
	{"an answer to a ONE_SHOT that comes to a halt is open", "/halt", HTTP_ONE_SHOT,
	 E_CONFLICT},
};

/* One that waits while the test moves the time. */
struct call {
	struct world *world;
	const struct pace *pace;
	enum err err;
	bool is_over;
};

static void *make_call(void *arg)
{
	struct call *call = arg;
	struct http_request request = make_request(call->world, call->pace->kind, "POST",
						   call->pace->path);
	struct http_reply reply;

	call->err = http_send(&call->world->ctx, call->world->http, &request, &reply);
	__atomic_store_n(&call->is_over, true, __ATOMIC_RELEASE);
	return NULL;
}

static bool is_over(struct call *call)
{
	return __atomic_load_n(&call->is_over, __ATOMIC_ACQUIRE);
}

/* Minutes, each of which is looked at; then the peer has thought, and halts who does. */
static void pass_minutes(struct call *call)
{
	wait_for(peer_count(&call->world->peer, "POST", call->pace->path));
	for (int i = 0; i < 5 && !is_over(call); i++) {
		unsigned looks = atomic_load(&our_looks);

		our_time += MSEC_PER_MIN;
		wait_for(is_over(call) || atomic_load(&our_looks) - looks >= 2);
	}
	peer_end_thought(&call->world->peer);
	/* What is halted may have begun only now. */
	wait_doing(is_over(call), (nap(), our_time += MSEC_PER_SEC));
}

/* libcurl keeps its time by a clock of its own, by which nothing here is late. */
static void test_only_an_answer_that_has_begun_can_halt(void **state)
{
	for (const struct pace *pace = paces; pace < paces + ARRAY_SIZE(paces); pace++) {
		struct world *world = *state;
		struct call call = {world, pace, E_OK, false};
		pthread_t thread;

		world->doors.clock = &our_clock;
		pthread_create(&thread, NULL, make_call, &call);
		pass_minutes(&call);
		pthread_join(thread, NULL);
		check_row_int(pace->sentence, call.err, pace->expected);
		if (call.err != E_OK)
			assert_string_equal(world->ctx.fault.reason, "Timeout");
		tear_down(state);
		set_up(state);
	}
}

static void test_what_is_no_answer_is_filed(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(failing); i++) {
		set_up(state);
		check_failing(*state, &failing[i]);
		tear_down(state);
	}
	set_up(state);
}

static void test_a_one_shot_is_never_sent_on_a_used_connection(void **state)
{
	struct world *world = *state;
	struct http_reply reply;

	assert_int_equal(send_one(world, HTTP_READ, "GET", "/ok", &reply), E_OK);
	assert_int_equal(send_one(world, HTTP_ONE_SHOT, "POST", "/dropped-when-reused", &reply),
			 E_OK);
	assert_int_equal(reply.status, 200);
	assert_int_equal(peer_count(&world->peer, "POST", "/dropped-when-reused"), 1);
	assert_int_equal(send_one(world, HTTP_ONE_SHOT, "POST", "/dropped-when-reused", &reply),
			 E_OK);
	assert_int_equal(peer_count(&world->peer, "POST", "/dropped-when-reused"), 2);
}

/* Without the fresh connection libcurl would do to a ONE_SHOT what it does here. */
static void test_a_read_on_a_dead_connection_is_repeated(void **state)
{
	struct world *world = *state;
	struct http_reply reply;

	assert_int_equal(send_one(world, HTTP_READ, "GET", "/ok", &reply), E_OK);
	assert_int_equal(send_one(world, HTTP_READ, "POST", "/dropped-when-reused", &reply), E_OK);
	assert_int_equal(reply.status, 200);
	assert_int_equal(peer_count(&world->peer, "POST", "/dropped-when-reused"), 2);
}

static void test_reads_share_a_connection(void **state)
{
	struct world *world = *state;
	struct http_reply reply;
	int i;

	for (i = 0; i < 5; i++)
		assert_int_equal(send_one(world, HTTP_READ, "GET", "/ok", &reply), E_OK);
	pthread_mutex_lock(&world->peer.lock);
	assert_int_equal(world->peer.connection_count, 1);
	pthread_mutex_unlock(&world->peer.lock);
}

static void test_the_last_answer_of_several_counts(void **state)
{
	struct world *world = *state;
	struct http_reply reply;

	assert_int_equal(send_one(world, HTTP_READ, "GET", "/interim", &reply), E_OK);
	assert_int_equal(reply.status, 201);
	assert_null(http_header(&reply, "X-Early"));
	assert_string_equal(http_header(&reply, "x-late"), "a b");
	assert_string_equal(http_header(&reply, "X-Empty"), "");
	assert_string_equal(reply.body, "ok");
	assert_int_equal(reply.header_count, 4);
	assert_int_equal(send_one(world, HTTP_READ, "GET", "/trailers", &reply), E_OK);
	assert_string_equal(reply.body, "ok");
	assert_null(http_header(&reply, "X-T"));
}

static void test_any_status_is_an_answer(void **state)
{
	struct world *world = *state;
	struct http_reply reply;

	assert_int_equal(send_one(world, HTTP_READ, "GET", "/500", &reply), E_OK);
	assert_int_equal(reply.status, 500);
	assert_string_equal(reply.body, "why");
	assert_int_equal(send_one(world, HTTP_READ, "GET", "/redirect", &reply), E_OK);
	assert_int_equal(reply.status, 302);
	assert_int_equal(peer_count(&world->peer, "GET", "/ok"), 0);
	assert_int_equal(send_one(world, HTTP_READ, "GET", "/gzip", &reply), E_OK);
	assert_string_equal(reply.body, "nope");
	assert_int_equal(send_one(world, HTTP_READ, "HEAD", "/head", &reply), E_OK);
	assert_string_equal(http_header(&reply, "etag"), "\"1\"");
	assert_int_equal(reply.body_size, 0);
	assert_int_equal(send_one(world, HTTP_READ, "GET", "/100-lines", &reply), E_OK);
	assert_int_equal(reply.header_count, 101);
}

static void test_the_limit_itself_still_fits(void **state)
{
	struct world *world = *state;
	struct http_request request = make_request(world, HTTP_READ, "GET", "/big");
	struct http_reply reply;

	request.reply_bytes_max = 10;
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_OK);
	assert_int_equal(reply.body_size, 10);
	request.reply_bytes_max = 9;
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_AGAIN);
	assert_string_equal(world->ctx.fault.reason, "ReplyTooLarge");
}

static void test_the_request_goes_out_as_written(void **state)
{
	struct world *world = *state;
	struct http_request request = make_request(world, HTTP_IDEMPOTENT, "PUT",
						   "/echo/../a%2Fb?x=%20y");
	struct http_reply reply;

	request.body = "a\0b";
	request.body_size = 3;
	http_set_header(&request, "X-One", "1");
	http_set_header(&request, "x-one", "2");
	http_set_header(&request, "X-Empty", "");
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_OK);
	assert_true(text_starts_with(reply.body, "PUT /echo/../a%2Fb?x=%20y HTTP/1.1\r\n"));
	assert_non_null(strstr(reply.body, "\r\nx-one: 2\r\n"));
	assert_null(strstr(reply.body, "X-One"));
	assert_non_null(strstr(reply.body, "\r\nX-Empty:"));
	assert_non_null(strstr(reply.body, "\r\nContent-Length: 3\r\n"));
	assert_non_null(strstr(reply.body, "\r\nUser-Agent: gatecert-test/1\r\n"));
	assert_null(strcasestr(reply.body, "\r\nExpect"));
	assert_null(strcasestr(reply.body, "\r\nContent-Type"));
	assert_null(strcasestr(reply.body, "\r\nAccept-Encoding"));
	assert_null(strcasestr(reply.body, "\r\nCookie"));
}

static void test_a_large_post_does_not_wait_for_a_100(void **state)
{
	struct world *world = *state;
	struct http_request request = make_request(world, HTTP_ONE_SHOT, "POST", "/echo");
	struct http_reply reply;

	request.body_size = 8000;
	request.body = memset(arena_alloc(world->ctx.arena, 8000), 'x', 8000);
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_OK);
	assert_null(strcasestr(reply.body, "\r\nExpect"));
}

static void test_a_post_without_a_body_says_so(void **state)
{
	struct world *world = *state;
	struct http_request request = make_request(world, HTTP_IDEMPOTENT, "POST", "/echo");
	struct http_reply reply;

	request.body = NULL;
	request.body_size = 0;
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_OK);
	assert_non_null(strstr(reply.body, "\r\nContent-Length: 0\r\n"));
	request.method = "DELETE";
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_OK);
	assert_true(text_starts_with(reply.body, "DELETE /echo"));
	assert_null(strstr(reply.body, "Content-Length"));
}

static void test_nothing_of_a_request_remains_for_the_next(void **state)
{
	struct world *world = *state;
	struct http_request request = make_request(world, HTTP_IDEMPOTENT, "POST", "/echo");
	struct http_reply reply;

	http_set_header(&request, "Authorization", "Bearer secret");
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_OK);
	assert_int_equal(send_one(world, HTTP_READ, "GET", "/echo", &reply), E_OK);
	assert_null(strstr(reply.body, "secret"));
	assert_true(text_starts_with(reply.body, "GET /echo "));
}

static void test_connect_to_leads_elsewhere(void **state)
{
	struct world *world = *state;
	struct http_request request = make_request(world, HTTP_READ, "GET", "");
	struct http_reply reply;

	request.url = "http://shop.example.com/echo";
	request.connect_to = arena_printf(world->ctx.arena, "127.0.0.1:%u", world->peer.port);
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_OK);
	assert_non_null(strstr(reply.body, "\r\nHost: shop.example.com\r\n"));
}

struct refused {
	const char *sentence, *url, *connect_to, *header;
	bool allow_plain;
	enum err kind;
	const char *reason, *text;
};

static const struct refused refused[] = {
	{"plain http needs leave", "http://127.0.0.1:1/x?code=secret", NULL, "v", false, E_REFUSED,
	 "InvalidUrl", "http://127.0.0.1:1: only https is allowed"},
	{"a URL with a user is none", "https://u:p@host/", NULL, "v", false, E_REFUSED,
	 "InvalidUrl", "the URL names a user"},
	{"another scheme is refused", "file:///etc/passwd", NULL, "v", true, E_REFUSED,
	 "InvalidUrl", NULL},
	{"a header cannot smuggle another one", "https://host/", NULL, "a\r\nX: b", false,
	 E_REFUSED, "InvalidHeader",
	 "https://host: the value for the header X-T holds a control character"},
	{"a closed port leaves a ONE_SHOT unsent", "https://example.com/x?code=secret",
	 "127.0.0.1:1", "v", false, E_AGAIN, "ConnectFailed",
	 "cannot reach https://example.com: no connection (refused or unreachable)"},
	{"a name that does not resolve leaves a ONE_SHOT unsent", "https://no-such-host.invalid/x",
	 NULL, "v", false, E_AGAIN, "ConnectFailed",
	 "cannot reach https://no-such-host.invalid: its name does not resolve"},
};

static void test_what_cannot_be_sent_is_filed(void **state)
{
	struct world *world = *state;
	const struct refused *row;
	struct http_reply reply;
	enum err err;

	for (row = refused; row < refused + ARRAY_SIZE(refused); row++) {
		struct http_request request = {
			.kind = HTTP_ONE_SHOT,
			.method = "POST",
			.url = row->url,
			.connect_to = row->connect_to,
			.allow_plain = row->allow_plain,
			.headers = {{"X-T", row->header}},
		};

		err = http_send(&world->ctx, world->http, &request, &reply);
		if (err != row->kind || strcmp(world->ctx.fault.reason, row->reason) != 0 ||
		    (row->text && strcmp(world->ctx.fault.text, row->text) != 0))
			fail_msg("%s: got %s %s (%s)", row->sentence, err_name(err),
				 world->ctx.fault.reason, world->ctx.fault.text);
	}
}

/* --- cancelling --- */

struct canceller {
	struct world *world;
	const char *method, *path;
	bool is_soon;
	msec_t requested_at;
};

static bool is_patient;
static atomic_bool is_woken;

/* In libcurl's place. Who is patient is not told by and by, but by a waker or by what comes in. */
CURLMcode curl_multi_poll(CURLM *multi, struct curl_waitfd *extra, unsigned count, int timeout,
			  int *ready)
{
	union {
		void *symbol;
		CURLMcode (*call)(CURLM *, struct curl_waitfd *, unsigned, int, int *);
	} real = {.symbol = dlsym(RTLD_NEXT, "curl_multi_poll")};
	msec_t end = patience_now() + PATIENCE;
	CURLMcode code;
	int events = 0;

	do {
		code = real.call(multi, extra, count, timeout, &events);
	} while (is_patient && !events && !atomic_load(&is_woken) && patience_now() < end);
	if (ready)
		*ready = events;
	return code;
}

CURLMcode curl_multi_wakeup(CURLM *multi)
{
	union {
		void *symbol;
		CURLMcode (*call)(CURLM *);
	} real = {.symbol = dlsym(RTLD_NEXT, "curl_multi_wakeup")};

	atomic_store(&is_woken, true);
	return real.call(multi);
}

static void *cancel_when_sent(void *arg)
{
	struct canceller *canceller = arg;
	struct world *world = canceller->world;

	while (peer_count(&world->peer, canceller->method, canceller->path) == 0)
		nap();
	canceller->requested_at = patience_now();
	if (canceller->is_soon)
		cancel_request_soon(world->cancel);
	else
		cancel_request(world->cancel);
	peer_end_thought(&world->peer);
	return NULL;
}

static void test_a_cancelled_request_returns_at_once(void **state)
{
	static const char *const paths[] = {"/silence", "/drip", "/endless"};
	struct canceller canceller;
	struct http_request request;
	struct http_reply reply;
	pthread_t thread;
	msec_t took;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		canceller = (struct canceller){.world = *state, .method = "GET", .path = paths[i]};
		request = make_request(*state, HTTP_READ, "GET", paths[i]);
		request.reply_bytes_max = (size_t)1 << 30;
		request.timeout = 10 * PATIENCE;
		is_patient = true;
		is_woken = false;
		pthread_create(&thread, NULL, cancel_when_sent, &canceller);
		assert_int_equal(
			http_send(&canceller.world->ctx, canceller.world->http, &request, &reply),
			E_CANCELLED);
		took = patience_now();
		pthread_join(thread, NULL);
		is_patient = false;
		assert_in_range(took - canceller.requested_at, 0, PATIENCE);
		tear_down(state);
		set_up(state);
	}
}

static void test_what_happens_once_has_its_answer_unless_there_is_haste(void **state)
{
	static const struct {
		bool is_soon;
		enum err err;
	} rows[] = {{true, E_OK}, {false, E_CANCELLED}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct canceller canceller = {*state, "POST", "/thought", rows[i].is_soon, 0};
		struct http_request request = make_request(*state, HTTP_ONE_SHOT, "POST",
							   "/thought");
		struct http_reply reply = {.status = 0};
		pthread_t thread;

		canceller.world->doors.clock = &our_clock; /* its patience does not end */
		pthread_create(&thread, NULL, cancel_when_sent, &canceller);
		assert_int_equal(
			http_send(&canceller.world->ctx, canceller.world->http, &request, &reply),
			rows[i].err);
		pthread_join(thread, NULL);
		assert_int_equal(reply.status, rows[i].err == E_OK ? 200 : 0);
		tear_down(state);
		set_up(state);
	}
}

static void test_nothing_is_sent_once_cancelled(void **state)
{
	struct world *world = *state;
	struct http_reply reply;

	cancel_request(world->cancel);
	assert_int_equal(send_one(world, HTTP_READ, "GET", "/ok", &reply), E_CANCELLED);
	assert_int_equal(peer_count(&world->peer, "GET", "/ok"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_no_answer_is_filed, NULL, tear_down),
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_the_client_has_the_last_word_on_time),
		T(test_only_an_answer_that_has_begun_can_halt),
		T(test_a_one_shot_is_never_sent_on_a_used_connection),
		T(test_a_read_on_a_dead_connection_is_repeated),
		T(test_reads_share_a_connection),
		T(test_the_last_answer_of_several_counts),
		T(test_any_status_is_an_answer),
		T(test_the_limit_itself_still_fits),
		T(test_the_request_goes_out_as_written),
		T(test_a_large_post_does_not_wait_for_a_100),
		T(test_a_post_without_a_body_says_so),
		T(test_nothing_of_a_request_remains_for_the_next),
		T(test_connect_to_leads_elsewhere),
		T(test_what_cannot_be_sent_is_filed),
		T(test_a_cancelled_request_returns_at_once),
		T(test_what_happens_once_has_its_answer_unless_there_is_haste),
		T(test_nothing_is_sent_once_cancelled),
	};

	curl_library_init();
	return cmocka_run_group_tests_name("curl", tests, NULL, NULL);
}
