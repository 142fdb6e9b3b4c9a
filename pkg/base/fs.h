/*
 * fs - the few file operations that matter, durable where they change something.
 *
 * A write is seen whole or not at all and survives a power cut once it returned: temporary file,
 * fsync, rename, fsync of the directory. Behind a struct so that a test can crash after, or fail,
 * each of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct ctx;

struct fs {
	/* The whole regular file, NUL-terminated behind its length, in ctx's arena. E_NOTFOUND;
	 * E_REFUSED when it is larger than `max`, a symlink or no regular file; E_AGAIN on I/O
	 * trouble. */
	enum err (*read)(struct ctx *ctx, struct fs *fs, const char *path, size_t max, char **data,
			 size_t *size);
	/* Creates or replaces, with this mode from the first byte. */
	enum err (*write)(struct ctx *ctx, struct fs *fs, const char *path, const void *data,
			  size_t size, mode_t mode);
	/* E_OK also when it was not there. */
	enum err (*remove)(struct ctx *ctx, struct fs *fs, const char *path);
	/* Renames within one directory, durably. */
	enum err (*rename)(struct ctx *ctx, struct fs *fs, const char *from, const char *to);
	/* Names of a directory's entries except dot files, sorted, NULL-terminated. E_NOTFOUND. */
	enum err (*list)(struct ctx *ctx, struct fs *fs, const char *dir, char ***names,
			 size_t *count);
	/* Makes one directory; E_OK when it stands already. */
	enum err (*mkdir)(struct ctx *ctx, struct fs *fs, const char *dir, mode_t mode);
	/* Removes what writes that a crash cut short left in a directory: nobody reads it, but a
	 * daemon that is killed often would fill the disk. To be called while nobody writes there;
	 * trouble is left for the next time. */
	void (*sweep)(struct ctx *ctx, struct fs *fs, const char *dir);
};

struct fs *fs_system(void);

/* "<dir>/<name>" in ctx's arena. */
char *fs_join(struct ctx *ctx, const char *dir, const char *name);
