#include "server/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "server/auth.h"

#define BACKLOG 1024

/* helpers */

static enum err refuse(struct ctx *ctx, const char *address, const char *why)
{
	return fault_set(ctx, E_REFUSED, "ListenFailed", "cannot listen on %.200s: %s", address, why);
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

static int open_socket(const struct addrinfo *info)
{
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0
	    && bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	on = errno;
	close(fd);
	errno = on;
	return -1;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return 0;
	memcpy(&in6, &address, sizeof(in6));
	memcpy(&in, &address, sizeof(in));
	return ntohs(address.ss_family == AF_INET6 ? in6.sin6_port : in.sin_port);
}

/* public */

enum err listen_open(struct ctx *ctx, const char *address, struct listen_socket *out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *info __attribute__((cleanup(close_info))) = NULL;
	const char *host, *port;

	if (!split(ctx, address, &host, &port)
	    || getaddrinfo(host, port, &hints, &info) != 0)
		return refuse(ctx, address, "write it as 127.0.0.1:8080 or [::1]:8080");
	out->fd = open_socket(info);
	if (out->fd < 0)
		return refuse(ctx, address, strerror(errno));
	out->port = port_of(out->fd);
	out->is_loopback = auth_is_loopback(
		info->ai_family == AF_INET6 ? arena_printf(ctx->arena, "[%s]", host) : host);
	return E_OK;
}
