/*
 * request - one HTTP request as the handlers see it: taken apart, decoded, bounded.
 *
 * Knows nothing of libmicrohttpd. Everything lives in the arena of the request's ctx. Query strings
 * carry keys and codes, so neither `target` nor `query` ever goes to a log.
 */
#pragma once

#include "codec/fields.h"

#define REQUEST_TARGET_MAX	  4096
#define REQUEST_HEADERS_MAX_BYTES 16384
#define REQUEST_HEADERS_MAX	  100
#define REQUEST_BODY_MAX	  ((size_t)64 * 1024)
#define REQUEST_DEPTH_MAX	  16
#define REQUEST_SEGMENTS_MAX	  8
#define REQUEST_ARGS_MAX	  2

struct request_pair {
	const char *name, *value;
};

struct request {
	const char *method;
	const char *target;			    /* origin form, as received */
	const char *segments[REQUEST_SEGMENTS_MAX]; /* of the path, decoded */
	size_t segment_count;
	struct request_pair *params;
	size_t param_count;
	struct request_pair *headers;
	size_t header_count;
	bool hides_bytes; /* the head had more than method, target, version and headers */
	const char *body; /* NUL-terminated behind body_size */
	size_t body_size;
	const char *args[REQUEST_ARGS_MAX]; /* what the route's pattern captured */
	bool is_tls;			    /* came over TLS */
	bool is_trusted;		    /* from a local user who needs no key */
	const char *peer;		    /* address of the client, for logs */
	uint64_t peer_hash;		    /* the same for everybody behind one address */
	const char *key_name;		    /* of the API key that was presented, else NULL */
	struct texts scope; /* hostnames that the key reaches, with all below them; none: all */
};

/* E_REFUSED, reason InvalidRequest: bytes that no target may hold, or neither origin nor absolute
 * form. */
enum err request_set_target(struct ctx *ctx, struct request *request, const char *target);

/* False when there are too many. */
bool request_add_header(struct ctx *ctx, struct request *request, const char *name,
			const char *value);

/* The first of that name (any case), or NULL. */
const char *request_header(const struct request *request, const char *name);
size_t request_count_header(const struct request *request, const char *name);
const char *request_param(const struct request *request, const char *name);

/* true and false in any case; anything else counts as absent. */
bool request_flag(const struct request *request, const char *name, bool fallback);

/* Who asks, for sharing what there is: the key, or else everybody behind one address. */
uint64_t request_client(const struct request *request);

/* As Kubernetes reads a flag of a query: anything but nothing, 0 and false. */
bool request_is_set(const struct request *request, const char *name);

/* The media type in lower case without parameters, or NULL. */
const char *request_media_type(struct ctx *ctx, const struct request *request);

/* E_REFUSED, reason InvalidJson, also when it is nested too deeply. */
enum err request_json(struct ctx *ctx, const struct request *request, struct json **out);
