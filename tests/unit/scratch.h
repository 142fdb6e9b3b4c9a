/*
 * scratch - where a test keeps its files: in TMPDIR, or in memory where hundreds of runs would wait
 * for a disk. hack/run-test gives each suite places of its own and removes them, however it ends.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Of the size of what scratch_template() writes to. */
#define SCRATCH_SIZE 96

static inline const char *scratch_disk(void)
{
	const char *base = getenv("TMPDIR");

	return base && *base ? base : "/tmp";
}

static inline const char *scratch_memory(void)
{
	const char *base = getenv("GATECERT_SHM");

	if (base && *base)
		return base;
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : scratch_disk();
}

/* For mkdtemp() or mkstemp(). */
static inline char *scratch_template(char path[SCRATCH_SIZE], const char *base, const char *name)
{
	snprintf(path, SCRATCH_SIZE, "%s/gatecert-%s-XXXXXX", base, name);
	return path;
}
