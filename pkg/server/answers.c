#include "server/answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

#define BLOCK_BYTES ((size_t)16 * 1024) /* at once to the socket: a TLS record */

/* Of a body whose size is not known: chunks are made in the connection's own memory, and only
 * HTTP/1.0 needs these. */
#define UNSIZED_BLOCK_BYTES ((size_t)4 * 1024)

struct body {
	struct answers *answers;
	struct body *next; /* of the large ones */
	unsigned references;
	size_t size;
	char data[];
};

/* A body that leaves block by block. */
struct sending {
	struct answers *answers;
	struct turn turn;
	struct body *body; /* or */
	struct page *page;
};

/* helpers: texts */

static struct body **find_body(struct answers *answers, const struct body *body)
{
	struct body **link = &answers->bodies;

	while (*link && *link != body)
		link = &(*link)->next;
	return link;
}

static struct body *find_equal(struct answers *answers, const char *text, size_t size)
{
	for (struct body *body = answers->bodies; body; body = body->next)
		if (body->size == size && memcmp(body->data, text, size) == 0)
			return body;
	return NULL;
}

static struct body *body_new(struct answers *answers, size_t size)
{
	struct body *body = heap_calloc(1, sizeof(*body) + size);

	body->answers = answers;
	body->references = 1;
	body->size = size;
	answers->bytes += size;
	return body;
}

static void give_back(void *handle)
{
	struct body *body = handle, **link;

	if (--body->references > 0)
		return;
	link = find_body(body->answers, body);
	if (*link)
		*link = body->next;
	body->answers->bytes -= body->size;
	free(body);
}

static struct body *take_text(struct answers *answers, const char *text, size_t size)
{
	bool is_large = size > ANSWERS_LARGE_BYTES;
	struct body *body = is_large ? find_equal(answers, text, size) : NULL;

	if (body) {
		body->references++;
		return body;
	}
	body = body_new(answers, size);
	if (size > 0)
		memcpy(body->data, text, size);
	if (is_large) {
		body->next = answers->bodies;
		answers->bodies = body;
	}
	return body;
}

/* helpers: sending */

/* MHD_ContentReaderCallback. */
static ssize_t read_block(void *handle, uint64_t position, char *out, size_t room)
{
	struct sending *sending = handle;
	struct answers *answers = sending->answers;
	msec_t now = answers->clock->mono(answers->clock);
	size_t size;

	++*answers->activity;
	if (!turns_take(answers->turns, &sending->turn, now)) {
		conns_delay_answer(answers->conns, sending->turn.conn, now);
		return 0;
	}
	if (sending->page) {
		size = page_take(sending->page, out, room);
		return size > 0 ? (ssize_t)size : MHD_CONTENT_READER_END_OF_STREAM;
	}
	size = sending->body->size - (size_t)position;
	size = size < room ? size : room;
	memcpy(out, sending->body->data + position, size);
	return (ssize_t)size;
}

static void end(void *handle)
{
	struct sending *sending = handle;

	turns_leave(sending->answers->turns, &sending->turn);
	sending->answers->bytes -= BLOCK_BYTES;
	if (sending->body)
		give_back(sending->body);
	page_free(sending->page);
	free(sending);
}

static struct MHD_Response *send_in_blocks(struct answers *answers, const struct turn *turn,
					   struct body *body, struct page *page)
{
	struct sending *sending = heap_calloc(1, sizeof(*sending));

	answers->bytes += BLOCK_BYTES;
	*sending = (struct sending){.answers = answers, .body = body, .page = page};
	sending->turn =
		(struct turn){.connection = turn->connection, .conn = turn->conn, .who = turn->who};
	return body ? MHD_create_response_from_callback(body->size, BLOCK_BYTES, read_block,
							sending, end)
		    : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, UNSIZED_BLOCK_BYTES,
							read_block, sending, end);
}

/* libmicrohttpd sends what fits at once without a word: only that may be left to it. */
static struct MHD_Response *send_body(struct answers *answers, const struct turn *turn,
				      struct body *body)
{
	if (body->size > BLOCK_BYTES)
		return send_in_blocks(answers, turn, body, NULL);
	return MHD_create_response_from_buffer_with_free_callback_cls(body->size, body->data,
								      give_back, body);
}

/* public */

bool answers_are_full(const struct answers *answers)
{
	return answers->bytes >= ANSWERS_BYTES_MAX;
}

struct MHD_Response *answers_send_text(struct answers *answers, const struct turn *turn,
				       const char *text, size_t size)
{
	return send_body(answers, turn, take_text(answers, text, size));
}

struct MHD_Response *answers_send_page(struct answers *answers, const struct turn *turn,
				       struct page *page)
{
	struct body *body;
	size_t size;

	if (!page_is_within(page, ANSWERS_LARGE_BYTES, &size))
		return send_in_blocks(answers, turn, NULL, page);
	body = body_new(answers, size);
	for (size_t at = 0; at < size;)
		at += page_take(page, body->data + at, size - at);
	page_free(page);
	return send_body(answers, turn, body);
}
