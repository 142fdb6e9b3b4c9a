#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ctx.h"
#include "base/log.h"

#define TEMPORARY_ATTEMPTS 8
#define TEMPORARY_DIGITS   16 /* of ".<hex digits>.tmp" */
#define TEMPORARY_SUFFIX   ".tmp"

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define cleanup_fd  __attribute__((cleanup(close_fd)))
#define cleanup_dir __attribute__((cleanup(close_dir)))

/* What could not be made durable may be so a moment later: a full disk gets room, a read-only one
 * is remounted. */
static enum err write_trouble(struct ctx *ctx, const char *what, const char *path)
{
	return fault_set(ctx, E_AGAIN, "StateNotDurable", "cannot %s %s: %s", what, path,
			 strerror(errno));
}

static enum err read_trouble(struct ctx *ctx, const char *path)
{
	int number = errno;

	if (number == ENOENT || number == ENOTDIR)
		return fault_set(ctx, E_NOTFOUND, "FileNotFound", "%s does not exist", path);
	if (number == ELOOP)
		return fault_set(ctx, E_REFUSED, "NotRegularFile", "%s is a symbolic link", path);
	return fault_set(ctx, E_AGAIN, "FileNotReadable", "cannot read %s: %s", path,
			 strerror(number));
}

/* Reads until the end or until `room` is full. -1 with errno set on trouble. */
static ssize_t read_fully(int fd, char *out, size_t room)
{
	size_t size = 0;

	while (size < room) {
		ssize_t got = read(fd, out + size, room - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		size += (size_t)got;
	}
	return (ssize_t)size;
}

/* O_NONBLOCK: opening a FIFO must not wait for its other end. */
static enum err system_read(struct ctx *ctx, struct fs *fs, const char *path, size_t max,
			    char **data, size_t *size)
{
	int fd cleanup_fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	ssize_t got;

	(void)fs;
	if (fd < 0 || fstat(fd, &status) < 0)
		return read_trouble(ctx, path);
	if (!S_ISREG(status.st_mode))
		return fault_set(ctx, E_REFUSED, "NotRegularFile", "%s is not a regular file",
				 path);
	if ((uintmax_t)status.st_size > max)
		return fault_set(ctx, E_REFUSED, "FileTooLarge", "%s is larger than %zu bytes",
				 path, max);
	/* One byte more than it should hold, to notice a file that grows. */
	*data = arena_alloc(ctx->arena, (size_t)status.st_size + 2);
	got = read_fully(fd, *data, (size_t)status.st_size + 1);
	if (got < 0)
		return read_trouble(ctx, path);
	if (got > status.st_size)
		return fault_set(ctx, E_AGAIN, "FileChanging", "%s grew while it was read", path);
	*size = (size_t)got;
	return E_OK;
}

static bool write_fully(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t put = write(fd, data, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		data += put;
		size -= (size_t)put;
	}
	return true;
}

static char *directory_of(struct ctx *ctx, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return arena_strdup(ctx->arena, ".");
	return arena_strndup(ctx->arena, path, slash == path ? 1 : (size_t)(slash - path));
}

/* The rename itself is only as durable as the directory that holds it. */
static enum err sync_directory_of(struct ctx *ctx, const char *path)
{
	const char *dir = directory_of(ctx, path);
	int fd cleanup_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return write_trouble(ctx, "sync the directory", dir);
	return E_OK;
}

/* A dot file beside the target, so that no scan of the directory sees it and the rename stays on
 * one file system. */
static int open_temporary(struct ctx *ctx, const char *path, mode_t mode, char **temporary)
{
	const char *slash = strrchr(path, '/');
	int stem = slash ? (int)(slash - path) + 1 : 0;
	int fd = -1;

	for (int i = 0; i < TEMPORARY_ATTEMPTS && fd < 0; i++) {
		char digits[TEMPORARY_DIGITS + 1];

		rng_hex(ctx->doors->rng, digits, TEMPORARY_DIGITS / 2);
		*temporary = arena_printf(ctx->arena, "%.*s.%s" TEMPORARY_SUFFIX, stem, path,
					  digits);
		fd = open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd;
}

static bool is_temporary(const char *name)
{
	return name[0] == '.' && strspn(name + 1, "0123456789abcdef") == TEMPORARY_DIGITS &&
	       strcmp(name + 1 + TEMPORARY_DIGITS, TEMPORARY_SUFFIX) == 0;
}

/* fchmod, because the umask may have taken bits away; it never took too few. */
static bool fill(int fd, mode_t mode, const void *data, size_t size)
{
	return fchmod(fd, mode) == 0 && write_fully(fd, data, size) && fsync(fd) == 0;
}

static enum err system_write(struct ctx *ctx, struct fs *fs, const char *path, const void *data,
			     size_t size, mode_t mode)
{
	char *temporary = NULL;
	int fd = open_temporary(ctx, path, mode, &temporary);
	bool is_written;

	(void)fs;
	if (fd < 0)
		return write_trouble(ctx, "create", path);
	is_written = fill(fd, mode, data, size);
	/* Some file systems tell of a failed write only here. */
	is_written = (close(fd) == 0) && is_written;
	if (!is_written || rename(temporary, path) < 0) {
		enum err err = write_trouble(ctx, "write", path);

		unlink(temporary);
		return err;
	}
	return sync_directory_of(ctx, path);
}

static enum err system_remove(struct ctx *ctx, struct fs *fs, const char *path)
{
	(void)fs;
	if (unlink(path) == 0)
		return sync_directory_of(ctx, path);
	if (errno == ENOENT || errno == ENOTDIR)
		return E_OK;
	return write_trouble(ctx, "remove", path);
}

static enum err system_rename(struct ctx *ctx, struct fs *fs, const char *from, const char *to)
{
	(void)fs;
	if (rename(from, to) == 0)
		return sync_directory_of(ctx, to);
	if (errno == ENOENT)
		return fault_set(ctx, E_NOTFOUND, "FileNotFound", "%s does not exist", from);
	return write_trouble(ctx, "rename", from);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct name {
	struct name *next;
	char *text;
};

static char **sorted_names(struct ctx *ctx, const struct name *first, size_t count)
{
	char **names = arena_new_array(ctx->arena, char *, count + 1);

	for (size_t i = 0; first; first = first->next)
		names[i++] = first->text;
	qsort(names, count, sizeof(*names), compare_names);
	return names;
}

static enum err system_list(struct ctx *ctx, struct fs *fs, const char *path, char ***names,
			    size_t *count)
{
	DIR *dir cleanup_dir = opendir(path);
	struct name *first = NULL;
	struct dirent *entry;

	(void)fs;
	if (!dir)
		return read_trouble(ctx, path);
	*count = 0;
	while (errno = 0, (entry = readdir(dir))) {
		struct name *name;

		if (entry->d_name[0] == '.')
			continue;
		name = arena_new_one(ctx->arena, struct name);
		*name = (struct name){first, arena_strdup(ctx->arena, entry->d_name)};
		first = name;
		++*count;
	}
	/* Half a listing must not look like a smaller directory. */
	if (errno != 0)
		return read_trouble(ctx, path);
	*names = sorted_names(ctx, first, *count);
	return E_OK;
}

static enum err system_mkdir(struct ctx *ctx, struct fs *fs, const char *dir, mode_t mode)
{
	struct stat status;

	(void)fs;
	if (mkdir(dir, mode) == 0)
		return sync_directory_of(ctx, dir);
	if (errno == EEXIST && stat(dir, &status) == 0) {
		if (S_ISDIR(status.st_mode))
			return E_OK;
		errno = ENOTDIR;
	}
	return write_trouble(ctx, "make the directory", dir);
}

static void system_sweep(struct ctx *ctx, struct fs *fs, const char *path)
{
	DIR *dir cleanup_dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	(void)fs;
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		count += is_temporary(entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) == 0;
	if (count > 0)
		log_info(ctx, "removed what interrupted writes left behind", "directory", path,
			 NULL);
}

struct fs *fs_system(void)
{
	static struct fs fs = {
		.read = system_read,
		.write = system_write,
		.remove = system_remove,
		.rename = system_rename,
		.list = system_list,
		.mkdir = system_mkdir,
		.sweep = system_sweep,
	};

	return &fs;
}

char *fs_join(struct ctx *ctx, const char *dir, const char *name)
{
	size_t length = strlen(dir);

	while (length > 1 && dir[length - 1] == '/')
		length--;
	return arena_printf(ctx->arena, "%.*s%s%s", (int)length, dir,
			    dir[length - 1] == '/' ? "" : "/", name);
}
