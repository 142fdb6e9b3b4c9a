/*
 * watch - what changes among the objects of a kind, as JSON lines: {"type": "ADDED", "object":
 * {...}}.
 *
 * A watch begins with everything that is there (as ADDED), or behind a version that a list, an
 * object or another watch said. With sendInitialEvents=true it is everything, and a BOOKMARK behind
 * it; with false without a version it is what happens from now on. Its lines are made as its client
 * takes them; one that falls so far behind that the next change is not kept any more is let go.
 * Belongs to the loop thread.
 */
#pragma once

#include "httpd/request.h"
#include "service/changes.h"

#define WATCH_SECONDS_MAX     3600
#define WATCH_LINES_BYTES_MAX ((size_t)16 * 1024 * 1024) /* no object is as large */
#define WATCHES_MAX	      16

struct watch;

/* E_CONFLICT, reason Expired: the version is not known any more, list again. "", "0" and NULL:
 * begins with everything. */
enum err watch_open(struct ctx *ctx, struct changes *changes, const struct request *request,
		    struct watch **out);
void watch_close(struct watch *watch);

/* Whether something has changed, or its time is over. */
void watch_look(struct watch *watch);

/* How much was put into `out`; 0: nothing at the moment. */
size_t watch_take(struct watch *watch, char *out, size_t room);
/* Something may be taken. */
bool watch_has_lines(const struct watch *watch);

/* Its time is over, or its client too slow. */
bool watch_has_ended(const struct watch *watch);
void watch_end(struct watch *watch);
msec_t watch_deadline(const struct watch *watch);
