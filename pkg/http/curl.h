/*
 * curl - struct http on libcurl: one multi handle and one transfer at a time per object.
 *
 * Each worker owns one; another thread may only cancel (curl_multi_wakeup). TLS is verified,
 * redirects are not followed, nothing is taken from netrc or cookies. A ONE_SHOT always gets a
 * fresh connection that is closed after it, because libcurl repeats a POST by itself when a reused
 * connection turns out dead, and one that is under way when it is to be cancelled
 * soon still has CURL_LAST_ANSWER_MSEC for its answer. Limits on every request: connect 5 s, the
 * request's whole time, 1 byte/s for 15 s, 64 KiB and 128 lines of headers, the body's limit. Over
 * https an answer with a body must say how long it is, or it could have been cut short.
 */
#pragma once

#include "http/http.h"

#define CURL_LAST_ANSWER_MSEC (5 * MSEC_PER_SEC)

struct curl_options {
	const char *ca_file;	/* NULL: the system's */
	const char *user_agent; /* "gatecert/1.0" */
	msec_t timeout;		/* of every request that names no shorter one */
	bool no_proxy;		/* IMDS and the self-check: never through a proxy */
};

/* Once per process, before threads. Ignores SIGPIPE from then on. */
void curl_library_init(void);

/* Strings are copied. (curl_free is a name of libcurl.) */
struct http *curl_new(const struct curl_options *options);
void curl_close(struct http *http);
