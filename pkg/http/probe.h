/*
 * probe - remembers, for one scope, that it refuses everybody, so that one asks again and not all
 * of them.
 *
 * Wraps another struct http and is shared by all workers. A scope is what one grant or one firewall
 * rule opens: the URLs that begin with a prefix. When 401 or 403 came for as many different objects
 * in a row as the scope asks for, it is shut: everybody gets the remembered answer at once, until
 * the next probe is due (5 s, doubling to 5 min). Then one request goes through: refused again, the
 * scope stays shut; any other answer opens it.
 *
 * One object's own 403 is not the scope's. Hence `objects`: 2 where each object can have grants of
 * its own (certificates, blobs), 1 where the object is the scope (one key). An object that was
 * refused already probes only when nobody else came during one more interval, so that of two
 * refused ones and one that is fine the fine one gets through first, and opens for all. Reads and
 * writes are remembered apart: they are granted apart, and a read that works must not hide that no
 * write does.
 */
#pragma once

#include "http/http.h"

struct probe;

struct probe_options {
	const char *prefix; /* of the URLs that belong to the scope; the next path segment names the
			       object */
	unsigned objects;   /* how many different ones in a row shut it: 1 or 2 */
};

struct probe *probe_new(const struct probe_options *options); /* copies the prefix */
void probe_free(struct probe *probe);

/* A view of `inner` through the probe, in the arena given: one per worker, all on one probe. Other
 * URLs pass as they are. */
struct http *probe_wrap(struct arena *arena, struct probe *probe, struct http *inner);

/* How long until the next probe of reads or writes; 0: open, or one is due. */
msec_t probe_shut_for(struct probe *probe, const struct ctx *ctx, bool is_read);
