/*
 * text - small questions about strings, and lists of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/array.h"

/* ASCII only, whatever the locale. */
bool text_equals_nocase(const char *a, const char *b);
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/* NULL equals NULL only. */
bool text_equals(const char *a, const char *b);

/* Decimal digits alone. False, and `out` left alone: NULL, none, something else, or too many. */
bool text_to_number(const char *text, int64_t *out);

struct texts {
	const char **items;
	size_t count;
};

bool texts_contain(const struct texts *texts, const char *text);
struct texts texts_copy(struct arena *arena, const struct texts *from);

/* The name nearest to `given` (edit distance at most 3 and less than its length), or NULL. */
const char *text_nearest(const char *given, const char *const *names, size_t count);
