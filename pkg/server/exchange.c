#include "server/exchange.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/text.h"
#include "httpd/framing.h"
#include "server/routes.h"
#include "service/errors.h"
#include "store/journal.h"

#define DRAIN_MAX ((size_t)16 * 1024 * 1024)

#define FULL "Answers that clients have not read yet fill what there is for all of them."
#define LATE "So many requests are waiting that this one did not have its turn in time."

struct exchange {
	struct ctx ctx;
	struct conn *conn;
	struct request request;
	struct response response;
	const struct route *route; /* NULL: the response says why */
	unsigned reloads;	   /* of the service, when it was judged */
	const char *uri;
	const char *uri_seen; /* where it lies: `uri` is a copy */
	struct framing framing;
	struct buf body;
	size_t drained;
	bool is_judged;
	bool is_queued; /* then the request is gone, and all that was made for it */
	struct turn turn;
	struct exchange *next_sleeper;
	msec_t wake_at; /* mono; 0: has not slept */
};

/* helpers: the head */

static enum MHD_Result take_header(void *handle, enum MHD_ValueKind kind, const char *name,
				   const char *value)
{
	struct exchange *exchange = handle;

	(void)kind;
	framing_add(&exchange->framing, name, value ? value : "");
	return request_add_header(&exchange->ctx, &exchange->request, name, value) ? MHD_YES
										   : MHD_NO;
}

static bool has_expectation(const struct request *request)
{
	const char *expect = request_header(request, "Expect");

	return expect && text_equals_nocase(expect, "100-continue");
}

/* -1: not said. */
static int64_t declared_size(const struct request *request)
{
	int64_t size;

	return text_to_number(request_header(request, "Content-Length"), &size) ? size : -1;
}

static bool is_too_long(struct exchange *exchange, struct MHD_Connection *connection)
{
	struct response *response = &exchange->response;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	int taken = MHD_get_connection_values(connection, MHD_HEADER_KIND, take_header, exchange);

	exchange->request.hides_bytes = !info ||
					!framing_is_whole(&exchange->framing, info->header_size);
	if (strlen(exchange->uri) > REQUEST_TARGET_MAX)
		errors_answer(&exchange->ctx, response, 414, "UriTooLong",
			      "The request target has at most %d bytes.", REQUEST_TARGET_MAX);
	else if ((info && info->header_size > REQUEST_HEADERS_MAX_BYTES) ||
		 (size_t)taken > exchange->request.header_count)
		errors_answer(&exchange->ctx, response, 431, "HeadersTooLarge",
			      "All headers together have at most %d bytes and %d lines.",
			      REQUEST_HEADERS_MAX_BYTES, REQUEST_HEADERS_MAX);
	return response->status != 0;
}

static void judge(struct exchange *exchange, const struct exchange_host *host,
		  struct MHD_Connection *connection)
{
	struct ctx *ctx = &exchange->ctx;
	struct response *response = &exchange->response;
	const char *ambiguity;

	response->is_last = true;
	if (is_too_long(exchange, connection))
		return;
	ambiguity = framing_fault(&exchange->request);
	if (ambiguity) {
		errors_answer(ctx, response, 400, "InvalidRequest", "%s", ambiguity);
		return;
	}
	if (request_set_target(ctx, &exchange->request, exchange->uri) != E_OK) {
		errors_answer_fault(ctx, response, E_REFUSED);
		return;
	}
	response->is_last = false;
	exchange->reloads = host->service->reloads;
	exchange->route = routes_judge(ctx, host->service, &exchange->request, response);
	exchange->turn.who = request_client(&exchange->request);
}

/* A key that was taken away or reaches less far now ends what came in under it. */
static void judge_again(struct exchange *exchange, const struct exchange_host *host)
{
	if (!exchange->route || exchange->reloads == host->service->reloads)
		return;
	exchange->reloads = host->service->reloads;
	exchange->route = routes_judge(&exchange->ctx, host->service, &exchange->request,
				       &exchange->response);
}

/* Of what came in and of what goes out. */
static void hold(struct exchange_host *host, const struct buf *body, size_t before)
{
	host->answers.bytes += body->capacity - before;
}

static void refuse_overload(struct exchange *exchange, const char *why)
{
	exchange->route = NULL;
	errors_answer(&exchange->ctx, &exchange->response, 503, "Overloaded", "%s Try again.", why);
}

static void refuse_size(struct exchange *exchange)
{
	exchange->route = NULL;
	errors_answer(&exchange->ctx, &exchange->response, 413, "BodyTooLarge",
		      "The body has at most %zu bytes.", REQUEST_BODY_MAX);
}

/* helpers: the body */

static void take_body(struct exchange *exchange, struct exchange_host *host, const char *data,
		      size_t size)
{
	size_t before = exchange->body.capacity;

	exchange->drained += size;
	if (!exchange->route)
		return;
	if (answers_are_full(&host->answers))
		refuse_overload(exchange, FULL);
	else if (!buf_add(&exchange->body, data, size))
		refuse_size(exchange);
	hold(host, &exchange->body, before);
}

static void drop_body(struct exchange *exchange, struct exchange_host *host)
{
	host->answers.bytes -= exchange->body.capacity;
	buf_fini(&exchange->body);
}

/* helpers: the answer */

static void add_headers(struct MHD_Response *out, const struct response *response)
{
	MHD_add_response_header(out, "Content-Type", "application/json; charset=utf-8");
	/* Bodies and Locations hold capability links. */
	MHD_add_response_header(out, "Cache-Control", "no-store");
	MHD_add_response_header(out, "X-Content-Type-Options", "nosniff");
	for (size_t i = 0; i < response->header_count; i++)
		MHD_add_response_header(out, response->headers[i].name, response->headers[i].value);
	if (response->is_last)
		MHD_add_response_header(out, "Connection", "close");
}

/* A page goes over to the answers; a watch to the stream, and stays open as long as the watch does.
 */
static struct MHD_Response *make_response(struct exchange *exchange, struct exchange_host *host,
					  struct MHD_Connection *connection)
{
	struct response *response = &exchange->response;
	struct watch *watch = response->watch;
	struct page *page = response->page;

	conns_begin_answer(host->conns, exchange->conn,
			   ctx_mono(&exchange->ctx) + CONNS_REQUEST_MSEC);
	response->page = NULL;
	if (page)
		return answers_send_page(&host->answers, &exchange->turn, page);
	if (!watch)
		return answers_send_text(&host->answers, &exchange->turn, response->body,
					 response->body_size);
	response->watch = NULL;
	response->is_last = true;
	conns_begin_answer(host->conns, exchange->conn, watch_deadline(watch) + CONNS_REQUEST_MSEC);
	return stream_new(&host->streams, watch, connection, &host->service->watch_count);
}

/* A client that takes its answer slowly holds the answer, and nothing of how that was made. */
static void close_request(struct exchange *exchange, struct exchange_host *host)
{
	exchange->is_queued = true;
	drop_body(exchange, host);
	watch_close(exchange->response.watch);
	page_free(exchange->response.page);
	ctx_fini(&exchange->ctx);
}

static enum MHD_Result queue(struct exchange *exchange, struct exchange_host *host,
			     struct MHD_Connection *connection)
{
	const struct response *response = &exchange->response;
	struct MHD_Response *out = heap_have(make_response(exchange, host, connection));
	enum MHD_Result result;
	char status[12];

	snprintf(status, sizeof(status), "%d", response->status);
	log_debug(&exchange->ctx, "request answered", "method", exchange->request.method, "route",
		  exchange->route ? exchange->route->name : NULL, "status", status, "key",
		  exchange->request.key_name, NULL);
	add_headers(out, response);
	result = MHD_queue_response(connection, (unsigned)response->status, out);
	MHD_destroy_response(out);
	close_request(exchange, host);
	return result;
}

static enum MHD_Result begin(struct exchange *exchange, struct exchange_host *host,
			     struct MHD_Connection *connection)
{
	int64_t size;

	exchange->is_judged = true;
	judge(exchange, host, connection);
	size = declared_size(&exchange->request);
	if (exchange->route && size > (int64_t)REQUEST_BODY_MAX)
		refuse_size(exchange);
	/* Such a client waits to be told, or would send more than is worth reading, or without end.
	 */
	if (exchange->route || exchange->response.delay > 0 ||
	    (!has_expectation(&exchange->request) && framing_is_delimited(&exchange->request) &&
	     size <= (int64_t)DRAIN_MAX))
		return MHD_YES;
	exchange->response.is_last = true;
	return queue(exchange, host, connection);
}

static enum MHD_Result sleep_first(struct exchange *exchange, struct exchange_host *host,
				   struct MHD_Connection *connection)
{
	exchange->wake_at = ctx_mono(&exchange->ctx) + exchange->response.delay;
	exchange->next_sleeper = host->sleepers;
	host->sleepers = exchange;
	conns_delay_answer(host->conns, exchange->conn, exchange->wake_at);
	MHD_suspend_connection(connection);
	return MHD_YES;
}

/* A whole request has come in: it is not its client that is late. */
static void keep_waiting(struct exchange *exchange, struct exchange_host *host)
{
	conns_begin_answer(host->conns, exchange->conn,
			   exchange->turn.since + TURNS_WAIT_MSEC + CONNS_REQUEST_MSEC);
}

/* What writes comes behind all that was accepted before. */
static bool take_turn(struct exchange *exchange, struct exchange_host *host)
{
	msec_t now = ctx_mono(&exchange->ctx);
	struct turn *turn = &exchange->turn;
	bool writes = !text_equals(exchange->route->method, "GET");

	if (writes && !host->is_settled && !turns_is_late(turn, now)) {
		turns_wait(&host->turns, turn, now);
		return false;
	}
	return turns_take(&host->turns, turn, now);
}

/* False: it rests until its turn has come. What asks for no key is always served at once. */
static bool may_serve(struct exchange *exchange, struct exchange_host *host)
{
	struct turn *turn = &exchange->turn;

	if (!exchange->route || exchange->route->right == AUTH_ANYBODY) {
		turns_leave(&host->turns, turn);
		return true;
	}
	if (!take_turn(exchange, host)) {
		keep_waiting(exchange, host);
		return false;
	}
	if (turns_is_late(turn, ctx_mono(&exchange->ctx)))
		refuse_overload(exchange, LATE);
	else if (answers_are_full(&host->answers))
		refuse_overload(exchange, FULL);
	return true;
}

static enum MHD_Result finish(struct exchange *exchange, struct exchange_host *host,
			      struct MHD_Connection *connection)
{
	judge_again(exchange, host);
	if (exchange->response.delay > 0 && exchange->wake_at == 0)
		return sleep_first(exchange, host, connection);
	if (!may_serve(exchange, host))
		return MHD_YES;
	exchange->request.body = exchange->body.size ? exchange->body.data : "";
	exchange->request.body_size = exchange->body.size;
	if (exchange->route)
		routes_serve(&exchange->ctx, host->service, exchange->route, &exchange->request,
			     &exchange->response);
	host->is_settled = journal_is_settled(host->service->store);
	if (exchange->response.is_unfinished) {
		exchange->response.is_unfinished = false;
		turns_wait(&host->turns, &exchange->turn, ctx_mono(&exchange->ctx));
		keep_waiting(exchange, host);
		return MHD_YES;
	}
	return queue(exchange, host, connection);
}

/* public */

void *exchange_begin(void *handle, const char *uri, struct MHD_Connection *connection)
{
	struct exchange_host *host = handle;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct exchange *exchange = heap_calloc(1, sizeof(*exchange));

	assert(info);
	host->activity++;
	ctx_init(&exchange->ctx, host->service->doors);
	exchange->ctx.controller = "server";
	exchange->conn = info->socket_context;
	exchange->uri = arena_strdup(exchange->ctx.arena, uri);
	exchange->uri_seen = uri;
	exchange->request.peer = conns_peer(&exchange->ctx, exchange->conn);
	exchange->request.peer_hash = conns_peer_hash(exchange->conn);
	exchange->request.is_tls = exchange->conn->is_tls;
	exchange->request.is_trusted = exchange->conn->is_trusted;
	exchange->turn = (struct turn){.connection = connection, .conn = exchange->conn};
	buf_init(&exchange->body, REQUEST_BODY_MAX);
	conns_begin_request(host->conns, exchange->conn, ctx_mono(&exchange->ctx));
	return exchange;
}

enum MHD_Result exchange_handle(void *handle, struct MHD_Connection *connection, const char *url,
				const char *method, const char *version, const char *data,
				size_t *size, void **context)
{
	struct exchange_host *host = handle;
	struct exchange *exchange = *context;

	(void)url;
	host->activity++;
	if (exchange->is_queued)
		return MHD_YES;
	if (!exchange->is_judged) {
		exchange->request.method = arena_strdup(exchange->ctx.arena, method);
		framing_begin(&exchange->framing, method, exchange->uri_seen, strlen(exchange->uri),
			      version);
		return begin(exchange, host, connection);
	}
	if (*size == 0)
		return finish(exchange, host, connection);
	take_body(exchange, host, data, *size);
	*size = 0;
	return exchange->drained <= DRAIN_MAX ? MHD_YES : MHD_NO;
}

msec_t exchange_wake(struct exchange_host *host, msec_t now)
{
	struct exchange **link = &host->sleepers;
	msec_t next = MSEC_NEVER;

	while (*link) {
		struct exchange *exchange = *link;

		if (exchange->wake_at <= now || exchange->conn->is_shut) {
			*link = exchange->next_sleeper;
			host->activity++;
			MHD_resume_connection(exchange->turn.connection);
			continue;
		}
		if (exchange->wake_at < next)
			next = exchange->wake_at;
		link = &exchange->next_sleeper;
	}
	return next == MSEC_NEVER ? -1 : next - now;
}

void exchange_end(void *handle, struct MHD_Connection *connection, void **context,
		  enum MHD_RequestTerminationCode code)
{
	struct exchange_host *host = handle;
	struct clock *clock = host->service->doors->clock;
	struct exchange *exchange = *context;

	(void)connection;
	(void)code;
	if (!exchange)
		return;
	host->activity++;
	conns_end_answer(host->conns, exchange->conn, clock->mono(clock));
	turns_leave(&host->turns, &exchange->turn);
	if (!exchange->is_queued)
		close_request(exchange, host);
	free(exchange);
	*context = NULL;
}
