/*
 * azure_files - files that only a test has, for sign-in by file.
 */
#pragma once

#include <string.h>

#include "base/ctx.h"
#include "base/fs.h"
#include "base/text.h"

struct file {
	const char *path, *data;
};

static const struct file *files;

static inline enum err fake_read(struct ctx *ctx, struct fs *fs, const char *path, size_t max,
				 char **data, size_t *size)
{
	(void)fs;
	for (const struct file *file = files; file && file->path; file++)
		if (!strcmp(file->path, path)) {
			*size = strlen(file->data);
			if (*size > max)
				return fault_set(ctx, E_REFUSED, "FileTooLarge", "too large");
			*data = arena_strdup(ctx->arena, file->data);
			return E_OK;
		}
	return fault_set(ctx, E_NOTFOUND, "FileNotFound", "%s does not exist", path);
}

static inline enum err fake_list(struct ctx *ctx, struct fs *fs, const char *dir, char ***names,
				 size_t *count)
{
	(void)fs;
	*names = arena_new_array(ctx->arena, char *, 1);
	*count = 0;
	for (const struct file *file = files; file && file->path; file++)
		if (text_starts_with(file->path, dir)) {
			(*names)[0] = arena_strdup(ctx->arena, strrchr(file->path, '/') + 1);
			*count = 1;
		}
	return *count ? E_OK : fault_set(ctx, E_NOTFOUND, "FileNotFound", "none");
}

static struct fs fake_fs = {.read = fake_read, .list = fake_list};
