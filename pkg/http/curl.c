#include "http/curl.h"

#include <assert.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/text.h"
#include "http/url.h"

#define CONNECT_TIMEOUT_MS 5000L
#define DEFAULT_TIMEOUT (10 * MSEC_PER_SEC)
#define SLOW_SECONDS 15L
#define IDLE_SECONDS_MAX 4L /* some servers close an idle connection after five */
#define REPLY_BYTES_DEFAULT ((size_t)256 * 1024)
#define HEADER_BYTES_MAX ((size_t)64 * 1024)
#define HEADER_LINES_MAX 128

struct curl {
	struct http http;
	CURLM *multi;
	CURL *easy;
	char *ca_file, *user_agent; /* immutable after new */
	msec_t timeout;
	bool no_proxy;
};

/* One request on its way. */
struct exchange {
	struct ctx *ctx;
	struct curl *curl;
	const struct http_request *request;
	const char *origin;	  /* for messages */
	struct curl_slist *lines; /* request headers */
	struct curl_slist *connect_to;
	char said[CURL_ERROR_SIZE];

	struct http_header *headers;
	size_t header_count, header_lines, header_bytes;
	bool headers_are_complete; /* what follows are trailers, which nobody asked for */
	bool headers_are_too_large;
	int status;
	struct buf body;
};

struct failure {
	CURLcode code;
	const char *reason, *text;
};

static const struct failure failures[] = {
	{ CURLE_COULDNT_RESOLVE_PROXY, "ConnectFailed", "the proxy's name does not resolve" },
	{ CURLE_COULDNT_RESOLVE_HOST, "ConnectFailed", "its name does not resolve" },
	{ CURLE_COULDNT_CONNECT, "ConnectFailed", "no connection (refused or unreachable)" },
	{ CURLE_PROXY, "ConnectFailed", "the proxy refused" },
	{ CURLE_SSL_CONNECT_ERROR, "TlsFailed", "the TLS handshake failed" },
	{ CURLE_PEER_FAILED_VERIFICATION, "TlsFailed", "its certificate is not trusted" },
	{ CURLE_SSL_CACERT_BADFILE, "TlsFailed", "the file of trusted CAs cannot be read" },
	{ CURLE_OPERATION_TIMEDOUT, "Timeout", "no complete answer in time" },
	{ CURLE_SEND_ERROR, "ConnectionLost", "the connection broke while sending" },
	{ CURLE_RECV_ERROR, "ConnectionLost", "the connection broke before the answer was complete" },
	{ CURLE_GOT_NOTHING, "ConnectionLost", "the connection was closed without an answer" },
	{ CURLE_PARTIAL_FILE, "ConnectionLost", "the answer was cut short" },
	/* The URL is checked before, so the unsupported protocol is the answer's: HTTP/0.9 and worse. */
	{ CURLE_UNSUPPORTED_PROTOCOL, "ReplyMalformed", "the answer is not HTTP" },
	{ CURLE_WEIRD_SERVER_REPLY, "ReplyMalformed", "the answer is not HTTP" },
};

static const struct failure too_large = {
	CURLE_WRITE_ERROR, "ReplyTooLarge", "the answer is larger than allowed",
};

static const struct failure no_end = {
	CURLE_OK, "ReplyMalformed", "the answer does not say how long it is",
};

static const struct failure connect_timeout = {
	CURLE_OPERATION_TIMEDOUT, "Timeout", "no connection in time",
};

static const struct failure other_failure = {
	CURLE_OK, "ReplyMalformed", "the transfer failed",
};

/* Setting an option fails only for one that this libcurl does not know, or without memory. */
#define SET(easy, option, value)                                                                   \
	do {                                                                                       \
		CURLcode set_code_ = curl_easy_setopt((easy), (option), (value));                  \
		assert(set_code_ == CURLE_OK);                                                     \
	} while (0)

/* --- what comes back ------------------------------------------------------------------------------- */

static void keep_header(struct exchange *exchange, const char *line, size_t size)
{
	struct arena *arena = exchange->ctx->arena;
	const char *colon = memchr(line, ':', size), *value, *end = line + size;
	struct http_header *header;

	if (!colon || colon == line || *line == ' ' || *line == '\t')
		return;
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t'); value++)
		;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	header = &exchange->headers[exchange->header_count++];
	header->name = arena_strndup(arena, line, (size_t)(colon - line));
	header->value = arena_strndup(arena, value, (size_t)(end - value));
}

/* "HTTP/1.1 200 OK" */
static int parse_status(const char *line, size_t size)
{
	const char *space = memchr(line, ' ', size);
	char digits[4] = "";

	if (!space || line + size - space < 4)
		return 0;
	memcpy(digits, space + 1, 3);
	return digits[strspn(digits, "0123456789")] == '\0' ? atoi(digits) : 0;
}

static void take_header_line(struct exchange *exchange, const char *line, size_t size)
{
	while (size && (line[size - 1] == '\n' || line[size - 1] == '\r'))
		size--;
	if (exchange->headers_are_complete)
		return;
	if (size == 0) {
		/* RFC 9110 15.2: an interim response is followed by another one. */
		exchange->headers_are_complete = exchange->status >= 200;
		return;
	}
	if (size > 5 && strncmp(line, "HTTP/", 5) == 0) {
		exchange->status = parse_status(line, size);
		exchange->header_count = 0;
		return;
	}
	keep_header(exchange, line, size);
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *exchange = arg;

	size *= count;
	exchange->header_bytes += size;
	exchange->header_lines++;
	if (exchange->header_bytes > HEADER_BYTES_MAX
	    || exchange->header_lines > HEADER_LINES_MAX) {
		exchange->headers_are_too_large = true;
		return 0;
	}
	take_header_line(exchange, data, size);
	return size;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *exchange = arg;

	size *= count;
	return buf_add(&exchange->body, data, size) ? size : 0;
}

/* --- what goes out --------------------------------------------------------------------------------- */

static void add_line(struct curl_slist **lines, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*lines, line);

	if (!longer)
		abort();
	*lines = longer;
}

/* RFC 9110 5.5. Some values come from peers, entity tags for one. */
static bool is_header_value(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < ' ' && *value != '\t') || *value == 127)
			return false;
	return true;
}

static enum err set_headers(struct exchange *exchange)
{
	struct ctx *ctx = exchange->ctx;
	const struct http_header *header;
	bool has_type = false;
	size_t i;

	for (i = 0; i < HTTP_HEADERS_MAX && exchange->request->headers[i].name; i++) {
		header = &exchange->request->headers[i];
		assert(header->value);
		if (!is_header_value(header->name) || !is_header_value(header->value))
			return fault_set(ctx, E_REFUSED, "InvalidHeader",
					 "%s: the value for the header %s holds a control character",
					 exchange->origin, header->name);
		has_type = has_type || text_equals_nocase(header->name, "Content-Type");
		/* To libcurl "Name:" means none, "Name;" means empty. */
		add_line(&exchange->lines,
			 arena_printf(ctx->arena, *header->value ? "%s: %s" : "%s;%s",
				      header->name, header->value));
	}
	add_line(&exchange->lines, "Expect:");
	if (!has_type)
		add_line(&exchange->lines, "Content-Type:");
	SET(exchange->curl->easy, CURLOPT_HTTPHEADER, exchange->lines);
	return E_OK;
}

static void set_method(CURL *easy, const struct http_request *request)
{
	bool is_bodiless = strcmp(request->method, "GET") == 0
		|| strcmp(request->method, "DELETE") == 0;

	if (strcmp(request->method, "HEAD") == 0) {
		SET(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (request->body || !is_bodiless) {
		SET(easy, CURLOPT_POST, 1L);
		SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
		SET(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	}
	SET(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_limits(struct exchange *exchange)
{
	const struct http_request *request = exchange->request;
	CURL *easy = exchange->curl->easy;
	msec_t timeout = request->timeout ? request->timeout : exchange->curl->timeout;

	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	SET(easy, CURLOPT_TIMEOUT_MS, (long)(timeout < INT_MAX ? timeout : INT_MAX));
	SET(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(easy, CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS);
	SET(easy, CURLOPT_MAXAGE_CONN, IDLE_SECONDS_MAX);
	if (request->kind == HTTP_ONE_SHOT) {
		SET(easy, CURLOPT_FRESH_CONNECT, 1L);
		SET(easy, CURLOPT_FORBID_REUSE, 1L);
	}
}

static void set_trust(struct exchange *exchange)
{
	const struct curl *curl = exchange->curl;
	CURL *easy = curl->easy;

	/* Takes the place of the system's bundle; the system's directory of CAs stays trusted beside it. */
	if (curl->ca_file)
		SET(easy, CURLOPT_CAINFO, curl->ca_file);
	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (curl->no_proxy) {
		SET(easy, CURLOPT_PROXY, "");
		SET(easy, CURLOPT_NOPROXY, "*");
	}
}

/* One transfer at a time needs no HTTP/2, and libcurl repeats a refused HTTP/2 stream by itself. */
static void set_protocol(struct exchange *exchange)
{
	const struct http_request *request = exchange->request;
	CURL *easy = exchange->curl->easy;

	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_PROTOCOLS_STR, request->allow_plain ? "http,https" : "https");
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(easy, CURLOPT_ACCEPT_ENCODING, NULL);
	SET(easy, CURLOPT_PATH_AS_IS, 1L);
	SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	/* Do not wait for a name lookup that nobody needs any more. */
	SET(easy, CURLOPT_QUICK_EXIT, 1L);
	if (exchange->curl->user_agent)
		SET(easy, CURLOPT_USERAGENT, exchange->curl->user_agent);
	if (request->connect_to) {
		add_line(&exchange->connect_to,
			 arena_printf(exchange->ctx->arena, "::%s", request->connect_to));
		SET(easy, CURLOPT_CONNECT_TO, exchange->connect_to);
	}
}

static enum err prepare(struct exchange *exchange)
{
	CURL *easy = exchange->curl->easy;

	curl_easy_reset(easy);
	SET(easy, CURLOPT_URL, exchange->request->url);
	SET(easy, CURLOPT_ERRORBUFFER, exchange->said);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, exchange);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, exchange);
	set_protocol(exchange);
	set_limits(exchange);
	set_trust(exchange);
	set_method(easy, exchange->request);
	return set_headers(exchange);
}

/* --- the exchange ---------------------------------------------------------------------------------- */

static void wake(void *multi)
{
	curl_multi_wakeup(multi);
}

/* False when cancelled. */
static bool drive(struct exchange *exchange, CURLcode *code)
{
	CURLM *multi = exchange->curl->multi;
	int running = 1, left;
	CURLMsg *message;

	for (;;) {
		if (ctx_is_cancelled(exchange->ctx))
			return false;
		curl_multi_perform(multi, &running);
		if (!running)
			break;
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
	struct cancel_waker waker = { .wake = wake, .handle = curl->multi };
	CURLMcode added = curl_multi_add_handle(curl->multi, curl->easy);
	bool is_complete;

	assert(added == CURLM_OK);
	cancel_add_waker(cancel, &waker);
	is_complete = drive(exchange, code);
	cancel_remove_waker(cancel, &waker);
	curl_multi_remove_handle(curl->multi, curl->easy);
	return is_complete;
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

static enum err fail(struct exchange *exchange, const struct failure *failure)
{
	bool is_sent = may_have_been_sent(exchange);
	bool is_open = is_sent && exchange->request->kind == HTTP_ONE_SHOT;
	/* libcurl says which check failed, in words that do not change from one try to the next. */
	bool has_more = failure->code == CURLE_PEER_FAILED_VERIFICATION && exchange->said[0];

	return fault_set(exchange->ctx, is_open ? E_CONFLICT : E_AGAIN, failure->reason,
			 "%s %s: %s%s%.200s%s",
			 is_sent ? "no clear answer from" : "cannot reach", exchange->origin,
			 failure->text, has_more ? " (" : "", has_more ? exchange->said : "",
			 has_more ? ")" : "");
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

/* RFC 9112 6.3: such a body cannot be told from one cut short, and libcurl does not ask for TLS's own end. Accepted
 * where plain http is: what stands behind a gateway may be old. */
static bool ends_with_the_connection(const struct exchange *exchange,
				     const struct http_reply *reply)
{
	return reply->body_size && !exchange->request->allow_plain
		&& !http_header(reply, "Content-Length")
		&& !http_header(reply, "Transfer-Encoding");
}

static enum err perform(struct exchange *exchange, struct http_reply *reply)
{
	CURLcode code = CURLE_OK;

	TRY(prepare(exchange));
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
		return fault_set(ctx, E_REFUSED, "InvalidUrl", "%s: only https is allowed", *origin);
	return E_OK;
}

static enum err curl_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			  struct http_reply *reply)
{
	struct exchange exchange = { .ctx = ctx, .curl = (struct curl *)http, .request = request };
	enum err err;

	TRY(check_url(ctx, request, &exchange.origin));
	exchange.headers = arena_new_array(ctx->arena, struct http_header, HEADER_LINES_MAX);
	buf_init(&exchange.body, request->reply_bytes_max ? request->reply_bytes_max
							  : REPLY_BYTES_DEFAULT);
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

	assert(code == CURLE_OK);
	/* With CURLOPT_NOSIGNAL libcurl leaves this to us: TLS writes to sockets that the peer has closed. */
	signal(SIGPIPE, SIG_IGN);
}

static char *copy(const char *text)
{
	char *out = text ? strdup(text) : NULL;

	if (text && !out)
		abort();
	return out;
}

struct http *curl_new(const struct curl_options *options)
{
	struct curl *curl = calloc(1, sizeof(*curl));

	if (!curl)
		abort();
	curl->http.send = curl_send;
	curl->multi = curl_multi_init();
	curl->easy = curl_easy_init();
	if (!curl->multi || !curl->easy)
		abort();
	curl->ca_file = copy(options->ca_file);
	curl->user_agent = copy(options->user_agent);
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
