/*
 * server - one door of the world on a TCP port, over HTTPS or plain HTTP.
 *
 * A thread per connection: a fault may delay or cut one exchange without touching the others.
 */
#pragma once

#include "world/world.h"

struct server;

struct server_options {
	enum door door;
	unsigned number;		/* of the vault that it leads to */
	const char *address;		/* "ip:port" */
	const char *cert_pem, *key_pem; /* NULL: plain HTTP */
};

/* NULL after saying on stderr why not. */
struct server *doors_open(struct world *world, const struct doors *doors,
			  const struct server_options *options);
void doors_close(struct server *server);
