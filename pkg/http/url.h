/*
 * url - taking URLs apart and putting them together. Uses libcurl's URL API.
 */
#pragma once

#include "base/ctx.h"

struct url {
	const char *scheme; /* lower case */
	const char *host;   /* lower case, IPv6 in brackets */
	unsigned port;	    /* explicit or the scheme's */
	const char *path;   /* "/" at least, as written */
	const char *query;  /* without '?', or NULL */
};

/* E_REFUSED, reason InvalidUrl: not absolute, userinfo, fragment, over 16 KiB, a scheme other than
 * http and https. */
enum err url_parse(struct ctx *ctx, const char *text, struct url *out);

/* A URL that a peer gave us to call: absolute, same scheme, host and port as `base`. E_REFUSED,
 * reason ForeignUrl. */
enum err url_check_origin(struct ctx *ctx, const char *base, const char *text);

/* "https://host[:port]" without the scheme's own port. */
char *url_origin(struct ctx *ctx, const struct url *url);

/* Percent-encodes all but unreserved characters (RFC 3986 2.3). */
char *url_escape(struct ctx *ctx, const char *text);
