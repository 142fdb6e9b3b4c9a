#include "server/server.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/text.h"
#include "http/url.h"
#include "httpd/door.h"
#include "httpd/listen.h"
#include "server/exchange.h"
#include "service/apikey.h"
#include "store/journal.h"

/* Above our own limits, so that ours come first and answer in our shape. */
#define CONNECTION_MEMORY_BYTES ((size_t)36 * 1024) /* over 32 KB it is pages of its own */
#define CONNECTION_READ_BYTES	((size_t)16 * 1024) /* a whole TLS record at once */
#define CONNECTION_IDLE_SECONDS 60u
#define CONNECTIONS_MAX \
	(2u * CONNS_MAX) /* those that were shut count until the library has noticed */
#define FILES_WANTED	    ((rlim_t)CONNECTIONS_MAX + 512)
#define WATCH_LOOK_MSEC	    ((msec_t)100)
#define REQUESTS_PER_SECOND 500

struct server {
	struct service service;
	struct conns conns;
	struct pace pace, wrong;
	struct exchange_host host;
	struct door public, local; /* on TCP; on the Unix socket */
	struct heap heap;
	struct listen_file file;
	struct tls *tls;	/* NULL: plain HTTP */
	msec_t next_tls_look;	/* mono */
	struct arena *settings; /* what `service` borrows from the configuration */
	unsigned port;
	bool is_loopback;
	int fd;
};

/* helpers: settings */

static void copy_keys(struct arena *arena, const struct server_options *options, struct auth *auth)
{
	auth->keys = arena_new_array(arena, struct auth_key, options->api_key_count);
	auth->key_count = options->api_key_count;
	for (size_t i = 0; i < options->api_key_count; i++) {
		const struct api_key *key = &options->api_keys[i];

		auth->keys[i].name = arena_strdup(arena, key->name ? key->name : "");
		auth->keys[i].is_read_only = key->is_read_only;
		auth->keys[i].scope = texts_copy(arena, &key->hostnames);
		apikey_digest(key->key, auth->keys[i].sha256);
	}
}

/* The configuration was checked: what does not parse is none. */
static void copy_proxies(struct arena *arena, const struct server_options *options,
			 struct conns *conns)
{
	const struct texts *texts = &options->trusted_proxies;
	struct network *networks = arena_new_array(arena, struct network, texts->count);

	conns->proxies = networks;
	conns->proxy_count = 0;
	for (size_t i = 0; i < texts->count; i++)
		conns->proxy_count += network_parse(texts->items[i], &networks[conns->proxy_count]);
}

static enum err copy_base(struct ctx *ctx, struct arena *arena,
			  const struct server_options *options, struct service *service)
{
	size_t length = options->public_base_url ? strlen(options->public_base_url) : 0;
	struct url url;

	service->base_url = NULL;
	service->auth.base_origin = NULL;
	service->auth.base_host = NULL;
	if (length == 0)
		return E_OK;
	if (url_parse(ctx, options->public_base_url, &url) != E_OK || url.query)
		return fault_set(ctx, E_REFUSED, "InvalidPublicBaseUrl",
				 "PublicBaseUrl is not a URL like https://gatecert.example.com");
	while (length > 0 && options->public_base_url[length - 1] == '/')
		length--;
	service->base_url = arena_strndup(arena, options->public_base_url, length);
	service->auth.base_origin = arena_strdup(arena, url_origin(ctx, &url));
	service->auth.base_host = strstr(service->auth.base_origin, "://") + 3;
	return E_OK;
}

/* Two seconds' worth at once, since clients come in bursts. */
static struct pace_rate rate_of(int64_t per_second)
{
	if (per_second <= 0)
		per_second = REQUESTS_PER_SECOND;
	return (struct pace_rate){per_second * 60, per_second * 2};
}

/* Nothing of `server` changes when it fails. */
static enum err apply_settings(struct ctx *ctx, struct server *server,
			       const struct server_options *options, bool is_loopback)
{
	struct service service = server->service;
	struct arena *arena;
	enum err err;

	if (options->api_key_count == 0 && !is_loopback)
		return fault_set(ctx, E_REFUSED, "ApiKeyRequired",
				 "Listen is %.200s, which others can reach, and ApiKeys is empty: "
				 "configure a key, or listen on 127.0.0.1",
				 options->listen);
	arena = arena_new();
	copy_keys(arena, options, &service.auth);
	service.auth.allow_anonymous_start = options->allow_anonymous_start;
	service.rate = rate_of(options->requests_per_second);
	service.hostname_flags = options->hostname_flags;
	service.task_hub = arena_strdup(arena, options->task_hub ? options->task_hub : "gatecert");
	err = copy_base(ctx, arena, options, &service);
	if (err != E_OK) {
		arena_free(arena);
		return err;
	}
	copy_proxies(arena, options, &server->conns);
	arena_free(server->settings);
	server->settings = arena;
	server->service = service;
	server->service.reloads++;
	return E_OK;
}

static void warn_about(const struct ctx *ctx, const struct server_options *options)
{
	if (options->api_key_count == 0)
		log_warn(ctx, "no API key is configured: everybody on this machine may use the API",
			 "listen", options->listen, NULL);
	if (options->allow_anonymous_start)
		log_warn(ctx,
			 "AllowAnonymousStart: everybody who reaches the API may start requests",
			 "listen", options->listen, NULL);
}

/* helpers: life cycle */

static enum MHD_Result admit(void *handle, const struct sockaddr *address, socklen_t size)
{
	struct server *server = handle;

	(void)size;
	server->host.activity++;
	return conns_admit(&server->conns, address) ? MHD_YES : MHD_NO;
}

static void watch_connection(void *handle, struct MHD_Connection *connection, void **context,
			     enum MHD_ConnectionNotificationCode code)
{
	struct server *server = handle;
	struct clock *clock = server->service.doors->clock;
	const union MHD_ConnectionInfo *fd, *address;
	struct conn *conn;

	server->host.activity++;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		conns_remove(&server->conns, *context);
		*context = NULL;
		return;
	}
	fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	assert(fd && address);
	conn = conns_add(&server->conns, fd->connect_fd, address->client_addr, clock->mono(clock));
	conn->is_local = address->client_addr->sa_family == AF_UNIX;
	conn->is_tls = server->tls && !conn->is_local;
	if (conn->is_local)
		conn->is_trusted = listen_is_trusted(conn->fd, &conn->uid);
	*context = conn;
}

/* Our connection limit is above the usual soft limit of open files. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static struct MHD_Daemon *start_daemon(struct server *server, int fd, bool is_tls)
{
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (is_tls ? MHD_USE_TLS : 0);

	return MHD_start_daemon(
		flags, 0, admit, server, exchange_handle, &server->host, MHD_OPTION_LISTEN_SOCKET,
		fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES,
		MHD_OPTION_CONNECTION_MEMORY_INCREMENT, CONNECTION_READ_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_IDLE_SECONDS, MHD_OPTION_URI_LOG_CALLBACK,
		exchange_begin, &server->host, MHD_OPTION_NOTIFY_COMPLETED, exchange_end,
		&server->host, MHD_OPTION_NOTIFY_CONNECTION, watch_connection, server,
		is_tls ? MHD_OPTION_HTTPS_PRIORITIES : MHD_OPTION_END, TLS_PRIORITIES,
		MHD_OPTION_HTTPS_CERT_CALLBACK2, tls_present, MHD_OPTION_END);
}

static enum err open_door(struct ctx *ctx, struct server *server, int fd, const char *where,
			  bool is_tls, struct door *door)
{
	struct MHD_Daemon *daemon = start_daemon(server, fd, is_tls);

	if (!daemon) {
		close(fd);
		return fault_set(ctx, E_REFUSED, "ListenFailed",
				 "cannot serve HTTP on %.200s: libmicrohttpd does not start",
				 where);
	}
	door_open(door, daemon, server->fd, &server->host.activity);
	return E_OK;
}

static enum err open_local_door(struct ctx *ctx, struct server *server,
				const struct server_options *options)
{
	const char *path = options->unix_socket;
	enum err err;

	if (!path)
		return E_OK;
	err = listen_open_unix(ctx, path, &server->file);
	if (err == E_OK)
		return open_door(ctx, server, server->file.fd, path, false, &server->local);
	if (!options->is_socket_optional)
		return err;
	log_warn(ctx, "the API is served without a socket", "text", ctx->fault.text, NULL);
	fault_clear(ctx);
	return E_OK;
}

static void init_host(struct server *server)
{
	struct exchange_host *host = &server->host;

	*host = (struct exchange_host){.service = &server->service, .conns = &server->conns};
	host->streams.activity = &host->activity;
	turns_init(&host->turns, &host->activity);
	host->answers = (struct answers){.clock = server->service.doors->clock,
					 .conns = &server->conns,
					 .turns = &host->turns,
					 .activity = &host->activity};
	server->service.listings = (struct listings){.doors = server->service.doors,
						     .changes = server->service.changes,
						     .bytes = &host->answers.bytes,
						     .bytes_max = ANSWERS_BYTES_MAX};
}

static enum err start(struct ctx *ctx, struct server *server, const struct server_options *options)
{
	struct listen_socket listening;

	TRY(auth_load_secret(ctx, options->state_directory, server->service.auth.secret));
	if (options->tls.certificate)
		TRY(tls_open(ctx, &options->tls, &server->tls));
	TRY(listen_open(ctx, options->listen, &listening));
	if (apply_settings(ctx, server, options, listening.is_loopback) != E_OK) {
		close(listening.fd);
		return E_REFUSED;
	}
	raise_file_limit();
	server->port = listening.port;
	server->is_loopback = listening.is_loopback;
	TRY(open_door(ctx, server, listening.fd, options->listen, server->tls != NULL,
		      &server->public));
	TRY(open_local_door(ctx, server, options));
	warn_about(ctx, options);
	return E_OK;
}

/* public */

enum err server_start(struct ctx *ctx, const struct server_options *options, struct server **out)
{
	struct server *server = heap_calloc(1, sizeof(*server));
	enum err err;

	server->service.doors = ctx->doors;
	server->service.store = options->store;
	server->service.specdir = options->specdir;
	server->service.sealed = options->sealed;
	server->service.pace = &server->pace;
	server->service.wrong = &server->wrong;
	for (size_t kind = 0; kind < KIND_COUNT; kind++)
		server->service.changes[kind] = changes_new(ctx->doors, options->store,
							    (enum kind)kind);
	conns_init(&server->conns);
	init_host(server);
	server->fd = epoll_create1(EPOLL_CLOEXEC);
	assert(server->fd >= 0);
	err = start(ctx, server, options);
	if (err != E_OK) {
		server_stop(server);
		return err;
	}
	*out = server;
	return E_OK;
}

void server_stop(struct server *server)
{
	if (!server)
		return;
	exchange_wake(&server->host, MSEC_NEVER);
	turns_call_all(&server->host.turns);
	stream_end_all(&server->host.streams);
	listen_remove(&server->file);
	door_close(&server->local);
	door_close(&server->public);
	listings_drop_all(&server->service.listings);
	tls_close(server->tls);
	close(server->fd);
	free(server->file.path);
	for (size_t kind = 0; kind < KIND_COUNT; kind++)
		changes_free(server->service.changes[kind]);
	assert(server->conns.count == 0);
	arena_free(server->settings);
	explicit_bzero(server, sizeof(*server));
	free(server);
}

enum err server_reconfigure(struct ctx *ctx, struct server *server,
			    const struct server_options *options)
{
	TRY(apply_settings(ctx, server, options, server->is_loopback));
	if (server->tls)
		tls_reload(ctx, server->tls, true);
	/* Keys may reach less far now; clients watch again. */
	stream_end_all(&server->host.streams);
	warn_about(ctx, options);
	return E_OK;
}

int server_fd(struct server *server)
{
	return server->fd;
}

unsigned server_port(const struct server *server)
{
	return server->port;
}

/* -1 is never. */
static msec_t sooner(msec_t a, msec_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* How long until the files are looked at again. */
static msec_t look_at_files(struct ctx *ctx, struct server *server)
{
	msec_t now = ctx_mono(ctx);

	if (!server->tls)
		return -1;
	if (now >= server->next_tls_look) {
		tls_reload(ctx, server->tls, false);
		server->next_tls_look = now + TLS_LOOK_MSEC;
	}
	return server->next_tls_look - now;
}

/* libmicrohttpd takes up ten connections in a run, and a crowd of them must not wait for as many
 * turns. */
static msec_t run_doors(struct ctx *ctx, struct server *server)
{
	msec_t until = ctx_mono(ctx) + TURNS_RUN_MSEC, wait;

	do
		wait = sooner(door_run(ctx, &server->public), door_run(ctx, &server->local));
	while ((wait == 0 || door_has_news(&server->public) || door_has_news(&server->local)) &&
	       ctx_mono(ctx) < until);
	return wait;
}

/* What was accepted is written, and those that wait are called, one after the other, until the time
 * of this run is up. How long until the next. */
static msec_t take_turns(struct ctx *ctx, struct server *server)
{
	struct turns *turns = &server->host.turns;
	msec_t wait;

	turns_begin(turns, ctx_mono(ctx));
	do {
		server->host.is_settled = journal_settle_on(ctx, server->service.store,
							    ctx_mono(ctx) + TURNS_RUN_MSEC);
		turns_call(turns, ctx_mono(ctx));
		wait = run_doors(ctx, server);
	} while ((wait == 0 || turns->first) && turns_have_time(turns, ctx_mono(ctx)));
	if (turns->first || !server->host.is_settled)
		return 0;
	return journal_is_in_trouble(server->service.store) ? sooner(wait, JOURNAL_TROUBLE_LOOK)
							    : wait;
}

msec_t server_run(struct server *server)
{
	struct ctx ctx cleanup_ctx;
	msec_t wait;

	ctx_init(&ctx, server->service.doors);
	ctx.controller = "server";
	wait = look_at_files(&ctx, server);
	exchange_wake(&server->host, ctx_mono(&ctx));
	stream_look(&server->host.streams);
	wait = sooner(wait, take_turns(&ctx, server));
	wait = sooner(wait, conns_sweep(&server->conns, ctx_mono(&ctx)));
	wait = sooner(wait, exchange_wake(&server->host, ctx_mono(&ctx)));
	for (size_t kind = 0; kind < KIND_COUNT; kind++)
		changes_sweep(server->service.changes[kind]);
	wait = sooner(wait, listings_sweep(&server->service.listings, ctx_mono(&ctx)));
	heap_settle(&server->heap,
		    server->host.answers.bytes + server->conns.count * CONNECTION_MEMORY_BYTES);
	/* The store's news comes to nobody on this thread: with watches open it is asked for. */
	return sooner(wait, server->host.streams.first ? WATCH_LOOK_MSEC : -1);
}

void server_set_ready(struct server *server, bool is_ready)
{
	const struct termination_world world = service_termination(&server->service);
	struct ctx ctx cleanup_ctx;

	ctx_init(&ctx, server->service.doors);
	ctx.controller = "server";
	if (is_ready && !server->service.is_ready && termination_catch_up(&ctx, &world) != E_OK)
		log_error(&ctx, "a terminated request leaves a hostname desired", "text",
			  ctx.fault.text, NULL);
	server->service.is_ready = is_ready;
}
