#include "http/exchange.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "base/heap.h"
#include "base/text.h"

#define CONNECT_TIMEOUT_MS 5000L
#define STRETCH		   (15 * MSEC_PER_SEC)
#define STRETCH_BYTES_MIN  15 /* one byte a second */
#define IDLE_SECONDS_MAX   4L /* some servers close an idle connection after five */
#define HEADER_BYTES_MAX   ((size_t)64 * 1024)

/* Setting an option fails only for one that this libcurl does not know, or without memory. */
#define SET(easy, option, value)                                                  \
	do {                                                                      \
		CURLcode set_code_ = curl_easy_setopt((easy), (option), (value)); \
		assert(set_code_ == CURLE_OK);                                    \
	} while (0)

/* What comes back. */

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
	int i, status = 0;

	if (!space || line + size - space < 4)
		return 0;
	for (i = 1; i <= 3; i++) {
		if (space[i] < '0' || space[i] > '9')
			return 0;
		status = status * 10 + space[i] - '0';
	}
	return status;
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

static void note_bytes(struct exchange *exchange, size_t size)
{
	if (!exchange->is_answering)
		exchange->stretch_began = ctx_mono(exchange->ctx);
	exchange->is_answering = true;
	exchange->stretch_bytes += size;
}

/* Not libcurl's own limit, which counts the silence before the answer as well: a CA may think for
 * a minute about an order. */
bool exchange_is_stalled(struct exchange *exchange)
{
	msec_t now = ctx_mono(exchange->ctx);
	bool is_slow = exchange->stretch_bytes < STRETCH_BYTES_MIN;

	if (!exchange->is_answering || now - exchange->stretch_began < STRETCH)
		return false;
	exchange->stretch_began = now;
	exchange->stretch_bytes = 0;
	return is_slow;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *exchange = arg;

	size *= count;
	exchange->header_bytes += size;
	exchange->header_lines++;
	if (exchange->header_bytes > HEADER_BYTES_MAX ||
	    exchange->header_lines > HEADER_LINES_MAX) {
		exchange->headers_are_too_large = true;
		return 0;
	}
	take_header_line(exchange, data, size);
	if (exchange->status >= 200) /* an interim answer says that there is more to think about */
		note_bytes(exchange, size);
	return size;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *exchange = arg;

	size *= count;
	note_bytes(exchange, size);
	return buf_add(&exchange->body, data, size) ? size : 0;
}

/* What goes out. */

static void add_line(struct curl_slist **lines, const char *line)
{
	*lines = heap_have(curl_slist_append(*lines, line));
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
			return fault_set(
				ctx, E_REFUSED, "InvalidHeader",
				"%s: the value for the header %s holds a control character",
				exchange->origin, header->name);
		has_type = has_type || text_equals_nocase(header->name, "Content-Type");
		/* To libcurl "Name:" means none, "Name;" means empty. */
		add_line(&exchange->lines,
			 arena_printf(ctx->arena, *header->value ? "%s: %s" : "%s;%s", header->name,
				      header->value));
	}
	add_line(&exchange->lines, "Expect:");
	if (!has_type)
		add_line(&exchange->lines, "Content-Type:");
	SET(exchange->curl->easy, CURLOPT_HTTPHEADER, exchange->lines);
	return E_OK;
}

static void set_method(CURL *easy, const struct http_request *request)
{
	bool is_bodiless = strcmp(request->method, "GET") == 0 ||
			   strcmp(request->method, "DELETE") == 0;

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
	msec_t timeout = exchange->curl->timeout;

	if (request->timeout && request->timeout < timeout)
		timeout = request->timeout;
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	SET(easy, CURLOPT_TIMEOUT_MS, (long)(timeout < INT_MAX ? timeout : INT_MAX));
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

	/* In place of the system's bundle, and of its directory. */
	if (curl->ca_file) {
		SET(easy, CURLOPT_CAINFO, curl->ca_file);
		SET(easy, CURLOPT_CAPATH, NULL);
	}
	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (exchange->request->accept_any_certificate) {
		SET(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		SET(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (curl->no_proxy) {
		SET(easy, CURLOPT_PROXY, "");
		SET(easy, CURLOPT_NOPROXY, "*");
	}
}

/* One transfer at a time needs no HTTP/2, of which libcurl repeats a refused stream by itself. */
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

enum err exchange_prepare(struct exchange *exchange)
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
