/*
 * shelf - the snapshots of one kind, in name order.
 *
 * Owns one reference of each. Knows no locks: who shares it guards it.
 */
#pragma once

#include <stdint.h>

#include "store/snapshot.h"

struct shelf {
	struct snapshot **items;
	size_t count, capacity;
	uint64_t edition; /* grows with every put and take */
};

void shelf_fini(struct shelf *shelf);

/* Borrowed; NULL when there is none. */
struct snapshot *shelf_find(const struct shelf *shelf, const char *name);

/* Takes over the reference; the one that it replaces, or NULL, is the caller's. */
struct snapshot *shelf_put(struct shelf *shelf, struct snapshot *snapshot);

/* What was taken out is the caller's; NULL when there was none. */
struct snapshot *shelf_take(struct shelf *shelf, const char *name);
