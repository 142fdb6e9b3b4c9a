#include "service/changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/text.h"

struct changes {
	const struct doors *doors;
	struct store *store;
	enum kind kind;
	struct changes_list *list; /* of the last look; NULL before the first */
	int64_t version;	   /* of the store, read before that list */
	uint64_t edition;	   /* of the kind, read before that list */
	int64_t floor;		   /* what changed behind an older version is not known */
	struct change *ring;
	uint64_t begin, end; /* positions kept; the place is modulo CHANGES_MAX */
	size_t bytes;
};

/* helpers: lists */

static struct changes_list *list_new(struct changes *changes)
{
	struct changes_list *list = heap_calloc(1, sizeof(*list));

	ctx_init(&list->ctx, changes->doors);
	list->references = 1;
	if (store_list(&list->ctx, changes->store, changes->kind, &list->items, &list->count) !=
	    E_OK)
		list->count = 0;
	return list;
}

static const struct meta *item(const struct changes_list *list, size_t index)
{
	return index < list->count ? list->items[index] : NULL;
}

/* helpers: the ring */

static void drop_oldest(struct changes *changes)
{
	struct change *change = &changes->ring[changes->begin++ % CHANGES_MAX];

	if (changes->floor < change->version)
		changes->floor = change->version;
	if (changes->floor <= change->since)
		changes->floor = change->since + 1;
	changes->bytes -= change->bytes;
	snapshot_unref(change->before);
	snapshot_unref(change->now);
}

static struct snapshot *copy_of(struct changes *changes, const struct meta *object, size_t *bytes)
{
	struct ctx ctx cleanup_ctx;

	ctx_init(&ctx, changes->doors);
	if (!object)
		return NULL;
	*bytes += strlen(json_print(&ctx, object_to_json(&ctx, changes->kind, object, 0)));
	return snapshot_new(changes->kind, object);
}

/* What was seen of one name at two looks. */
struct difference {
	const struct meta *before, *now;
	int64_t version;
};

static msec_t mono_now(const struct changes *changes)
{
	return changes->doors->clock->mono(changes->doors->clock);
}

void changes_sweep(struct changes *changes)
{
	msec_t now = mono_now(changes);

	while (changes->begin < changes->end &&
	       now - changes_at(changes, changes->begin)->seen > CHANGES_KEPT)
		drop_oldest(changes);
}

static void append(struct changes *changes, const struct difference *difference, int64_t since)
{
	struct change change = {
		.version = difference->version, .since = since, .seen = mono_now(changes)};

	change.before = copy_of(changes, difference->before, &change.bytes);
	change.now = copy_of(changes, difference->now, &change.bytes);
	if (changes->end - changes->begin == CHANGES_MAX)
		drop_oldest(changes);
	changes->ring[changes->end++ % CHANGES_MAX] = change;
	changes->bytes += change.bytes;
	while (changes->bytes > CHANGES_BYTES_MAX)
		drop_oldest(changes);
}

/* helpers: comparing */

static bool is_same(const struct meta *before, const struct meta *now)
{
	return before && now && before->resource_version == now->resource_version &&
	       text_equals(before->uid, now->uid);
}

static int by_version(const void *left, const void *right)
{
	const struct difference *a = left, *b = right;

	return (a->version > b->version) - (a->version < b->version);
}

/* In the order of their versions, so that who was told one was told those below it. */
static size_t find_differences(struct ctx *ctx, const struct changes_list *before,
			       const struct changes_list *now, int64_t since,
			       struct difference **out)
{
	size_t i = 0, j = 0, count = 0;

	*out = arena_new_array(ctx->arena, struct difference, before->count + now->count);
	while (item(before, i) || item(now, j)) {
		const struct meta *old = item(before, i), *new = item(now, j);
		int order = !old ? 1 : !new ? -1 : strcmp(old->name, new->name);

		old = order <= 0 ? old : NULL;
		new = order >= 0 ? new : NULL;
		i += order <= 0;
		j += order >= 0;
		if (!is_same(old, new))
			(*out)[count++] = (struct difference){old, new,
							      new ? new->resource_version : since};
	}
	if (count > 0)
		qsort(*out, count, sizeof(**out), by_version);
	return count;
}

static void compare(struct changes *changes, const struct changes_list *now)
{
	struct ctx ctx cleanup_ctx;
	struct difference *differences;
	size_t count;

	ctx_init(&ctx, changes->doors);
	count = find_differences(&ctx, changes->list, now, changes->version, &differences);
	for (size_t i = 0; i < count; i++)
		append(changes, &differences[i], changes->version);
}

/* public */

struct changes *changes_new(const struct doors *doors, struct store *store, enum kind kind)
{
	struct changes *changes = heap_calloc(1, sizeof(*changes));

	changes->doors = doors;
	changes->store = store;
	changes->kind = kind;
	changes->ring = heap_calloc(CHANGES_MAX, sizeof(*changes->ring));
	return changes;
}

void changes_free(struct changes *changes)
{
	if (!changes)
		return;
	while (changes->begin < changes->end)
		drop_oldest(changes);
	changes_give_back(changes->list);
	free(changes->ring);
	free(changes);
}

enum kind changes_kind(const struct changes *changes)
{
	return changes->kind;
}

void changes_look(struct changes *changes)
{
	uint64_t edition = store_edition(changes->store, changes->kind);
	int64_t version = store_version(changes->store);
	struct changes_list *now;

	changes_sweep(changes);
	if (changes->list && edition == changes->edition) {
		changes->version = version;
		return;
	}
	now = list_new(changes);
	if (changes->list)
		compare(changes, now);
	else
		changes->floor = version;
	changes_give_back(changes->list);
	changes->list = now;
	changes->version = version;
	changes->edition = edition;
}

int64_t changes_version(const struct changes *changes)
{
	return changes->version;
}

struct changes_list *changes_hold(struct changes *changes)
{
	changes->list->references++;
	return changes->list;
}

bool changes_is_latest(const struct changes *changes, const struct changes_list *list)
{
	return changes->list == list;
}

void changes_give_back(struct changes_list *list)
{
	if (!list || --list->references > 0)
		return;
	ctx_fini(&list->ctx);
	free(list);
}

/*
 * A version comes from a change, from a list, or from an object that was read: behind the change,
 * behind the list's look (a write may have become visible after it), or at what is newer.
 */
bool changes_find(const struct changes *changes, int64_t version, uint64_t *position)
{
	if (version < changes->floor || version > changes->version)
		return false;
	for (uint64_t at = changes->begin; at < changes->end; at++) {
		const struct change *change = &changes->ring[at % CHANGES_MAX];

		*position = change->since < version && change->version == version ? at + 1 : at;
		if (change->since >= version || change->version >= version)
			return true;
	}
	*position = changes->end;
	return true;
}

uint64_t changes_end(const struct changes *changes)
{
	return changes->end;
}

const struct change *changes_at(const struct changes *changes, uint64_t position)
{
	return position >= changes->begin && position < changes->end
		       ? &changes->ring[position % CHANGES_MAX]
		       : NULL;
}
