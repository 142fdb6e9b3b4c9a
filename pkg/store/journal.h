/*
 * journal - what is to be written together, written down first. For this package alone; see batch.
 *
 * DIR/journal.json holds objects as they are to be, and files beside them. It is removed when all
 * of that stands. While it is there nothing is erased, and no other is begun, so
 * that carrying it out once more takes nothing back: of the objects only those that were written
 * later, by their reconcilers, are left as they are. What takes long is carried out in slices, from
 * memory.
 */
#pragma once

#include "store/internal.h"

enum journal_state {
	JOURNAL_NONE,
	JOURNAL_OPEN,	 /* stands, and is not carried out, or not all of it */
	JOURNAL_DOUBTFUL /* its writing failed, and it may stand all the same: it has to go */
};

struct journal_file {
	const char *path, *text; /* NULL: to be removed */
};

struct journal_entries {
	struct store_encoded *objects;
	size_t object_count;
	struct journal_file *files;
	size_t file_count;
};

/* At start, when the objects are loaded: carries out what stands there. What cannot be written yet
 * is seen all the same. */
enum err journal_open(struct ctx *ctx, struct store *store);

/* E_AGAIN while there is one. */
enum err journal_check(struct ctx *ctx, struct store *store);

/* Decides and carries out; for whoever holds all stripes of the objects. An error: nothing
 * happened.
 */
enum err journal_commit(struct ctx *ctx, struct store *store,
			const struct journal_entries *entries);

/* The end: the rest is for the next start. */
void journal_drop_rest(struct store *store);

/* The stripes of the objects, in the one order. */
void journal_lock(struct store *store, const struct journal_entries *entries);
void journal_unlock(struct store *store, const struct journal_entries *entries);
