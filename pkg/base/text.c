#include "base/text.h"

#include <string.h>

#define NEAREST_DISTANCE 3
#define NEAREST_LENGTH	 64

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool text_equals_nocase(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	for (; *a && lower(*a) == lower(*b); a++)
		b++;
	return lower(*a) == lower(*b);
}

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
	size_t length = strlen(text), end = strlen(suffix);

	return length >= end && strcmp(text + length - end, suffix) == 0;
}

bool text_equals(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool text_to_number(const char *text, int64_t *out)
{
	int64_t number = 0;

	if (!text || !*text)
		return false;
	for (; *text; text++) {
		int digit = *text - '0';

		if (digit < 0 || digit > 9 || number > (INT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*out = number;
	return true;
}

bool texts_contain(const struct texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (text_equals(texts->items[i], text))
			return true;
	return false;
}

struct texts texts_copy(struct arena *arena, const struct texts *from)
{
	struct texts to = {NULL, from->count};

	if (to.count > 0)
		to.items = arena_new_array(arena, const char *, to.count);
	for (size_t i = 0; i < to.count; i++)
		to.items[i] = arena_strdup(arena, from->items[i]);
	return to;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Levenshtein's distance, case ignored; both texts are at most NEAREST_LENGTH long. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NEAREST_LENGTH + 1], length = strlen(b);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t above = row[j];
			size_t change = lower(a[i - 1]) != lower(b[j - 1]);

			row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + change);
			diagonal = above;
		}
	}
	return row[length];
}

const char *text_nearest(const char *given, const char *const *names, size_t count)
{
	size_t length = strlen(given), best = NEAREST_DISTANCE + 1;
	const char *nearest = NULL;

	if (length > NEAREST_LENGTH)
		return NULL;
	best = best < length ? best : length;
	for (size_t i = 0; i < count; i++) {
		size_t d = strlen(names[i]) <= NEAREST_LENGTH ? distance(given, names[i]) : best;

		if (d < best) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}
