/*
 * meta - what every object has: a name, an identity, and two counters.
 *
 * generation counts changes of the spec, resource_version every durable write. Both belong to the
 * store.
 */
#pragma once

#include "codec/fields.h"

#define API_VERSION "gatecert/v1"

struct meta {
	const char *name;
	const char *uid; /* 32 hex digits, new for every creation */
	int64_t generation;
	int64_t resource_version;
	msec_t created;
	msec_t withdrawn; /* 0: desired. Else nobody but its reconciler sees it, until that has
			     undone what it began */
	struct text_map labels, annotations;
};

extern const struct field meta_fields[];
