#include "store/shelf.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

#define FIRST_CAPACITY ((size_t)16)

void shelf_fini(struct shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++)
		snapshot_unref(shelf->items[i]);
	free(shelf->items);
	*shelf = (struct shelf){.items = NULL};
}

/* Where the name is, or would be. */
static size_t place_of(const struct shelf *shelf, const char *name, bool *is_there)
{
	size_t low = 0, high = shelf->count;

	*is_there = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(snapshot_name(shelf->items[middle]), name);

		if (order == 0) {
			*is_there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct snapshot *shelf_find(const struct shelf *shelf, const char *name)
{
	bool is_there;
	size_t place = place_of(shelf, name, &is_there);

	return is_there ? shelf->items[place] : NULL;
}

static void make_room(struct shelf *shelf)
{
	if (shelf->count < shelf->capacity)
		return;
	shelf->capacity = shelf->capacity ? 2 * shelf->capacity : FIRST_CAPACITY;
	shelf->items = heap_reallocarray(shelf->items, shelf->capacity, sizeof(*shelf->items));
}

struct snapshot *shelf_put(struct shelf *shelf, struct snapshot *snapshot)
{
	struct snapshot *replaced;
	bool is_there;
	size_t place = place_of(shelf, snapshot_name(snapshot), &is_there);

	shelf->edition++;
	if (is_there) {
		replaced = shelf->items[place];
		shelf->items[place] = snapshot;
		return replaced;
	}
	make_room(shelf);
	memmove(shelf->items + place + 1, shelf->items + place,
		(shelf->count - place) * sizeof(*shelf->items));
	shelf->items[place] = snapshot;
	shelf->count++;
	return NULL;
}

struct snapshot *shelf_take(struct shelf *shelf, const char *name)
{
	struct snapshot *taken;
	bool is_there;
	size_t place = place_of(shelf, name, &is_there);

	if (!is_there)
		return NULL;
	taken = shelf->items[place];
	shelf->edition++;
	shelf->count--;
	memmove(shelf->items + place, shelf->items + place + 1,
		(shelf->count - place) * sizeof(*shelf->items));
	return taken;
}
