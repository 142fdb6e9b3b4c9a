#include "world/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

char *call_decode(struct ctx *ctx, const char *text, size_t size, bool is_form)
{
	char *out = arena_alloc(ctx->arena, size + 1);
	size_t n = 0, i;

	for (i = 0; i < size; i++) {
		if (text[i] == '%' && i + 2 < size && hex_value(text[i + 1]) >= 0 &&
		    hex_value(text[i + 2]) >= 0) {
			out[n++] = (char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
			i += 2;
		} else {
			out[n++] = is_form && text[i] == '+' ? ' ' : text[i];
		}
	}
	return out;
}

bool call_split(struct call *call)
{
	const char *question = strchr(call->target, '?');
	size_t length = question ? (size_t)(question - call->target) : strlen(call->target);
	const char *at, *end;

	call->path = arena_strndup(call->ctx->arena, call->target, length);
	call->query = question ? question + 1 : NULL;
	call->segment_count = 0;
	for (at = call->path; *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, '/');
		if (end == at)
			continue;
		if (call->segment_count == CALL_SEGMENTS_MAX)
			return false;
		call->segments[call->segment_count++] = call_decode(call->ctx, at,
								    (size_t)(end - at), false);
	}
	return true;
}

bool call_is(const struct call *call, const char *method)
{
	return strcmp(call->method, method) == 0;
}

const char *call_header(const struct call *call, const char *name)
{
	size_t i;

	for (i = 0; i < call->header_count; i++)
		if (text_equals_nocase(call->headers[i].name, name))
			return call->headers[i].value;
	return NULL;
}

static const char *find_pair(struct call *call, const char *pairs, const char *name)
{
	size_t name_length = strlen(name);
	const char *at, *end, *equals;

	for (at = pairs; at && *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, '&');
		equals = memchr(at, '=', (size_t)(end - at));
		if (equals && (size_t)(equals - at) == name_length &&
		    strncmp(at, name, name_length) == 0)
			return call_decode(call->ctx, equals + 1, (size_t)(end - equals - 1), true);
	}
	return NULL;
}

const char *call_query(struct call *call, const char *name)
{
	return find_pair(call, call->query, name);
}

const char *call_form(struct call *call, const char *name)
{
	return find_pair(call, call->body, name);
}

const char *call_segment(const struct call *call, size_t index)
{
	return index < call->segment_count ? call->segments[index] : "";
}

bool call_segment_is(const struct call *call, size_t index, const char *word)
{
	return text_equals_nocase(call_segment(call, index), word);
}

void call_drop_header(struct call *call, const char *name)
{
	size_t i, kept = 0;

	for (i = 0; i < call->reply_header_count; i++)
		if (!text_equals_nocase(call->reply_headers[i].name, name))
			call->reply_headers[kept++] = call->reply_headers[i];
	call->reply_header_count = kept;
}

void call_set_header(struct call *call, const char *name, const char *value)
{
	call_drop_header(call, name);
	if (call->reply_header_count == CALL_HEADERS_MAX)
		return;
	call->reply_headers[call->reply_header_count].name = arena_strdup(call->ctx->arena, name);
	call->reply_headers[call->reply_header_count++].value = arena_strdup(call->ctx->arena,
									     value);
}

void call_status(struct call *call, int status)
{
	call->status = status;
	call->reply = "";
	call->reply_size = 0;
}

void call_text(struct call *call, int status, const char *type, const void *body, size_t size)
{
	call->status = status;
	call->reply = body;
	call->reply_size = size;
	call_set_header(call, "Content-Type", type);
}

void call_json(struct call *call, int status, const struct json *json)
{
	char *text = json_print(call->ctx, json);

	call_text(call, status, "application/json; charset=utf-8", text, strlen(text));
}

static char *formatted(struct call *call, const char *format, va_list arguments)
{
	char text[2048];

	vsnprintf(text, sizeof(text), format, arguments);
	return arena_strdup(call->ctx->arena, text);
}

static void service_error(struct call *call, int status, const char *code, const char *inner,
			  const char *message)
{
	struct ctx *ctx = call->ctx;
	struct json *root = json_object(ctx), *error = json_object(ctx), *nested;

	json_set_text(ctx, error, "code", code);
	json_set_text(ctx, error, "message", message);
	if (inner) {
		nested = json_object(ctx);
		json_set_text(ctx, nested, "code", inner);
		json_set(ctx, error, "innererror", nested);
	}
	json_set(ctx, root, "error", error);
	call_json(call, status, root);
}

void call_arm_error(struct call *call, int status, const char *code, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	service_error(call, status, code, NULL, formatted(call, format, arguments));
	va_end(arguments);
}

void call_vault_error(struct call *call, int status, const char *code, const char *inner,
		      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	service_error(call, status, code, inner, formatted(call, format, arguments));
	va_end(arguments);
}

void call_entra_error(struct call *call, int status, const char *error, int number,
		      const char *format, ...)
{
	struct ctx *ctx = call->ctx;
	struct json *root = json_object(ctx), *codes = json_array(ctx);
	va_list arguments;
	char *message;

	va_start(arguments, format);
	message = formatted(call, format, arguments);
	va_end(arguments);
	json_set_text(ctx, root, "error", error);
	json_set_text(ctx, root, "error_description",
		      arena_printf(ctx->arena, "AADSTS%d: %s", number, message));
	json_append(ctx, codes, json_number(ctx, number));
	json_set(ctx, root, "error_codes", codes);
	json_set_text(ctx, root, "timestamp", "2026-01-01 00:00:00Z");
	json_set_text(ctx, root, "trace_id", "00000000-0000-0000-0000-000000000001");
	json_set_text(ctx, root, "correlation_id", "00000000-0000-0000-0000-000000000002");
	json_set_text(ctx, root, "error_uri",
		      arena_printf(ctx->arena, "https://login.invalid/error?code=%d", number));
	call_json(call, status, root);
}

void call_acme_problem(struct call *call, int status, const char *type, const char *format, ...)
{
	struct ctx *ctx = call->ctx;
	struct json *root = json_object(ctx);
	va_list arguments;

	va_start(arguments, format);
	json_set_text(ctx, root, "type",
		      arena_printf(ctx->arena, "urn:ietf:params:acme:error:%s", type));
	json_set_text(ctx, root, "detail", formatted(call, format, arguments));
	va_end(arguments);
	json_set_int(ctx, root, "status", status);
	call_json(call, status, root);
	call_set_header(call, "Content-Type", "application/problem+json");
}

struct json *call_arm_body(struct call *call)
{
	struct json *body = NULL;

	if (json_parse(call->ctx, call->body, call->body_size, &body) == E_OK &&
	    json_is_object(body))
		return body;
	call_arm_error(call, 400, "InvalidRequestContent",
		       "The request content was invalid and could not be deserialized.");
	return NULL;
}

struct json *call_vault_body(struct call *call)
{
	struct json *body = NULL;

	if (call->body_size == 0)
		return json_object(call->ctx);
	if (json_parse(call->ctx, call->body, call->body_size, &body) == E_OK &&
	    json_is_object(body))
		return body;
	call_vault_error(call, 400, "BadParameter", NULL, "The request body is not a JSON object.");
	return NULL;
}
