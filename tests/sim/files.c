#include "sim/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE  512
#define CHUNK_SIZE 65536

static void must(bool is_done)
{
	if (!is_done)
		abort();
}

static void copy_file(const char *from, const char *to, mode_t mode)
{
	static char chunk[CHUNK_SIZE];
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	ssize_t size;

	must(in != -1 && out != -1);
	while ((size = read(in, chunk, sizeof(chunk))) > 0)
		must(write(out, chunk, (size_t)size) == size);
	must(size == 0 && close(in) == 0 && close(out) == 0);
}

static void copy_entry(const char *from, const char *to)
{
	struct stat status;

	must(lstat(from, &status) == 0);
	if (S_ISDIR(status.st_mode))
		files_copy(from, to);
	else
		copy_file(from, to, status.st_mode & 0777);
}

void files_copy(const char *from, const char *to)
{
	char source[PATH_SIZE], target[PATH_SIZE];
	const struct dirent *entry;
	DIR *dir = opendir(from);
	struct stat status;

	must(dir && stat(from, &status) == 0 && mkdir(to, status.st_mode & 0777) == 0);
	while ((entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		must(snprintf(source, sizeof(source), "%s/%s", from, entry->d_name) < PATH_SIZE);
		must(snprintf(target, sizeof(target), "%s/%s", to, entry->d_name) < PATH_SIZE);
		copy_entry(source, target);
	}
	must(closedir(dir) == 0);
}

static int remove_entry(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
	(void)status, (void)flag, (void)walk;
	return remove(path);
}

void files_remove(const char *directory)
{
	(void)nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
