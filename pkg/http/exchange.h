/*
 * exchange - one request through libcurl: all that is set before, and all that comes back. For
 * curl.c.
 *
 * What comes back is bounded as it arrives; nothing of it is looked at later than that.
 */
#pragma once

#include <curl/curl.h>

#include "base/buf.h"
#include "http/http.h"

#define HEADER_LINES_MAX 128

struct curl {
	struct http http;
	CURLM *multi;
	CURL *easy;
	char *ca_file, *user_agent; /* immutable after new */
	msec_t timeout;
	bool no_proxy;
};

/* One request on its way. */
struct exchange {
	struct ctx *ctx;
	struct curl *curl;
	const struct http_request *request;
	const char *origin;	  /* for messages */
	struct curl_slist *lines; /* request headers */
	struct curl_slist *connect_to;
	char said[CURL_ERROR_SIZE];

	struct http_header *headers;
	size_t header_count, header_lines, header_bytes;
	bool headers_are_complete; /* what follows are trailers, which nobody asked for */
	bool headers_are_too_large;
	int status;
	struct buf body;
	/* of the answer's present stretch of time; nothing while none has begun */
	bool is_answering;
	msec_t stretch_began; /* mono */
	size_t stretch_bytes;
};

/* Resets the handle and sets every option. E_REFUSED for a header that would be two. */
enum err exchange_prepare(struct exchange *exchange);

/* An answer that has begun came to a halt. Thinking before it is no halt: only the request's time
 * ends that. To be asked every second or so. */
bool exchange_is_stalled(struct exchange *exchange);
