/*
 * tempdir - a directory of its own for a test, and short ways to look into it.
 */
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "unit/scratch.h"

/* In memory where there is such a place: what is durable is another test's question, and syncing
 * is most of the time of what writes often. */
static inline char *tempdir_make(struct ctx *ctx)
{
	char *path = arena_alloc(ctx->arena, SCRATCH_SIZE);

	assert_non_null(mkdtemp(scratch_template(path, scratch_memory(), "test")));
	return path;
}

static inline int tempdir_remove_one(const char *path, const struct stat *status, int type,
				     struct FTW *where)
{
	(void)status, (void)where;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

static inline void tempdir_remove(const char *path)
{
	nftw(path, tempdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Files that are renamed into place look whole from the first moment; `age` seconds old, so that
 * they do not look young. */
static inline void tempdir_write(const char *path, const char *text, int age)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
	char temporary[4096];
	struct timespec now;
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	clock_gettime(CLOCK_REALTIME, &now);
	times[1] = (struct timespec){now.tv_sec - age, now.tv_nsec};
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
	assert_int_equal(rename(temporary, path), 0);
}

static inline char *tempdir_read(struct ctx *ctx, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat status;
	char *text;

	if (fd < 0)
		return NULL;
	assert_int_equal(fstat(fd, &status), 0);
	text = arena_alloc(ctx->arena, (size_t)status.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)status.st_size), status.st_size);
	text[status.st_size] = '\0';
	close(fd);
	return text;
}

static inline bool tempdir_exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* Entries but dot files. */
static inline size_t tempdir_count(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}
