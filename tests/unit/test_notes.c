/* What is remembered between passes, by name, from any thread. */
#include "hostname/notes.h"

#include <pthread.h>

#include "unit/check.h"

static void test_a_name_never_noted_is_zero(void **state)
{
	struct notes *notes = notes_new();
	struct note note = notes_get(notes, "a");

	(void)state;
	assert_int_equal(note.vault_seen, 0);
	assert_int_equal(note.dns_checked, 0);
	assert_int_equal(note.dns_watched, 0);
	assert_int_equal(note.trouble_since, 0);
	assert_int_equal(note.polls, 0);
	notes_free(notes);
	notes_free(NULL);
}

static void test_noted_is_remembered_until_dropped(void **state)
{
	struct notes *notes = notes_new();
	struct note note = {.vault_seen = 1,
			    .dns_checked = 2,
			    .dns_watched = 3,
			    .trouble_since = 4,
			    .polls = 5};

	(void)state;
	notes_put(notes, "a", &note);
	note.polls = 6;
	assert_int_equal(notes_get(notes, "a").polls, 5); /* a copy */
	notes_put(notes, "b", &note);
	note.polls = 7;
	notes_put(notes, "a", &note);
	assert_int_equal(notes_get(notes, "a").polls, 7);
	assert_int_equal(notes_get(notes, "a").trouble_since, 4);
	assert_int_equal(notes_get(notes, "b").polls, 6);
	notes_drop(notes, "a");
	notes_drop(notes, "a");
	assert_int_equal(notes_get(notes, "a").polls, 0);
	assert_int_equal(notes_get(notes, "b").polls, 6);
	notes_free(notes);
}

/* Each thread has names of its own, in one tree. */
struct writer {
	struct notes *notes;
	char first;
	unsigned wrong;
};

static void *write_notes(void *argument)
{
	struct writer *writer = argument;

	for (int i = 0; i < 2000; i++) {
		char name[] = {writer->first, (char)('a' + i % 20), '\0'};
		struct note note = {.polls = writer->first * 1000 + i};

		notes_put(writer->notes, name, &note);
		writer->wrong += notes_get(writer->notes, name).polls != note.polls;
		if (i % 3 == 0)
			notes_drop(writer->notes, name);
	}
	return NULL;
}

static void test_many_threads(void **state)
{
	struct notes *notes = notes_new();
	struct writer writers[] = {{notes, 'x', 0}, {notes, 'y', 0}, {notes, 'z', 0}};
	pthread_t threads[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_notes, &writers[i]), 0);
	for (size_t i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(writers[i].wrong, 0);
	}
	notes_free(notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_never_noted_is_zero),
		cmocka_unit_test(test_noted_is_remembered_until_dropped),
		cmocka_unit_test(test_many_threads),
	};

	return cmocka_run_group_tests_name("notes", tests, NULL, NULL);
}
