/*
 * listen - the socket that the API is served on.
 */
#pragma once

#include "base/ctx.h"

struct listen_socket {
	int fd;
	unsigned port;
	bool is_loopback;
};

/* "address:port", IPv6 in brackets, port 0 for any free one. E_REFUSED, reason ListenFailed. */
enum err listen_open(struct ctx *ctx, const char *address, struct listen_socket *out);
