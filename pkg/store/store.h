/*
 * store - every object, durable, with one writer for its spec and one for its status.
 *
 * Reads are snapshots: complete, const, and alive until the reader's ctx ends, whatever is written
 * meanwhile. A write is durable when it returns. store_put_spec takes everything but the status,
 * store_put_status nothing but the status, so the two never overwrite each other. What equals what
 * is there is not written at all. `changed` tells which object and side, and carries no data: look
 * at the object.
 */
#pragma once

#include "api/kind.h"

struct store;

enum store_side { STORE_SPEC /* also creation and deletion */, STORE_STATUS };

typedef void store_changed_fn(void *handle, enum kind kind, const char *name, enum store_side side);

/* Called after each durable change, on the writer's thread, without locks held. One listener; set
 * before use. */
void store_on_change(struct store *store, store_changed_fn *changed, void *handle);

/* E_NOTFOUND. `out` is a struct hostname, gateway or instance. */
enum err store_get(struct ctx *ctx, struct store *store, enum kind kind, const char *name,
		   const void **out);

/* All of a kind by name order. */
enum err store_list(struct ctx *ctx, struct store *store, enum kind kind, const void ***items,
		    size_t *count);

/* Creates (new uid, generation 1) or replaces the spec side; generation grows when the spec
 * changed. Over a withdrawn one: creates, with its status (meta_lineage) and behind its generation.
 * When meta.resource_version is not 0 it must be the current one: else E_CONFLICT. */
enum err store_put_spec(struct ctx *ctx, struct store *store, enum kind kind, const void *object);

/* Replaces the status of the object with this name and lineage. E_NOTFOUND when it is gone or
 * another. */
enum err store_put_status(struct ctx *ctx, struct store *store, enum kind kind, const void *object);

/* No longer desired: gone for store_get, store_list and store_count at once, and for store_forget
 * to remove when its reconciler has undone what it began. store_put_spec of that name makes another
 * one with its status. E_OK also when there is none. */
enum err store_withdraw(struct ctx *ctx, struct store *store, enum kind kind, const char *name);

/* Removes what is still withdrawn. E_CONFLICT: it is desired again. E_OK also when there is none.
 */
enum err store_forget(struct ctx *ctx, struct store *store, enum kind kind, const char *name);

/* As store_get and store_list, for those who have to deal with withdrawn objects: the former also
 * finds them, the latter only. */
enum err store_get_any(struct ctx *ctx, struct store *store, enum kind kind, const char *name,
		       const void **out);
enum err store_list_withdrawn(struct ctx *ctx, struct store *store, enum kind kind,
			      const void ***items, size_t *count);

/* E_OK also when there is none. */
enum err store_delete(struct ctx *ctx, struct store *store, enum kind kind, const char *name);

/* The highest resource version handed out. */
int64_t store_version(struct store *store);

/* Grows whenever store_list of a kind would give something else than before. */
uint64_t store_edition(struct store *store, enum kind kind);

size_t store_count(struct store *store, enum kind kind);
