#include "base/heap.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"

#define CROWD_BYTES ((size_t)8 * 1024 * 1024)

void *heap_have(void *made)
{
	if (!made)
		fatal_no_memory();
	return made;
}

void *heap_malloc(size_t size)
{
	return heap_have(malloc(size));
}

void *heap_calloc(size_t count, size_t size)
{
	return heap_have(calloc(count, size));
}

void *heap_reallocarray(void *old, size_t count, size_t size)
{
	return heap_have(reallocarray(old, count, size));
}

char *heap_strdup(const char *text)
{
	return text ? heap_have(strdup(text)) : NULL;
}

char *heap_strndup(const char *text, size_t size_max)
{
	return heap_have(strndup(text, size_max));
}

void heap_settle(struct heap *heap, size_t used)
{
	if (used > heap->most)
		heap->most = used;
	if (heap->most < CROWD_BYTES || used > heap->most / 4)
		return;
	malloc_trim(0);
	heap->most = used;
}
