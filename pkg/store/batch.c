#include "store/batch.h"

#include <string.h>

#include "base/text.h"
#include "store/journal_internal.h"

struct change {
	struct change *next;
	enum kind kind;
	const struct meta *object;
	bool is_withdrawn;
};

struct file {
	struct file *next;
	struct journal_file file;
};

struct batch {
	struct store *store;
	int64_t number;
	struct change *changes, **changes_end;
	struct file *files, **files_end;
	size_t change_count, file_count;
};

struct batch *batch_new(struct ctx *ctx, struct store *store)
{
	struct batch *batch = arena_new_one(ctx->arena, struct batch);

	batch->store = store;
	batch->number = store_version(store) + 1;
	batch->changes_end = &batch->changes;
	batch->files_end = &batch->files;
	return batch;
}

/* Every commit hands out a version that is no smaller. */
int64_t batch_number(const struct batch *batch)
{
	return batch->number;
}

static struct change *find(const struct batch *batch, enum kind kind, const char *name)
{
	struct change *change = batch->changes;

	while (change && !(change->kind == kind && text_equals(change->object->name, name)))
		change = change->next;
	return change;
}

static struct change *add(struct ctx *ctx, struct batch *batch, enum kind kind,
			  const struct meta *object)
{
	struct change *change = arena_new_one(ctx->arena, struct change);

	*change = (struct change){.kind = kind, .object = object};
	*batch->changes_end = change;
	batch->changes_end = &change->next;
	batch->change_count++;
	return change;
}

enum err batch_get(struct ctx *ctx, const struct batch *batch, enum kind kind, const char *name,
		   const void **out)
{
	const struct change *change = find(batch, kind, name);

	if (!change)
		return store_get(ctx, batch->store, kind, name, out);
	if (change->is_withdrawn)
		return fault_set(ctx, E_NOTFOUND, "NotFound", "%s is withdrawn", name);
	*out = change->object;
	return E_OK;
}

void batch_put(struct ctx *ctx, struct batch *batch, enum kind kind, const void *object)
{
	const struct meta *copy = arena_copy(ctx->arena, object, kind_info(kind)->size);
	struct change *change = find(batch, kind, copy->name);

	if (!change)
		change = add(ctx, batch, kind, copy);
	change->object = copy;
	change->is_withdrawn = false;
}

void batch_withdraw(struct ctx *ctx, struct batch *batch, enum kind kind, const char *name)
{
	struct change *change = find(batch, kind, name);
	const void *current;

	if (!change) {
		if (store_get(ctx, batch->store, kind, name, &current) != E_OK) {
			fault_clear(ctx);
			return;
		}
		change = add(ctx, batch, kind, current);
	}
	change->is_withdrawn = true;
}

void batch_file(struct ctx *ctx, struct batch *batch, const char *path, const char *text)
{
	struct file *file = arena_new_one(ctx->arena, struct file);

	file->file = (struct journal_file){path, text};
	*batch->files_end = file;
	batch->files_end = &file->next;
	batch->file_count++;
}

/* The object as it will be; NULL: as it is. */
static struct meta *successor(struct ctx *ctx, struct store *store, const struct change *change)
{
	struct meta *object = arena_copy(ctx->arena, change->object, kind_info(change->kind)->size);

	object->withdrawn = change->is_withdrawn ? ctx_wall(ctx) : 0;
	return store_successor(ctx, store, change->kind, object);
}

/* Under the stripes of all. */
static enum err encode(struct ctx *ctx, const struct batch *batch, struct journal_entries *entries)
{
	for (const struct change *change = batch->changes; change; change = change->next) {
		struct meta *object = successor(ctx, batch->store, change);

		if (object)
			TRY(store_encode(ctx, batch->store, change->kind, object,
					 &entries->objects[entries->object_count++]));
	}
	for (const struct file *file = batch->files; file; file = file->next)
		entries->files[entries->file_count++] = file->file;
	return E_OK;
}

/* What is alone decides by itself. */
static enum err write(struct ctx *ctx, struct store *store, const struct journal_entries *entries)
{
	if (entries->object_count + entries->file_count == 0)
		return E_OK;
	if (entries->file_count > 0 || entries->object_count > 1)
		return journal_commit(ctx, store, entries);
	TRY(store_write(ctx, store, &entries->objects[0]));
	store_show(store, &entries->objects[0]);
	return E_OK;
}

static struct journal_entries entries_for(struct ctx *ctx, const struct batch *batch)
{
	return (struct journal_entries){
		.objects = arena_new_array(ctx->arena, struct store_encoded, batch->change_count),
		.files = arena_new_array(ctx->arena, struct journal_file, batch->file_count),
	};
}

/* Their names are all that matters to the locks. */
static struct journal_entries names_of(struct ctx *ctx, const struct batch *batch)
{
	struct journal_entries names = entries_for(ctx, batch);

	for (const struct change *change = batch->changes; change; change = change->next)
		names.objects[names.object_count++] = (struct store_encoded){change->kind, NULL,
									     change->object};
	return names;
}

enum err batch_commit(struct ctx *ctx, struct batch *batch)
{
	struct journal_entries names = names_of(ctx, batch), entries = entries_for(ctx, batch);
	enum err err;

	/* One object alone decides by its version, whatever still waits in the journal. */
	if (batch->file_count > 0 || batch->change_count > 1)
		TRY(journal_settle(ctx, batch->store));
	journal_lock(batch->store, &names);
	err = encode(ctx, batch, &entries);
	if (err == E_OK)
		err = write(ctx, batch->store, &entries);
	journal_unlock(batch->store, &names);
	for (size_t i = 0; err == E_OK && i < entries.object_count; i++)
		store_tell(batch->store, entries.objects[i].kind, entries.objects[i].object->name,
			   STORE_SPEC);
	return err;
}
