/* A service that does not answer: one waits for it, and all others hear at once that it is away. */
#include "http/absence.h"

#include <pthread.h>
#include <stdlib.h>

#include "unit/check.h"
#include "unit/our_clock.h"

#define SEC MSEC_PER_SEC

/* --- a service that answers or does not, as told --- */

struct world;

struct service {
	struct http http;
	enum err err; /* E_OK: answers */
	unsigned asked;
	/* what happens while the request is out: once */
	void (*meanwhile)(struct world *world);
	struct world *world;
};

struct world {
	struct cancel *cancel;
	struct doors doors;
	struct ctx ctx;
	struct service service;
	struct absence *absence;
	struct http *http;
};

static enum err service_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			     struct http_reply *reply)
{
	struct service *service = (struct service *)http;
	void (*meanwhile)(struct world * world) = service->meanwhile;
	enum err err = service->err;

	service->asked++;
	service->meanwhile = NULL;
	if (meanwhile)
		meanwhile(service->world);
	*reply = (struct http_reply){.status = 500, .body = ""};
	if (err == E_AGAIN && request->kind == HTTP_ONE_SHOT)
		err = E_CONFLICT;
	return err == E_OK ? E_OK
			   : fault_set(ctx, err, "Timeout", "no clear answer from https://ca");
}

static void make_absence(struct world *world, unsigned at_once)
{
	absence_free(world->absence);
	world->absence = absence_new("the CA", at_once);
	world->http = absence_wrap(world->ctx.arena, world->absence, &world->service.http);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	our_time = MSEC_PER_HOUR;
	world->cancel = cancel_new();
	world->doors = (struct doors){&our_clock, rng_system(), fs_system(), world->cancel};
	ctx_init(&world->ctx, &world->doors);
	world->service = (struct service){{service_send}, .world = world};
	make_absence(world, 6);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	absence_free(world->absence);
	ctx_fini(&world->ctx);
	cancel_free(world->cancel);
	free(world);
	return 0;
}

static enum err ask_in(struct ctx *ctx, struct world *world, enum http_kind kind)
{
	struct http_request request = {.kind = kind, .method = "POST", .url = "https://ca/"};
	struct http_reply reply;

	fault_clear(ctx);
	return http_send(ctx, world->http, &request, &reply);
}

static enum err ask(struct world *world, enum http_kind kind)
{
	return ask_in(&world->ctx, world, kind);
}

/* How long somebody who was turned away has to wait; 0: was not turned away. */
static msec_t turned_away_for(struct world *world)
{
	unsigned asked = world->service.asked;
	enum err err = ask(world, HTTP_READ);

	if (world->service.asked != asked)
		return 0;
	assert_int_equal(err, E_AGAIN);
	assert_true(world->ctx.fault.is_untried);
	return world->ctx.fault.retry_after_ms;
}

/* --- tests --- */

static void test_who_is_answered_disturbs_nobody(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(turned_away_for(world), 0);
}

static void test_one_without_an_answer_speaks_for_all(void **state)
{
	struct world *world = *state;

	world->service.err = E_AGAIN;
	assert_int_equal(ask(world, HTTP_READ), E_AGAIN);
	assert_false(world->ctx.fault.is_untried);
	assert_int_equal(turned_away_for(world), SEC);
	assert_string_equal(world->ctx.fault.text, "no clear answer from https://ca");
	assert_string_equal(world->ctx.fault.reason, "Timeout");
	assert_int_equal(world->service.asked, 1);
}

static void test_a_one_shot_that_is_turned_away_was_not_sent(void **state)
{
	struct world *world = *state;

	world->service.err = E_AGAIN;
	assert_int_equal(ask(world, HTTP_ONE_SHOT), E_CONFLICT);
	assert_int_equal(ask(world, HTTP_ONE_SHOT), E_AGAIN);
	assert_true(world->ctx.fault.is_untried);
	assert_int_equal(world->service.asked, 1);
}

static void test_tries_become_rarer_up_to_half_a_minute(void **state)
{
	static const msec_t waits[] = {1, 2, 4, 8, 16, 30, 30, 30};
	struct world *world = *state;

	world->service.err = E_AGAIN;
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		assert_int_equal(turned_away_for(world), 0);
		assert_int_equal(turned_away_for(world), waits[i] * SEC);
		our_time += waits[i] * SEC - 1;
		assert_int_equal(turned_away_for(world), SEC);
		our_time++;
	}
}

static void test_any_answer_opens_it_for_all(void **state)
{
	struct world *world = *state;

	world->service.err = E_AGAIN;
	for (int i = 0; i < 5; i++) {
		ask(world, HTTP_READ);
		our_time += 30 * SEC;
	}
	world->service.err = E_OK;
	for (int i = 0; i < 3; i++)
		assert_int_equal(turned_away_for(world), 0);
	world->service.err = E_AGAIN;
	ask(world, HTTP_READ);
	assert_int_equal(turned_away_for(world), SEC);
}

static void another_is_turned_away(struct world *world)
{
	our_time += 4 * SEC;
	assert_int_equal(turned_away_for(world), 4 * SEC);
	our_time += 86 * SEC;
	assert_int_equal(turned_away_for(world), 30 * SEC);
}

static void test_one_tries_alone(void **state)
{
	struct world *world = *state;

	world->service.err = E_AGAIN;
	ask(world, HTTP_READ);
	our_time += SEC;
	world->service.meanwhile = another_is_turned_away;
	assert_int_equal(ask(world, HTTP_READ), E_AGAIN);
	assert_int_equal(world->service.asked, 2);
	assert_int_equal(turned_away_for(world), 2 * SEC);
}

static void another_fails(struct world *world)
{
	assert_int_equal(turned_away_for(world), 0);
}

static void test_those_under_way_when_it_was_shut_do_not_prolong_it(void **state)
{
	struct world *world = *state;

	world->service.err = E_AGAIN;
	world->service.meanwhile = another_fails;
	ask(world, HTTP_READ);
	assert_int_equal(world->service.asked, 2);
	assert_int_equal(turned_away_for(world), SEC);
}

static void another_is_answered(struct world *world)
{
	world->service.err = E_OK;
	assert_int_equal(turned_away_for(world), 0);
}

static void test_who_is_alone_without_an_answer_is_no_absence(void **state)
{
	struct world *world = *state;

	world->service.err = E_AGAIN;
	world->service.meanwhile = another_is_answered;
	assert_int_equal(ask(world, HTTP_READ), E_AGAIN);
	assert_int_equal(turned_away_for(world), 0);
}

static void test_other_errors_say_nothing(void **state)
{
	static const enum err others[] = {E_REFUSED, E_CANCELLED};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		world->service.err = others[i];
		assert_int_equal(ask(world, HTTP_READ), others[i]);
		assert_int_equal(turned_away_for(world), 0);
	}
	world->service.err = E_AGAIN;
	ask(world, HTTP_READ);
	our_time += SEC;
	world->service.err = E_REFUSED;
	assert_int_equal(ask(world, HTTP_READ), E_REFUSED);
	assert_int_equal(turned_away_for(world), 0);
}

static void another_finds_no_place(struct world *world)
{
	our_time += 5 * SEC;
	assert_int_equal(turned_away_for(world), 5 * SEC);
	assert_string_equal(world->ctx.fault.text,
			    "the CA has not answered those who asked before yet");
}

static void test_nobody_waits_for_a_place_where_nobody_is_answered(void **state)
{
	struct world *world = *state;

	make_absence(world, 1);
	world->service.meanwhile = another_finds_no_place;
	assert_int_equal(ask(world, HTTP_READ), E_OK);
	assert_int_equal(world->service.asked, 1);
	assert_int_equal(turned_away_for(world), 0);
}

/* --- waiting for a place --- */

struct waiter {
	struct world *world;
	pthread_t thread;
	enum err err;
};

static void *wait_and_ask(void *arg)
{
	struct waiter *waiter = arg;
	struct ctx ctx;

	ctx_init(&ctx, &waiter->world->doors);
	waiter->err = ask_in(&ctx, waiter->world, HTTP_READ);
	ctx_fini(&ctx);
	return NULL;
}

static struct waiter waiter;

static void let_another_wait(struct world *world)
{
	waiter = (struct waiter){.world = world};
	pthread_create(&waiter.thread, NULL, wait_and_ask, &waiter);
	our_wait_is_looked_at();
	assert_int_equal(world->service.asked, 1);
}

static void test_who_finds_no_place_gets_the_next_one(void **state)
{
	struct world *world = *state;

	make_absence(world, 1);
	world->service.meanwhile = let_another_wait;
	assert_int_equal(ask(world, HTTP_READ), E_OK);
	pthread_join(waiter.thread, NULL);
	assert_int_equal(waiter.err, E_OK);
	assert_int_equal(world->service.asked, 2);
}

static void let_another_wait_and_stop(struct world *world)
{
	let_another_wait(world);
	cancel_request(world->cancel);
	pthread_join(waiter.thread, NULL);
}

static void test_an_order_to_stop_ends_the_waiting(void **state)
{
	struct world *world = *state;

	make_absence(world, 1);
	world->service.meanwhile = let_another_wait_and_stop;
	ask(world, HTTP_READ);
	assert_int_equal(waiter.err, E_CANCELLED);
	assert_int_equal(world->service.asked, 1);
}

static void let_another_wait_in_vain(struct world *world)
{
	let_another_wait(world);
	our_time += 5 * SEC - 1;
	our_wait_is_looked_at();
	our_time++;
	pthread_join(waiter.thread, NULL);
}

static void test_the_waiting_ends_when_the_clock_says_so(void **state)
{
	struct world *world = *state;

	make_absence(world, 1);
	world->service.meanwhile = let_another_wait_in_vain;
	ask(world, HTTP_READ);
	assert_int_equal(waiter.err, E_AGAIN);
	assert_int_equal(world->service.asked, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_who_is_answered_disturbs_nobody),
		T(test_one_without_an_answer_speaks_for_all),
		T(test_a_one_shot_that_is_turned_away_was_not_sent),
		T(test_tries_become_rarer_up_to_half_a_minute),
		T(test_any_answer_opens_it_for_all),
		T(test_one_tries_alone),
		T(test_those_under_way_when_it_was_shut_do_not_prolong_it),
		T(test_who_is_alone_without_an_answer_is_no_absence),
		T(test_other_errors_say_nothing),
		T(test_nobody_waits_for_a_place_where_nobody_is_answered),
		T(test_who_finds_no_place_gets_the_next_one),
		T(test_an_order_to_stop_ends_the_waiting),
		T(test_the_waiting_ends_when_the_clock_says_so),
	};

	return cmocka_run_group_tests_name("absence", tests, NULL, NULL);
}
