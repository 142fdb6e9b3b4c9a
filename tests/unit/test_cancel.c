#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/rng.h"

static void count(void *handle)
{
	atomic_fetch_add((atomic_int *)handle, 1);
}

static void wakes_everyone_once(void **state)
{
	struct cancel *cancel = cancel_new();
	atomic_int wakes = 0;
	struct cancel_waker a = {.wake = count, .handle = &wakes}, b = a, gone = a, late = a;

	(void)state;
	cancel_add_waker(cancel, &a);
	cancel_add_waker(cancel, &gone);
	cancel_add_waker(cancel, &b);
	cancel_remove_waker(cancel, &gone);
	assert_false(cancel_is_requested(cancel));
	cancel_request(cancel);
	assert_true(cancel_is_requested(cancel));
	assert_int_equal(atomic_load(&wakes), 2);
	cancel_request(cancel);
	assert_int_equal(atomic_load(&wakes), 2);
	cancel_add_waker(cancel, &late);
	assert_int_equal(atomic_load(&wakes), 3);
	cancel_remove_waker(cancel, &late);
	cancel_remove_waker(cancel, &b);
	cancel_remove_waker(cancel, &a);
	cancel_free(cancel);
}

static void without_an_order_nothing_happens(void **state)
{
	atomic_int wakes = 0;
	struct cancel_waker waker = {.wake = count, .handle = &wakes};

	(void)state;
	assert_false(cancel_is_requested(NULL));
	cancel_add_waker(NULL, &waker);
	cancel_remove_waker(NULL, &waker);
	cancel_free(NULL);
	assert_int_equal(atomic_load(&wakes), 0);
}

/* The handle is gone when the waker is removed: a waker that runs later touches freed stack (TSan
 * and ASan see it). */
static void *block_often(void *data)
{
	struct cancel *cancel = data;
	int seen = 0;

	while (!cancel_is_requested(cancel)) {
		atomic_int wakes = 0;
		struct cancel_waker waker = {.wake = count, .handle = &wakes};

		cancel_add_waker(cancel, &waker);
		cancel_remove_waker(cancel, &waker);
		seen += atomic_load(&wakes);
	}
	return (void *)(intptr_t)seen;
}

static void no_waker_runs_after_its_removal(void **state)
{
	struct cancel *cancel = cancel_new();
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, block_often, cancel), 0);
	cancel_request(cancel);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *seen;

		pthread_join(threads[i], &seen);
		assert_in_range((uintptr_t)seen, 0, 1);
	}
	cancel_free(cancel);
}

static void waits_grow_and_saturate(void **state)
{
	(void)state;
	assert_true(msec_add(1, 2) == 3 && msec_add(-5, 2) == 2 && msec_add(5, -2) == 5);
	assert_true(msec_add(MSEC_NEVER, 1) == MSEC_NEVER &&
		    msec_add(MSEC_NEVER - 1, 1) == MSEC_NEVER);
	assert_true(msec_double(1000, 0, 9000) == 1000 && msec_double(1000, 3, 9000) == 8000);
	assert_true(msec_double(1000, 4, 9000) == 9000 &&
		    msec_double(1, 4000000000U, MSEC_NEVER) == MSEC_NEVER);
	assert_true(msec_double(0, 4000000000U, 5) == 0);
	assert_true(msec_grow_by_half(1000, 0, 9000) == 1000 &&
		    msec_grow_by_half(1000, 2, 9000) == 2250);
	assert_true(msec_grow_by_half(1000, 4000000000U, 9000) == 9000);
	assert_true(msec_grow_by_half(1, 4000000000U, 9000) == 1 &&
		    msec_grow_by_half(5, 0, 3) == 3);
}

static void the_clocks_of_the_system_move_forward(void **state)
{
	struct clock *clock = clock_system();
	msec_t mono = clock->mono(clock);

	(void)state;
	assert_true(clock->wall(clock) > 1700000000000);
	assert_true(clock->mono(clock) >= mono);
}

/* Gives what a test wants. */
struct dice {
	struct rng rng;
	uint64_t next;
};

static void throw(struct rng * rng, void *out, size_t size)
{
	struct dice *dice = (struct dice *)rng;

	memset(out, 0, size);
	memcpy(out, &dice->next, size < sizeof(dice->next) ? size : sizeof(dice->next));
	dice->next++;
}

static void chance_stays_in_its_bounds(void **state)
{
	struct dice dice = {.rng = {.fill = throw}};
	size_t seen[7] = {0};
	char hex[9];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t value = rng_between(rng_system(), -3, 3);
		msec_t wait = rng_jitter(rng_system(), 1000, 50);

		assert_true(value >= -3 && value <= 3);
		seen[value + 3]++;
		assert_true(wait >= 500 && wait <= 1500);
	}
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
		assert_in_range(seen[i], 1000, 1900);
	assert_true(rng_between(rng_system(), 5, 5) == 5);
	assert_true(rng_jitter(rng_system(), 1000, 0) == 1000 &&
		    rng_jitter(rng_system(), 0, 50) == 0);
	assert_true(rng_jitter(rng_system(), MSEC_NEVER, 50) == MSEC_NEVER);
	/* Beyond the last whole run of seven the dice are thrown again: what comes next is 0. */
	dice.next = UINT64_MAX;
	assert_true(rng_between(&dice.rng, 10, 16) == 10);
	dice.next = UINT64_MAX;
	assert_true(rng_between(&dice.rng, INT64_MIN, INT64_MAX) == -1);
	dice.next = 0xa9;
	rng_hex(&dice.rng, hex, 4);
	assert_string_equal(hex, "a9aaabac");
}

static void a_fault_says_what_and_where(void **state)
{
	struct ctx ctx cleanup_ctx;
	char longer[3000];

	(void)state;
	check_begin(&ctx);
	assert_int_equal(strlen(ctx.pass), 16);
	ctx.fault.http_status = 500;
	assert_int_equal(fault_set(&ctx, E_REFUSED, "Rejected", "%s said %d", "CA", 1), E_REFUSED);
	assert_int_equal(ctx.fault.http_status, 0);
	assert_int_equal(fault_wrap(&ctx, E_REFUSED, "order %d", 7), E_REFUSED);
	assert_int_equal(fault_wrap(&ctx, E_REFUSED, "Validated"), E_REFUSED);
	assert_string_equal(ctx.fault.text, "Validated: order 7: CA said 1");
	assert_string_equal(ctx.fault.reason, "Rejected");
	fault_set(&ctx, E_AGAIN, ctx.fault.reason, "again: %s", ctx.fault.text);
	assert_string_equal(ctx.fault.text, "again: Validated: order 7: CA said 1");
	assert_string_equal(ctx.fault.reason, "Rejected");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memcpy(longer + 635, "\xE2\x82\xAC", 3);
	fault_set(&ctx, E_AGAIN, longer, "%s", longer);
	assert_int_equal(strlen(ctx.fault.text), 638);
	assert_true(text_ends_with(ctx.fault.text, "x..."));
	assert_int_equal(strlen(ctx.fault.reason), sizeof(ctx.fault.reason) - 1);
	fault_wrap(&ctx, E_AGAIN, "%s", longer);
	assert_int_equal(strlen(ctx.fault.text), 638);
	fault_clear(&ctx);
	assert_string_equal(ctx.fault.text, "");
	assert_string_equal(err_name(E_NOTFOUND), "NotFound");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(wakes_everyone_once),
		cmocka_unit_test(without_an_order_nothing_happens),
		cmocka_unit_test(no_waker_runs_after_its_removal),
		cmocka_unit_test(waits_grow_and_saturate),
		cmocka_unit_test(the_clocks_of_the_system_move_forward),
		cmocka_unit_test(chance_stays_in_its_bounds),
		cmocka_unit_test(a_fault_says_what_and_where),
	};

	return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
