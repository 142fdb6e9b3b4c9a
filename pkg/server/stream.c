#include "server/stream.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/heap.h"

#define BLOCK_BYTES ((size_t)4 * 1024) /* for HTTP/1.0: chunks have the connection's memory */

#define TLS_HEADER_BYTES       5
#define TLS_ALERT	       21
#define TLS_APPLICATION_DATA   23
#define TLS_SEALED_ALERT_BYTES (2 + 1 + 16)

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
	++*stream->streams->activity;
	MHD_resume_connection(stream->connection);
}

/* A close_notify: an alert by its type (RFC 5246 6.2.1), or one byte for one by its length, in what
 * TLS 1.3 shows of any record: two bytes, the type within, and the tag (RFC 8446 5.2). A client has
 * nothing else to say on a connection that ends with the answer. */
static bool is_farewell(const unsigned char *record, ssize_t size)
{
	if (size < TLS_HEADER_BYTES)
		return false;
	return record[0] == TLS_ALERT || (record[0] == TLS_APPLICATION_DATA && record[3] == 0 &&
					  record[4] == TLS_SEALED_ALERT_BYTES);
}

/* A resting connection is not read by the library, so a client that has gone is noticed here: by
 * its FIN, whatever stands unread before that, or by the farewell of TLS. */
static bool is_abandoned(const struct stream *stream)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(stream->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct pollfd look = {.events = POLLRDHUP};
	unsigned char record[TLS_HEADER_BYTES];

	if (!stream->is_resting || !info)
		return false;
	look.fd = info->connect_fd;
	return poll(&look, 1, 0) > 0 ||
	       is_farewell(record, recv(look.fd, record, sizeof(record), MSG_PEEK | MSG_DONTWAIT));
}

/* MHD_ContentReaderCallback. */
static ssize_t read_lines(void *handle, uint64_t position, char *out, size_t room)
{
	struct stream *stream = handle;
	size_t size = watch_take(stream->watch, out, room);

	(void)position;
	++*stream->streams->activity;
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
	struct stream *stream = heap_calloc(1, sizeof(*stream));

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
