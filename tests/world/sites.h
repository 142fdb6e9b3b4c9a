/*
 * sites - what the gateway's document means to a client: listeners, rules, paths and where they
 * lead.
 *
 * Read by the nginx data plane and by the in-process one, so that both serve the same. Backends are
 * told apart only so far: the blob container (the challenge), a redirect, or an application that
 * echoes who was asked for.
 */
#pragma once

#include "world/model.h"

enum target_kind { TARGET_NONE, TARGET_ECHO, TARGET_BLOB, TARGET_REDIRECT };

struct target {
	enum target_kind kind;
	const char *path;     /* TARGET_BLOB: what replaces the part of the path that matched; NULL:
				 nothing is replaced */
	int status;	      /* TARGET_REDIRECT */
	const char *location; /* base URL; NULL: the listener `location_host` */
	const char *location_scheme, *location_host; /* host NULL: the one that was asked for */
	bool keeps_path, keeps_query;
};

struct site_path {
	const char *pattern; /* a path, or a prefix of paths that ends in a star */
	struct target target;
};

struct site {
	const char *listener, *rule;
	bool is_https;
	int64_t port, priority;
	const char **hosts; /* none: basic, takes every host */
	size_t host_count;
	const char *certificate; /* entry name */
	struct site_path *paths;
	size_t path_count;
	struct target target;
};

/* Of the served document, by rising priority; listeners without a rule are left out. */
struct site *sites_load(struct ctx *ctx, const struct world *world, size_t *count);

/* The site that answers for a host at a port, or NULL. */
const struct site *sites_find(const struct site *sites, size_t count, int64_t port,
			      const char *host);
bool sites_host_matches(const char *pattern, const char *host);

/* Where a path goes; `rest` is what the pattern's star stood for. */
const struct target *sites_route(const struct site *site, const char *path, const char **rest);

/* The key and chain of a site's certificate; NULL when it is disabled or unknown. */
struct site_certificate {
	EVP_PKEY *key;
	X509 *const *certs;
	size_t cert_count;
	const char *id; /* changes with the certificate */
};
bool sites_certificate(struct ctx *ctx, const struct world *world, const struct site *site,
		       struct site_certificate *out);
