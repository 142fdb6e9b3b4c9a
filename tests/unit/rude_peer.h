/*
 * rude_peer - an HTTP server with bad manners: which ones, the path says.
 */
#pragma once

#include "base/text.h"
#include "unit/patience.h"
#include "unit/tcp_peer.h"

static inline bool answer_hello(struct peer_connection *connection)
{
	return peer_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static inline bool answer_echo(struct peer_connection *connection)
{
	char head[128];

	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		 strlen(connection->text));
	return peer_say(connection, head) && peer_say(connection, connection->text);
}

/* Until the other side has had enough. */
static inline bool answer_drip(struct peer_connection *connection)
{
	bool is_sent = peer_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");

	while (is_sent && !peer_is_stopping(connection->peer)) {
		nap();
		is_sent = peer_say(connection, "x");
	}
	return false;
}

static inline bool answer_silence(struct peer_connection *connection)
{
	char one;

	while (recv(connection->fd, &one, 1, 0) > 0)
		;
	return false;
}

/* Then says no more. */
static inline bool answer_halt(struct peer_connection *connection)
{
	return peer_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhel") &&
	       answer_silence(connection);
}

/* Until the test has it end. */
static inline bool answer_after_a_thought(struct peer_connection *connection, const char *before)
{
	peer_say(connection, before);
	while (peer_is_thinking(connection->peer))
		nap();
	return answer_hello(connection);
}

static inline bool answer_lines(struct peer_connection *connection, unsigned count, unsigned size)
{
	char line[1024];
	unsigned i;

	peer_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
	for (i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "X-%u: %0*d\r\n", i, (int)size, 0);
		if (!peer_say(connection, line))
			return false;
	}
	return peer_say(connection, "\r\n");
}

static inline bool answer_endless(struct peer_connection *connection)
{
	bool is_sent = peer_say(connection,
				"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");

	while (is_sent && !peer_is_stopping(connection->peer))
		is_sent = peer_say(connection, "10\r\n0123456789abcdef\r\n");
	return false;
}

static inline bool answer_reset(struct peer_connection *connection)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	return false;
}

struct canned {
	const char *path, *text;
	bool closes;
};

static const struct canned canned[] = {
	{"/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", true},
	{"/short-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", true},
	{"/bad-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
	 true},
	{"/half-headers", "HTTP/1.1 200 OK\r\nContent-", true},
	{"/only-interim", "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n", true},
	{"/http-9", "HTTP/9.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
	{"/no-status", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", true},
	{"/garbage", "SSH-2.0-OpenSSH_9.2\r\n\r\n", true},
	{"/nothing", "", true},
	{"/big", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", false},
	{"/redirect", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", false},
	{"/500", "HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nwhy", false},
	{"/interim",
	 "HTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n"
	 "HTTP/1.1 201 Created\r\nX-Late:  a b \t\r\nX-Late: second\r\nX-Empty:\r\n"
	 "Content-Length: 2\r\n\r\nok",
	 false},
	{"/trailers",
	 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
	 "2\r\nok\r\n0\r\nX-T: late\r\n\r\n",
	 false},
	{"/gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
	 false},
	{"/head", "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nETag: \"1\"\r\n\r\n", false},
};

static inline bool rude_answer(struct peer_connection *connection, const char *method,
			       const char *path)
{
	size_t i;

	(void)method;
	/* The connection was said to stay open, and is found dead. */
	if (connection->requests > 1 && strstr(path, "/dropped-when-reused"))
		return false;
	for (i = 0; i < ARRAY_SIZE(canned); i++)
		if (strcmp(canned[i].path, path) == 0)
			return peer_say(connection, canned[i].text) && !canned[i].closes;
	if (strcmp(path, "/drip") == 0)
		return answer_drip(connection);
	if (strcmp(path, "/silence") == 0)
		return answer_silence(connection);
	if (strcmp(path, "/halt") == 0)
		return answer_halt(connection);
	if (strcmp(path, "/thought") == 0)
		return answer_after_a_thought(connection, "");
	if (strcmp(path, "/interim-thought") == 0)
		return answer_after_a_thought(connection, "HTTP/1.1 102 Processing\r\n\r\n");
	if (strcmp(path, "/many-lines") == 0)
		return answer_lines(connection, 200, 10);
	if (strcmp(path, "/100-lines") == 0)
		return answer_lines(connection, 100, 10);
	if (strcmp(path, "/large-lines") == 0)
		return answer_lines(connection, 100, 900);
	if (strcmp(path, "/endless") == 0)
		return answer_endless(connection);
	if (strcmp(path, "/reset") == 0)
		return answer_reset(connection);
	if (text_starts_with(path, "/echo"))
		return answer_echo(connection);
	return answer_hello(connection);
}
