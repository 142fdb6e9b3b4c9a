/*
 * server - the HTTP API on libmicrohttpd, on the main loop's thread.
 *
 * Renders const snapshots and writes specs; it never waits for a worker, Azure or the CA. There is
 * a door on TCP and maybe one on a Unix socket, where the peer's user may stand for a key. The loop
 * watches server_fd (an epoll of both) and calls server_run when it is readable or when the time
 * that server_run returned has passed.
 */
#pragma once

#include "httpd/tls.h"
#include "specdir/specdir.h"

struct api_key {
	const char *name;
	const char *key;	/* or its hash (apikey.h); kept as SHA-256 only */
	bool is_read_only;	/* GET alone */
	struct texts hostnames; /* it reaches these and what is below them; none: everything */
};

struct server_options {
	const char *listen;	 /* "address:port"; IPv6 in brackets */
	const char *unix_socket; /* path of a second door, for local users; NULL: none */
	bool is_socket_optional; /* without it is better than not at all */
	struct tls_files tls;	 /* of the TCP door; without a certificate it speaks plain HTTP */
	const char *public_base_url; /* NULL: from the request's Host */
	const char *task_hub;
	const struct api_key *api_keys;
	size_t api_key_count;
	bool allow_anonymous_start;
	unsigned hostname_flags;      /* enum hostname_flag: as specdir's */
	struct texts trusted_proxies; /* addresses and CIDR blocks: any number of connections */
	int64_t requests_per_second;  /* of one key, or of one address without a key; 0: 500 */
	const char *state_directory;  /* holds the secret for instance codes, 0600 */
	struct store *store;
	struct specdir *specdir;
	struct sealed_box *sealed; /* NULL: imports are answered with 503 */
};

struct server;

/* Copies what it needs. E_REFUSED, reason ApiKeyRequired (not loopback and no key), ListenFailed,
 * LISTEN_NOT_FREE or TlsUnusable. */
enum err server_start(struct ctx *ctx, const struct server_options *options, struct server **out);
void server_stop(struct server *server);

/* Takes over keys, base URL and flags of a reloaded configuration, and reads the TLS files again;
 * the doors must be the same. */
enum err server_reconfigure(struct ctx *ctx, struct server *server,
			    const struct server_options *options);

int server_fd(struct server *server);

/* The port it listens on, also when the configuration says 0. */
unsigned server_port(const struct server *server);

/* Serves what is ready; how long until it wants to run again whatever the fd says (0: at once), or
 * -1. */
msec_t server_run(struct server *server);

/* /readyz says 503 until this was called with true. */
void server_set_ready(struct server *server, bool is_ready);
