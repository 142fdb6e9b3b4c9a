/*
 * listen - the sockets that the API is served on, and who is at the other end of a local one.
 *
 * A Unix socket takes the place of a file only when that is a socket that nobody serves any more.
 */
#pragma once

#include <sys/types.h>

#include "base/ctx.h"

/* The reason when an address or a socket is somebody else's, or not this machine's, for now. */
#define LISTEN_NOT_FREE "AddressNotFree"

struct listen_socket {
	int fd;
	unsigned port;
	bool is_loopback;
};

struct listen_file {
	int fd;
	char *path; /* NULL: there is none */
	dev_t device;
	ino_t inode;
};

/* "address:port", IPv6 in brackets, port 0 for any free one. E_REFUSED, reason ListenFailed, or
 * LISTEN_NOT_FREE; E_AGAIN with the latter when the address is not this machine's, yet. */
enum err listen_open(struct ctx *ctx, const char *address, struct listen_socket *out);

/* A Unix socket for owner and group (0660). E_REFUSED, reason ListenFailed, or LISTEN_NOT_FREE. */
enum err listen_open_unix(struct ctx *ctx, const char *path, struct listen_file *out);

/* Removes the file, unless it has become another. The fd is its user's to close. */
void listen_remove(const struct listen_file *file);

/* Whether the peer of a Unix socket is root, our own user or a member of our group, as it was when
 * it connected; and who it is. */
bool listen_is_trusted(int fd, uid_t *uid);
