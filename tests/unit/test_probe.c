#include "http/probe.h"

#include <stdlib.h>

#include "base/text.h"
#include "unit/check.h"

#define A   "https://v/certificates/a"
#define B   "https://v/certificates/b"
#define C   "https://v/certificates/c"
#define KEY "https://v/keys/k"

/* --- a service whose answer is told, and a clock that only we move --- */

static msec_t now;

static msec_t our_time(struct clock *clock)
{
	(void)clock;
	return now;
}

static struct clock our_clock = {our_time, our_time, NULL};

struct service {
	struct http http;
	int status;
	const char *body;
	enum err err; /* instead of an answer */
	int fault_status;
	unsigned sent;
	struct world *others; /* who send while we do */
	unsigned others_left;
};

static void let_another_send(struct world *world, unsigned number);

static enum err service_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			     struct http_reply *reply)
{
	struct service *service = (struct service *)http;
	struct http_header *header = arena_new_one(ctx->arena, struct http_header);

	(void)request;
	service->sent++;
	if (service->others_left)
		let_another_send(service->others, service->others_left--);
	if (service->err) {
		fault_set(ctx, service->err, "AzureAuthFailed", "refused a fresh token");
		ctx->fault.http_status = service->fault_status;
		return service->err;
	}
	*header = (struct http_header){"x-ms-error-code", "Forbidden"};
	*reply = (struct http_reply){.status = service->status,
				     .headers = header,
				     .header_count = 1,
				     .body = service->body,
				     .body_size = strlen(service->body)};
	return E_OK;
}

struct world {
	struct doors doors;
	struct ctx ctx;
	struct service service;
	struct probe *probe;
	struct http *http;
};

static void make_probe(struct world *world, unsigned objects)
{
	const struct probe_options options = {"https://v/certificates/", objects};

	probe_free(world->probe);
	world->probe = probe_new(&options);
	world->http = probe_wrap(world->ctx.arena, world->probe, &world->service.http);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	now = 1000;
	world->doors = (struct doors){&our_clock, rng_system(), fs_system(), NULL};
	ctx_init(&world->ctx, &world->doors);
	world->service = (struct service){{service_send}, .status = 200, .body = ""};
	make_probe(world, 2);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	probe_free(world->probe);
	ctx_fini(&world->ctx);
	free(world);
	return 0;
}

/* True when the service was asked. */
static bool send_one(struct world *world, const char *url, enum http_kind kind, int *status)
{
	struct http_request request = {.kind = kind, .method = "GET", .url = url};
	struct http_reply reply = {0};
	unsigned before = world->service.sent;

	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_OK);
	*status = reply.status;
	return world->service.sent != before;
}

static bool is_asked(struct world *world, const char *url)
{
	int status;

	return send_one(world, url, HTTP_READ, &status);
}

static void let_another_send(struct world *world, unsigned number)
{
	is_asked(world, number % 2 ? B : C);
}

static void refuse_all(struct world *world)
{
	world->service.status = 403;
	world->service.body = "no permission";
}

/* --- tests --- */

struct step {
	msec_t after; /* time passes first */
	const char *url;
	int status; /* of the service */
	const char *body;
	bool is_asked;
};

struct row {
	const char *sentence;
	unsigned objects;
	struct step steps[8];
};

#define REFUSED 403, "no permission"

static const struct row rows[] = {
	{"one object's refusals are its own",
	 2,
	 {{0, A, REFUSED, true},
	  {0, A, REFUSED, true},
	  {0, A, REFUSED, true},
	  {0, B, 200, "", true}}},
	{"two objects in a row shut the scope for a third",
	 2,
	 {{0, A, REFUSED, true},
	  {0, B, REFUSED, true},
	  {0, C, REFUSED, false},
	  {4999, C, REFUSED, false}}},
	{"an answer between two refusals leaves it open",
	 2,
	 {{0, A, REFUSED, true},
	  {0, C, 200, "", true},
	  {0, B, REFUSED, true},
	  {0, C, 200, "", true}}},
	{"where the object is the scope, one refusal shuts it",
	 1,
	 {{0, A, REFUSED, true}, {0, A, REFUSED, false}, {0, B, REFUSED, false}}},
	{"one goes through when the wait is over, and the others wait for it",
	 2,
	 {{0, A, REFUSED, true},
	  {0, B, REFUSED, true},
	  {5000, C, 500, "", true},
	  {0, C, REFUSED, false}}},
	{"a probe that is answered opens it for all",
	 2,
	 {{0, A, REFUSED, true},
	  {0, B, REFUSED, true},
	  {5000, C, 404, "", true},
	  {0, A, 200, "", true},
	  {0, B, 200, "", true}}},
	{"a refused probe doubles the wait",
	 2,
	 {{0, A, REFUSED, true},
	  {0, B, REFUSED, true},
	  {5000, C, REFUSED, true},
	  {9999, A, 200, "", false},
	  {1, A, 200, "", true}}},
	{"an object that was refused leaves the first probe to others",
	 2,
	 {{0, A, REFUSED, true},
	  {0, B, REFUSED, true},
	  {5000, A, REFUSED, false},
	  {0, C, 200, "", true}}},
	{"an object that was refused probes when nobody else comes",
	 2,
	 {{0, A, REFUSED, true},
	  {0, B, REFUSED, true},
	  {9999, A, REFUSED, false},
	  {1, A, 200, "", true}}},
	{"a 5xx says nothing about permissions",
	 2,
	 {{0, A, REFUSED, true},
	  {0, C, 500, "", true},
	  {0, B, REFUSED, true},
	  {0, C, REFUSED, false}}},
	{"paths and queries behind the name are the same object",
	 2,
	 {{0, A "/create", REFUSED, true},
	  {0, A "?x=1", REFUSED, true},
	  {0, A "/pending", REFUSED, true}}},
	{"what is not in the scope passes",
	 2,
	 {{0, A, REFUSED, true},
	  {0, B, REFUSED, true},
	  {0, KEY, REFUSED, true},
	  {0, KEY, 200, "", true},
	  {0, C, REFUSED, false}}},
};

static void test_who_asks(void **state)
{
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		struct world *world = *state;

		make_probe(world, row->objects);
		for (const struct step *step = row->steps; step->url; step++) {
			now += step->after;
			world->service.status = step->status;
			world->service.body = step->body;
			check_row_int(row->sentence, is_asked(world, step->url), step->is_asked);
		}
	}
}

static void test_the_wait_doubles_up_to_five_minutes(void **state)
{
	static const msec_t waits[] = {5000, 10000, 20000, 40000, 80000, 160000, 300000, 300000};
	struct world *world = *state;

	make_probe(world, 1);
	refuse_all(world);
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		assert_true(is_asked(world, A));
		assert_int_equal(probe_shut_for(world->probe, &world->ctx, true), waits[i]);
		now += waits[i] - 1;
		assert_false(is_asked(world, A));
		now++;
	}
}

static void test_the_remembered_answer_is_the_services_own(void **state)
{
	struct world *world = *state;
	struct http_request request = {.kind = HTTP_READ, .method = "GET", .url = C};
	struct http_reply reply;

	refuse_all(world);
	is_asked(world, A);
	is_asked(world, B);
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_OK);
	assert_int_equal(world->service.sent, 2);
	assert_int_equal(reply.status, 403);
	assert_string_equal(reply.body, "no permission");
	assert_int_equal(reply.body_size, strlen("no permission"));
	assert_string_equal(http_header(&reply, "X-MS-Error-Code"), "Forbidden");
}

static void test_reads_and_writes_are_remembered_apart(void **state)
{
	struct world *world = *state;
	int status;

	refuse_all(world);
	send_one(world, A, HTTP_ONE_SHOT, &status);
	send_one(world, B, HTTP_IDEMPOTENT, &status);
	world->service.status = 200;
	assert_true(send_one(world, C, HTTP_READ, &status));
	assert_int_equal(status, 200);
	assert_false(send_one(world, C, HTTP_ONE_SHOT, &status));
	assert_int_equal(status, 403);
}

static void test_those_under_way_when_it_was_shut_do_not_prolong_it(void **state)
{
	struct world *world = *state;

	refuse_all(world);
	world->service.others = world;
	world->service.others_left = 5;
	is_asked(world, A);
	assert_int_equal(world->service.sent, 6);
	assert_int_equal(probe_shut_for(world->probe, &world->ctx, true), 5000);
}

static void test_a_refused_token_is_everybodys(void **state)
{
	struct world *world = *state;
	struct http_request request = {.kind = HTTP_READ, .method = "GET", .url = A};
	struct http_reply reply;

	world->service.err = E_REFUSED;
	world->service.fault_status = 401;
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_REFUSED);
	fault_clear(&world->ctx);
	assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_REFUSED);
	assert_string_equal(world->ctx.fault.reason, "AzureAuthFailed");
	assert_int_equal(world->service.sent, 1);
	now += 5000;
	world->service.err = E_OK;
	assert_true(is_asked(world, A));
}

static void test_other_errors_are_not_remembered(void **state)
{
	struct world *world = *state;
	struct http_request request = {.kind = HTTP_READ, .method = "GET", .url = A};
	struct http_reply reply;

	world->service.err = E_REFUSED;
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(http_send(&world->ctx, world->http, &request, &reply), E_REFUSED);
		assert_int_equal(world->service.sent, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_who_asks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_wait_doubles_up_to_five_minutes, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_remembered_answer_is_the_services_own,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reads_and_writes_are_remembered_apart, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			test_those_under_way_when_it_was_shut_do_not_prolong_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_refused_token_is_everybodys, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_other_errors_are_not_remembered, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
