#include "httpd/conns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "httpd/pace.h"

/* helpers */

/* An IPv4 address in either clothing, or -1. */
static int64_t ipv4_of(const struct sockaddr *address)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	uint32_t mapped;

	if (address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		return ntohl(in.sin_addr.s_addr);
	}
	memcpy(&in6, address, sizeof(in6));
	if (!IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
		return -1;
	memcpy(&mapped, &in6.sin6_addr.s6_addr[12], sizeof(mapped));
	return ntohl(mapped);
}

static bool is_inet(const struct sockaddr *address)
{
	return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

static bool is_loopback(const struct sockaddr *address)
{
	int64_t ipv4;
	struct sockaddr_in6 in6;

	if (!is_inet(address))
		return true;
	ipv4 = ipv4_of(address);
	if (ipv4 >= 0)
		return ipv4 >> 24 == 127;
	memcpy(&in6, address, sizeof(in6));
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

/* One IPv6 customer has a whole /64. */
static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	struct sockaddr_in6 in6_a, in6_b;

	if (!is_inet(a) || !is_inet(b))
		return false;
	if (ipv4_of(a) >= 0 || ipv4_of(b) >= 0)
		return ipv4_of(a) == ipv4_of(b);
	memcpy(&in6_a, a, sizeof(in6_a));
	memcpy(&in6_b, b, sizeof(in6_b));
	return memcmp(&in6_a.sin6_addr, &in6_b.sin6_addr, 8) == 0;
}

static void shut(struct conns *conns, struct conn *conn)
{
	conn->is_shut = true;
	conns->shut_count++;
	shutdown(conn->fd, SHUT_RDWR);
}

static size_t open_count(const struct conns *conns)
{
	return conns->count - conns->shut_count;
}

/* The newest has just come, and has had no time for a request. */
static void make_room(struct conns *conns)
{
	for (struct conn *conn = conns->oldest; conn != conns->newest; conn = conn->newer) {
		if (conn->is_served || conn->is_shut)
			continue;
		shut(conns, conn);
		return;
	}
}

static void set_deadline(struct conns *conns, struct conn *conn, msec_t deadline)
{
	conn->deadline = deadline;
	if (deadline < conns->next_sweep)
		conns->next_sweep = deadline;
}

/* public */

void conns_init(struct conns *conns)
{
	*conns = (struct conns){.next_sweep = MSEC_NEVER};
}

bool conns_admit(const struct conns *conns, const struct sockaddr *address)
{
	size_t same = 0;

	if (open_count(conns) >= CONNS_MAX)
		return false;
	if (is_loopback(address) || network_has(conns->proxies, conns->proxy_count, address))
		return true;
	for (const struct conn *conn = conns->oldest; conn; conn = conn->newer)
		same += same_address((const struct sockaddr *)&conn->address, address);
	return same < CONNS_MAX_PER_ADDRESS;
}

struct conn *conns_add(struct conns *conns, int fd, const struct sockaddr *address, msec_t now)
{
	struct conn *conn = heap_calloc(1, sizeof(*conn));

	conn->fd = fd;
	if (address && address->sa_family == AF_INET)
		memcpy(&conn->address, address, sizeof(struct sockaddr_in));
	else if (address && address->sa_family == AF_INET6)
		memcpy(&conn->address, address, sizeof(struct sockaddr_in6));
	conn->older = conns->newest;
	if (conns->newest)
		conns->newest->newer = conn;
	else
		conns->oldest = conn;
	conns->newest = conn;
	conns->count++;
	if (open_count(conns) > CONNS_CROWDED)
		make_room(conns);
	set_deadline(conns, conn, now + CONNS_REQUEST_MSEC);
	return conn;
}

void conns_remove(struct conns *conns, struct conn *conn)
{
	if (conn->older)
		conn->older->newer = conn->newer;
	else
		conns->oldest = conn->newer;
	if (conn->newer)
		conn->newer->older = conn->older;
	else
		conns->newest = conn->older;
	conns->count--;
	conns->shut_count -= conn->is_shut;
	free(conn);
}

const char *conns_peer(struct ctx *ctx, const struct conn *conn)
{
	char text[INET6_ADDRSTRLEN] = "local";
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (conn->is_local)
		return arena_printf(ctx->arena, "uid %u", conn->uid);
	memcpy(&in, &conn->address, sizeof(in));
	memcpy(&in6, &conn->address, sizeof(in6));
	if (conn->address.ss_family == AF_INET)
		inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
	else if (conn->address.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
	return arena_strdup(ctx->arena, text);
}

uint64_t conns_peer_hash(const struct conn *conn)
{
	const struct sockaddr *address = (const struct sockaddr *)&conn->address;
	int64_t ipv4 = is_inet(address) ? ipv4_of(address) : 0;
	struct sockaddr_in6 in6;

	if (conn->is_local)
		return pace_hash(&conn->uid, sizeof(conn->uid));
	if (ipv4 >= 0)
		return pace_hash(&ipv4, sizeof(ipv4));
	memcpy(&in6, address, sizeof(in6));
	return pace_hash(&in6.sin6_addr, 8);
}

/* The first request of a connection is on the clock since it was opened. */
void conns_begin_request(struct conns *conns, struct conn *conn, msec_t now)
{
	if (now + CONNS_REQUEST_MSEC < conn->deadline)
		set_deadline(conns, conn, now + CONNS_REQUEST_MSEC);
}

void conns_delay_answer(struct conns *conns, struct conn *conn, msec_t until)
{
	set_deadline(conns, conn, until + CONNS_REQUEST_MSEC);
}

void conns_begin_answer(struct conns *conns, struct conn *conn, msec_t deadline)
{
	conn->is_served = true;
	set_deadline(conns, conn, deadline);
}

void conns_end_answer(struct conns *conns, struct conn *conn, msec_t now)
{
	conn->is_served = false;
	set_deadline(conns, conn, now + CONNS_IDLE_MSEC);
}

msec_t conns_sweep(struct conns *conns, msec_t now)
{
	if (now >= conns->next_sweep) {
		conns->next_sweep = MSEC_NEVER;
		for (struct conn *conn = conns->oldest; conn; conn = conn->newer) {
			if (conn->is_shut)
				continue;
			if (conn->deadline <= now)
				shut(conns, conn);
			else
				set_deadline(conns, conn, conn->deadline);
		}
	}
	return conns->next_sweep == MSEC_NEVER ? -1 : conns->next_sweep - now;
}
