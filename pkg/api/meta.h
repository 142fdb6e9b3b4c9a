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

/*
 * What a document of a client or a person may have in its metadata beside what counts: members that
 * the API adds, so that what it gave can be given back, and those that every Kubernetes client
 * sends. Dropped. What would be a promise (finalizers, owners, a namespace) is dropped while it is
 * empty alone.
 */
#define META_DROPPED(member, text)                                                          \
	{                                                                                   \
		.name = (member), .type = FIELD_TEXT, .flags = FIELD_IGNORED | FIELD_QUIET, \
		.help = (text)                                                              \
	}
#define META_EMPTY(member, kind, text)                                                  \
	{                                                                               \
		.name = (member), .type = (kind), .flags = FIELD_IGNORED | FIELD_EMPTY, \
		.help = (text)                                                          \
	}
#define META_DROPPED_FIELDS                                                               \
	META_DROPPED("uid", "Set by the daemon."),                                        \
		META_DROPPED("generation", "Set by the daemon."),                         \
		META_DROPPED("creationTimestamp", "Set by the daemon."),                  \
		META_DROPPED("deletionTimestamp", "Of Kubernetes clients."),              \
		META_DROPPED("deletionGracePeriodSeconds", "Of Kubernetes clients."),     \
		META_DROPPED("selfLink", "Of Kubernetes clients."),                       \
		META_DROPPED("managedFields", "Of Kubernetes clients."),                  \
		META_DROPPED("generateName", "Of Kubernetes clients: a name is needed."), \
		META_EMPTY("namespace", FIELD_TEXT, "Hostnames have none."),              \
		META_EMPTY("finalizers", FIELD_TEXTS, "There are none."),                 \
		META_EMPTY("ownerReferences", FIELD_TEXTS, "There are none.")

/* Whose facts the status has. Never NULL for an object of the store. */
const char *meta_lineage(const struct meta *meta);
