/* Fair, stingy, never two workers on one key, never a lost wake-up: with a clock of ours, then with
 * many threads. */
#include "controller/workqueue.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include "unit/check.h"
#include "unit/our_clock.h"

static const char *get(struct workqueue *queue, bool block)
{
	struct failures failures;

	return workqueue_get(queue, block, &failures);
}

static void done(struct workqueue *queue, const char *key, msec_t again)
{
	workqueue_done(queue, key, again, &(struct failures){0});
}

/* --- scripts: what is done to the queue, and what comes out --- */

/*
 * One word a step. "a" adds a key, "a+5" wants it in 5 s, ">a" gets it, ">-" finds nothing ready,
 * "a!" is done with, "a!3" is done with and wants another look in 3 s, "~4" lets 4 s pass, "=2" is
 * the size, "@7" is next due in 7 s,
 * "@-" never.
 */
static const struct {
	const char *sentence;
	const char *script;
} scripts[] = {
	{"an empty queue has nothing", ">- =0 @-"},
	{"what is added comes out", "a =1 @0 >a =0 a! >- @-"},
	{"fair: keys come out in the order in which they came in", "a b c >a >b >c a! b! c!"},
	{"fair: a key added again stands behind the others", "a b >a a a! >b >a b! a!"},
	{"stingy: a key added twice comes out once", "a a b a >a >b >- a! b!"},
	{"never two workers on one key", "a >a a >- a+0 >- a!"},
	{"no lost wake-up: a key added while it runs comes out again", "a >a a a! >a a! >-"},
	{"once for however many", "a >a a a a a! >a a! >-"},
	{"no lost wake-up: a wish for later, while it runs, is kept", "a >a a+5 a! >- @5 ~5 >a a!"},
	{"a wait is waited", "a+5 =1 @5 >- ~4 >- ~1 >a a!"},
	{"no wait at all is now", "a+0 >a a!"},
	{"the earlier of two due times wins", "a+9 a+5 @5 a+7 @5 ~5 >a a! >- @-"},
	{"waking a waiting key makes it ready", "a+9 a @0 >a a! @- ~9 >-"},
	{"a ready key does not wait again", "a a+9 >a a! @-"},
	{"waiting keys come out by due time", "c+3 a+1 b+2 ~3 >a >b >c a! b! c!"},
	{"what became due stands behind what was ready", "b+1 a ~1 >a >b a! b!"},
	{"done with again waits", "a >a a!3 >- @3 ~3 >a a!"},
	{"done with again 0 is now", "a >a a!0 @0 >a a!"},
	{"of done with again and a wish meanwhile the earlier wins", "a >a a+2 a!9 @2 ~2 >a a! @-"},
	{"and the other way round", "a >a a+9 a!2 @2 ~2 >a a! @-"},
	{"of two wishes while it runs the earlier wins", "a >a a+9 a+2 a+5 a! @2 ~2 >a a!"},
	{"added while it runs beats every wish", "a >a a+2 a a!9 @0 >a a! @-"},
	{"the next due is the first of those that wait", "a+5 b+3 c+9 @3 ~3 >b b! @2"},
	{"one taken out of the middle leaves the others in order",
	 "a+1 b+2 c+3 d+4 e+5 c >c c! @1 ~5 >a >b >d >e"},
	{"one moved to the front leaves the others in order",
	 "a+5 b+6 c+7 d+8 d+1 @1 ~8 >d >a >b >c"},
	{"size counts ready and waiting, not running", "a b c+5 =3 >a =2 a! =2"},
};

static void step(struct workqueue *queue, const char *sentence, const char *word)
{
	char key[2] = {word[0], '\0'};
	msec_t seconds = strlen(word) > 1
				 ? strtol(word + (word[1] == '+' || word[1] == '!' ? 2 : 1), NULL,
					  10)
				 : 0;
	const char *got;

	if (word[0] == '>') {
		got = get(queue, false);
		check_row_text(sentence, got, word[1] == '-' ? NULL : word + 1);
	} else if (word[0] == '~') {
		our_time += seconds * MSEC_PER_SEC;
	} else if (word[0] == '=') {
		check_row_int(sentence, (long long)workqueue_size(queue), seconds);
	} else if (word[0] == '@') {
		check_row_int(sentence, workqueue_next_due(queue),
			      word[1] == '-' ? MSEC_NEVER : our_time + seconds * MSEC_PER_SEC);
	} else if (word[1] == '!') {
		done(queue, key, word[2] ? seconds * MSEC_PER_SEC : MSEC_NEVER);
	} else if (word[1] == '+') {
		workqueue_add_after(queue, key, seconds * MSEC_PER_SEC);
	} else {
		workqueue_add(queue, key);
	}
}

static void test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct workqueue *queue = workqueue_new(&our_clock);
		char *script = strdup(scripts[i].script), *rest = script, *word;

		our_time = 1000;
		while ((word = strsep(&rest, " ")))
			step(queue, scripts[i].sentence, word);
		free(script);
		workqueue_free(queue);
	}
}

static void test_failures_are_kept(void **state)
{
	const struct failures two = {.hiccups = 2, .conflicts = 1}, none = {0};
	struct workqueue *queue = workqueue_new(&our_clock);
	struct failures failures = two;
	const char *key;

	(void)state;
	workqueue_add(queue, "a");
	key = workqueue_get(queue, false, &failures);
	assert_memory_equal(&failures, &none, sizeof(none));
	workqueue_done(queue, key, MSEC_NEVER, &two);
	workqueue_add(queue, "b");
	workqueue_add(queue, "a");
	key = workqueue_get(queue, false, &failures);
	assert_memory_equal(&failures, &none, sizeof(none));
	workqueue_done(queue, key, MSEC_NEVER, &none);
	key = workqueue_get(queue, false, &failures);
	assert_memory_equal(&failures, &two, sizeof(two));
	workqueue_done(queue, key, MSEC_NEVER, &none);
	workqueue_add(queue, "a");
	workqueue_get(queue, false, &failures);
	assert_memory_equal(&failures, &none, sizeof(none));
	workqueue_free(queue);
}

static void test_shut_hands_nothing_out(void **state)
{
	struct workqueue *queue = workqueue_new(&our_clock);

	(void)state;
	workqueue_add(queue, "a");
	workqueue_shut(queue);
	assert_null(get(queue, false));
	assert_null(get(queue, true));
	workqueue_add(queue, "b");
	assert_null(get(queue, true));
	workqueue_free(queue);
}

/* Every due time comes out, and in order; more keys than the tables begin with. */
static void test_many_keys(void **state)
{
	enum { COUNT = 5000 };
	struct workqueue *queue = workqueue_new(&our_clock);
	msec_t last = 0;
	char name[32];

	(void)state;
	our_time = 0;
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "%u", i * 7919U % COUNT);
		workqueue_add_after(queue, name, 1 + strtol(name, NULL, 10));
	}
	for (unsigned i = 0; i < COUNT; i += 3) {
		snprintf(name, sizeof(name), "%u", i);
		workqueue_add_after(queue, name, 1 + i / 2);
	}
	assert_int_equal(workqueue_size(queue), COUNT);
	for (unsigned seen = 0; seen < COUNT; seen++) {
		msec_t due = workqueue_next_due(queue);
		const char *key;

		assert_true(due >= last && due <= COUNT);
		last = due;
		our_time = due;
		key = get(queue, false);
		assert_non_null(key);
		assert_int_equal(due,
				 1 + strtol(key, NULL, 10) / (strtol(key, NULL, 10) % 3 ? 1 : 2));
		done(queue, key, MSEC_NEVER);
	}
	assert_int_equal(workqueue_size(queue), 0);
	workqueue_free(queue);
}

/* --- many threads --- */

#define KEYS	  20
#define WORKERS	  4
#define PRODUCERS 3
#define WAKES	  3000

struct stress {
	struct workqueue *queue;
	atomic_uint producers;
	atomic_uint wanted[KEYS]; /* the number of the latest wake-up */
	atomic_uint seen[KEYS];	  /* the number that stood when the latest look began */
	atomic_int running[KEYS];
	atomic_uint looks, overlaps;
	atomic_bool is_over;
};

static void *produce(void *argument)
{
	struct stress *stress = argument;
	uint64_t dice = 88172645463325252ULL + atomic_fetch_add(&stress->producers, 1);
	char key[8];

	for (unsigned i = 0; i < WAKES; i++) {
		unsigned k;

		dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
		k = (unsigned)(dice >> 33) % KEYS;
		snprintf(key, sizeof(key), "%u", k);
		atomic_fetch_add(&stress->wanted[k], 1);
		if ((dice >> 60) & 1)
			workqueue_add(stress->queue, key);
		else
			workqueue_add_after(stress->queue, key, (msec_t)(dice >> 61));
	}
	return NULL;
}

static void *work(void *argument)
{
	struct stress *stress = argument;
	const char *key;

	while ((key = get(stress->queue, true))) {
		unsigned k = (unsigned)strtoul(key, NULL, 10);

		if (atomic_fetch_add(&stress->running[k], 1))
			atomic_fetch_add(&stress->overlaps, 1);
		atomic_store(&stress->seen[k], atomic_load(&stress->wanted[k]));
		if (atomic_fetch_add(&stress->looks, 1) % 64 == 0)
			sched_yield();
		atomic_fetch_sub(&stress->running[k], 1);
		done(stress->queue, key, k % 5 ? MSEC_NEVER : 1);
	}
	return NULL;
}

static bool all_seen(struct stress *stress)
{
	for (size_t k = 0; k < KEYS; k++)
		if (atomic_load(&stress->seen[k]) != atomic_load(&stress->wanted[k]))
			return false;
	return true;
}

/* A look that began before the wake-up does not count: the number of the wake-up must have been
 * seen. */
static void test_many_threads(void **state)
{
	static struct stress stress;
	pthread_t workers[WORKERS], producers[PRODUCERS];

	(void)state;
	stress = (struct stress){.queue = workqueue_new(clock_system())};
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&workers[i], NULL, work, &stress), 0);
	for (size_t i = 0; i < PRODUCERS; i++)
		assert_int_equal(pthread_create(&producers[i], NULL, produce, &stress), 0);
	for (size_t i = 0; i < PRODUCERS; i++)
		pthread_join(producers[i], NULL);
	wait_for(all_seen(&stress));
	workqueue_shut(stress.queue);
	for (size_t i = 0; i < WORKERS; i++)
		pthread_join(workers[i], NULL);
	assert_int_equal(stress.overlaps, 0);
	workqueue_free(stress.queue);
}

/* --- a busy worker keeps nobody waiting --- */

struct crew {
	struct workqueue *queue;
	atomic_bool is_long_over, is_short_seen, has_waited_in_vain;
};

/* "long" lasts until somebody has seen "short". */
static void *crew_work(void *argument)
{
	struct crew *crew = argument;
	const char *key;

	while ((key = get(crew->queue, true))) {
		bool is_long = strcmp(key, "long") == 0;
		msec_t until = patience_now() + PATIENCE;

		if (!is_long)
			atomic_store(&crew->is_short_seen, true);
		while (is_long && !atomic_load(&crew->is_short_seen) && patience_now() < until)
			nap();
		if (is_long && !atomic_load(&crew->is_short_seen))
			atomic_store(&crew->has_waited_in_vain, true);
		if (is_long)
			atomic_store(&crew->is_long_over, true);
		done(crew->queue, key, MSEC_NEVER);
	}
	return NULL;
}

/* The one who waited for the next due time may be the one who is taken by something else: another
 * takes the watch. */
static void test_the_watch_is_passed_on(void **state)
{
	(void)state;
	for (int round = 0; round < 30; round++) {
		struct crew crew = {.queue = workqueue_new(clock_system())};
		pthread_t threads[2];

		for (size_t i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, crew_work, &crew), 0);
		if (round % 2)
			nap();
		workqueue_add_after(crew.queue, "short", 20);
		if (round % 3)
			nap();
		workqueue_add(crew.queue, "long");
		while (!atomic_load(&crew.is_long_over))
			nap();
		workqueue_shut(crew.queue);
		for (size_t i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		assert_true(crew.is_short_seen);
		assert_false(crew.has_waited_in_vain);
		workqueue_free(crew.queue);
	}
}

/* --- by the clock that was given --- */

static void *take_one(void *queue)
{
	return (void *)(uintptr_t)get(queue, true);
}

/* By the system's clock it would be an hour; however often the wait comes back before. */
static void test_a_wait_ends_when_the_clock_says_so(void **state)
{
	struct workqueue *queue = workqueue_new(&our_clock);
	pthread_t thread;
	void *got;

	(void)state;
	our_time = 0;
	workqueue_add_after(queue, "a", MSEC_PER_HOUR);
	assert_int_equal(pthread_create(&thread, NULL, take_one, queue), 0);
	our_wait_is_looked_at();
	our_time = MSEC_PER_HOUR - 1;
	our_wait_is_looked_at();
	assert_int_equal(workqueue_size(queue), 1);
	our_time = MSEC_PER_HOUR;
	pthread_join(thread, &got);
	assert_string_equal(got, "a");
	workqueue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_failures_are_kept),
		cmocka_unit_test(test_shut_hands_nothing_out),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_many_threads),
		cmocka_unit_test(test_the_watch_is_passed_on),
		cmocka_unit_test(test_a_wait_ends_when_the_clock_says_so),
	};

	return cmocka_run_group_tests_name("workqueue", tests, NULL, NULL);
}
