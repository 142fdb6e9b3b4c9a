/*
 * versions - resource versions: they grow with every write, over restarts too.
 *
 * Numbers are reserved durably in blocks before the first of a block is handed out, so that one
 * file write serves a thousand changes, and a deleted object's version is never handed out again.
 */
#pragma once

#include "base/ctx.h"

struct versions;

/* `path`: where the reservation is kept. Errors as statefile_read, E_NOTFOUND excepted. */
enum err versions_open(struct ctx *ctx, const char *path, struct versions **out);
void versions_close(struct versions *versions);

/* At start: an object has this one. */
void versions_seen(struct versions *versions, int64_t version);

/* From any thread. */
enum err versions_next(struct ctx *ctx, struct versions *versions, int64_t *version);

/* The highest handed out. */
int64_t versions_last(struct versions *versions);
