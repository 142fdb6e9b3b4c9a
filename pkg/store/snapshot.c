#include "store/snapshot.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

struct snapshot {
	struct arena *arena;
	const void *object; /* begins with its struct meta */
	atomic_uint references;
};

static const char *copy_text(struct arena *arena, const char *text)
{
	return text ? arena_strdup(arena, text) : NULL;
}

static void own_text_map(struct arena *arena, struct text_map *map)
{
	const struct text_pair *given = map->items;

	map->items = map->count ? arena_new_array(arena, struct text_pair, map->count) : NULL;
	for (size_t i = 0; i < map->count; i++)
		map->items[i] = (struct text_pair){copy_text(arena, given[i].key),
						   copy_text(arena, given[i].value)};
}

static void own_fields(struct arena *arena, const struct field *table, void *object);

static void own_objects(struct arena *arena, const struct field *field, struct objects *objects)
{
	size_t size = objects->count * field->element_size;

	objects->items = size ? arena_copy(arena, objects->items, size) : NULL;
	for (size_t i = 0; i < objects->count; i++)
		own_fields(arena, field->fields,
			   (unsigned char *)objects->items + i * field->element_size);
}

static void own_field(struct arena *arena, const struct field *field, void *value)
{
	switch (field->type) {
	case FIELD_TEXT: {
		const char **text = value;

		*text = copy_text(arena, *text);
		break;
	}
	case FIELD_TEXTS: {
		struct texts *texts = value;

		*texts = texts_copy(arena, texts);
		break;
	}
	case FIELD_TEXT_MAP: own_text_map(arena, value); break;
	case FIELD_OBJECT: own_fields(arena, field->fields, value); break;
	case FIELD_OBJECTS: own_objects(arena, field, value); break;
	case FIELD_INT:
	case FIELD_BOOL:
	case FIELD_CHOICE:
	case FIELD_TIME: break;
	}
}

/* The struct was copied byte for byte; now what it points to is. */
static void own_fields(struct arena *arena, const struct field *table, void *object)
{
	for (const struct field *field = table; field->name; field++)
		if (!(field->flags & FIELD_IGNORED))
			own_field(arena, field, (unsigned char *)object + field->offset);
}

struct snapshot *snapshot_new(enum kind kind, const void *object)
{
	const struct kind_info *info = kind_info(kind);
	struct arena *arena = arena_new();
	struct snapshot *snapshot = arena_new_one(arena, struct snapshot);
	void *copy = arena_copy(arena, object, info->size);

	own_fields(arena, info->fields, copy);
	snapshot->arena = arena;
	snapshot->object = copy;
	atomic_init(&snapshot->references, 1);
	return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	unsigned before = atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);

	assert(before > 0);
	return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	/* acq_rel: whoever frees has seen every other thread's last look. */
	if (atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) == 1)
		arena_free(snapshot->arena);
}

const void *snapshot_object(const struct snapshot *snapshot)
{
	return snapshot->object;
}

const char *snapshot_name(const struct snapshot *snapshot)
{
	return ((const struct meta *)snapshot->object)->name;
}
