/*
 * rendering - what is to be drawn into a gateway's document, and what came of it.
 */
#pragma once

#include "codec/json.h"

struct wanted_hostname {
	const char *hostname;
	const char *base;      /* plain or hashed name: of its vault certificate */
	const char *secret_id; /* without version */
	const char *version;   /* that the vault has; may be NULL */
	bool keeps_version;    /* was sent without one before: a version alone is no reason for an
				  update */
	bool is_evicted;       /* an update with it failed because of it: take it out again */
};

struct render_target {
	const char *gateway_id;
	const char *backend_pool, *http_settings; /* names that must exist */
};

enum render_verdict {
	RENDER_STANDS,	 /* the document shows it already */
	RENDER_CHANGED,	 /* the new document shows it */
	RENDER_UNPINNED, /* the document shows it with a version, the new one without */
	RENDER_REJECTED,
	RENDER_EVICTED, /* the new document shows it no more */
	RENDER_ABSENT,	/* evicted, and not there */
};

struct rendered_hostname {
	enum render_verdict verdict;
	const char *listener, *rule;
	const char *certificate; /* entry that goes with an evicted one, or loses its version */
	bool is_new;		 /* the document has no listener of it, the new one has */
	bool is_pinned;		 /* the document shows its secret id with a version */
	const char *reason, *message; /* of a rejected one: CapacityExceeded, ListenerConflict,
				       * ListenerShadowed */
};

struct rendering {
	struct json *document;		 /* to PUT; complete */
	struct rendered_hostname *items; /* one per wanted hostname, in that order */
	size_t changed;
};
