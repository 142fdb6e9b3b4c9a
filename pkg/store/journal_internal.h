/*
 * journal_internal - what is to be written together, written down first. For this package alone.
 */
#pragma once

#include "store/journal.h"
#include "store/store_internal.h"

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
