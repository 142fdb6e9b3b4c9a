#include "store/journal.h"

#include <assert.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "store/journal_internal.h"
#include "store/statefile.h"

#define KIND "Journal"
#define JOURNAL_MSEC                                                                 \
	((msec_t)5) /* for what is carried out at once; the loop has others to serve \
		     */
#define SIZE_MAX_BYTES ((size_t)64 * 1024 * 1024) /* a hundred objects of the greatest size */

static const char *path_of(struct ctx *ctx, const struct store *store)
{
	return fs_join(ctx, store->directory, "journal" STORE_SUFFIX);
}

static struct json *encode_file(struct ctx *ctx, const struct journal_file *file)
{
	struct json *json = json_object(ctx);

	json_set_text(ctx, json, "path", file->path);
	if (file->text)
		json_set_text(ctx, json, "text", file->text);
	return json;
}

static const char *encode(struct ctx *ctx, const struct journal_entries *entries)
{
	struct json *json = json_object(ctx);
	struct json *objects = json_array(ctx), *files = json_array(ctx);

	for (size_t i = 0; i < entries->object_count; i++)
		json_append(ctx, objects, json_dup(ctx, entries->objects[i].json));
	for (size_t i = 0; i < entries->file_count; i++)
		json_append(ctx, files, encode_file(ctx, &entries->files[i]));
	json_set_text(ctx, json, "apiVersion", API_VERSION);
	json_set_text(ctx, json, "kind", KIND);
	json_set(ctx, json, "files", files);
	json_set(ctx, json, "objects", objects);
	return json_print(ctx, json);
}

static bool find_kind(const char *name, enum kind *kind)
{
	for (int i = 0; i < KIND_COUNT; i++) {
		*kind = (enum kind)i;
		if (name && strcmp(kind_info(*kind)->name, name) == 0)
			return true;
	}
	return false;
}

static enum err decode_object(struct ctx *ctx, const struct json *json, struct store_encoded *out)
{
	struct meta *object;

	if (!find_kind(json_get_text(json, "kind"), &out->kind))
		return fault_set(ctx, E_REFUSED, "InvalidObject", "an object of no known kind");
	object = arena_alloc(ctx->arena, kind_info(out->kind)->size);
	TRY(object_from_json(ctx, out->kind, json, object));
	out->json = json;
	out->object = object;
	return E_OK;
}

static enum err decode(struct ctx *ctx, const struct json *json, struct journal_entries *out)
{
	const struct json *objects = json_get(json, "objects"), *files = json_get(json, "files");
	size_t object_count = json_size(objects), file_count = json_size(files);

	*out = (struct journal_entries){
		.objects = arena_new_array(ctx->arena, struct store_encoded, object_count),
		.files = arena_new_array(ctx->arena, struct journal_file, file_count),
	};
	json_for_each (object, objects)
		TRY(decode_object(ctx, object, &out->objects[out->object_count++]));
	json_for_each (file, files) {
		struct journal_file *one = &out->files[out->file_count++];

		one->path = json_get_text(file, "path");
		one->text = json_get_text(file, "text");
		if (!one->path)
			return fault_set(ctx, E_REFUSED, "InvalidObject", "a file without a path");
	}
	return E_OK;
}

static void tell_trouble(struct ctx *ctx, enum err err, const char *what)
{
	if (err == E_OK)
		return;
	log_warn(ctx, "what was accepted is not written yet", "what", what, "text", ctx->fault.text,
		 NULL);
	fault_clear(ctx);
}

static bool stands(struct ctx *ctx, const char *directory)
{
	struct fs *fs = ctx->doors->fs;
	char **names;
	size_t count;
	enum err err = fs->list(ctx, fs, directory, &names, &count);

	fault_clear(ctx);
	return err != E_NOTFOUND;
}

/* Where a directory is gone for good, nobody waits for it: that its files are missing is told by
 * those who read it. */
static bool carry_out_file(struct ctx *ctx, const struct journal_file *file)
{
	const char *slash = strrchr(file->path, '/');
	struct fs *fs = ctx->doors->fs;
	enum err err = file->text ? fs->write(ctx, fs, file->path, file->text, strlen(file->text),
					      0644)
				  : fs->remove(ctx, fs, file->path);

	tell_trouble(ctx, err, file->path);
	return err == E_OK || (slash && !stands(ctx, arena_strndup(ctx->arena, file->path,
								   (size_t)(slash - file->path))));
}

/* 0: it is not seen. */
static int64_t version_seen(struct store *store, const struct store_encoded *encoded)
{
	struct snapshot *current;
	int64_t version = 0;

	pthread_rwlock_rdlock(&store->lock);
	current = shelf_find(&store->shelves[encoded->kind], encoded->object->name);
	if (current)
		version = ((const struct meta *)snapshot_object(current))->resource_version;
	pthread_rwlock_unlock(&store->lock);
	return version;
}

/* Under its stripe. */
static void show(struct store *store, const struct store_encoded *encoded)
{
	if (version_seen(store, encoded) < encoded->object->resource_version)
		store_show(store, encoded);
}

/* Under its stripe. Where a status was written since, all that stands here was written with it. */
static bool carry_out_object(struct ctx *ctx, struct store *store,
			     const struct store_encoded *encoded)
{
	enum err err;

	if (version_seen(store, encoded) != encoded->object->resource_version)
		return true;
	err = store_write(ctx, store, encoded);
	tell_trouble(ctx, err, encoded->object->name);
	return err == E_OK;
}

static bool carry_out_alone(struct ctx *ctx, struct store *store,
			    const struct store_encoded *encoded)
{
	pthread_mutex_t *stripe = &store->stripes[store_stripe(encoded->object->name)];
	bool is_done;

	pthread_mutex_lock(stripe);
	is_done = carry_out_object(ctx, store, encoded);
	pthread_mutex_unlock(stripe);
	return is_done;
}

/* How far it is. */
struct progress {
	size_t files, objects;
	bool has_failed;
};

typedef bool carry_out_fn(struct ctx *ctx, struct store *store,
			  const struct store_encoded *encoded);

/* Until the time (mono), but one thing at least. False: there is more. */
static bool carry_on(struct ctx *ctx, struct store *store, const struct journal_entries *entries,
		     struct progress *progress, carry_out_fn *carry_out, msec_t until)
{
	size_t count = entries->file_count + entries->object_count;

	while (progress->files + progress->objects < count) {
		if (progress->files < entries->file_count)
			progress->has_failed |= !carry_out_file(ctx,
								&entries->files[progress->files++]);
		else
			progress->has_failed |= !carry_out(ctx, store,
							   &entries->objects[progress->objects++]);
		if (progress->files + progress->objects < count && ctx_mono(ctx) >= until)
			return false;
	}
	return true;
}

/* All was tried: the journal goes, unless something has to be tried again. */
static void finish(struct ctx *ctx, struct store *store, const struct progress *progress)
{
	struct fs *fs = ctx->doors->fs;
	enum err err = E_OK;

	if (!progress->has_failed) {
		err = fs->remove(ctx, fs, path_of(ctx, store));
		tell_trouble(ctx, err, "journal");
	}
	atomic_store(&store->journal,
		     progress->has_failed || err != E_OK ? JOURNAL_OPEN : JOURNAL_NONE);
}

/* What is left of the journal that stands, for later. */
struct journal_rest {
	struct arena *arena;
	struct journal_entries entries;
	struct progress progress;
};

static void keep_rest(struct ctx *ctx, struct store *store, const char *text,
		      const struct progress *progress)
{
	struct arena *arena = arena_new();
	struct ctx keep = *ctx;
	struct json *json;
	enum err err;

	keep.arena = arena;
	store->rest = arena_new_one(arena, struct journal_rest);
	*store->rest = (struct journal_rest){.arena = arena, .progress = *progress};
	err = json_parse(&keep, text, strlen(text), &json);
	if (err == E_OK)
		err = decode(&keep, json, &store->rest->entries);
	assert(err == E_OK); /* it was read back before it was written */
	atomic_store(&store->journal, JOURNAL_OPEN);
}

void journal_drop_rest(struct store *store)
{
	if (store->rest)
		arena_free(store->rest->arena);
	store->rest = NULL;
}

/* A write that failed may have happened; nobody was told that it did, so it must not count. */
static enum err retract(struct ctx *ctx, struct store *store)
{
	struct fs *fs = ctx->doors->fs;
	struct fault fault = ctx->fault;
	enum err err = fs->remove(ctx, fs, path_of(ctx, store));

	atomic_store(&store->journal, err == E_OK ? JOURNAL_NONE : JOURNAL_DOUBTFUL);
	if (fault.text[0])
		ctx->fault = fault;
	return err;
}

/* What could not be read again would be lost by the next start. */
static enum err check_readable(struct ctx *ctx, const char *text)
{
	struct json *again;

	if (strlen(text) > SIZE_MAX_BYTES)
		return fault_set(ctx, E_REFUSED, "ObjectTooLarge",
				 "this is more than can be written at once");
	return json_parse(ctx, text, strlen(text), &again);
}

enum err journal_commit(struct ctx *ctx, struct store *store, const struct journal_entries *entries)
{
	struct fs *fs = ctx->doors->fs;
	msec_t until = ctx_mono(ctx) + JOURNAL_MSEC;
	const char *text = encode(ctx, entries);
	struct progress progress = {0};
	enum err err;

	TRY(check_readable(ctx, text));
	err = fs->write(ctx, fs, path_of(ctx, store), text, strlen(text), 0600);
	if (err != E_OK) {
		(void)retract(ctx, store);
		return err;
	}
	/* It is true from now on, whether or not it is written now. */
	for (size_t i = 0; i < entries->object_count; i++)
		show(store, &entries->objects[i]);
	if (carry_on(ctx, store, entries, &progress, carry_out_object, until))
		finish(ctx, store, &progress);
	else
		keep_rest(ctx, store, text, &progress);
	return E_OK;
}

static void mark_stripes(const struct journal_entries *entries, bool stripes[STORE_STRIPES])
{
	memset(stripes, 0, STORE_STRIPES * sizeof(*stripes));
	for (size_t i = 0; i < entries->object_count; i++)
		stripes[store_stripe(entries->objects[i].object->name)] = true;
}

void journal_lock(struct store *store, const struct journal_entries *entries)
{
	bool stripes[STORE_STRIPES];

	mark_stripes(entries, stripes);
	for (size_t i = 0; i < STORE_STRIPES; i++)
		if (stripes[i])
			pthread_mutex_lock(&store->stripes[i]);
}

void journal_unlock(struct store *store, const struct journal_entries *entries)
{
	bool stripes[STORE_STRIPES];

	mark_stripes(entries, stripes);
	for (size_t i = 0; i < STORE_STRIPES; i++)
		if (stripes[i])
			pthread_mutex_unlock(&store->stripes[i]);
}

static enum err redo(struct ctx *ctx, struct store *store)
{
	const char *path = path_of(ctx, store);
	struct journal_entries entries;
	struct progress progress = {0};
	struct json *json;
	enum err err = statefile_read_large(ctx, path, KIND, SIZE_MAX_BYTES, &json);

	if (err == E_OK && decode(ctx, json, &entries) != E_OK)
		err = statefile_set_aside(ctx, path, ctx->fault.text);
	if (err == E_NOTFOUND) {
		fault_clear(ctx);
		atomic_store(&store->journal, JOURNAL_NONE);
		return E_OK;
	}
	TRY(err);
	journal_lock(store, &entries);
	for (size_t i = 0; i < entries.object_count; i++)
		show(store, &entries.objects[i]);
	carry_on(ctx, store, &entries, &progress, carry_out_object, MSEC_NEVER);
	finish(ctx, store, &progress);
	journal_unlock(store, &entries);
	return E_OK;
}

enum err journal_open(struct ctx *ctx, struct store *store)
{
	return redo(ctx, store);
}

/* What failed is tried again now and then, also when nobody writes. */
static void try_again(struct ctx *ctx, struct store *store)
{
	msec_t now = ctx_mono(ctx);

	if (!journal_is_in_trouble(store) || now < store->try_again)
		return;
	store->try_again = now + JOURNAL_TROUBLE_LOOK;
	if (journal_settle(ctx, store) != E_OK)
		fault_clear(ctx);
}

bool journal_is_in_trouble(const struct store *store)
{
	return !store->rest && atomic_load(&store->journal) != JOURNAL_NONE;
}

bool journal_is_settled(const struct store *store)
{
	return !store->rest;
}

bool journal_settle_on(struct ctx *ctx, struct store *store, msec_t until)
{
	struct journal_rest *rest = store->rest;

	if (!rest) {
		try_again(ctx, store);
		return true;
	}
	if (!carry_on(ctx, store, &rest->entries, &rest->progress, carry_out_alone, until))
		return false;
	finish(ctx, store, &rest->progress);
	journal_drop_rest(store);
	return true;
}

enum err journal_settle(struct ctx *ctx, struct store *store)
{
	int state;

	journal_settle_on(ctx, store, MSEC_NEVER);
	state = atomic_load(&store->journal);

	if (state == JOURNAL_DOUBTFUL)
		TRY(retract(ctx, store));
	else if (state == JOURNAL_OPEN)
		TRY(redo(ctx, store));
	return store_check_journal(ctx, store);
}
