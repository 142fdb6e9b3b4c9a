/*
 * response - what a handler answers, before it becomes bytes.
 *
 * Always JSON. Lives in the arena of the request's ctx.
 */
#pragma once

#include "codec/json.h"

#define RESPONSE_HEADERS_MAX 8

struct response_header {
	const char *name, *value;
};

struct watch;
struct page;

struct response {
	int status; /* 0: nothing answered yet */
	struct response_header headers[RESPONSE_HEADERS_MAX];
	size_t header_count;
	const char *body;
	size_t body_size;
	bool is_unfinished;  /* not answered yet: the handler is called again at its next turn */
	int64_t done;	     /* how much it has done in earlier turns */
	bool is_last;	     /* the connection ends behind it */
	msec_t delay;	     /* it leaves so much later */
	struct watch *watch; /* in place of a body: lines as they come */
	struct page *page;   /* in place of a body: a list, made as it is sent */
};

/* `value` is borrowed until the request ends; at most RESPONSE_HEADERS_MAX. */
void response_header(struct response *response, const char *name, const char *value);

/* Always E_OK, so that answering is a handler's last statement. */
enum err response_json(struct ctx *ctx, struct response *response, int status, struct json *body);
