#include "http/http.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "codec/date.h"

#define SAID_MAX ((size_t)300)
#define WAIT_MIN MSEC_PER_SEC
#define WAIT_MAX MSEC_PER_DAY

struct phrase {
	int status;
	const char *text;
};

static const struct phrase phrases[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
};

/* Storage, Entra and ARM write behind their messages what differs each time. */
static const char *const volatile_marks[] = {
	"RequestId:",	   "Request Id:",    "Request-Id:",  "Trace ID:",
	"Correlation ID:", "CorrelationId:", "Tracking Id:", "TrackingId:",
	"ActivityId:",	   "Activity ID:",   "Timestamp:",   "Time:",
};

enum err http_send(struct ctx *ctx, struct http *http, const struct http_request *request,
		   struct http_reply *reply)
{
	assert(request->method && request->url);
	assert(request->body || request->body_size == 0);
	return http->send(ctx, http, request, reply);
}

void http_set_header(struct http_request *request, const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < HTTP_HEADERS_MAX && request->headers[i].name; i++)
		if (text_equals_nocase(request->headers[i].name, name))
			break;
	assert(i < HTTP_HEADERS_MAX);
	request->headers[i].name = name;
	request->headers[i].value = value;
}

const char *http_header(const struct http_reply *reply, const char *name)
{
	size_t i;

	for (i = 0; i < reply->header_count; i++)
		if (text_equals_nocase(reply->headers[i].name, name))
			return reply->headers[i].value;
	return NULL;
}

static msec_t clamp_wait(msec_t wait)
{
	return wait < WAIT_MIN ? WAIT_MIN : wait > WAIT_MAX ? WAIT_MAX : wait;
}

/* Digits alone; 0 for anything else. Large ones saturate. */
static msec_t parse_ms(const char *text)
{
	msec_t wait = 0;

	if (!text || !*text || text[strspn(text, "0123456789")] != '\0')
		return 0;
	for (; *text; text++)
		wait = wait > WAIT_MAX ? wait : wait * 10 + (*text - '0');
	return clamp_wait(wait);
}

msec_t http_retry_after(struct ctx *ctx, const struct http_reply *reply)
{
	const char *text = http_header(reply, "Retry-After");
	msec_t wait = parse_ms(http_header(reply, "retry-after-ms"));

	if (!wait)
		wait = parse_ms(http_header(reply, "x-ms-retry-after-ms"));
	if (!wait && text && !date_parse_retry_after(text, ctx_wall(ctx), &wait))
		wait = 0;
	return wait ? clamp_wait(wait) : 0;
}

static enum err classify(const struct http_request *request, int status, msec_t wait)
{
	if (status == 404)
		return E_NOTFOUND;
	if (status == 409 || status == 412)
		return E_CONFLICT;
	if (status == 429 || (status == 503 && wait))
		return E_THROTTLED;
	if (status >= 400 && status < 500 && status != 408)
		return E_REFUSED;
	/* 408, 5xx, redirects (never followed) and a success that fits no expectation. */
	return request->kind == HTTP_ONE_SHOT ? E_CONFLICT : E_AGAIN;
}

static const char *status_line(struct ctx *ctx, int status)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(phrases); i++)
		if (phrases[i].status == status)
			return arena_printf(ctx->arena, "%d %s", status, phrases[i].text);
	return arena_printf(ctx->arena, "%d", status);
}

/* Documented error codes are such words; anything else could be a sentence or an identifier. */
static bool is_reason(const char *code)
{
	size_t i, length = code ? strlen(code) : 0;

	if (length == 0 || length > 47 || code[0] < 'A' || code[0] > 'Z')
		return false;
	for (i = 0; i < length; i++)
		if (!(code[i] >= 'A' && code[i] <= 'Z') && !(code[i] >= 'a' && code[i] <= 'z') &&
		    !(code[i] >= '0' && code[i] <= '9'))
			return false;
	return true;
}

static bool is_control(const unsigned char *at, size_t size)
{
	return (size == 1 && (at[0] < ' ' || at[0] == 127)) || (at[0] == 0xc2 && at[1] < 0xa0);
}

/* The character at `at` as it may be shown, into `out`; returns how many octets it took. */
static size_t escape_one(const unsigned char *at, size_t left, char out[static 9])
{
	static const char digits[] = "0123456789abcdef";
	size_t i, size = utf8_next((const char *)at, left);
	char *end = out;

	if (size && !is_control(at, size)) {
		memcpy(out, at, size);
		out[size] = '\0';
		return size;
	}
	size = size ? size : 1;
	for (i = 0; i < size; i++) {
		*end++ = '\\';
		if (at[i] == '\n' || at[i] == '\r' || at[i] == '\t') {
			*end++ = at[i] == '\n' ? 'n' : at[i] == '\r' ? 'r' : 't';
			continue;
		}
		*end++ = 'x';
		*end++ = digits[at[i] >> 4];
		*end++ = digits[at[i] & 15];
	}
	*end = '\0';
	return size;
}

static size_t stable_length(const char *said)
{
	size_t i, length = strnlen(said, 4 * SAID_MAX);
	const char *mark;

	for (i = 0; i < ARRAY_SIZE(volatile_marks); i++) {
		mark = strcasestr(said, volatile_marks[i]);
		if (mark && (size_t)(mark - said) < length)
			length = (size_t)(mark - said);
	}
	while (length && strchr(" \t\r\n([,;", said[length - 1]))
		length--;
	return length;
}

static const char *quote(struct ctx *ctx, const char *said)
{
	const unsigned char *at = (const unsigned char *)said;
	size_t left = stable_length(said), used = 0, took;
	char *out = arena_alloc(ctx->arena, SAID_MAX + sizeof("..."));
	char one[9];

	while (left) {
		took = escape_one(at, left, one);
		if (used + strlen(one) > SAID_MAX) {
			memcpy(out + used, "...", 4);
			break;
		}
		memcpy(out + used, one, strlen(one));
		used += strlen(one);
		at += took;
		left -= took;
	}
	return out;
}

enum err http_reply_fault(struct ctx *ctx, const struct http_request *request,
			  const struct http_reply *reply, const char *who, const char *code,
			  const char *said)
{
	msec_t wait = http_retry_after(ctx, reply);
	enum err kind = classify(request, reply->status, wait);
	const char *line = status_line(ctx, reply->status);
	const char *quoted = quote(ctx, said ? said : "");
	char reason[48];

	if (is_reason(code))
		memcpy(reason, code, strlen(code) + 1);
	else
		snprintf(reason, sizeof(reason), "Http%d", reply->status);
	fault_set(ctx, kind, reason, "%s answered %s%s%s%s%s%s", who, line,
		  is_reason(code) ? " (" : "", is_reason(code) ? code : "",
		  is_reason(code) ? ")" : "", *quoted ? ": " : "", quoted);
	ctx->fault.http_status = reply->status;
	ctx->fault.retry_after_ms = kind == E_THROTTLED ? wait : 0;
	return kind;
}
