#include "check.h"

#include <stdlib.h>

#include "base/arena.h"

static void memory_is_zero_aligned_and_apart(void **state)
{
	struct arena *arena cleanup_arena = arena_new();
	unsigned char *pieces[2000];
	size_t sizes[2000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		sizes[i] = i % 100 == 99 ? 3000 * i : (i * 37) % 211;
		pieces[i] = arena_alloc(arena, sizes[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(pieces[i][k], 0);
		memset(pieces[i], (int)(i % 255) + 1, sizes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		for (size_t k = 0; k < sizes[i]; k += 97)
			assert_int_equal(pieces[i][k], i % 255 + 1);
	}
}

static void copies_texts(void **state)
{
	struct arena *arena cleanup_arena = arena_new();
	char source[] = "abcdef", *copy, *part, *text, *longer;

	(void)state;
	copy = arena_strdup(arena, source);
	part = arena_strndup(arena, source, 3);
	text = arena_printf(arena, "%s-%d", source, 42);
	longer = arena_printf(arena, "%*s", 100000, "x");
	memset(source, '?', 6);
	assert_string_equal(copy, "abcdef");
	assert_string_equal(part, "abc");
	assert_string_equal(text, "abcdef-42");
	assert_int_equal(strlen(longer), 100000);
	assert_string_equal(arena_strndup(arena, "ab", 10), "ab");
	assert_memory_equal(arena_copy(arena, "a\0b", 3), "a\0b", 3);
	assert_non_null(arena_copy(arena, NULL, 0));
}

struct trace {
	char text[16];
	size_t size;
	struct arena *arena;
};

struct mark {
	struct trace *trace;
	char name;
};

static void leave_mark(void *handle)
{
	struct mark *mark = handle;

	mark->trace->text[mark->trace->size++] = mark->name;
}

static void defer_another(void *handle)
{
	struct mark *mark = handle;
	struct mark *another = arena_new_one(mark->trace->arena, struct mark);

	leave_mark(mark);
	*another = (struct mark){mark->trace, 'z'};
	arena_defer(mark->trace->arena, leave_mark, another);
}

static void releases_last_first(void **state)
{
	struct arena *arena = arena_new();
	struct trace trace = {.arena = arena};
	struct mark marks[] = {{&trace, 'a'}, {&trace, 'b'}, {&trace, 'c'}};

	(void)state;
	arena_defer(arena, leave_mark, &marks[0]);
	arena_defer(arena, defer_another, &marks[1]);
	arena_defer(arena, leave_mark, &marks[2]);
	arena_free(arena);
	assert_string_equal(trace.text, "cbza");
	arena_free(NULL);
}

struct secret {
	char *text;
	bool was_wiped;
};

static void look(void *handle)
{
	struct secret *secret = handle;

	secret->was_wiped = memcmp(secret->text, "\0\0\0\0\0\0\0", 7) == 0;
}

static void wipes_secrets_before_the_memory_goes(void **state)
{
	struct arena *arena = arena_new();
	struct secret secret = {.text = arena_strdup(arena, "hunter2")};

	(void)state;
	/* Deferred first, so it looks last. */
	arena_defer(arena, look, &secret);
	arena_wipe_at_end(arena, secret.text, 7);
	arena_free(arena);
	assert_true(secret.was_wiped);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zero_aligned_and_apart),
		cmocka_unit_test(copies_texts),
		cmocka_unit_test(releases_last_first),
		cmocka_unit_test(wipes_secrets_before_the_memory_goes),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
