/*
 * heap - gives back to the system what a crowd needed and nobody needs any more.
 *
 * The allocator keeps what is freed for the next who asks, also after the crowd has gone, and what
 * is in use somewhere at the end of a heap keeps all before it.
 */
#pragma once

#include <stddef.h>

/* Begins as zeros. */
struct heap {
	size_t most; /* bytes that were in use at once since the last time */
};

/* `used`: bytes in use now, roughly. Costs nothing unless there was a crowd and it has gone. */
void heap_settle(struct heap *heap, size_t used);
