/*
 * host - what a Host header may say.
 */
#pragma once

#include <stdbool.h>

/* "host", "host:port", "[v6]:port": syntax of RFC 3986 3.2.2 without userinfo. */
bool host_is_valid(const char *host);

/* Of a Host header or an address: 127.0.0.0/8, ::1, localhost. */
bool host_is_loopback(const char *host);
