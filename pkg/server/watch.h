/*
 * watch - what changes among the objects of a kind, as JSON lines: {"type": "ADDED", "object":
 * {...}}.
 *
 * A watch remembers the list that its client has and compares it with the store's now. It begins
 * from nothing (everything is ADDED), from the present, or from a list that was answered a short
 * while ago, which is kept for that. Belongs to the loop thread.
 */
#pragma once

#include "api/kind.h"
#include "base/buf.h"
#include "server/request.h"
#include "store/store.h"

#define WATCH_POINTS_MAX  8
#define WATCH_POINT_MSEC  MSEC_PER_MIN
#define WATCH_SECONDS_MAX 3600
#define WATCH_BACKLOG_BYTES \
	((size_t)16 * 1024 * 1024) /* a client that falls behind further is let go */
#define WATCHES_MAX 16

/* The objects of a kind at one moment. */
struct watch_list {
	struct ctx ctx; /* holds the snapshots */
	const void **items;
	size_t count;
};

/* A list that a client was given. */
struct watch_point {
	struct watch_list *list; /* NULL: unused */
	enum kind kind;
	int64_t version;
	msec_t since; /* mono */
};

struct watch_points {
	struct watch_point items[WATCH_POINTS_MAX];
	size_t next;
};

struct watch;

/* The objects of a kind now, remembered as what a client is told. Borrowed until the next call. */
const struct watch_list *watch_note(struct ctx *ctx, struct watch_points *points,
				    struct store *store, enum kind kind, int64_t version);
void watch_forget(struct watch_points *points);

/* E_CONFLICT, reason Expired: `version` is not known any more, list again. "", "0" and NULL: from
 * nothing. */
enum err watch_open(struct ctx *ctx, struct watch_points *points, struct store *store,
		    enum kind kind, const struct request *request, struct watch **out);
void watch_close(struct watch *watch);

/* What changed since the last look becomes lines. */
void watch_look(struct watch *watch);

/* How much was put into `out`; 0: nothing at the moment. */
size_t watch_take(struct watch *watch, char *out, size_t room);
bool watch_has_lines(const struct watch *watch);

/* Its time is over, or its client too slow. */
bool watch_has_ended(const struct watch *watch);
void watch_end(struct watch *watch);
msec_t watch_deadline(const struct watch *watch);
