#include "base/regular.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static enum err trouble(struct ctx *ctx)
{
	int number = errno;

	return fault_set(ctx, number == ENOENT ? E_NOTFOUND : E_AGAIN, "FileNotReadable",
			 "cannot be read: %s", strerror(number));
}

static enum err check(struct ctx *ctx, const struct stat *status, size_t max)
{
	if (!S_ISREG(status->st_mode))
		return fault_set(ctx, E_REFUSED, "NotRegularFile", "is not a regular file");
	if ((uintmax_t)status->st_size > max)
		return fault_set(ctx, E_REFUSED, "FileTooLarge", "is larger than %zu bytes", max);
	return E_OK;
}

static bool read_fully(int fd, char *out, size_t room, size_t *size)
{
	for (*size = 0; *size < room;) {
		ssize_t got = read(fd, out + *size, room - *size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		*size += (size_t)got;
	}
	return true;
}

/* Whoever writes in place changes the size or the time; half of it must not pass for the whole. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

enum err regular_read(struct ctx *ctx, int directory_fd, const char *name, size_t max, char **data,
		      size_t *size, struct stat *status)
{
	int fd __attribute__((cleanup(close_fd))) =
		openat(directory_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat after;

	if (fd < 0 || fstat(fd, status) < 0)
		return trouble(ctx);
	TRY(check(ctx, status, max));
	*data = arena_alloc(ctx->arena, (size_t)status->st_size + 2);
	if (!read_fully(fd, *data, (size_t)status->st_size + 1, size) || fstat(fd, &after) < 0)
		return trouble(ctx);
	if (*size != (size_t)status->st_size || !is_same(status, &after))
		return fault_set(ctx, E_AGAIN, "FileChanging", "changed while it was read");
	return E_OK;
}
