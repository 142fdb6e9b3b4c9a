/*
 * batch - changes of several specs, and of files beside them, that are made as one.
 *
 * One write decides: when there is more than one thing to write, all of it stands in the journal
 * first, as a whole or not at all. A commit that returns an error has changed nothing, here or
 * after a restart; one that returned E_OK is durable, and what could not be carried out yet (a full
 * disk, a kill), or takes long, is carried out by journal_settle, journal_settle_on or the next
 * start, before anything else. Nobody sees a part of it that is not durable. Used on the loop
 * thread alone, by whoever writes specs there.
 */
#pragma once

#include "store/store.h"

struct batch;

/* In ctx's arena; what is put in is borrowed until the commit. */
struct batch *batch_new(struct ctx *ctx, struct store *store);

/* Greater than the number of any batch that was committed before, over restarts too: by it requests
 * and the passes that worked on them are told apart, which times cannot do. */
int64_t batch_number(const struct batch *batch);

/* As store_get, of what the commit will make. */
enum err batch_get(struct ctx *ctx, const struct batch *batch, enum kind kind, const char *name,
		   const void **out);

/* As store_put_spec, without its look at the resource version: nobody else writes specs. The last
 * put of an object counts. */
void batch_put(struct ctx *ctx, struct batch *batch, enum kind kind, const void *object);

/* As store_withdraw. */
void batch_withdraw(struct ctx *ctx, struct batch *batch, enum kind kind, const char *name);

/* A file outside of the store, mode 0644; its directory stands. NULL `text`: it is to go. */
void batch_file(struct ctx *ctx, struct batch *batch, const char *path, const char *text);

enum err batch_commit(struct ctx *ctx, struct batch *batch);
