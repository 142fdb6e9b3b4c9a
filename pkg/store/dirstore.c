#include "store/dirstore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/heap.h"
#include "base/text.h"
#include "store/store_internal.h"
#include "store/journal_internal.h"
#include "store/statefile.h"

/* A file that somebody copied would make two objects of one. */
static enum err check_loaded(struct ctx *ctx, const struct meta *object, const char *path,
			     const char *file)
{
	const char *expected = store_file_of(ctx, object->name);

	if (!object->uid || object->generation < 1)
		return statefile_set_aside(ctx, path, "its metadata has no uid or generation");
	if (!text_equals(expected, file))
		return statefile_set_aside(ctx, path, "it holds an object of another name");
	return E_OK;
}

static enum err load_object(struct ctx *ctx, struct store *store, enum kind kind, const char *file)
{
	const char *path = fs_join(ctx, store_directory_of(ctx, store, kind), file);
	struct meta *object = arena_alloc(ctx->arena, kind_info(kind)->size);
	struct json *json;

	TRY(statefile_read(ctx, path, kind_info(kind)->name, &json));
	if (object_from_json(ctx, kind, json, object) != E_OK)
		return statefile_set_aside(ctx, path, ctx->fault.text);
	TRY(check_loaded(ctx, object, path, file));
	versions_seen(store->versions, object->resource_version);
	store_publish(store, kind, snapshot_new(kind, object));
	return E_OK;
}

/* An arena for each: ten thousand parsed files are not kept until the last is read. */
static enum err load_apart(struct ctx *ctx, struct store *store, enum kind kind, const char *file)
{
	struct ctx apart = *ctx;
	enum err err;

	apart.arena = arena_new();
	err = load_object(&apart, store, kind, file);
	ctx->fault = apart.fault;
	arena_free(apart.arena);
	return err == E_NOTFOUND ? E_OK : err;
}

static enum err load_kind(struct ctx *ctx, struct store *store, enum kind kind)
{
	const char *directory = store_directory_of(ctx, store, kind);
	struct fs *fs = ctx->doors->fs;
	char **names;
	size_t count;

	TRY(fs->mkdir(ctx, fs, directory, 0700));
	fs->sweep(ctx, fs, directory);
	TRY(fs->list(ctx, fs, directory, &names, &count));
	for (size_t i = 0; i < count; i++)
		if (text_ends_with(names[i], STORE_SUFFIX))
			TRY(load_apart(ctx, store, kind, names[i]));
	return E_OK;
}

/* The lock goes with the descriptor: a daemon that was killed leaves none behind. */
static enum err take_lock(struct ctx *ctx, struct store *store)
{
	const char *path = fs_join(ctx, store->directory, "lock");

	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0)
		return fault_set(ctx, E_AGAIN, "StateNotDurable", "cannot open %s: %s", path,
				 strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return E_OK;
	return fault_set(
		ctx, E_REFUSED, STORE_LOCKED,
		"%s is locked: another gatecertd uses this state directory; stop it, or give this "
		"one a StateDirectory of its own",
		path);
}

static enum err load(struct ctx *ctx, struct store *store)
{
	struct fs *fs = ctx->doors->fs;

	TRY(fs->mkdir(ctx, fs, store->directory, 0700));
	TRY(take_lock(ctx, store));
	fs->sweep(ctx, fs, store->directory);
	TRY(versions_open(ctx, fs_join(ctx, store->directory, "version" STORE_SUFFIX),
			  &store->versions));
	for (int kind = 0; kind < KIND_COUNT; kind++)
		TRY(load_kind(ctx, store, (enum kind)kind));
	return journal_open(ctx, store);
}

enum err dirstore_open(struct ctx *ctx, const char *directory, struct store **out)
{
	struct store *store = heap_calloc(1, sizeof(*store));
	enum err err;

	store->directory = heap_strdup(directory);
	store->lock_fd = -1;
	pthread_rwlock_init(&store->lock, NULL);
	for (size_t i = 0; i < STORE_STRIPES; i++)
		pthread_mutex_init(&store->stripes[i], NULL);
	err = load(ctx, store);
	if (err != E_OK) {
		dirstore_close(store);
		return fault_wrap(ctx, err, "state directory %s", directory);
	}
	*out = store;
	return E_OK;
}

void dirstore_close(struct store *store)
{
	if (!store)
		return;
	journal_drop_rest(store);
	for (int kind = 0; kind < KIND_COUNT; kind++)
		shelf_fini(&store->shelves[kind]);
	for (size_t i = 0; i < STORE_STRIPES; i++)
		pthread_mutex_destroy(&store->stripes[i]);
	pthread_rwlock_destroy(&store->lock);
	versions_close(store->versions);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store->directory);
	free(store);
}
