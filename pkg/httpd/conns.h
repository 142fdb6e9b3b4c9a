/*
 * conns - the open connections: how many there may be, and how long each may take.
 *
 * The HTTP library measures inactivity only, so a client that sends one byte a second would stay
 * for ever. Every request has an absolute deadline; when the places run out, the oldest connection
 * without a complete request goes, and one that waits for the answer to a wrong key is no better.
 * Ending one means shutting its socket down: the library notices and closes it.
 */
#pragma once

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/ctx.h"
#include "httpd/network.h"

#define CONNS_MAX	      2048
#define CONNS_CROWDED	      ((size_t)CONNS_MAX / 10 * 9)
#define CONNS_MAX_PER_ADDRESS 64
#define CONNS_REQUEST_MSEC \
	(10 * MSEC_PER_SEC) /* first byte to whole request, and again for the answer */
#define CONNS_IDLE_MSEC (30 * MSEC_PER_SEC) /* kept alive between two requests */

struct conn {
	struct conn *older, *newer;
	struct sockaddr_storage address;
	msec_t deadline; /* mono */
	int fd;
	bool is_served; /* a complete request is being answered */
	bool is_shut;
	bool is_tls, is_local; /* over TLS; over the Unix socket */
	bool is_trusted;       /* its user needs no key */
	uid_t uid;	       /* of a local one */
};

struct conns {
	struct conn *oldest, *newest;
	size_t count, shut_count;      /* all; those that the library has not closed yet */
	msec_t next_sweep;	       /* mono; no deadline is earlier */
	const struct network *proxies; /* whose addresses stand for many clients; borrowed */
	size_t proxy_count;
};

void conns_init(struct conns *conns);

/* Whether another connection from this address may come in: all together and each have their limit.
 */
bool conns_admit(const struct conns *conns, const struct sockaddr *address);

struct conn *conns_add(struct conns *conns, int fd, const struct sockaddr *address, msec_t now);
void conns_remove(struct conns *conns, struct conn *conn);

/* For logs, in ctx's arena, and for counting: the same for everybody behind one address. */
const char *conns_peer(struct ctx *ctx, const struct conn *conn);
uint64_t conns_peer_hash(const struct conn *conn);

/* The moments in the life of a request. One whose answer is delayed may have to make room. */
void conns_begin_request(struct conns *conns, struct conn *conn, msec_t now);
void conns_delay_answer(struct conns *conns, struct conn *conn, msec_t until);
void conns_begin_answer(struct conns *conns, struct conn *conn, msec_t deadline);
void conns_end_answer(struct conns *conns, struct conn *conn, msec_t now);

/* Shuts what is over its deadline. How long until the next look; -1: none is needed. */
msec_t conns_sweep(struct conns *conns, msec_t now);
