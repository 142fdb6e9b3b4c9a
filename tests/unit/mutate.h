/*
 * mutate - every small damage to a seed, in a fixed order.
 *
 * For each seed: all truncations, and at each byte all bit flips, its removal, its repetition and a
 * few bytes that mean something to parsers. Each variant lies in memory of exactly its size, so
 * that a sanitizer sees a read behind it; `is_terminated` adds a NUL there for parsers of C
 * strings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef void mutate_visit(const char *text, size_t size, void *data);

struct mutate {
	bool is_terminated;
	mutate_visit *visit;
	void *data;
};

static inline void mutate_show(const struct mutate *mutate, const char *head, size_t head_size,
			       const char *middle, size_t middle_size, const char *tail,
			       size_t tail_size)
{
	size_t size = head_size + middle_size + tail_size;
	char *text = calloc(1, size + mutate->is_terminated);

	if (!text && size + mutate->is_terminated > 0)
		abort();
	if (head_size)
		memcpy(text, head, head_size);
	if (middle_size)
		memcpy(text + head_size, middle, middle_size);
	if (tail_size)
		memcpy(text + head_size + middle_size, tail, tail_size);
	if (mutate->is_terminated)
		text[size] = '\0';
	mutate->visit(text, size, mutate->data);
	free(text);
}

static inline void mutate_seed(const struct mutate *mutate, const char *seed, size_t size)
{
	static const char meaningful[] = "\"\\{}[]:,-.*&!#%'0 \t\n\r\x00\x7F\x80\xC2\xED\xF5\xFF";

	mutate_show(mutate, seed, size, NULL, 0, NULL, 0);
	for (size_t i = 0; i < size; i++) {
		const char *tail = seed + i + 1;
		size_t tail_size = size - i - 1;
		char twice[2] = {seed[i], seed[i]};

		mutate_show(mutate, seed, i, NULL, 0, NULL, 0);
		mutate_show(mutate, seed, i, NULL, 0, tail, tail_size);
		mutate_show(mutate, seed, i, twice, 2, tail, tail_size);
		for (unsigned bit = 0; bit < 8; bit++) {
			char flipped = (char)(seed[i] ^ (1 << bit));

			mutate_show(mutate, seed, i, &flipped, 1, tail, tail_size);
		}
		for (size_t k = 0; k < sizeof(meaningful) - 1; k++)
			mutate_show(mutate, seed, i, &meaningful[k], 1, tail, tail_size);
	}
}

/* The same for several, each a C string. */
static inline void mutate_seeds(const struct mutate *mutate, const char *const *seeds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		mutate_seed(mutate, seeds[i], strlen(seeds[i]));
}
