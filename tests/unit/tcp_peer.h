/*
 * tcp_peer - an HTTP server for tests: one thread per connection, answers by a function.
 */
#pragma once

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEER_CONNECTIONS_MAX 64
#define PEER_LINES_MAX	     256

struct peer;

struct peer_connection {
	struct peer *peer;
	pthread_t thread;
	int fd;
	unsigned requests; /* on this connection so far */
	char text[16384];  /* the request as received */
};

struct peer {
	int fd;
	unsigned port;
	pthread_t thread;
	/* False: close the connection. */
	bool (*answer)(struct peer_connection *connection, const char *method, const char *path);
	pthread_mutex_t lock;
	struct peer_connection *connections[PEER_CONNECTIONS_MAX]; /* guarded by lock, as below */
	size_t connection_count;
	char lines[PEER_LINES_MAX][128]; /* "METHOD path" */
	size_t line_count;
	bool is_stopping;
	bool has_thought; /* set by a test: what was thought about is answered now */
};

static inline bool peer_say(struct peer_connection *connection, const char *text)
{
	size_t left = strlen(text);
	ssize_t sent;

	while (left && (sent = send(connection->fd, text, left, MSG_NOSIGNAL)) > 0) {
		text += sent;
		left -= (size_t)sent;
	}
	return left == 0;
}

static inline void peer_end_thought(struct peer *peer)
{
	pthread_mutex_lock(&peer->lock);
	peer->has_thought = true;
	pthread_mutex_unlock(&peer->lock);
}

static inline bool peer_is_thinking(struct peer *peer)
{
	bool is_thinking;

	pthread_mutex_lock(&peer->lock);
	is_thinking = !peer->has_thought && !peer->is_stopping;
	pthread_mutex_unlock(&peer->lock);
	return is_thinking;
}

static inline bool peer_is_stopping(struct peer *peer)
{
	bool is_stopping;

	pthread_mutex_lock(&peer->lock);
	is_stopping = peer->is_stopping;
	pthread_mutex_unlock(&peer->lock);
	return is_stopping;
}

/* How many requests with this method and path arrived. */
static inline unsigned peer_count(struct peer *peer, const char *method, const char *path)
{
	char line[128];
	unsigned count = 0;
	size_t i;

	snprintf(line, sizeof(line), "%s %s", method, path);
	pthread_mutex_lock(&peer->lock);
	for (i = 0; i < peer->line_count; i++)
		count += strcmp(peer->lines[i], line) == 0;
	pthread_mutex_unlock(&peer->lock);
	return count;
}

static void peer_note(struct peer *peer, const char *method, const char *path)
{
	pthread_mutex_lock(&peer->lock);
	if (peer->line_count < PEER_LINES_MAX)
		snprintf(peer->lines[peer->line_count++], 128, "%.10s %.100s", method, path);
	pthread_mutex_unlock(&peer->lock);
}

/* Headers and as much body as Content-Length says. */
static bool peer_read_request(struct peer_connection *connection)
{
	size_t size = 0, wanted = 0;
	const char *end, *length;
	ssize_t got;

	for (;;) {
		connection->text[size] = '\0';
		end = strstr(connection->text, "\r\n\r\n");
		if (end) {
			length = strcasestr(connection->text, "\r\nContent-Length:");
			wanted = (size_t)(end + 4 - connection->text) +
				 (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
			if (size >= wanted)
				return true;
		}
		if (size == sizeof(connection->text) - 1)
			return false;
		got = recv(connection->fd, connection->text + size,
			   sizeof(connection->text) - 1 - size, 0);
		if (got <= 0)
			return false;
		size += (size_t)got;
	}
}

static void *peer_serve(void *arg)
{
	struct peer_connection *connection = arg;
	char method[16], path[512];

	while (peer_read_request(connection)) {
		if (sscanf(connection->text, "%15s %511s", method, path) != 2)
			break;
		connection->requests++;
		peer_note(connection->peer, method, path);
		if (!connection->peer->answer(connection, method, path))
			break;
	}
	shutdown(connection->fd, SHUT_RDWR);
	return NULL;
}

static void *peer_accept(void *arg)
{
	struct peer *peer = arg;
	struct peer_connection *connection;
	int fd;

	while ((fd = accept(peer->fd, NULL, NULL)) >= 0) {
		connection = calloc(1, sizeof(*connection));
		assert(connection);
		connection->peer = peer;
		connection->fd = fd;
		pthread_mutex_lock(&peer->lock);
		assert(peer->connection_count < PEER_CONNECTIONS_MAX);
		peer->connections[peer->connection_count++] = connection;
		pthread_create(&connection->thread, NULL, peer_serve, connection);
		pthread_mutex_unlock(&peer->lock);
	}
	return NULL;
}

static void peer_start(struct peer *peer,
		       bool (*answer)(struct peer_connection *, const char *, const char *))
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);

	memset(peer, 0, sizeof(*peer));
	pthread_mutex_init(&peer->lock, NULL);
	peer->answer = answer;
	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(peer->fd, (struct sockaddr *)&address, size) != 0 || listen(peer->fd, 16) != 0)
		abort();
	getsockname(peer->fd, (struct sockaddr *)&address, &size);
	peer->port = ntohs(address.sin_port);
	pthread_create(&peer->thread, NULL, peer_accept, peer);
}

static void peer_stop(struct peer *peer)
{
	size_t i;

	pthread_mutex_lock(&peer->lock);
	peer->is_stopping = true;
	pthread_mutex_unlock(&peer->lock);
	shutdown(peer->fd, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	for (i = 0; i < peer->connection_count; i++) {
		shutdown(peer->connections[i]->fd, SHUT_RDWR);
		pthread_join(peer->connections[i]->thread, NULL);
		close(peer->connections[i]->fd);
		free(peer->connections[i]);
	}
	close(peer->fd);
	pthread_mutex_destroy(&peer->lock);
}
