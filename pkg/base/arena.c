#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "base/heap.h"

#define FIRST_CHUNK   ((size_t)1024)
#define LARGEST_CHUNK ((size_t)64 * 1024)
#define ALIGNMENT     _Alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t used, size; /* of `data` */
	_Alignas(max_align_t) unsigned char data[];
};

struct deferred {
	struct deferred *next;
	void (*release)(void *handle);
	void *handle;
};

/* Lives at the start of its own first chunk, so that a small arena is one allocation. */
struct arena {
	struct chunk *chunks; /* the first of them is the one that is filled */
	struct deferred *deferred;
	size_t next_size;
	bool is_secret;
};

struct wipe {
	void *data;
	size_t size;
};

/* calloc, since memory in an arena is handed out once: it is zero when it is. */
static struct chunk *chunk_new(size_t size)
{
	struct chunk *chunk = heap_calloc(1, sizeof(*chunk) + size);

	chunk->size = size;
	return chunk;
}

static size_t aligned(size_t size)
{
	if (size > SIZE_MAX / 2)
		fatal_no_memory();
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

static void *chunk_take(struct chunk *chunk, size_t size)
{
	void *data = chunk->data + chunk->used;

	chunk->used += size;
	return data;
}

struct arena *arena_new(void)
{
	struct chunk *chunk = chunk_new(FIRST_CHUNK - sizeof(*chunk));
	struct arena *arena = chunk_take(chunk, aligned(sizeof(*arena)));

	arena->chunks = chunk;
	arena->next_size = 2 * FIRST_CHUNK;
	return arena;
}

void arena_free(struct arena *arena)
{
	struct chunk *chunk, *next;
	bool is_secret;

	if (!arena)
		return;
	while (arena->deferred) {
		struct deferred *deferred = arena->deferred;

		/* Unlinked first: a release may defer another. */
		arena->deferred = deferred->next;
		deferred->release(deferred->handle);
	}
	is_secret = arena->is_secret; /* the arena lies in one of the chunks */
	for (chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		if (is_secret)
			explicit_bzero(chunk->data, chunk->size);
		free(chunk);
	}
}

void arena_wipe_all_at_end(struct arena *arena)
{
	arena->is_secret = true;
}

/* A large piece gets a chunk behind the current one, whose rest stays in use. */
static void *take_alone(struct arena *arena, size_t size)
{
	struct chunk *chunk = chunk_new(size);

	chunk->next = arena->chunks->next;
	arena->chunks->next = chunk;
	return chunk_take(chunk, size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct chunk *chunk = arena->chunks;

	size = aligned(size ? size : 1);
	if (size <= chunk->size - chunk->used)
		return chunk_take(chunk, size);
	if (size > arena->next_size / 4)
		return take_alone(arena, size);
	chunk = chunk_new(arena->next_size - sizeof(*chunk));
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	if (arena->next_size < LARGEST_CHUNK)
		arena->next_size *= 2;
	return chunk_take(chunk, size);
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
	void *copy = arena_alloc(arena, size);

	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_copy(arena, text, strlen(text) + 1) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
	size_t size = strnlen(text, length);
	char *copy = arena_alloc(arena, size + 1);

	memcpy(copy, text, size);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	int length;
	char *text;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(length >= 0);
	text = arena_alloc(arena, (size_t)length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

void arena_defer(struct arena *arena, void (*release)(void *handle), void *handle)
{
	struct deferred *deferred = arena_new_one(arena, struct deferred);

	*deferred = (struct deferred){arena->deferred, release, handle};
	arena->deferred = deferred;
}

static void wipe_now(void *handle)
{
	struct wipe *wipe = handle;

	explicit_bzero(wipe->data, wipe->size);
}

void arena_wipe_at_end(struct arena *arena, void *data, size_t size)
{
	struct wipe *wipe = arena_new_one(arena, struct wipe);

	*wipe = (struct wipe){data, size};
	arena_defer(arena, wipe_now, wipe);
}
