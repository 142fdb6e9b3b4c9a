#include "codec/members.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

#define FIRST_CAPACITY ((size_t)32)

void members_fini(struct members *members)
{
	free(members->items);
	*members = (struct members){.items = NULL};
}

void members_push(struct members *members, const char *name, uint64_t place)
{
	if (members->count == members->capacity) {
		members->capacity = members->capacity ? 2 * members->capacity : FIRST_CAPACITY;
		members->items = heap_reallocarray(members->items, members->capacity,
						   sizeof(*members->items));
	}
	members->items[members->count++] = (struct member){name, place};
}

static int by_name_then_place(const void *left, const void *right)
{
	const struct member *a = left, *b = right;
	int order = strcmp(a->name, b->name);

	return order ? order : (a->place > b->place) - (a->place < b->place);
}

bool members_pop(struct members *members, size_t base, struct member *repeated,
		 struct member *original)
{
	size_t count = members->count - base;
	bool is_found = false;
	struct member *items;

	members->count = base;
	if (count < 2)
		return false;
	items = members->items + base;
	qsort(items, count, sizeof(*items), by_name_then_place);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(items[i - 1].name, items[i].name) != 0)
			continue;
		if (is_found && items[i].place >= repeated->place)
			continue;
		is_found = true;
		*repeated = items[i];
		*original = items[i - 1];
	}
	return is_found;
}
