/*
 * meta - what every object has: a name, an identity, and two counters.
 *
 * generation counts changes of the spec, resource_version every durable write. Both belong to the
 * store. What is made again while its predecessor is still leaving is another object with the same
 * facts: its generation goes on where that one's ended, so that what was observed of it is not
 * taken for news of this one.
 */
#pragma once

#include "codec/fields.h"

#define API_VERSION "gatecert/v1"

struct meta {
	const char *name;
	const char *uid;     /* 32 hex digits, new for every creation */
	const char *lineage; /* the uid under which the facts of its status began, when they are
				those of one that was leaving; NULL: its own */
	int64_t generation;
	int64_t resource_version;
	msec_t created;
	msec_t withdrawn; /* 0: desired. Else nobody but its reconciler sees it, until that has
			     undone what it began */
	struct text_map labels, annotations;
};

extern const struct field meta_fields[];

/* Whose facts the status has. Never NULL for an object of the store. */
const char *meta_lineage(const struct meta *meta);
