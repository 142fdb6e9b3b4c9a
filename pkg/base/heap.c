#include "base/heap.h"

#include <malloc.h>

#define CROWD_BYTES ((size_t)8 * 1024 * 1024)

void heap_settle(struct heap *heap, size_t used)
{
	if (used > heap->most)
		heap->most = used;
	if (heap->most < CROWD_BYTES || used > heap->most / 4)
		return;
	malloc_trim(0);
	heap->most = used;
}
