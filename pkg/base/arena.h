/*
 * arena - memory and foreign handles that die together.
 *
 * A pass, a request or a stored object owns one arena. Nothing in it is freed alone, so error paths
 * have nothing to clean up. Running out of memory aborts; every input is bounded at its edge. One
 * arena belongs to one thread at a time.
 */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_new(void);

/* Runs the deferred releases, last first, then returns the memory. NULL is fine. */
void arena_free(struct arena *arena);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);

void *arena_copy(struct arena *arena, const void *data, size_t size);
char *arena_strdup(struct arena *arena, const char *text); /* NULL: NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Calls release(handle) when the arena ends. */
void arena_defer(struct arena *arena, void (*release)(void *handle), void *handle);

/* Wipes this memory before it is returned: for secrets. */
void arena_wipe_at_end(struct arena *arena, void *data, size_t size);

/* Wipes everything before it is returned: for passes and requests that handle somebody's private
 * key. */
void arena_wipe_all_at_end(struct arena *arena);

static inline void arena_freep(struct arena **arena)
{
	arena_free(*arena);
}

#define cleanup_arena __attribute__((cleanup(arena_freep)))

#define arena_new_array(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))
#define arena_new_one(arena, type)	    ((type *)arena_alloc((arena), sizeof(type)))
