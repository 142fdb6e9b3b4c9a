#include "store/store.h"

#include <string.h>

#include "base/fs.h"
#include "base/text.h"
#include "store/filename.h"
#include "store/store_internal.h"
#include "store/statefile.h"

/* What a reader holds: given back when its ctx ends. */
struct held {
	struct snapshot **items;
	size_t count;
};

static void give_back_one(void *handle)
{
	snapshot_unref(handle);
}

static void give_back(void *handle)
{
	struct held *held = handle;

	for (size_t i = 0; i < held->count; i++)
		snapshot_unref(held->items[i]);
}

static bool is_withdrawn(const struct snapshot *snapshot)
{
	return ((const struct meta *)snapshot_object(snapshot))->withdrawn != 0;
}

static const char *path_of(struct ctx *ctx, const struct store *store, enum kind kind,
			   const char *name)
{
	return fs_join(ctx, store_directory_of(ctx, store, kind), store_file_of(ctx, name));
}

unsigned store_stripe(const char *name)
{
	unsigned hash = 2166136261u;

	for (const char *at = name; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	return hash % STORE_STRIPES;
}

/* NULL when there is none; else alive until the ctx ends. */
static const void *hold(struct ctx *ctx, struct store *store, enum kind kind, const char *name)
{
	struct snapshot *found;

	pthread_rwlock_rdlock(&store->lock);
	found = shelf_find(&store->shelves[kind], name);
	if (found)
		snapshot_ref(found);
	pthread_rwlock_unlock(&store->lock);
	if (!found)
		return NULL;
	arena_defer(ctx->arena, give_back_one, found);
	return snapshot_object(found);
}

void store_tell(struct store *store, enum kind kind, const char *name, enum store_side side)
{
	if (store->changed)
		store->changed(store->changed_handle, kind, name, side);
}

static void *copy_of(struct ctx *ctx, enum kind kind, const void *object)
{
	return arena_copy(ctx->arena, object, kind_info(kind)->size);
}

/* Everything that is not status, as JSON. */
static struct json *spec_side(struct ctx *ctx, enum kind kind, const void *object)
{
	const struct kind_info *info = kind_info(kind);
	void *bare = copy_of(ctx, kind, object);

	memset((char *)bare + info->status_offset, 0, info->status_size);
	return object_to_json(ctx, kind, bare, 0);
}

static void take_status(enum kind kind, void *object, const void *from)
{
	const struct kind_info *info = kind_info(kind);

	memcpy((char *)object + info->status_offset, (const char *)from + info->status_offset,
	       info->status_size);
}

/*
 * What is published was read back from the JSON that is on the disk, so that memory and disk cannot
 * differ. It is read back before it is written: an object that could not be read again must not
 * replace one that can.
 */
enum err store_encode(struct ctx *ctx, struct store *store, enum kind kind, struct meta *object,
		      struct store_encoded *out)
{
	void *read_back = arena_alloc(ctx->arena, kind_info(kind)->size);
	struct json *json, *again;
	const char *text;

	TRY(versions_next(ctx, store->versions, &object->resource_version));
	json = object_to_json(ctx, kind, object, 0);
	text = json_print(ctx, json);
	TRY(json_parse(ctx, text, strlen(text), &again));
	TRY(object_from_json(ctx, kind, again, read_back));
	*out = (struct store_encoded){kind, json, read_back};
	return E_OK;
}

enum err store_write(struct ctx *ctx, struct store *store, const struct store_encoded *encoded)
{
	return statefile_write(ctx, path_of(ctx, store, encoded->kind, encoded->object->name),
			       encoded->json);
}

void store_show(struct store *store, const struct store_encoded *encoded)
{
	store_publish(store, encoded->kind, snapshot_new(encoded->kind, encoded->object));
}

static enum err write_object(struct ctx *ctx, struct store *store, enum kind kind,
			     struct meta *object)
{
	struct store_encoded encoded;

	TRY(store_encode(ctx, store, kind, object, &encoded));
	TRY(store_write(ctx, store, &encoded));
	store_show(store, &encoded);
	return E_OK;
}

static void begin(struct ctx *ctx, enum kind kind, struct meta *object)
{
	char *uid = arena_alloc(ctx->arena, 33);

	memset((char *)object + kind_info(kind)->status_offset, 0, kind_info(kind)->status_size);
	rng_hex(ctx->doors->rng, uid, 16);
	object->uid = uid;
	object->lineage = NULL;
	object->generation = 1;
	object->created = ctx_wall(ctx);
}

/* Another object, with the facts of the one that is leaving: a pass that works on them meanwhile
 * goes on recording them. */
static void begin_again(struct ctx *ctx, enum kind kind, struct meta *object,
			const struct meta *leaving)
{
	begin(ctx, kind, object);
	object->lineage = meta_lineage(leaving);
	object->generation = leaving->generation + 1;
	take_status(kind, object, leaving);
}

/* False when the spec side of `object` is what is there already. */
static bool continue_from(struct ctx *ctx, enum kind kind, struct meta *object,
			  const struct meta *current)
{
	struct json *before = spec_side(ctx, kind, current), *after;

	object->uid = current->uid;
	object->lineage = current->lineage;
	object->generation = current->generation;
	object->created = current->created;
	object->resource_version = current->resource_version;
	take_status(kind, object, current);
	after = spec_side(ctx, kind, object);
	if (json_equal(before, after))
		return false;
	if (!json_equal(json_get(before, "spec"), json_get(after, "spec")))
		object->generation++;
	return true;
}

struct meta *store_successor(struct ctx *ctx, struct store *store, enum kind kind,
			     const struct meta *given)
{
	const struct meta *current = hold(ctx, store, kind, given->name);
	struct meta *object = copy_of(ctx, kind, given);

	if (!current)
		begin(ctx, kind, object);
	else if (current->withdrawn && !object->withdrawn)
		begin_again(ctx, kind, object, current);
	else if (!continue_from(ctx, kind, object, current))
		return NULL;
	return object;
}

static enum err put_spec(struct ctx *ctx, struct store *store, enum kind kind,
			 const struct meta *given, bool *is_changed)
{
	const struct meta *current = hold(ctx, store, kind, given->name);
	struct meta *object;

	if (given->resource_version != 0 &&
	    (!current || current->resource_version != given->resource_version))
		return fault_set(ctx, E_CONFLICT, "Conflict", "%s %s has changed meanwhile",
				 kind_info(kind)->name, given->name);
	object = store_successor(ctx, store, kind, given);
	if (!object)
		return E_OK;
	*is_changed = true;
	return write_object(ctx, store, kind, object);
}

static enum err not_found(struct ctx *ctx, enum kind kind, const char *name)
{
	return fault_set(ctx, E_NOTFOUND, "NotFound", "%s %s is not known", kind_info(kind)->name,
			 name);
}

static enum err put_status(struct ctx *ctx, struct store *store, enum kind kind,
			   const struct meta *given, bool *is_changed)
{
	const struct meta *current = hold(ctx, store, kind, given->name);
	struct meta *object;

	if (!current || !text_equals(meta_lineage(current), meta_lineage(given)))
		return not_found(ctx, kind, given->name);
	object = copy_of(ctx, kind, current);
	take_status(kind, object, given);
	if (json_equal(json_get(object_to_json(ctx, kind, current, 0), "status"),
		       json_get(object_to_json(ctx, kind, object, 0), "status")))
		return E_OK;
	*is_changed = true;
	return write_object(ctx, store, kind, object);
}

enum err store_check_journal(struct ctx *ctx, struct store *store)
{
	if (atomic_load(&store->journal) == JOURNAL_NONE)
		return E_OK;
	return fault_set(ctx, E_AGAIN, "StateNotDurable",
			 "what was accepted before is not written yet");
}

static enum err erase(struct ctx *ctx, struct store *store, enum kind kind,
		      const struct meta *given, bool *is_changed)
{
	struct snapshot *taken;
	int64_t version;

	if (!hold(ctx, store, kind, given->name))
		return E_OK;
	TRY(store_check_journal(ctx,
				store)); /* it may name what is to go, and would bring it back */
	TRY(versions_next(ctx, store->versions, &version));
	TRY(ctx->doors->fs->remove(ctx, ctx->doors->fs, path_of(ctx, store, kind, given->name)));
	pthread_rwlock_wrlock(&store->lock);
	taken = shelf_take(&store->shelves[kind], given->name);
	pthread_rwlock_unlock(&store->lock);
	snapshot_unref(taken);
	*is_changed = true;
	return E_OK;
}

/* Undoing takes long, and meanwhile somebody may have asked for the same name again. */
static enum err forget(struct ctx *ctx, struct store *store, enum kind kind,
		       const struct meta *given, bool *is_changed)
{
	const struct meta *current = hold(ctx, store, kind, given->name);

	if (current && !current->withdrawn)
		return fault_set(ctx, E_CONFLICT, "Conflict", "%s %s is desired again",
				 kind_info(kind)->name, given->name);
	return erase(ctx, store, kind, given, is_changed);
}

static enum err withdraw(struct ctx *ctx, struct store *store, enum kind kind,
			 const struct meta *given, bool *is_changed)
{
	const struct meta *current = hold(ctx, store, kind, given->name);
	struct meta *object;

	if (!current || current->withdrawn)
		return E_OK;
	object = copy_of(ctx, kind, current);
	object->withdrawn = ctx_wall(ctx);
	*is_changed = true;
	return write_object(ctx, store, kind, object);
}

typedef enum err change_fn(struct ctx *ctx, struct store *store, enum kind kind,
			   const struct meta *given, bool *is_changed);

static enum err change(struct ctx *ctx, struct store *store, enum kind kind,
		       const struct meta *given, change_fn *how, enum store_side side)
{
	pthread_mutex_t *stripe = &store->stripes[store_stripe(given->name)];
	bool is_changed = false;
	enum err err;

	pthread_mutex_lock(stripe);
	err = how(ctx, store, kind, given, &is_changed);
	pthread_mutex_unlock(stripe);
	if (err == E_OK && is_changed)
		store_tell(store, kind, given->name, side);
	return err;
}

const char *store_directory_of(struct ctx *ctx, const struct store *store, enum kind kind)
{
	return fs_join(ctx, store->directory, kind_info(kind)->plural);
}

const char *store_file_of(struct ctx *ctx, const char *name)
{
	return arena_printf(ctx->arena, "%s" STORE_SUFFIX, filename_for(ctx, name));
}

void store_publish(struct store *store, enum kind kind, struct snapshot *snapshot)
{
	struct snapshot *replaced;

	pthread_rwlock_wrlock(&store->lock);
	replaced = shelf_put(&store->shelves[kind], snapshot);
	pthread_rwlock_unlock(&store->lock);
	snapshot_unref(replaced);
}

void store_on_change(struct store *store, store_changed_fn *changed, void *handle)
{
	store->changed = changed;
	store->changed_handle = handle;
}

enum err store_get_any(struct ctx *ctx, struct store *store, enum kind kind, const char *name,
		       const void **out)
{
	*out = hold(ctx, store, kind, name);
	return *out ? E_OK : not_found(ctx, kind, name);
}

enum err store_get(struct ctx *ctx, struct store *store, enum kind kind, const char *name,
		   const void **out)
{
	TRY(store_get_any(ctx, store, kind, name, out));
	return ((const struct meta *)*out)->withdrawn ? not_found(ctx, kind, name) : E_OK;
}

static enum err list(struct ctx *ctx, struct store *store, enum kind kind, bool withdrawn,
		     const void ***items, size_t *count)
{
	struct held *held = arena_new_one(ctx->arena, struct held);
	const struct shelf *shelf = &store->shelves[kind];

	pthread_rwlock_rdlock(&store->lock);
	held->items = arena_new_array(ctx->arena, struct snapshot *, shelf->count);
	for (size_t i = 0; i < shelf->count; i++)
		if (is_withdrawn(shelf->items[i]) == withdrawn)
			held->items[held->count++] = snapshot_ref(shelf->items[i]);
	pthread_rwlock_unlock(&store->lock);
	arena_defer(ctx->arena, give_back, held);
	*count = held->count;
	*items = arena_new_array(ctx->arena, const void *, held->count);
	for (size_t i = 0; i < held->count; i++)
		(*items)[i] = snapshot_object(held->items[i]);
	return E_OK;
}

enum err store_list(struct ctx *ctx, struct store *store, enum kind kind, const void ***items,
		    size_t *count)
{
	return list(ctx, store, kind, false, items, count);
}

enum err store_list_withdrawn(struct ctx *ctx, struct store *store, enum kind kind,
			      const void ***items, size_t *count)
{
	return list(ctx, store, kind, true, items, count);
}

enum err store_put_spec(struct ctx *ctx, struct store *store, enum kind kind, const void *object)
{
	return change(ctx, store, kind, object, put_spec, STORE_SPEC);
}

enum err store_put_status(struct ctx *ctx, struct store *store, enum kind kind, const void *object)
{
	return change(ctx, store, kind, object, put_status, STORE_STATUS);
}

enum err store_withdraw(struct ctx *ctx, struct store *store, enum kind kind, const char *name)
{
	const struct meta given = {.name = name};

	return change(ctx, store, kind, &given, withdraw, STORE_SPEC);
}

enum err store_forget(struct ctx *ctx, struct store *store, enum kind kind, const char *name)
{
	const struct meta given = {.name = name};

	return change(ctx, store, kind, &given, forget, STORE_SPEC);
}

enum err store_delete(struct ctx *ctx, struct store *store, enum kind kind, const char *name)
{
	const struct meta given = {.name = name};

	return change(ctx, store, kind, &given, erase, STORE_SPEC);
}

int64_t store_version(struct store *store)
{
	return versions_last(store->versions);
}

uint64_t store_edition(struct store *store, enum kind kind)
{
	uint64_t edition;

	pthread_rwlock_rdlock(&store->lock);
	edition = store->shelves[kind].edition;
	pthread_rwlock_unlock(&store->lock);
	return edition;
}

size_t store_count(struct store *store, enum kind kind)
{
	const struct shelf *shelf = &store->shelves[kind];
	size_t count = 0;

	pthread_rwlock_rdlock(&store->lock);
	for (size_t i = 0; i < shelf->count; i++)
		count += !is_withdrawn(shelf->items[i]);
	pthread_rwlock_unlock(&store->lock);
	return count;
}
