/* A wall clock that is set is noticed by whoever would do something for good, and believed later.
 * Whoever waits is woken by a signal or by the clock. */
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>

#include "unit/check.h"
#include "unit/patience.h"

#define HOUR MSEC_PER_HOUR
#define DAY  MSEC_PER_DAY

struct hands {
	struct clock clock;
	msec_t wall, mono;
};

static msec_t wall(struct clock *clock)
{
	return ((struct hands *)clock)->wall;
}

static msec_t mono(struct clock *clock)
{
	return ((struct hands *)clock)->mono;
}

/* Time passes, and then the wall clock is set by so much. */
static const struct {
	const char *sentence;
	msec_t passes, set;
	bool has_jumped;
	msec_t ahead; /* of the steady clock, what the wall clock says */
} steps[] = {
	{"the first look", HOUR, 0, false, 0},
	{"time passes", 100 * DAY, 0, false, 0},
	{"a small correction", HOUR, HOUR, false, 0},
	{"and back", HOUR, -HOUR, false, 0},
	{"two months ahead", HOUR, 61 * DAY, true, 61 * DAY},
	{"for a while", 20 * HOUR, 0, true, 61 * DAY},
	{"set right", HOUR, -61 * DAY, false, 0},
	{"two months back", HOUR, -61 * DAY, true, -61 * DAY},
	{"for a day, less a moment", DAY - 1, 0, true, -61 * DAY},
	{"for a day", 1, 0, false, 0},
	{"it is what it is measured by now", 100 * DAY, 0, false, 0},
	{"set right after that", HOUR, 61 * DAY, true, 61 * DAY},
};

static void test_a_clock_that_is_set(void **state)
{
	struct hands hands = {{wall, mono, NULL}, 1790000000 * MSEC_PER_SEC, 5};
	struct clock_memory memory = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		hands.mono += steps[i].passes;
		hands.wall += steps[i].passes + steps[i].set;
		check_row_int(steps[i].sentence, clock_has_jumped(&memory, &hands.clock),
			      steps[i].has_jumped);
		check_row(steps[i].sentence,
			  hands.wall - clock_steady(&memory, &hands.clock) == steps[i].ahead);
	}
}

/* --- waits --- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool is_signalled;
	bool naps_are_told;
	msec_t nap;
} waits = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* In libc's place. The condition variable has the clock that is asked for. */
int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *lock, clockid_t id,
			   const struct timespec *until)
{
	struct timespec now;

	assert_int_equal(id, CLOCK_MONOTONIC);
	if (!waits.naps_are_told)
		return pthread_cond_timedwait(cond, lock, until);
	clock_gettime(id, &now);
	waits.nap = (until->tv_sec - now.tv_sec) * MSEC_PER_SEC +
		    (until->tv_nsec - now.tv_nsec) / 1000000;
	return ETIMEDOUT;
}

static void begin_waiting(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&waits.cond, &attributes);
	pthread_condattr_destroy(&attributes);
	waits.is_signalled = false;
	pthread_mutex_lock(&waits.lock);
}

static void end_waiting(void)
{
	pthread_mutex_unlock(&waits.lock);
	pthread_cond_destroy(&waits.cond);
}

static void test_a_wait_ends_with_its_time(void **state)
{
	msec_t until = patience_now() + 30;
	unsigned turns = 0;

	(void)state;
	begin_waiting();
	for (; patience_now() < until; turns++)
		clock_wait(clock_system(), &waits.cond, &waits.lock, until);
	/* It is waited and not asked for again and again: once, or once more at the edge. */
	assert_in_range(turns, 0, 3);
	clock_wait(clock_system(), &waits.cond, &waits.lock, until);
	clock_wait(clock_system(), &waits.cond, &waits.lock, 0);
	end_waiting();
}

static void *give_signal(void *unused)
{
	pthread_mutex_lock(&waits.lock);
	waits.is_signalled = true;
	pthread_cond_signal(&waits.cond);
	pthread_mutex_unlock(&waits.lock);
	return unused;
}

static void test_a_wait_ends_with_a_signal(void **state)
{
	const msec_t untils[] = {MSEC_NEVER, patience_now() + 10 * PATIENCE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(untils); i++) {
		pthread_t thread;

		begin_waiting();
		assert_int_equal(pthread_create(&thread, NULL, give_signal, NULL), 0);
		while (!waits.is_signalled)
			clock_wait(clock_system(), &waits.cond, &waits.lock, untils[i]);
		assert_true(patience_now() < untils[i]);
		end_waiting();
		pthread_join(thread, NULL);
	}
}

/* Its clock stands still while the machine is suspended. */
static void test_no_wait_is_longer_than_a_minute_at_once(void **state)
{
	(void)state;
	begin_waiting();
	waits.naps_are_told = true;
	clock_wait(clock_system(), &waits.cond, &waits.lock, patience_now() + MSEC_PER_HOUR);
	waits.naps_are_told = false;
	assert_in_range(waits.nap, 1, MSEC_PER_MIN);
	end_waiting();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clock_that_is_set),
		cmocka_unit_test(test_a_wait_ends_with_its_time),
		cmocka_unit_test(test_a_wait_ends_with_a_signal),
		cmocka_unit_test(test_no_wait_is_longer_than_a_minute_at_once),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
