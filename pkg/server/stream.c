#include "server/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BLOCK_BYTES ((size_t)16 * 1024)

struct stream {
	struct streams *streams;
	struct stream *next;
	struct watch *watch;
	struct MHD_Connection *connection;
	size_t *count;
	bool is_resting;
};

/* helpers */

static void wake(struct stream *stream)
{
	if (!stream->is_resting)
		return;
	stream->is_resting = false;
	MHD_resume_connection(stream->connection);
}

/* A resting connection is not read by the library, so a client that has gone is noticed here. */
static bool is_abandoned(const struct stream *stream)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(stream->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;

	return stream->is_resting && info &&
	       recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* MHD_ContentReaderCallback. */
static ssize_t read_lines(void *handle, uint64_t position, char *out, size_t room)
{
	struct stream *stream = handle;
	size_t size = watch_take(stream->watch, out, room);

	(void)position;
	if (size > 0)
		return (ssize_t)size;
	if (watch_has_ended(stream->watch))
		return MHD_CONTENT_READER_END_OF_STREAM;
	stream->is_resting = true;
	MHD_suspend_connection(stream->connection);
	return 0;
}

static void release(void *handle)
{
	struct stream *stream = handle, **link = &stream->streams->first;

	while (*link != stream)
		link = &(*link)->next;
	*link = stream->next;
	--*stream->count;
	watch_close(stream->watch);
	free(stream);
}

/* public */

struct MHD_Response *stream_new(struct streams *streams, struct watch *watch,
				struct MHD_Connection *connection, size_t *count)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	assert(stream);
	*stream = (struct stream){streams, streams->first, watch, connection, count, false};
	streams->first = stream;
	++*count;
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_lines, stream,
						 release);
}

void stream_look(struct streams *streams)
{
	for (struct stream *stream = streams->first; stream; stream = stream->next) {
		watch_look(stream->watch);
		if (is_abandoned(stream))
			watch_end(stream->watch);
		if (watch_has_lines(stream->watch) || watch_has_ended(stream->watch))
			wake(stream);
	}
}

void stream_end_all(struct streams *streams)
{
	for (struct stream *stream = streams->first; stream; stream = stream->next) {
		watch_end(stream->watch);
		wake(stream);
	}
}
