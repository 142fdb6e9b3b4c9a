/*
 * journal - what a batch decided, and what of it is not written yet (see batch).
 *
 * DIR/journal.json holds objects as they are to be, and files beside them. It is removed when all
 * of that stands. While it is there nothing is erased, and no other is begun, so
 * that carrying it out once more takes nothing back: of the objects only those that were written
 * later, by their reconcilers, are left as they are. What takes long is carried out in slices, from
 * memory.
 */
#pragma once

#include "store/store.h"

/* Carries out what was accepted (see batch) and could not be written yet. Before any look at the
 * files beside the store: they may be older than it. E_AGAIN: there is still no room. */
enum err journal_settle(struct ctx *ctx, struct store *store);

/* Carries out what batches have left, until the time (mono), but one thing at least. False: there
 * is more, and a batch that is committed meanwhile does all of it first. On the loop thread. */
bool journal_settle_on(struct ctx *ctx, struct store *store, msec_t until);

bool journal_is_settled(const struct store *store);

/* Something of that failed: journal_settle_on tries it again every JOURNAL_TROUBLE_LOOK. */
#define JOURNAL_TROUBLE_LOOK (5 * MSEC_PER_SEC)
bool journal_is_in_trouble(const struct store *store);
