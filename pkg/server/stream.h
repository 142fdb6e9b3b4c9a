/*
 * stream - a watch as the body of an answer: lines leave as they come, and the connection rests in
 * between.
 */
#pragma once

#include <microhttpd.h>

#include "objects/watch.h"

struct stream;

struct streams {
	struct stream *first;
	uint64_t *activity; /* of life: a connection that is woken is one */
};

/* Takes over the watch. `count` is one higher until it is gone. */
struct MHD_Response *stream_new(struct streams *streams, struct watch *watch,
				struct MHD_Connection *connection, size_t *count);

/* Lets each look for news, and those that have any speak. */
void stream_look(struct streams *streams);

/* Each sends what it has, and ends. */
void stream_end_all(struct streams *streams);
