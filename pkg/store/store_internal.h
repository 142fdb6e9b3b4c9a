/*
 * store_internal - what dirstore (opening, loading), store (reading, writing) and journal (writing
 * several at once) share. For this package alone.
 *
 * A write holds the stripe of its name from the look at the current object until the new one is
 * published, so that two writers of one object follow each other while writers of different objects
 * wait for the disk side by side. Readers hold `lock` for the moment it takes to count one more
 * reference.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "store/shelf.h"
#include "store/store.h"
#include "store/versions.h"

#define STORE_SUFFIX  ".json"
#define STORE_STRIPES 64

enum journal_state {
	JOURNAL_NONE,
	JOURNAL_OPEN,	 /* stands, and is not carried out, or not all of it */
	JOURNAL_DOUBTFUL /* its writing failed, and it may stand all the same: it has to go */
};

struct store {
	char *directory; /* immutable after open, as is the next one */
	int lock_fd;
	struct versions *versions; /* has its own lock */
	store_changed_fn *changed; /* set before use, as is the next one */
	void *changed_handle;
	pthread_mutex_t stripes[STORE_STRIPES];
	atomic_int journal;	   /* enum journal_state */
	struct journal_rest *rest; /* of it, that is to be carried out; the loop thread's, as is */
	msec_t try_again;	   /* mono: what failed */
	pthread_rwlock_t lock;
	struct shelf shelves[KIND_COUNT]; /* guarded by lock */
};

/* In ctx's arena, as the next one. */
const char *store_directory_of(struct ctx *ctx, const struct store *store, enum kind kind);
const char *store_file_of(struct ctx *ctx, const char *name);

/* Makes it what readers see; takes over the reference. */
void store_publish(struct store *store, enum kind kind, struct snapshot *snapshot);

/* An object with a version of its own, as it is to be written and then seen. */
struct store_encoded {
	enum kind kind;
	const struct json *json;
	const struct meta *object;
};

/* For whoever holds the stripe of the name. */
unsigned store_stripe(const char *name);

/* The whole object behind a put of its spec side; NULL: there is nothing to change. */
struct meta *store_successor(struct ctx *ctx, struct store *store, enum kind kind,
			     const struct meta *given);
enum err store_encode(struct ctx *ctx, struct store *store, enum kind kind, struct meta *object,
		      struct store_encoded *out);
enum err store_write(struct ctx *ctx, struct store *store, const struct store_encoded *encoded);
void store_show(struct store *store, const struct store_encoded *encoded);

/* Without locks held. */
void store_tell(struct store *store, enum kind kind, const char *name, enum store_side side);

/* E_AGAIN while there is one. */
enum err store_check_journal(struct ctx *ctx, struct store *store);
