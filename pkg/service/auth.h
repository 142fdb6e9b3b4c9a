/*
 * auth - who may ask: API keys, and one code per instance.
 *
 * Keys are kept as SHA-256 only and compared in constant time, all of them each time. The code of
 * an instance is an HMAC of its id under a secret in the state directory, so links survive
 * restarts, and who holds one can follow and end that request and nothing else.
 *
 * What is granted without either (no key is configured, a trusted local user, anonymous starts)
 * must not be granted to the web pages that a browser of such a user shows: neither by a name that
 * was pointed at us nor from another site's page. No page knows a key or a code, so who shows one
 * is not asked where it comes from.
 */
#pragma once

#include "httpd/request.h"

enum auth_right {
	AUTH_ANYBODY,
	AUTH_START,    /* an API key, or nobody's when anonymous starts are allowed */
	AUTH_KEY,      /* an API key, or a trusted local user */
	AUTH_INSTANCE, /* as AUTH_KEY, or the code of the instance in args[0] */
};

enum auth_verdict {
	AUTH_GRANTED,
	AUTH_MISSING,	 /* no credential at all */
	AUTH_UNKNOWN,	 /* one that we do not know */
	AUTH_READ_ONLY,	 /* a key that may only look */
	AUTH_BAD_HOST,	 /* needs no key here, and the Host is not ours */
	AUTH_CROSS_SITE, /* needs no key here, and another site's page sent it */
};

struct auth_key {
	const char *name;
	bool is_read_only;
	struct texts scope; /* none: everything */
	unsigned char sha256[32];
};

struct auth {
	struct auth_key *keys;
	size_t key_count; /* 0: open, for loopback only */
	bool allow_anonymous_start;
	const char *base_origin; /* of the configured base URL, or NULL */
	const char *base_host;	 /* within it */
	unsigned char secret[32];
};

/* Reads the secret, or makes it durably, also in the place of one that cannot be used. E_REFUSED,
 * reason StateTooNew. */
enum err auth_load_secret(struct ctx *ctx, const char *state_directory,
			  unsigned char secret[static 32]);

/* In ctx's arena; needs no escaping in a URL. */
const char *auth_instance_code(struct ctx *ctx, const struct auth *auth, const char *id);

enum auth_verdict auth_check(struct ctx *ctx, const struct auth *auth, enum auth_right right,
			     struct request *request);

/* Whether the key of the request reaches this hostname: the scope itself, or a name below it. */
bool auth_reaches(const struct request *request, const char *hostname);
bool auth_reaches_all(const struct request *request, const struct texts *hostnames);
