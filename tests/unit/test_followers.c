/* Who is woken by news of a hostname: everyone who follows it, once, and nobody else. */
#include "instance/followers.h"

#include <pthread.h>
#include <stdlib.h>

#include "unit/check.h"

/* One word a step: "+HI" instance I follows hostname H, "-HI" no more, "?H=XY" news of H wakes X
 * and Y. */
static const struct {
	const char *sentence;
	const char *script;
} scripts[] = {
	{"nobody follows what is unknown", "?a="},
	{"a follower is woken", "+a1 ?a=1"},
	{"every follower is", "+a1 +a2 +a3 ?a=123"},
	{"followers of others are not", "+a1 +b2 ?a=1 ?b=2"},
	{"one may follow several", "+a1 +b1 +c1 ?a=1 ?b=1 ?c=1"},
	{"following twice is following once", "+a1 +a1 ?a=1 -a1 ?a="},
	{"who follows no more is left alone", "+a1 +a2 +a3 -a2 ?a=13"},
	{"the first", "+a1 +a2 +a3 -a3 ?a=12"},
	{"the last", "+a1 +a2 +a3 -a1 ?a=23"},
	{"leaving twice is leaving once", "+a1 +a2 -a1 -a1 ?a=2"},
	{"leaving what was never followed is nothing", "-a1 +a2 -a1 -b2 ?a=2"},
	{"and may come back", "+a1 -a1 ?a= +a1 ?a=1"},
};

static void note(void *handle, const char *instance)
{
	strcat(handle, instance);
}

static int by_letter(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

static void step(struct followers *followers, const char *sentence, const char *word)
{
	char hostname[2] = {word[1], '\0'}, instance[2] = {word[2], '\0'}, woken[16] = "";
	struct ctx ctx cleanup_ctx;

	check_begin(&ctx);
	if (word[0] == '+') {
		followers_add(followers, hostname, instance);
	} else if (word[0] == '-') {
		followers_drop(followers, hostname, instance);
	} else {
		followers_wake(&ctx, followers, hostname, note, woken);
		qsort(woken, strlen(woken), 1, by_letter);
		check_row_text(sentence, woken, word + 3);
	}
}

static void test_scripts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		struct followers *followers = followers_new();
		char *script = strdup(scripts[i].script), *rest = script, *word;

		while ((word = strsep(&rest, " ")))
			step(followers, scripts[i].sentence, word);
		free(script);
		followers_free(followers);
	}
	followers_free(NULL);
}

/* Whoever is woken may follow and leave: the lock is not held. */
struct leaving {
	struct followers *followers;
	unsigned woken;
};

static void leave(void *handle, const char *instance)
{
	struct leaving *leaving = handle;

	leaving->woken++;
	followers_drop(leaving->followers, "a", instance);
	followers_add(leaving->followers, "b", instance);
}

static void test_waking_may_change_the_list(void **state)
{
	struct leaving leaving = {followers_new(), 0};
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	for (char name[] = "0"; name[0] <= '9'; name[0]++)
		followers_add(leaving.followers, "a", name);
	followers_wake(&ctx, leaving.followers, "a", leave, &leaving);
	assert_int_equal(leaving.woken, 10);
	followers_wake(&ctx, leaving.followers, "a", leave, &leaving);
	assert_int_equal(leaving.woken, 10);
	followers_wake(&ctx, leaving.followers, "b", leave, &leaving);
	assert_int_equal(leaving.woken, 20);
	followers_free(leaving.followers);
}

static void *come_and_go(void *argument)
{
	struct leaving leaving = {argument, 0};
	struct doors doors = {clock_system(), rng_system(), fs_system(), NULL};

	for (int i = 0; i < 300; i++) {
		struct ctx ctx cleanup_ctx;

		ctx_init(&ctx, &doors);
		followers_add(leaving.followers, "a", i % 2 ? "1" : "2");
		followers_wake(&ctx, leaving.followers, "a", leave, &leaving);
		followers_drop(leaving.followers, "b", i % 3 ? "1" : "2");
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	struct followers *followers = followers_new();
	pthread_t threads[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, followers), 0);
	for (size_t i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	followers_free(followers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_waking_may_change_the_list),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests_name("followers", tests, NULL, NULL);
}
