/*
 * changes - what changed among the objects of a kind, one after the other, for those who watch.
 *
 * A look compares the store's list with that of the look before. The latest changes are kept for a
 * while, as many as fit, so that a watch can begin at any version that is not older than they are;
 * for longer they would only be memory that grows for hours. Belongs to the loop thread.
 */
#pragma once

#include "api/kind.h"
#include "store/snapshot.h"
#include "store/store.h"

#define CHANGES_MAX	  10000
#define CHANGES_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define CHANGES_KEPT	  (10 * MSEC_PER_MIN)

struct changes;

/* The objects of a kind at one moment, in name order. */
struct changes_list {
	struct ctx ctx; /* holds the objects */
	const void **items;
	size_t count;
	unsigned references;
};

struct change {
	int64_t version; /* to go on behind it; behind a removal: one from before it */
	int64_t since;	 /* of the store at the look before */
	msec_t seen;	 /* mono */
	struct snapshot *before, *now; /* NULL: was or is not there */
	size_t bytes;
};

struct changes *changes_new(const struct doors *doors, struct store *store, enum kind kind);
void changes_free(struct changes *changes);
enum kind changes_kind(const struct changes *changes);

/* Costs nothing while nothing becomes visible in the store. */
void changes_look(struct changes *changes);

/* Forgets what has been kept for long enough. */
void changes_sweep(struct changes *changes);

/* The store's version at the last look: what a list of then is told. */
int64_t changes_version(const struct changes *changes);

/* The list of the last look; to be given back. */
struct changes_list *changes_hold(struct changes *changes);
bool changes_is_latest(const struct changes *changes, const struct changes_list *list);
void changes_give_back(struct changes_list *list);

/* Where somebody goes on who has seen everything up to `version`; false: not known any more. */
bool changes_find(const struct changes *changes, int64_t version, uint64_t *position);

/* Where the next change will be. */
uint64_t changes_end(const struct changes *changes);

/* NULL: it is not kept any more. */
const struct change *changes_at(const struct changes *changes, uint64_t position);
