/*
 * utf8 - well-formed UTF-8 (RFC 3629), places in it, and safe quoting of what others wrote.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/* Length of the well-formed sequence that `text` begins with, 0 for none. `size` is 1 or more. */
size_t utf8_next(const char *text, size_t size);

/* Offset of the first byte that is not well-formed, or `size`. */
size_t utf8_check(const char *text, size_t size);

/* Writes one code point (no surrogate) and returns its length. */
size_t utf8_encode(unsigned code, char out[static 4]);

/* The longest prefix of whole characters within `max` bytes. */
size_t utf8_cut(const char *text, size_t size, size_t max);

/* As utf8_cut, but at the end of a word where one ends in the second half; without the white space
 * and the commas at its end. */
size_t utf8_cut_words(const char *text, size_t size, size_t max);

/* Where an offset stands, for a person: columns count characters. */
struct place {
	size_t at;
	unsigned line, column; /* from 1 */
};

#define PLACE_START ((struct place){0, 1, 1})

/* Moves `place` to offset `at` of the text; cheap when it moves forward. */
void utf8_move(const char *text, struct place *place, size_t at);

/* In double quotes, control characters and bad bytes escaped, cut with "..." behind `max` bytes. */
char *utf8_quote(struct arena *arena, const char *text, size_t max);
