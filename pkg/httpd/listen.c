#include "httpd/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/text.h"
#include "httpd/host.h"

#define BACKLOG	      1024
#define SENDING_BYTES (128 * 1024)
#define NOBODY \
	65534 /* whom the kernel shows for users and groups that a user namespace does not know */

/* helpers */

static enum err refuse(struct ctx *ctx, const char *address, const char *why)
{
	return fault_set(ctx, E_REFUSED, "ListenFailed", "cannot listen on %.200s: %s", address,
			 why);
}

/* It may be free in a moment. */
static enum err refuse_for_now(struct ctx *ctx, const char *address, const char *why)
{
	return fault_set(ctx, E_REFUSED, LISTEN_NOT_FREE, "cannot listen on %.200s: %s", address,
			 why);
}

/* "[::1]:80" to "::1" and "80". */
static bool split(struct ctx *ctx, const char *address, const char **host, const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t length = colon ? (size_t)(colon - address) : 0;

	if (length == 0 || colon[1] == '\0')
		return false;
	*port = colon + 1;
	if (address[0] == '[' && address[length - 1] == ']')
		*host = arena_strndup(ctx->arena, address + 1, length - 2);
	else if (!memchr(address, ':', length))
		*host = arena_strndup(ctx->arena, address, length);
	else
		return false;
	/* The name is resolved without asking anybody. */
	if (text_equals_nocase(*host, "localhost"))
		*host = "127.0.0.1";
	return true;
}

static void close_info(struct addrinfo **info)
{
	if (*info)
		freeaddrinfo(*info);
}

/* What every connection inherits. A handshake is several small writes, which must not wait for each
 * other's acknowledgement; a client that is gone without a word is to be noticed; and what one does
 * not read must not fill the kernel's memory either, which would grow to megabytes for each. */
static bool shape(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},	 {SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 30}, {IPPROTO_TCP, TCP_KEEPINTVL, 10},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},	 {SOL_SOCKET, SO_SNDBUF, SENDING_BYTES},
	};
	bool is_done = true;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		is_done &= setsockopt(fd, options[i].level, options[i].option, &options[i].value,
				      sizeof(options[i].value)) == 0;
	return is_done;
}

static int open_socket(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 && shape(fd) &&
	    bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	on = errno;
	close(fd);
	errno = on;
	return -1;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return 0;
	memcpy(&in6, &address, sizeof(in6));
	memcpy(&in, &address, sizeof(in));
	return ntohs(address.ss_family == AF_INET6 ? in6.sin6_port : in.sin_port);
}

static int unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool is_served(const struct sockaddr_un *address)
{
	int fd = unix_socket();
	bool is_refused;

	if (fd < 0)
		return true;
	is_refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
		     errno == ECONNREFUSED;
	close(fd);
	return !is_refused;
}

/* What a daemon that was killed left behind goes; nothing else does. */
static enum err clear_place(struct ctx *ctx, const struct sockaddr_un *address)
{
	struct stat status;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? E_OK : refuse(ctx, address->sun_path, strerror(errno));
	if (!S_ISSOCK(status.st_mode))
		return refuse(ctx, address->sun_path, "a file that is no socket is in its place");
	if (is_served(address))
		return refuse_for_now(ctx, address->sun_path, "another process serves it");
	if (unlink(address->sun_path) < 0)
		return refuse(ctx, address->sun_path, strerror(errno));
	return E_OK;
}

/* Nobody can connect before listen, so the mode is right from the first connection on. */
static bool serve_file(struct listen_file *file, const struct sockaddr_un *address)
{
	struct stat status;

	if (bind(file->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return false;
	if (chmod(address->sun_path, 0660) < 0 || lstat(address->sun_path, &status) < 0 ||
	    listen(file->fd, BACKLOG) < 0)
		return false;
	file->device = status.st_dev;
	file->inode = status.st_ino;
	return true;
}

/* Asked without room first, the kernel says how much they need. */
static bool is_in_group(int fd, gid_t group)
{
	bool is_found = false;
	socklen_t size = 0;
	gid_t *groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
		return false;
	groups = heap_malloc(size);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) == 0)
		for (size_t i = 0; i < size / sizeof(*groups); i++)
			is_found |= groups[i] == group;
	free(groups);
	return is_found;
}

/* public */

enum err listen_open(struct ctx *ctx, const char *address, struct listen_socket *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
	struct addrinfo *info __attribute__((cleanup(close_info))) = NULL;
	const char *host, *port;

	if (!split(ctx, address, &host, &port) || getaddrinfo(host, port, &hints, &info) != 0)
		return refuse(ctx, address, "write it as 127.0.0.1:8400 or [::1]:8400");
	out->fd = open_socket(info);
	if (out->fd < 0 && errno == EADDRINUSE)
		return refuse_for_now(ctx, address, strerror(errno));
	/* One that moves between machines may come at any time. */
	if (out->fd < 0 && errno == EADDRNOTAVAIL)
		return fault_set(ctx, E_AGAIN, LISTEN_NOT_FREE, "cannot listen on %.200s: %s",
				 address, strerror(errno));
	if (out->fd < 0)
		return refuse(ctx, address, strerror(errno));
	out->port = port_of(out->fd);
	out->is_loopback = host_is_loopback(
		info->ai_family == AF_INET6 ? arena_printf(ctx->arena, "[%s]", host) : host);
	return E_OK;
}

enum err listen_open_unix(struct ctx *ctx, const char *path, struct listen_file *out)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct listen_file file = {.fd = -1};
	enum err err;

	if (strlen(path) >= sizeof(address.sun_path))
		return refuse(ctx, path, "the path of a socket has at most 107 bytes");
	memcpy(address.sun_path, path, strlen(path));
	TRY(clear_place(ctx, &address));
	file.fd = unix_socket();
	if (file.fd < 0 || !serve_file(&file, &address)) {
		err = refuse(ctx, path, strerror(errno));
		if (file.fd >= 0)
			close(file.fd);
		return err;
	}
	file.path = heap_strdup(path);
	*out = file;
	return E_OK;
}

void listen_remove(const struct listen_file *file)
{
	struct stat status;

	if (file->path && lstat(file->path, &status) == 0 && status.st_dev == file->device &&
	    status.st_ino == file->inode)
		unlink(file->path);
}

bool listen_is_trusted(int fd, uid_t *uid)
{
	struct ucred peer = {.uid = NOBODY, .gid = NOBODY};
	socklen_t size = sizeof(peer);

	*uid = NOBODY;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	*uid = peer.uid;
	if (peer.uid == 0 || (peer.uid == geteuid() && peer.uid != NOBODY))
		return true;
	return getegid() != NOBODY && (peer.gid == getegid() || is_in_group(fd, getegid()));
}
