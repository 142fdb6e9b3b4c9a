/*
 * dns - what a hostname resolves to, and who answered. The twin of http.h: the other seam to the
 * outside.
 *
 * Answers are compared, never connected to. CNAMEs are followed (at most 8). Servers are asked in
 * order; the first that answers (also NXDOMAIN) decides.
 */
#pragma once

#include "base/ctx.h"

#define DNS_ADDRESSES_MAX 32

struct dns_answer {
	const char **addresses; /* A then AAAA, canonical text form */
	size_t count;
	const char *canonical; /* the last CNAME's target, or the name itself */
	const char *server;    /* "address:port" of who answered */
};

struct dns_caa {
	unsigned flags;
	const char *tag, *value;
};

struct dns_caa_set {
	struct dns_caa *items; /* of the closest ancestor that has any (RFC 8659 3) */
	size_t count;
	const char *owner; /* the name that has them; NULL when none has */
	const char *server;
};

struct dns {
	/* E_NOTFOUND: no such name or neither A nor AAAA (reason NXDomain or NoAddress; the text
	 * names the server and what it said). E_AGAIN, reason LookupFailed: SERVFAIL, timeout,
	 * refused, garbled. */
	enum err (*resolve)(struct ctx *ctx, struct dns *dns, const char *hostname,
			    struct dns_answer *out);
	/* No CAA at all is E_OK with count 0. */
	enum err (*caa)(struct ctx *ctx, struct dns *dns, const char *hostname,
			struct dns_caa_set *out);
};

/* c-ares; `servers` as "address:port" or "address", an empty list: those of resolv.conf. Copied. */
struct dns *dns_new(const char *const *servers, size_t count, msec_t timeout);
void dns_free(struct dns *dns);
