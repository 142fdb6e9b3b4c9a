#include "pki/memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static void *take(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return malloc(size);
}

static void give_back(void *data, const char *file, int line)
{
	(void)file, (void)line;
	if (data)
		explicit_bzero(data, malloc_usable_size(data));
	free(data);
}

/* realloc(3) would leave the old place as it is. */
static void *resize(void *data, size_t size, const char *file, int line)
{
	size_t old = data ? malloc_usable_size(data) : 0;
	void *larger;

	if (data && size == 0) {
		give_back(data, file, line);
		return NULL;
	}
	if (size <= old)
		return data;
	larger = malloc(size);
	if (!larger)
		return NULL;
	if (data)
		memcpy(larger, data, old);
	give_back(data, file, line);
	return larger;
}

bool memory_wipe_freed(void)
{
	return CRYPTO_set_mem_functions(take, resize, give_back) == 1;
}
