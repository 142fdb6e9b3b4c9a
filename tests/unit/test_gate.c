#include "http/gate.h"

#include <pthread.h>
#include <stdlib.h>

#include "unit/check.h"

/* --- a service that throttles when told, and a clock that only we move --- */

static msec_t now;

static msec_t our_time(struct clock *clock)
{
	(void)clock;
	return __atomic_load_n(&now, __ATOMIC_RELAXED);
}

static struct clock our_clock = {our_time, our_time, NULL};

struct service {
	struct http http;
	int status;
	const char *retry_after, *body;
	enum err err; /* instead of an answer */
	unsigned sent;
};

static enum err service_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			     struct http_reply *reply)
{
	struct service *service = (struct service *)http;
	struct http_header *header = arena_new_one(ctx->arena, struct http_header);

	(void)request;
	__atomic_add_fetch(&service->sent, 1, __ATOMIC_RELAXED);
	if (service->err)
		return fault_set(ctx, service->err, "Test", "no answer");
	*header = (struct http_header){"Retry-After", service->retry_after};
	*reply = (struct http_reply){.status = service->status,
				     .headers = header,
				     .body = service->body,
				     .header_count = service->retry_after ? 1 : 0};
	return E_OK;
}

static bool body_says_lock(const struct http_reply *reply)
{
	return text_equals(reply->body, "lock");
}

struct world {
	struct doors doors;
	struct ctx ctx;
	struct service service;
	struct gate *gate;
	struct http *http;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	now = 1000;
	world->doors = (struct doors){&our_clock, rng_system(), fs_system(), NULL};
	ctx_init(&world->ctx, &world->doors);
	world->service.http.send = service_send;
	world->service.status = 200;
	world->gate = gate_new("Key Vault");
	world->http = gate_wrap(world->ctx.arena, world->gate, &world->service.http,
				body_says_lock);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	gate_free(world->gate);
	ctx_fini(&world->ctx);
	free(world);
	return 0;
}

static enum err send_one(struct world *world, int status, const char *retry_after, const char *body)
{
	struct http_request request = {.kind = HTTP_READ, .method = "GET", .url = "https://v/"};
	struct http_reply reply;
	enum err err;

	world->service.status = status;
	world->service.retry_after = retry_after;
	world->service.body = body;
	err = http_send(&world->ctx, world->http, &request, &reply);
	if (err == E_OK)
		assert_int_equal(reply.status, status);
	return err;
}

/* --- tests --- */

struct row {
	const char *sentence;
	int status;
	const char *retry_after, *body;
	msec_t shut_for;
};

static const struct row rows[] = {
	{"200 leaves it open", 200, NULL, "", 0},
	{"200 with Retry-After is a pace, not a refusal", 200, "10", "", 0},
	{"429 shuts it for as long as it says", 429, "10", "", 10000},
	{"429 without a time shuts it for 30 s", 429, NULL, "", 30000},
	{"429 with rubbish for a time shuts it for 30 s", 429, "soon", "", 30000},
	{"503 with a time shuts it", 503, "7", "", 7000},
	{"503 without a time leaves it open", 503, NULL, "", 0},
	{"500 with a time leaves it open", 500, "7", "", 0},
	{"a lock leaves it open", 429, "10", "lock", 0},
	{"a 503 is never a lock", 503, "7", "lock", 7000},
	{"a day is the longest", 429, "10000000", "", MSEC_PER_DAY},
};

static void test_what_shuts_the_gate(void **state)
{
	const struct row *row;

	for (row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		struct world *world = *state;

		check_row_int(row->sentence,
			      send_one(world, row->status, row->retry_after, row->body), E_OK);
		check_row_int(row->sentence, gate_shut_for(world->gate, &world->ctx),
			      row->shut_for);
		tear_down(state);
		set_up(state);
	}
}

static void test_nothing_passes_a_shut_gate(void **state)
{
	struct world *world = *state;
	unsigned i;

	send_one(world, 429, "100", "");
	now += 40000;
	for (i = 0; i < 200; i++) {
		assert_int_equal(send_one(world, 200, NULL, ""), E_THROTTLED);
		assert_in_range(world->ctx.fault.retry_after_ms, 60000, 66000);
		assert_true(world->ctx.fault.for_all);
	}
	assert_int_equal(world->service.sent, 1);
	assert_string_equal(world->ctx.fault.reason, "Throttled");
	assert_string_equal(world->ctx.fault.text,
			    "Key Vault is throttling us; nothing is sent there "
			    "until the pause is over");
	now += 59999;
	assert_int_equal(send_one(world, 200, NULL, ""), E_THROTTLED);
	now += 1;
	assert_int_equal(send_one(world, 200, NULL, ""), E_OK);
	assert_int_equal(world->service.sent, 2);
}

static void test_not_everybody_comes_back_at_once(void **state)
{
	struct world *world = *state;
	msec_t first;
	unsigned i, different = 0;

	send_one(world, 429, "1000", "");
	send_one(world, 200, NULL, "");
	first = world->ctx.fault.retry_after_ms;
	for (i = 0; i < 50; i++) {
		send_one(world, 200, NULL, "");
		different += world->ctx.fault.retry_after_ms != first;
	}
	assert_in_range(different, 25, 50);
}

/* Sends through the gate as soon as it opens, and tells how long it is shut then. */
static msec_t after_opening(struct world *world, int status, const char *retry_after)
{
	now += gate_shut_for(world->gate, &world->ctx);
	assert_int_equal(send_one(world, status, retry_after, ""), E_OK);
	return gate_shut_for(world->gate, &world->ctx);
}

static void test_a_429_that_names_no_time_doubles(void **state)
{
	struct world *world = *state;
	unsigned i;

	assert_int_equal(after_opening(world, 429, NULL), 30000);
	assert_int_equal(after_opening(world, 429, NULL), 60000);
	assert_int_equal(after_opening(world, 429, NULL), 120000);
	assert_int_equal(after_opening(world, 500, NULL), 0);
	assert_int_equal(after_opening(world, 429, NULL), 240000);
	assert_int_equal(after_opening(world, 200, NULL), 0);
	assert_int_equal(after_opening(world, 429, NULL), 30000);
	assert_int_equal(after_opening(world, 429, NULL), 60000);
	assert_int_equal(after_opening(world, 429, "3"), 3000);
	assert_int_equal(after_opening(world, 429, NULL), 30000);
	for (i = 0; i < 40; i++)
		after_opening(world, 429, NULL);
	assert_int_equal(gate_shut_for(world->gate, &world->ctx), MSEC_PER_HOUR);
}

static void test_a_gate_only_shuts_for_longer(void **state)
{
	struct world *world = *state;

	gate_shut(world->gate, &world->ctx, 50000);
	gate_shut(world->gate, &world->ctx, 20000);
	gate_shut(world->gate, &world->ctx, -1);
	assert_int_equal(gate_shut_for(world->gate, &world->ctx), 50000);
	gate_shut(world->gate, &world->ctx, MSEC_NEVER);
	assert_int_equal(send_one(world, 200, NULL, ""), E_THROTTLED);
	assert_int_equal(world->service.sent, 0);
}

static void test_no_answer_changes_nothing(void **state)
{
	struct world *world = *state;

	world->service.err = E_AGAIN;
	assert_int_equal(send_one(world, 200, NULL, ""), E_AGAIN);
	assert_int_equal(gate_shut_for(world->gate, &world->ctx), 0);
}

/* --- threads --- */

#define WORKERS 8

struct worker {
	struct world *world;
	pthread_t thread;
	pthread_barrier_t *barrier;
};

struct barrier_service {
	struct http http;
	pthread_barrier_t *barrier;
};

/* All workers are through the gate before the first of them is answered. */
static enum err send_together(struct ctx *ctx, struct http *http,
			      const struct http_request *request, struct http_reply *reply)
{
	(void)ctx;
	(void)request;
	pthread_barrier_wait(((struct barrier_service *)http)->barrier);
	*reply = (struct http_reply){.status = 429, .body = ""};
	return E_OK;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct http_request request = {.kind = HTTP_READ, .method = "GET", .url = "https://v/"};
	struct barrier_service service = {{send_together}, worker->barrier};
	struct http_reply reply;
	struct http *http;
	struct ctx ctx;

	ctx_init(&ctx, &worker->world->doors);
	http = gate_wrap(ctx.arena, worker->world->gate, &service.http, NULL);
	http_send(&ctx, http, &request, &reply);
	ctx_fini(&ctx);
	return NULL;
}

static void test_workers_that_meet_one_429_together_double_once(void **state)
{
	struct world *world = *state;
	struct worker workers[WORKERS];
	pthread_barrier_t barrier;
	size_t i;

	pthread_barrier_init(&barrier, NULL, WORKERS);
	for (i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.world = world, .barrier = &barrier};
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	for (i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
	assert_int_equal(gate_shut_for(world->gate, &world->ctx), 30000);
	assert_int_equal(after_opening(world, 429, NULL), 60000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_what_shuts_the_gate),
		T(test_nothing_passes_a_shut_gate),
		T(test_not_everybody_comes_back_at_once),
		T(test_a_429_that_names_no_time_doubles),
		T(test_a_gate_only_shuts_for_longer),
		T(test_no_answer_changes_nothing),
		T(test_workers_that_meet_one_429_together_double_once),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
