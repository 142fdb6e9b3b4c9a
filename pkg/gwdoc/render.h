/*
 * render - the wanted hostnames laid into the gateway's document. Pure: no clock, no network, the
 * same answer every time.
 *
 * Adds what is missing. Of listeners that are ours by name and hostname it repairs the certificate
 * reference, and takes the version out of the secret id of a certificate entry that nobody else
 * refers to: the gateway would never serve another one. Everything else goes back as it came, but
 * for read-only members, which the service ignores and which may name what is gone. Removes nothing
 * but what a failed update of ours brought in (is_evicted).
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

/* `wanted` oldest first: when the gateway is full the newest are rejected. E_REFUSED when the
 * gateway cannot take any: reasons BackendNotFound, HttpSettingsNotFound, NoPublicFrontend,
 * InvalidGatewayDocument. */
enum err render(struct ctx *ctx, const struct json *current, const struct render_target *target,
		const struct wanted_hostname *wanted, size_t count, struct rendering *out);

/* The document without what a PUT leaves out: read-only members and back-references. */
struct json *render_strip(struct ctx *ctx, const struct json *document);

/* Whether `after` differs from `before` only by new children, and otherwise only by what the
 * changed and evicted items name: the last check before a PUT. */
bool render_is_faithful(struct ctx *ctx, const struct json *before, const struct json *after,
			const struct rendering *rendering, size_t count);
