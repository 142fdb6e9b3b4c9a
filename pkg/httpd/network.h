/*
 * network - addresses and CIDR blocks, IPv4 and IPv6 alike.
 *
 * An IPv4 address is the same in IPv6 clothing (::ffff:192.0.2.1).
 */
#pragma once

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>

struct network {
	unsigned char address[16]; /* IPv4 mapped */
	unsigned bits;
};

/* "192.0.2.1", "10.0.0.0/8", "2001:db8::/32". False: it is none, or has bits behind its prefix. */
bool network_parse(const char *text, struct network *out);

/* False for what is neither IPv4 nor IPv6. */
bool network_has(const struct network *networks, size_t count, const struct sockaddr *address);
