/*
 * heap - memory that does not belong to an arena.
 *
 * What is asked for here is had: a process that gets none ends and says so (base/fatal), so no
 * caller looks. check-style holds the rest of the tree to these.
 */
#pragma once

#include <stddef.h>

/* As their namesakes of libc, for free(); the text of NULL is NULL. */
void *heap_malloc(size_t size) __attribute__((malloc, returns_nonnull));
void *heap_calloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *heap_reallocarray(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *heap_strdup(const char *text);
char *heap_strndup(const char *text, size_t size_max) __attribute__((malloc, returns_nonnull));

/* `made`, by a library that gives NULL for want of memory alone. */
void *heap_have(void *made) __attribute__((returns_nonnull));

/*
 * Gives back to the system what a crowd needed and nobody needs any more. The allocator keeps what
 * is freed for the next who asks, also after the crowd has gone, and what is in use somewhere at
 * the end of a heap keeps all before it. Begins as zeros.
 */
struct heap {
	size_t most; /* bytes that were in use at once since the last time */
};

/* `used`: bytes in use now, roughly. Costs nothing unless there was a crowd and it has gone. */
void heap_settle(struct heap *heap, size_t used);
