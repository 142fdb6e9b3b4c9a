/*
 * regular - reading a file that somebody else wrote: whole, bounded, and never anything but a
 * regular file.
 *
 * Symbolic links are followed, because configuration tools publish through them; what they lead to
 * must be a regular file. Nothing blocks on a FIFO or a device.
 */
#pragma once

#include <sys/stat.h>

#include "base/ctx.h"

/* `name` below `directory_fd` (AT_FDCWD: a path); NUL-terminated behind its size, in ctx's arena.
 * `status` is that of the file as opened. E_NOTFOUND; E_REFUSED: larger than `max` or no regular
 * file; E_AGAIN: unreadable, or it changed while being read. */
enum err regular_read(struct ctx *ctx, int directory_fd, const char *name, size_t max, char **data,
		      size_t *size, struct stat *status);
