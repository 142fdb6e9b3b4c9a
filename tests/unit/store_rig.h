/*
 * store_rig - a store in a directory of its own, on a disk that counts and can be full.
 */
#pragma once

#include "tempdir.h"

#include <stdatomic.h>

#include "api/hostname.h"
#include "base/fs.h"
#include "store/dirstore.h"

#define NAME "shop.example.com"

/* A disk that can be counted and can be full. */
static atomic_uint writes, removes;
static atomic_bool is_full;
static struct fs *real;

static inline enum err counted_write(struct ctx *ctx, struct fs *fs, const char *path,
				     const void *data, size_t size, mode_t mode)
{
	(void)fs;
	if (is_full)
		return fault_set(ctx, E_AGAIN, "StateNotDurable", "cannot write: full");
	writes++;
	return real->write(ctx, real, path, data, size, mode);
}

static inline enum err counted_remove(struct ctx *ctx, struct fs *fs, const char *path)
{
	(void)fs;
	if (is_full)
		return fault_set(ctx, E_AGAIN, "StateNotDurable", "cannot remove: full");
	removes++;
	return real->remove(ctx, real, path);
}

struct rig {
	struct fs fs;
	struct doors doors;
	struct ctx ctx;
	char *directory;
	struct store *store;
};

static inline struct store *open_store(struct rig *rig)
{
	struct store *store = NULL;

	if (dirstore_open(&rig->ctx, rig->directory, &store) != E_OK)
		return NULL;
	return store;
}

static inline void reopen(struct rig *rig)
{
	dirstore_close(rig->store);
	rig->store = open_store(rig);
	assert_non_null(rig->store);
}

static inline void set_up(struct rig *rig)
{
	real = fs_system();
	rig->fs = *real;
	rig->fs.write = counted_write;
	rig->fs.remove = counted_remove;
	rig->doors = (struct doors){clock_system(), rng_system(), &rig->fs, NULL};
	ctx_init(&rig->ctx, &rig->doors);
	rig->directory = fs_join(&rig->ctx, tempdir_make(&rig->ctx), "state");
	rig->store = open_store(rig);
	assert_non_null(rig->store);
	writes = removes = 0;
	is_full = false;
}

static inline void tear_down(struct rig *rig)
{
	dirstore_close(rig->store);
	*strrchr(rig->directory, '/') = '\0';
	tempdir_remove(rig->directory);
	ctx_fini(&rig->ctx);
}

static inline struct hostname make(const char *name)
{
	return (struct hostname){.meta = {.name = name},
				 .source = {.file = "/specs/a.yaml", .line = 3}};
}

static inline enum err put(struct rig *rig, const struct hostname *hostname)
{
	return store_put_spec(&rig->ctx, rig->store, KIND_HOSTNAME, hostname);
}

static inline const struct hostname *get(struct rig *rig, const char *name)
{
	const void *out;

	return store_get(&rig->ctx, rig->store, KIND_HOSTNAME, name, &out) == E_OK ? out : NULL;
}

static inline const char *file_of(struct rig *rig, const char *file)
{
	return fs_join(&rig->ctx, fs_join(&rig->ctx, rig->directory, "hostnames"), file);
}
