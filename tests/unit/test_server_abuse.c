#include "server_rig.h"

#include "base/log.h"
#include "httpd/conns.h"
#include "httpd/pace.h"

#define ONE	  "{\"hostnames\":[\"shop.example.com\"]}"
#define HOSTNAMES "/apis/gatecert/v1/hostnames"

static void open_timed(struct rig *rig)
{
	rig_open(rig, NULL, true, false);
	rig_take_clock(rig);
}

static void test_buckets_fill_and_empty(void **state)
{
	static const struct pace_rate rate = {.per_minute = 60, .burst = 3};
	static struct pace pace;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pace_take(&pace, 7, &rate, 5000), 0);
	assert_int_equal(pace_take(&pace, 7, &rate, 5000), 1000);
	assert_int_equal(pace_take(&pace, 8, &rate, 5000), 0);
	for (int i = 1; i < 10; i++)
		assert_true(pace_take(&pace, 7, &rate, 5000 + i * 100) > 0);
	assert_int_equal(pace_take(&pace, 7, &rate, 6000), 0);
	assert_true(pace_take(&pace, 7, &rate, 6000) > 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pace_take(&pace, 7, &rate, 5000 + 30 * MSEC_PER_DAY), 0);
	assert_true(pace_take(&pace, 7, &rate, 5000 + 30 * MSEC_PER_DAY) > 0);
}

static void test_a_set_forgets_who_rested_longest(void **state)
{
	static const struct pace_rate rate = {.per_minute = 1, .burst = 1};
	static struct pace pace;

	(void)state;
	for (uint64_t i = 0; i < PACE_WAYS; i++)
		assert_int_equal(pace_take(&pace, i * PACE_SETS, &rate, 1000 + (msec_t)i), 0);
	assert_int_equal(pace_take(&pace, PACE_WAYS * PACE_SETS, &rate, 2000), 0);
	assert_true(pace_take(&pace, 1 * PACE_SETS, &rate, 2000) > 0);
	assert_int_equal(pace_take(&pace, 0, &rate, 2000), 0);
}

static void test_a_key_that_comes_too_often_is_429(void **state)
{
	struct api_key keys[] = {{.name = "one", .key = "k1"}, {.name = "two", .key = "k2"}};
	struct rig_reply reply;
	struct rig rig;
	int served = 0;

	(void)state;
	open_timed(&rig);
	rig.options.api_keys = keys;
	rig.options.api_key_count = 2;
	rig.options.requests_per_second = 1;
	assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_OK);
	do
		reply = rig_call(&rig, "GET", HOSTNAMES "?code=k1", "", NULL);
	while (reply.status == 200 && ++served < 100);
	assert_in_range(served, 2, 5);
	assert_int_equal(reply.status, 429);
	assert_string_equal(rig_header(&rig, &reply, "Retry-After"), "1");
	assert_non_null(strstr(reply.body, "\"code\":\"TooManyRequests\""));
	assert_int_equal(
		rig_call(&rig, "POST", RIG_START "?code=k1", "Content-Type: image/png\r\n", "x")
			.status,
		429);
	assert_int_equal(rig_call(&rig, "GET", HOSTNAMES "?code=k2", "", NULL).status, 200);
	assert_int_equal(rig_call(&rig, "GET", "/healthz?code=k1", "", NULL).status, 200);
	rig_close(&rig);
}

static msec_t time_of(struct rig *rig, const char *headers, int status)
{
	msec_t before = rig_time;

	assert_int_equal(rig_call(rig, "GET", HOSTNAMES, headers, NULL).status, status);
	return rig_time - before;
}

static void test_wrong_keys_are_slowed_down_and_right_ones_are_not(void **state)
{
	struct rig rig;

	(void)state;
	open_timed(&rig);
	for (int i = 0; i < 10; i++)
		assert_in_range(time_of(&rig, "x-functions-key: wrong\r\n", 401), 99, 200);
	assert_in_range(time_of(&rig, "x-functions-key: wrong\r\n", 401), 990, 1100);
	assert_non_null(
		strstr(rig_call(&rig, "GET", "/readyz", "", NULL).body, "\"refusedKeys\":11,"));
	assert_in_range(time_of(&rig, NULL, 200), 0, 90);
	assert_in_range(time_of(&rig, "", 401), 0, 90);
	rig_close(&rig);
}

static void test_stops_while_somebody_waits(void **state)
{
	static const char bytes[] = "GET " HOSTNAMES
				    " HTTP/1.1\r\nHost: a\r\nx-functions-key: no\r\n\r\n";
	struct rig rig;
	int fd;

	(void)state;
	rig_open(&rig, NULL, true, false);
	fd = rig_connect(&rig);
	assert_int_equal(send(fd, bytes, sizeof(bytes) - 1, 0), sizeof(bytes) - 1);
	wait_for(strstr(rig_call(&rig, "GET", "/readyz", "", NULL).body, "\"refusedKeys\":1,"));
	rig_close(&rig);
	close(fd);
}

/* What a client that drips, or says nothing, has got when the deadline is past. */
static const char *const drips[] = {
	"",
	"GET /hea",
	"GET /healthz HTTP/1.1\r\nHost: a\r\nX",
	"POST " RIG_START " HTTP/1.1\r\nHost: a\r\nx-functions-key: " RIG_KEY
	"\r\nContent-Length: 1000\r\n\r\n{",
};

static bool is_closed(int fd)
{
	char byte;

	errno = 0;
	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) <= 0 && errno != EAGAIN;
}

static void test_the_deadline_does_not_care_for_activity(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(drips); i++) {
		struct rig rig;
		char byte;
		int fd;

		open_timed(&rig);
		fd = rig_connect(&rig);
		assert_int_equal(send(fd, drips[i], strlen(drips[i]), 0), strlen(drips[i]));
		rig_let_read(&rig);
		assert_true(recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
		rig_time += CONNS_REQUEST_MSEC;
		rig_until(&rig, fd, is_closed(fd));
		close(fd);
		rig_close(&rig);
	}
}

static void test_a_kept_connection_lives_longer_than_a_request(void **state)
{
	static const char bytes[] = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
	struct rig rig;
	char reply[4096];
	int fd;

	(void)state;
	open_timed(&rig);
	fd = rig_connect(&rig);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(send(fd, bytes, sizeof(bytes) - 1, 0), sizeof(bytes) - 1);
		rig_until(&rig, fd, recv(fd, reply, sizeof(reply), MSG_DONTWAIT) > 0);
		rig_time += 2 * CONNS_REQUEST_MSEC;
		rig_turn(&rig, -1, 1);
	}
	close(fd);
	rig_close(&rig);
}

/* What is wrong with a write of a hostname, all that comes later in the order with it. */
static const struct {
	const char *sentence, *key, *method, *name, *type;
	size_t size;
	int status;
} orders[] = {
	{"403 before 415 and 413", "web", "PUT", "x.example.org", "image/png", 70000, 403},
	{"403 before 415 and 413", "web", "PATCH", "x.example.org", "image/png", 70000, 403},
	{"403 before 400", "web", "PUT", "nodot", "application/json", 1, 403},
	{"403 in another spelling", "web", "PUT", "X.EXAMPLE.ORG.", "application/json", 70000, 403},
	{"reach in another spelling", "web", "PUT", "X.EXAMPLE.COM.", "application/json", 1, 400},
	{"429 before 415 and 413", "slow", "PUT", "x.example.com", "image/png", 70000, 429},
	{"415 before 413", "web", "PUT", "x.example.com", "image/png", 70000, 415},
	{"415 before 413", "web", "PATCH", "x.example.com", "application/json", 70000, 415},
	{"413 before 400", "web", "PUT", "nodot.example.com", "application/json", 70000, 413},
	{"413 before 404", "web", "PATCH", "x.example.com", "application/merge-patch+json", 70000,
	 413},
	{"400 at last", "web", "PUT", "x.example.com", "application/json", 1, 400},
};

static void use_up(struct rig *rig, const char *key)
{
	const char *target = arena_printf(rig->ctx.arena, HOSTNAMES "?code=%s", key);

	for (int i = 0; i < 100; i++)
		if (rig_call(rig, "GET", target, "", NULL).status == 429)
			return;
	fail_msg("%s is never too fast", key);
}

static void test_a_write_is_judged_in_order(void **state)
{
	const char *domain = "example.com";
	struct api_key keys[] = {
		{.name = "web", .key = "web", .hostnames = {&domain, 1}},
		{.name = "slow", .key = "slow"},
	};
	struct rig rig;
	char *body;

	(void)state;
	open_timed(&rig);
	rig.options.api_keys = keys;
	rig.options.api_key_count = 2;
	rig.options.requests_per_second = 6;
	assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_OK);
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct rig_reply reply;

		if (orders[i].status == 429)
			use_up(&rig, orders[i].key);
		body = arena_alloc(rig.ctx.arena, orders[i].size + 1);
		memset(body, 'x', orders[i].size);
		reply = rig_call(&rig, orders[i].method,
				 arena_printf(rig.ctx.arena, HOSTNAMES "/%s", orders[i].name),
				 arena_printf(rig.ctx.arena,
					      "x-functions-key: %s\r\nContent-Type: %s\r\n",
					      orders[i].key, orders[i].type),
				 body);
		if (reply.status != orders[i].status)
			fail_msg("%s (%zu): got %d %s", orders[i].sentence, i, reply.status,
				 reply.body);
	}
	rig_close(&rig);
}

/* With a key for example.com that reads and writes, and one that only reads everything. */
static const struct {
	const char *sentence, *key, *method, *target, *body;
	int status;
} scoped[] = {
	{"a hostname below", "web", "POST", RIG_START, ONE, 202},
	{"the domain itself", "web", "POST", RIG_START, "{\"hostnames\":[\"example.com\"]}", 202},
	{"another domain", "web", "POST", RIG_START, "{\"hostnames\":[\"example.org\"]}", 403},
	{"a domain that only ends alike", "web", "POST", RIG_START,
	 "{\"hostnames\":[\"badexample.com\"]}", 403},
	{"one of several elsewhere", "web", "POST", RIG_START_SEVERAL,
	 "{\"hostnames\":[\"a.example.com\",\"b.example.org\"]}", 403},
	{"PUT below", "web", "PUT", HOSTNAMES "/x.example.com", "{}", 201},
	{"PUT elsewhere", "web", "PUT", HOSTNAMES "/x.example.org", "{}", 403},
	{"GET below", "web", "GET", HOSTNAMES "/shop.example.com", NULL, 200},
	{"GET elsewhere, there or not", "web", "GET", HOSTNAMES "/y.example.org", NULL, 403},
	{"DELETE elsewhere", "web", "DELETE", HOSTNAMES "/y.example.org", NULL, 403},
	{"gateways show all", "web", "GET", "/apis/gatecert/v1/gateways/gw", NULL, 404},
	{"reading with the reader", "look", "GET", HOSTNAMES "/shop.example.com", NULL, 200},
	{"writing with the reader", "look", "PUT", HOSTNAMES "/shop.example.com", "{}", 403},
	{"starting with the reader", "look", "POST", RIG_START, ONE, 403},
	{"the hash is not the key",
	 "sha256:4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2", "GET",
	 HOSTNAMES, NULL, 401},
	{"purging with the reader", "look", "DELETE",
	 RIG_INSTANCES "?createdTimeFrom=2020-01-01T00:00:00Z", NULL, 403},
};

static void test_keys_reach_as_far_as_they_are_meant_to(void **state)
{
	const char *domain = "example.com", *id;
	struct api_key keys[] = {
		{.name = "web",
		 .key = "sha256:4b5e57f6eb2f42b9039b3d1e13929295f231749c510cbe341cd68036d9af97e2",
		 .hostnames = {&domain, 1}}, /* "web" */
		{.name = "look", .key = "look", .is_read_only = true},
		{.name = "all", .key = RIG_KEY},
	};
	struct rig_reply reply;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	rig.options.api_keys = keys;
	rig.options.api_key_count = 3;
	assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_OK);
	id = rig_start(&rig, RIG_START, "{\"hostnames\":[\"example.org\"]}");
	for (size_t i = 0; i < ARRAY_SIZE(scoped); i++) {
		reply = rig_call(
			&rig, scoped[i].method, scoped[i].target,
			arena_printf(rig.ctx.arena, "x-functions-key: %s\r\n", scoped[i].key),
			scoped[i].body);
		if (reply.status != scoped[i].status)
			fail_msg("%s: got %d %s", scoped[i].sentence, reply.status, reply.body);
	}
	reply = rig_call(&rig, "GET", HOSTNAMES, "x-functions-key: web\r\n", NULL);
	assert_null(strstr(reply.body, "example.org"));
	reply = rig_call(&rig, "GET", RIG_INSTANCES, "x-functions-key: web\r\n", NULL);
	assert_null(strstr(reply.body, "example.org"));
	assert_int_equal(json_size(reply.json), 2);
	reply = rig_call(&rig, "GET", arena_printf(rig.ctx.arena, RIG_INSTANCES "/%s", id),
			 "x-functions-key: web\r\n", NULL);
	assert_int_equal(reply.status, 403);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_fill_and_empty),
		cmocka_unit_test(test_a_set_forgets_who_rested_longest),
		cmocka_unit_test(test_a_key_that_comes_too_often_is_429),
		cmocka_unit_test(test_wrong_keys_are_slowed_down_and_right_ones_are_not),
		cmocka_unit_test(test_stops_while_somebody_waits),
		cmocka_unit_test(test_the_deadline_does_not_care_for_activity),
		cmocka_unit_test(test_a_kept_connection_lives_longer_than_a_request),
		cmocka_unit_test(test_a_write_is_judged_in_order),
		cmocka_unit_test(test_keys_reach_as_far_as_they_are_meant_to),
	};

	return cmocka_run_group_tests_name("server abuse", tests, NULL, NULL);
}
