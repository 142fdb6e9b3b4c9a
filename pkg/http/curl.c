#include "http/curl.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/fatal.h"
#include "base/heap.h"
#include "base/text.h"
#include "http/exchange.h"
#include "http/url.h"

#define DEFAULT_TIMEOUT	    (10 * MSEC_PER_SEC)
#define REPLY_BYTES_DEFAULT ((size_t)256 * 1024)

struct failure {
	CURLcode code;
	const char *reason, *text;
};

static const struct failure failures[] = {
	{CURLE_COULDNT_RESOLVE_PROXY, "ConnectFailed", "the proxy's name does not resolve"},
	{CURLE_COULDNT_RESOLVE_HOST, "ConnectFailed", "its name does not resolve"},
	{CURLE_COULDNT_CONNECT, "ConnectFailed", "no connection (refused or unreachable)"},
	{CURLE_PROXY, "ConnectFailed", "the proxy refused"},
	{CURLE_SSL_CONNECT_ERROR, "TlsFailed", "the TLS handshake failed"},
	{CURLE_PEER_FAILED_VERIFICATION, "TlsFailed", "its certificate is not trusted"},
	{CURLE_SSL_CACERT_BADFILE, "TlsFailed", "the file of trusted CAs cannot be read"},
	{CURLE_OPERATION_TIMEDOUT, "Timeout", "no complete answer in time"},
	{CURLE_SEND_ERROR, "ConnectionLost", "the connection broke while sending"},
	{CURLE_RECV_ERROR, "ConnectionLost", "the connection broke before the answer was complete"},
	{CURLE_GOT_NOTHING, "ConnectionLost", "the connection was closed without an answer"},
	{CURLE_PARTIAL_FILE, "ConnectionLost", "the answer was cut short"},
	/* The URL was checked: the unsupported protocol is the answer's, HTTP/0.9 for one. */
	{CURLE_UNSUPPORTED_PROTOCOL, "ReplyMalformed", "the answer is not HTTP"},
	{CURLE_WEIRD_SERVER_REPLY, "ReplyMalformed", "the answer is not HTTP"},
};

static const struct failure too_large = {CURLE_WRITE_ERROR, "ReplyTooLarge",
					 "the answer is larger than allowed"};

static const struct failure no_end = {CURLE_OK, "ReplyMalformed",
				      "the answer does not say how long it is"};

static const struct failure connect_timeout = {CURLE_OPERATION_TIMEDOUT, "Timeout",
					       "no connection in time"};

static const struct failure other_failure = {CURLE_OK, "ReplyMalformed", "the transfer failed"};

static void wake(void *multi)
{
	curl_multi_wakeup(multi);
}

/* True unless libcurl gave up before the request itself could begin. */
static bool may_have_been_sent(const struct exchange *exchange)
{
	curl_off_t begun = 0;
	long sent = 0;

	curl_easy_getinfo(exchange->curl->easy, CURLINFO_PRETRANSFER_TIME_T, &begun);
	curl_easy_getinfo(exchange->curl->easy, CURLINFO_REQUEST_SIZE, &sent);
	return begun > 0 || sent > 0;
}

/* What must not be made twice is worth its answer: without it the next engine would make it again.
 */
static bool may_be_left(const struct exchange *exchange, msec_t *patience_ends)
{
	msec_t now = ctx_mono(exchange->ctx);

	if (exchange->request->kind != HTTP_ONE_SHOT ||
	    cancel_is_at_once(exchange->ctx->doors->cancel) || !may_have_been_sent(exchange))
		return true;
	if (*patience_ends == MSEC_NEVER)
		*patience_ends = now + CURL_LAST_ANSWER_MSEC;
	return now >= *patience_ends;
}

/* False when cancelled. */
static bool drive(struct exchange *exchange, CURLcode *code)
{
	CURLM *multi = exchange->curl->multi;
	msec_t patience_ends = MSEC_NEVER;
	int running = 1, left;
	CURLMsg *message;

	for (;;) {
		if (ctx_is_cancelled(exchange->ctx) && may_be_left(exchange, &patience_ends))
			return false;
		curl_multi_perform(multi, &running);
		if (!running)
			break;
		if (exchange_is_stalled(exchange)) {
			*code = CURLE_OPERATION_TIMEDOUT;
			return true;
		}
		curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	message = curl_multi_info_read(multi, &left);
	assert(message && message->msg == CURLMSG_DONE);
	*code = message->data.result;
	return true;
}

static bool run(struct exchange *exchange, CURLcode *code)
{
	struct curl *curl = exchange->curl;
	struct cancel *cancel = exchange->ctx->doors->cancel;
	struct cancel_waker waker = {.wake = wake, .handle = curl->multi};
	CURLMcode added = curl_multi_add_handle(curl->multi, curl->easy);
	bool is_complete;

	assert(added == CURLM_OK);
	cancel_add_waker(cancel, &waker);
	is_complete = drive(exchange, code);
	cancel_remove_waker(cancel, &waker);
	curl_multi_remove_handle(curl->multi, curl->easy);
	return is_complete;
}

static enum err fail(struct exchange *exchange, const struct failure *failure)
{
	bool is_sent = may_have_been_sent(exchange);
	bool is_open = is_sent && exchange->request->kind == HTTP_ONE_SHOT;
	/* libcurl says which check failed, in words that do not change from one try to the next. */
	bool has_more = failure->code == CURLE_PEER_FAILED_VERIFICATION && exchange->said[0];

	return fault_set(exchange->ctx, is_open ? E_CONFLICT : E_AGAIN, failure->reason,
			 "%s %s: %s%s%.200s%s", is_sent ? "no clear answer from" : "cannot reach",
			 exchange->origin, failure->text, has_more ? " (" : "",
			 has_more ? exchange->said : "", has_more ? ")" : "");
}

static enum err file_failure(struct exchange *exchange, CURLcode code)
{
	size_t i;

	if (exchange->headers_are_too_large || exchange->body.is_overfull)
		return fail(exchange, &too_large);
	if (code == CURLE_OPERATION_TIMEDOUT && !may_have_been_sent(exchange))
		return fail(exchange, &connect_timeout);
	for (i = 0; i < ARRAY_SIZE(failures); i++)
		if (failures[i].code == code)
			return fail(exchange, &failures[i]);
	return fail(exchange, &other_failure);
}

static void fill_reply(struct exchange *exchange, struct http_reply *reply)
{
	struct buf *body = &exchange->body;
	char *copy = arena_alloc(exchange->ctx->arena, body->size + 1);

	if (body->size)
		memcpy(copy, body->data, body->size);
	reply->status = exchange->status;
	reply->headers = exchange->headers;
	reply->header_count = exchange->header_count;
	reply->body = copy;
	reply->body_size = body->size;
}

/* RFC 9112 6.3: such a body cannot be told from one cut short, and libcurl does not ask for TLS's
 * own end. Accepted where plain http is: what stands behind a gateway may be old. */
static bool ends_with_the_connection(const struct exchange *exchange,
				     const struct http_reply *reply)
{
	return reply->body_size && !exchange->request->allow_plain &&
	       !http_header(reply, "Content-Length") && !http_header(reply, "Transfer-Encoding");
}

static enum err perform(struct exchange *exchange, struct http_reply *reply)
{
	CURLcode code = CURLE_OK;

	TRY(exchange_prepare(exchange));
	if (!run(exchange, &code))
		return fault_set(exchange->ctx, E_CANCELLED, "Cancelled", "shutting down");
	if (code != CURLE_OK)
		return file_failure(exchange, code);
	/* libcurl takes a connection that ends within the headers for the end of the answer. */
	if (!exchange->headers_are_complete)
		return file_failure(exchange, CURLE_PARTIAL_FILE);
	fill_reply(exchange, reply);
	if (ends_with_the_connection(exchange, reply))
		return fail(exchange, &no_end);
	return E_OK;
}

static enum err check_url(struct ctx *ctx, const struct http_request *request, const char **origin)
{
	struct url url;

	TRY(url_parse(ctx, request->url, &url));
	*origin = url_origin(ctx, &url);
	if (!request->allow_plain && strcmp(url.scheme, "https") != 0)
		return fault_set(ctx, E_REFUSED, "InvalidUrl", "%s: only https is allowed",
				 *origin);
	return E_OK;
}

static enum err curl_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			  struct http_reply *reply)
{
	struct exchange exchange = {.ctx = ctx, .curl = (struct curl *)http, .request = request};
	enum err err;

	TRY(check_url(ctx, request, &exchange.origin));
	exchange.headers = arena_new_array(ctx->arena, struct http_header, HEADER_LINES_MAX);
	buf_init(&exchange.body,
		 request->reply_bytes_max ? request->reply_bytes_max : REPLY_BYTES_DEFAULT);
	err = perform(&exchange, reply);
	/* Nothing of this request may be seen by the next one through the handle. */
	curl_easy_reset(exchange.curl->easy);
	curl_slist_free_all(exchange.lines);
	curl_slist_free_all(exchange.connect_to);
	buf_fini(&exchange.body);
	return err;
}

void curl_library_init(void)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

	if (code != CURLE_OK)
		fatal("libcurl does not start", curl_easy_strerror(code));
	/* TLS writes to sockets that the peer has closed; CURLOPT_NOSIGNAL leaves this to us. */
	signal(SIGPIPE, SIG_IGN);
}

struct http *curl_new(const struct curl_options *options)
{
	struct curl *curl = heap_calloc(1, sizeof(*curl));

	curl->http.send = curl_send;
	curl->multi = heap_have(curl_multi_init());
	curl->easy = heap_have(curl_easy_init());
	curl->ca_file = heap_strdup(options->ca_file);
	curl->user_agent = heap_strdup(options->user_agent);
	curl->timeout = options->timeout ? options->timeout : DEFAULT_TIMEOUT;
	curl->no_proxy = options->no_proxy;
	return &curl->http;
}

void curl_close(struct http *http)
{
	struct curl *curl = (struct curl *)http;

	if (!curl)
		return;
	curl_easy_cleanup(curl->easy);
	curl_multi_cleanup(curl->multi);
	free(curl->ca_file);
	free(curl->user_agent);
	free(curl);
}
