/* When a key is looked at again, for every outcome; and how workers begin and end. */
#include "controller/controller.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "unit/check.h"
#include "unit/our_clock.h"

#define BACKOFF_MAX (5 * MSEC_PER_MIN)
#define DRAWS	    400

/* --- a reconciler that does as it is told --- */

struct script {
	enum err err;
	msec_t again; /* -1: not touched */
	msec_t retry_after, backoff_max;
	bool is_untried;
	unsigned looks;
};

static enum err follow(struct ctx *ctx, void *worker, const char *key, msec_t *again)
{
	struct script *script = worker;

	script->looks++;
	assert_string_equal(ctx->controller, "test");
	assert_string_equal(ctx->object, key);
	if (script->again >= 0)
		*again = script->again;
	if (script->err == E_OK)
		return E_OK;
	if (strcmp(key, "key") != 0)
		abort();
	fault_set(ctx, script->err, "Test", "as told");
	ctx->fault.retry_after_ms = script->retry_after;
	ctx->fault.backoff_max_ms = script->backoff_max;
	ctx->fault.is_untried = script->is_untried;
	return script->err;
}

static struct doors doors;

static struct controller *make(struct script *script)
{
	const struct controller_options options = {
		.name = "test",
		.reconcile = follow,
		.handle = script,
		.backoff_max = BACKOFF_MAX,
		.doors = &doors,
	};

	doors = (struct doors){&our_clock, rng_system(), fs_system(), NULL};
	our_time = MSEC_PER_HOUR;
	return controller_new(&options);
}

/* One look; the wait until the next one, MSEC_NEVER when there is none. */
static msec_t look(struct controller *controller)
{
	msec_t next;

	assert_true(controller_step(controller, &next));
	return next == MSEC_NEVER ? next : next - our_time;
}

/* --- the policy, row by row --- */

#define SEC MSEC_PER_SEC
#define MIN MSEC_PER_MIN

/* The wait after so many failures in a row lies in [low, high], and over many draws comes near
 * both. */
static const struct {
	const char *sentence;
	enum err err;
	unsigned before; /* failures before this one */
	msec_t again, retry_after;
	msec_t low, high;
} policies[] = {
	{"a hiccup: a second", E_AGAIN, 0, -1, 0, 700, 1300},
	{"the next: two", E_AGAIN, 1, -1, 0, 1400, 2600},
	{"the fifth: sixteen", E_AGAIN, 4, -1, 0, 11200, 20800},
	{"in the end the ceiling", E_AGAIN, 9, -1, 0, BACKOFF_MAX * 7 / 10, BACKOFF_MAX * 13 / 10},
	{"and no more than that", E_AGAIN, 90, -1, 0, BACKOFF_MAX * 7 / 10, BACKOFF_MAX * 13 / 10},
	{"a hiccup with a Retry-After waits for it", E_AGAIN, 0, -1, 5 * SEC, 5 * SEC, 5 * SEC},
	{"a conflict: soon", E_CONFLICT, 0, -1, 0, 200, 2000},
	{"the fifth conflict: soon", E_CONFLICT, 4, -1, 0, 200, 2000},
	{"the sixth: not so soon", E_CONFLICT, 5, -1, 0, 24 * SEC, 36 * SEC},
	{"the hundredth: no later", E_CONFLICT, 99, -1, 0, 24 * SEC, 36 * SEC},
	{"a conflict with a Retry-After waits for it", E_CONFLICT, 0, -1, 7 * SEC, 7 * SEC,
	 7 * SEC},
	{"throttled: never before the time", E_THROTTLED, 0, -1, MIN, MIN, 66 * SEC},
	{"throttled often: still the time that was said", E_THROTTLED, 20, -1, MIN, MIN, 66 * SEC},
	{"throttled without a time: half a minute", E_THROTTLED, 0, -1, 0, 30 * SEC, 33 * SEC},
	{"refused: five seconds", E_REFUSED, 0, -1, 0, 4 * SEC, 6 * SEC},
	{"refused again: ten", E_REFUSED, 1, -1, 0, 8 * SEC, 12 * SEC},
	{"in the end ten minutes", E_REFUSED, 7, -1, 0, 8 * MIN, 12 * MIN},
	{"and no more", E_REFUSED, 70, -1, 0, 8 * MIN, 12 * MIN},
	{"not found counts as refused", E_NOTFOUND, 1, -1, 0, 8 * SEC, 12 * SEC},
	{"the reconciler's own wish is heard: a hiccup", E_AGAIN, 3, 42, 0, 42, 42},
	{"the reconciler's own wish is heard: a conflict", E_CONFLICT, 7, 42, 0, 42, 42},
	{"the reconciler's own wish is heard: refused", E_REFUSED, 3, MIN, 0, MIN, MIN},
	{"a wish does not go before the time that was said", E_THROTTLED, 0, 42, MIN, MIN, MIN},
	{"a wish behind it does", E_THROTTLED, 0, 2 * MIN, MIN, 2 * MIN, 2 * MIN},
	{"no wish is none", E_AGAIN, 0, 0, 0, 700, 1300},
	{"nor is never", E_AGAIN, 0, MSEC_NEVER, 0, 700, 1300},
};

static msec_t wait_after(enum err err, unsigned before, msec_t again, msec_t retry_after)
{
	struct script script = {.err = err, .again = -1};
	struct controller *controller = make(&script);
	msec_t wait;

	controller_wake(controller, "key");
	for (unsigned i = 0; i < before; i++)
		our_time += look(controller);
	script.again = again;
	script.retry_after = retry_after;
	wait = look(controller);
	controller_free(controller);
	return wait;
}

static void test_policy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		msec_t low = MSEC_NEVER, high = 0, span = policies[i].high - policies[i].low;

		for (int draw = 0; draw < DRAWS; draw++) {
			msec_t wait = wait_after(policies[i].err, policies[i].before,
						 policies[i].again, policies[i].retry_after);

			low = wait < low ? wait : low;
			high = wait > high ? wait : high;
		}
		check_row(policies[i].sentence, low >= policies[i].low && high <= policies[i].high);
		check_row(policies[i].sentence,
			  low <= policies[i].low + span / 5 && high >= policies[i].high - span / 5);
	}
}

/* --- what is no failure --- */

static void test_who_was_turned_away_comes_back_when_told_and_has_not_failed(void **state)
{
	struct script script = {
		.err = E_AGAIN, .again = -1, .retry_after = 3 * SEC, .is_untried = true};
	struct controller *controller = make(&script);

	(void)state;
	controller_wake(controller, "key");
	for (int i = 0; i < 12; i++) {
		msec_t wait = look(controller);

		assert_in_range(wait, 3 * SEC, 3300);
		our_time += wait;
	}
	script = (struct script){.err = E_AGAIN, .again = -1};
	assert_in_range(look(controller), 700, 1300);
	controller_free(controller);
}

/* --- what ends a row of failures --- */

static void test_well_forgets(void **state)
{
	struct script script = {.err = E_AGAIN, .again = -1};
	struct controller *controller = make(&script);

	(void)state;
	controller_wake(controller, "key");
	for (int i = 0; i < 6; i++)
		our_time += look(controller);
	script.err = E_OK;
	assert_int_equal(look(controller), MSEC_NEVER);
	script.err = E_AGAIN;
	controller_wake(controller, "key");
	assert_in_range(look(controller), 700, 1300);
	controller_free(controller);
}

static void fail_often(struct script *script, struct controller *controller, enum err err)
{
	script->err = err;
	for (int i = 0; i < 6; i++)
		our_time += look(controller);
}

static void test_kinds_of_failures_count_apart(void **state)
{
	struct script script = {.again = -1};
	struct controller *controller = make(&script);

	(void)state;
	controller_wake(controller, "key");
	fail_often(&script, controller, E_AGAIN);
	fail_often(&script, controller, E_THROTTLED);
	script.err = E_CONFLICT;
	assert_in_range(look(controller), 200, 2000);
	our_time += 2000;
	fail_often(&script, controller, E_CONFLICT);
	script.err = E_REFUSED;
	assert_in_range(look(controller), 4 * SEC, 6 * SEC);
	our_time += 6 * SEC;
	/* and none of them is forgotten for another's sake */
	script.err = E_CONFLICT;
	assert_in_range(look(controller), 24 * SEC, 36 * SEC);
	our_time += 36 * SEC;
	script.err = E_AGAIN;
	assert_in_range(look(controller), 64 * SEC * 7 / 10, 64 * SEC * 13 / 10);
	controller_free(controller);
}

static void test_a_fault_may_ask_for_more_patience(void **state)
{
	struct script script = {.err = E_AGAIN, .again = -1, .backoff_max = 30 * MIN};
	struct controller *controller = make(&script);

	(void)state;
	controller_wake(controller, "key");
	for (int i = 0; i < 12; i++)
		our_time += look(controller);
	assert_in_range(look(controller), 21 * MIN, 39 * MIN);
	our_time += 39 * MIN;
	script.backoff_max = 0;
	assert_in_range(look(controller), BACKOFF_MAX * 7 / 10, BACKOFF_MAX * 13 / 10);
	controller_free(controller);
}

static void test_well_looks_again_when_asked(void **state)
{
	struct script script = {.err = E_OK, .again = 9000};
	struct controller *controller = make(&script);

	(void)state;
	controller_wake(controller, "key");
	assert_int_equal(look(controller), 9000);
	script.again = MSEC_NEVER;
	our_time += 9000;
	assert_int_equal(look(controller), MSEC_NEVER);
	controller_free(controller);
}

static void test_cancelled_is_forgotten(void **state)
{
	struct script script = {.err = E_CANCELLED, .again = 5};
	struct controller *controller = make(&script);
	msec_t next;

	(void)state;
	controller_wake(controller, "key");
	assert_int_equal(look(controller), MSEC_NEVER);
	assert_false(controller_step(controller, &next));
	controller_free(controller);
}

static void test_waking_beats_the_backoff(void **state)
{
	struct script script = {.err = E_REFUSED, .again = -1};
	struct controller *controller = make(&script);
	msec_t next;

	(void)state;
	controller_wake(controller, "key");
	look(controller);
	assert_false(controller_step(controller, &next));
	controller_wake(controller, "key");
	assert_true(controller_step(controller, &next));
	/* and does not end it: this was the second */
	assert_in_range(next - our_time, 8 * SEC, 12 * SEC);
	assert_int_equal(script.looks, 2);
	controller_free(controller);
}

static void test_activity_counts(void **state)
{
	struct script script = {.err = E_OK, .again = -1};
	struct controller *controller = make(&script);
	struct controller_activity activity;

	(void)state;
	controller_wake(controller, "one");
	controller_wake_after(controller, "two", 1000);
	activity = controller_activity(controller);
	assert_int_equal(activity.queued, 2);
	assert_int_equal(activity.passes, 0);
	look(controller);
	activity = controller_activity(controller);
	assert_int_equal(activity.queued, 1);
	assert_int_equal(activity.passes, 1);
	assert_int_equal(activity.running, 0);
	controller_free(controller);
}

/* --- with threads --- */

#define KEYS	6
#define WORKERS 4

static struct {
	atomic_int running[KEYS];
	atomic_uint looks[KEYS], overlaps;
	atomic_uint born, died, blocked;
	struct cancel *cancel;
} crew;

static enum err take_turns(struct ctx *ctx, void *worker, const char *key, msec_t *again)
{
	unsigned k = (unsigned)strtoul(key, NULL, 10);

	(void)worker;
	if (atomic_fetch_add(&crew.running[k], 1))
		atomic_fetch_add(&crew.overlaps, 1);
	if (atomic_fetch_add(&crew.looks[k], 1) % 8 == 0)
		nap();
	atomic_fetch_sub(&crew.running[k], 1);
	*again = MSEC_NEVER;
	return k % 3 ? E_OK : fault_set(ctx, E_AGAIN, "Test", "as told");
}

static void *worker_new(void *handle, size_t index)
{
	atomic_fetch_add(&crew.born, 1);
	if (index >= WORKERS)
		abort();
	return handle;
}

static void worker_free(void *worker)
{
	(void)worker;
	atomic_fetch_add(&crew.died, 1);
}

static struct controller *make_crew(reconcile_fn *reconcile)
{
	static struct doors real;
	const struct controller_options options = {
		.name = "test",
		.reconcile = reconcile,
		.worker_new = worker_new,
		.worker_free = worker_free,
		.handle = &crew,
		.workers = WORKERS,
		.backoff_max = 2,
		.doors = &real,
	};

	memset(&crew, 0, sizeof(crew));
	crew.cancel = cancel_new();
	real = (struct doors){clock_system(), rng_system(), fs_system(), crew.cancel};
	return controller_new(&options);
}

static void end_crew(struct controller *controller)
{
	msec_t begun = patience_now();

	cancel_request(crew.cancel);
	controller_stop(controller);
	/* Whom nobody woke would have slept for a minute, or for good. */
	assert_true(patience_now() - begun < PATIENCE / 2);
	assert_int_equal(crew.born, WORKERS);
	assert_int_equal(crew.died, WORKERS);
	controller_free(controller);
	cancel_free(crew.cancel);
}

static void test_never_two_at_once(void **state)
{
	struct controller *controller = make_crew(take_turns);
	char key[8];

	(void)state;
	controller_start(controller);
	for (unsigned i = 0; i < 6000; i++) {
		snprintf(key, sizeof(key), "%u", i % KEYS);
		controller_wake(controller, key);
		if (i % 500 == 0)
			nap();
	}
	wait_for(controller_activity(controller).passes >= 200);
	wait_for(controller_activity(controller).running == 0);
	end_crew(controller);
	assert_int_equal(crew.overlaps, 0);
	for (size_t k = 0; k < KEYS; k++)
		assert_true(crew.looks[k] > 0);
}

/* Blocks as a call does, until it is told to stop. */
static void unblock(void *handle)
{
	atomic_store((atomic_bool *)handle, true);
}

static enum err block(struct ctx *ctx, void *worker, const char *key, msec_t *again)
{
	atomic_bool is_told = false;
	struct cancel_waker waker = {.wake = unblock, .handle = &is_told};

	(void)worker, (void)key, (void)again;
	cancel_add_waker(ctx->doors->cancel, &waker);
	atomic_fetch_add(&crew.blocked, 1);
	while (!atomic_load(&is_told))
		nap();
	cancel_remove_waker(ctx->doors->cancel, &waker);
	return fault_set(ctx, E_CANCELLED, "Cancelled", "shutting down");
}

static void test_stops_while_running(void **state)
{
	struct controller *controller = make_crew(block);
	msec_t begun = patience_now();
	struct controller_activity activity;

	(void)state;
	controller_start(controller);
	for (char key[] = "a"; key[0] <= 'z'; key[0]++)
		controller_wake(controller, key);
	wait_for(crew.blocked == WORKERS);
	wait_for(controller_activity(controller).longest_running >= 1);
	activity = controller_activity(controller);
	assert_int_equal(activity.running, WORKERS);
	assert_int_equal(activity.queued, 26 - WORKERS);
	assert_in_range(activity.longest_running, 1, patience_now() - begun);
	end_crew(controller);
	assert_int_equal(crew.blocked, WORKERS);
}

static void test_stops_while_idle(void **state)
{
	struct controller *controller = make_crew(take_turns);

	(void)state;
	controller_start(controller);
	end_crew(controller);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_who_was_turned_away_comes_back_when_told_and_has_not_failed),
		cmocka_unit_test(test_well_forgets),
		cmocka_unit_test(test_kinds_of_failures_count_apart),
		cmocka_unit_test(test_a_fault_may_ask_for_more_patience),
		cmocka_unit_test(test_well_looks_again_when_asked),
		cmocka_unit_test(test_cancelled_is_forgotten),
		cmocka_unit_test(test_waking_beats_the_backoff),
		cmocka_unit_test(test_activity_counts),
		cmocka_unit_test(test_never_two_at_once),
		cmocka_unit_test(test_stops_while_running),
		cmocka_unit_test(test_stops_while_idle),
	};

	return cmocka_run_group_tests_name("controller", tests, NULL, NULL);
}
