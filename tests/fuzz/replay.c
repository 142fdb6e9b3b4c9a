/* Runs one target on each file named, and on every small damage to it. */
#include <stdio.h>

#include "fuzz/fuzz.h"
#include "unit/mutate.h"

#define SEED_MAX 1024 /* a larger seed is run as it is */

static size_t runs;

static void visit(const char *text, size_t size, void *data)
{
	(void)data;
	runs++;
	LLVMFuzzerTestOneInput((const uint8_t *)text, size);
}

static int replay(const char *path)
{
	static char seed[1 << 20];
	struct mutate mutate = {.visit = visit};
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(seed, 1, sizeof(seed), file);
	fclose(file);
	if (size <= SEED_MAX)
		mutate_seed(&mutate, seed, size);
	else
		visit(seed, size, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	printf("%d seeds, %zu inputs\n", argc - 1, runs);
	return failed || runs == 0;
}
