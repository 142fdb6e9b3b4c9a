#include "base/memory.h"

#include <malloc.h>

#define CROWD_BYTES ((size_t)8 * 1024 * 1024)

void memory_settle(struct memory *memory, size_t used)
{
	if (used > memory->most)
		memory->most = used;
	if (memory->most < CROWD_BYTES || used > memory->most / 4)
		return;
	malloc_trim(0);
	memory->most = used;
}
