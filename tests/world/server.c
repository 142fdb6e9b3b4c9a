#include "world/server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/buf.h"

#define BODY_BYTES_MAX ((size_t)16 << 20)

struct server {
	struct MHD_Daemon *daemon;
	struct world *world;
	const struct doors *doors;
	enum door door;
	unsigned number;
};

/* One request while it comes in and its answer goes out. */
struct exchange {
	struct ctx ctx;
	char *target;
	struct buf body;
	struct call call;
	bool is_begun;
};

static void *begin(void *server, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange));

	(void)server;
	(void)connection;
	if (!exchange)
		abort();
	exchange->ctx.arena = arena_new();
	exchange->target = arena_strdup(exchange->ctx.arena, uri);
	buf_init(&exchange->body, BODY_BYTES_MAX);
	return exchange;
}

static void end(void *server, struct MHD_Connection *connection, void **state,
		enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *state;

	(void)server;
	(void)connection;
	(void)code;
	if (!exchange)
		return;
	buf_fini(&exchange->body);
	arena_free(exchange->ctx.arena);
	free(exchange);
	*state = NULL;
}

struct header_list {
	struct ctx *ctx;
	struct http_header *items;
	size_t count, capacity;
};

static enum MHD_Result add_header(void *closure, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	struct header_list *list = closure;

	(void)kind;
	if (list->count < list->capacity)
		list->items[list->count++] =
			(struct http_header){arena_strdup(list->ctx->arena, name),
					     arena_strdup(list->ctx->arena, value ? value : "")};
	return MHD_YES;
}

/* Closing with a zero linger sends RST. */
static enum MHD_Result reset(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info)
		setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
			   sizeof(struct linger));
	return MHD_NO;
}

static ssize_t read_part(void *closure, uint64_t at, char *out, size_t max)
{
	const struct call *call = closure;
	size_t left;

	if (at >= call->truncate_at)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	left = call->truncate_at - (size_t)at;
	if (left > max)
		left = max;
	memcpy(out, call->reply + at, left);
	return (ssize_t)left;
}

static struct MHD_Response *response_of(struct call *call)
{
	if (call->end == CALL_TRUNCATED && call->truncate_at < call->reply_size)
		return MHD_create_response_from_callback(call->reply_size, 4096, read_part, call,
							 NULL);
	return MHD_create_response_from_buffer(call->reply_size, (void *)(uintptr_t)call->reply,
					       MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result answer(struct MHD_Connection *connection, struct call *call)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	size_t i;

	if (call->delay > 0)
		nanosleep(&(struct timespec){.tv_sec = call->delay / 1000,
					     .tv_nsec = (long)(call->delay % 1000) * 1000000},
			  NULL);
	if (call->end == CALL_RESET)
		return reset(connection);
	response = response_of(call);
	if (!response)
		abort();
	for (i = 0; i < call->reply_header_count; i++)
		MHD_add_response_header(response, call->reply_headers[i].name,
					call->reply_headers[i].value);
	result = MHD_queue_response(connection, (unsigned)call->status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result handle(void *closure, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *data,
			      size_t *data_size, void **state)
{
	struct exchange *exchange = *state;
	struct server *server = closure;
	struct header_list list;

	(void)url;
	(void)version;
	if (!exchange->is_begun) {
		exchange->is_begun = true;
		return MHD_YES;
	}
	if (*data_size) {
		if (!buf_add(&exchange->body, data, *data_size))
			return MHD_NO;
		*data_size = 0;
		return MHD_YES;
	}
	exchange->ctx.doors = server->doors;
	list = (struct header_list){.ctx = &exchange->ctx, .capacity = 64};
	list.items = arena_new_array(exchange->ctx.arena, struct http_header, list.capacity);
	MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &list);
	exchange->call = (struct call){
		.ctx = &exchange->ctx,
		.door = server->door,
		.number = server->number,
		.method = arena_strdup(exchange->ctx.arena, method),
		.target = exchange->target,
		.headers = list.items,
		.header_count = list.count,
		.body = exchange->body.data,
		.body_size = exchange->body.size,
	};
	world_handle(server->world, &exchange->call);
	return answer(connection, &exchange->call);
}

static bool parse_address(const char *text, struct sockaddr_in *out)
{
	char ip[64];
	unsigned port;

	memset(out, 0, sizeof(*out));
	out->sin_family = AF_INET;
	if (sscanf(text, "%63[0-9.]:%u", ip, &port) != 2 || port == 0 || port > 65535 ||
	    inet_pton(AF_INET, ip, &out->sin_addr) != 1) {
		fprintf(stderr, "azuresim: %s is no address of the form 127.0.0.1:1234\n", text);
		return false;
	}
	out->sin_port = htons((uint16_t)port);
	return true;
}

struct server *doors_open(struct world *world, const struct doors *doors,
			  const struct server_options *options)
{
	struct server *server = calloc(1, sizeof(*server));
	struct sockaddr_in address;
	unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
			 MHD_USE_ITC;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->cert_pem},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key_pem},
		{MHD_OPTION_END, 0, NULL},
	};

	if (!server)
		abort();
	server->world = world;
	server->doors = doors;
	server->door = options->door;
	server->number = options->number;
	if (!parse_address(options->address, &address)) {
		free(server);
		return NULL;
	}
	if (options->cert_pem)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	server->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, &address,
		MHD_OPTION_URI_LOG_CALLBACK, begin, server, MHD_OPTION_NOTIFY_COMPLETED, end,
		server, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)256 * 1024,
		MHD_OPTION_CONNECTION_TIMEOUT, 60u, MHD_OPTION_CONNECTION_LIMIT, 1000u,
		MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_THREAD_STACK_SIZE,
		(size_t)512 * 1024, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (server->daemon)
		return server;
	fprintf(stderr, "azuresim: cannot listen on %s\n", options->address);
	free(server);
	return NULL;
}

void doors_close(struct server *server)
{
	if (!server)
		return;
	MHD_stop_daemon(server->daemon);
	free(server);
}
