/*
 * owners - which gateway, vault, container and CA a request is about.
 *
 * The handlers know one of each: world->gateway, world->vault, world->blobs, world->acme. While
 * nothing is handled those are the first ones. Whoever takes the lock and wants others sets them,
 * and calls owners_first before it gives the lock back.
 */
#pragma once

#include "world/model.h"

/* One more, at the end of its list, with its number, name and URL (or id); the caller allocated it
 * with `place` as its first member. */
void owners_add(struct world *world, struct place *place, enum place_kind kind, const char *where);

void owners_first(struct world *world);

/* Sets those that the call is about, and call->owner. */
void owners_of_call(struct world *world, struct call *call);

/* By name ("vault-2"); false when nobody is called that. */
bool owners_by_name(struct world *world, const char *name);

/* By number, from 1; 0 is the first. False when there is none. */
bool owners_by_number(struct world *world, enum place_kind kind, unsigned number);

/* The one at whose URL or id `text` begins; false when it is nobody's. */
bool owners_by_where(struct world *world, enum place_kind kind, const char *text);

/* The gateway at this address. */
bool owners_by_ip(struct world *world, const char *ip);

/* `text` is `base`, or goes on behind it with a slash, a question mark or nothing; any case. */
bool owners_is_below(const char *text, const char *base);
