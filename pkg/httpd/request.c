#include "httpd/request.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "httpd/pace.h"

/* helpers */

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* NULL for a broken escape and for an escaped NUL, which would hide the rest. */
static const char *percent_decode(struct ctx *ctx, const char *text, size_t length, bool is_query)
{
	char *out = arena_alloc(ctx->arena, length + 1);
	size_t size = 0;

	for (size_t i = 0; i < length; i++) {
		int high, low;

		if (text[i] != '%') {
			out[size++] = text[i] == '+' && is_query ? ' ' : text[i];
			continue;
		}
		if (length - i < 3)
			return NULL;
		high = hex_value(text[i + 1]);
		low = hex_value(text[i + 2]);
		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return NULL;
		out[size++] = (char)(high * 16 + low);
		i += 2;
	}
	return out;
}

/* A path that does not decode, or has too many segments, gets none: no route matches it. */
static void split_path(struct ctx *ctx, struct request *request, const char *path, size_t length)
{
	const char *end = path + length;
	size_t count = 0;

	request->segment_count = 0;
	if (length > 1 && end[-1] == '/')
		end--;
	while (path < end) {
		const char *start = path + 1;
		const char *slash = memchr(start, '/', (size_t)(end - start));

		path = slash ? slash : end;
		if (count == REQUEST_SEGMENTS_MAX)
			return;
		request->segments[count] = percent_decode(ctx, start, (size_t)(path - start),
							  false);
		if (!request->segments[count++])
			return;
	}
	request->segment_count = count;
}

/* A pair that does not decode counts as absent. */
static void add_param(struct ctx *ctx, struct request *request, const char *text, size_t length)
{
	const char *equals = memchr(text, '=', length);
	size_t name_length = equals ? (size_t)(equals - text) : length;
	struct request_pair pair = {percent_decode(ctx, text, name_length, true), ""};

	if (equals)
		pair.value = percent_decode(ctx, equals + 1, length - name_length - 1, true);
	if (pair.name && pair.name[0] && pair.value)
		request->params[request->param_count++] = pair;
}

static void split_query(struct ctx *ctx, struct request *request, const char *query)
{
	size_t count = 1;

	for (const char *c = query; *c; c++)
		count += *c == '&';
	request->params = arena_new_array(ctx->arena, struct request_pair, count);
	while (*query) {
		size_t length = strcspn(query, "&");

		add_param(ctx, request, query, length);
		query += length;
		query += *query == '&';
	}
}

static const char *skip_authority(const char *target)
{
	if (strncasecmp(target, "http://", 7) != 0 && strncasecmp(target, "https://", 8) != 0)
		return target;
	target = strstr(target, "://") + 3;
	target += strcspn(target, "/?");
	return *target == '/' ? target : "/";
}

static unsigned json_depth(const struct json *node, unsigned limit)
{
	unsigned deepest = 0;

	if (!json_is_object(node) && !json_is_array(node))
		return 0;
	if (limit == 0)
		return 1;
	json_for_each (child, node) {
		unsigned depth = json_depth(child, limit - 1);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

/* public */

enum err request_set_target(struct ctx *ctx, struct request *request, const char *target)
{
	const char *query;

	for (const char *c = target; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || *c == '#')
			return fault_set(ctx, E_REFUSED, "InvalidRequest",
					 "the request target holds a byte that has to be "
					 "percent-encoded");
	target = skip_authority(target);
	if (target[0] != '/')
		return fault_set(ctx, E_REFUSED, "InvalidRequest",
				 "the request target does not begin with a slash");
	request->target = target;
	query = strchr(target, '?');
	split_path(ctx, request, target, query ? (size_t)(query - target) : strlen(target));
	split_query(ctx, request, query ? query + 1 : "");
	return E_OK;
}

bool request_add_header(struct ctx *ctx, struct request *request, const char *name,
			const char *value)
{
	if (!request->headers)
		request->headers = arena_new_array(ctx->arena, struct request_pair,
						   REQUEST_HEADERS_MAX);
	if (request->header_count == REQUEST_HEADERS_MAX)
		return false;
	request->headers[request->header_count].name = arena_strdup(ctx->arena, name);
	request->headers[request->header_count++].value = arena_strdup(ctx->arena,
								       value ? value : "");
	return true;
}

const char *request_header(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (text_equals_nocase(request->headers[i].name, name))
			return request->headers[i].value;
	return NULL;
}

size_t request_count_header(const struct request *request, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < request->header_count; i++)
		count += text_equals_nocase(request->headers[i].name, name);
	return count;
}

const char *request_param(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->param_count; i++)
		if (text_equals_nocase(request->params[i].name, name))
			return request->params[i].value;
	return NULL;
}

bool request_flag(const struct request *request, const char *name, bool fallback)
{
	const char *value = request_param(request, name);

	if (value && text_equals_nocase(value, "true"))
		return true;
	if (value && text_equals_nocase(value, "false"))
		return false;
	return fallback;
}

uint64_t request_client(const struct request *request)
{
	return request->key_name ? pace_hash(request->key_name, strlen(request->key_name))
				 : request->peer_hash;
}

bool request_is_set(const struct request *request, const char *name)
{
	const char *value = request_param(request, name);

	return value && value[0] && !text_equals(value, "0") && !text_equals_nocase(value, "false");
}

const char *request_media_type(struct ctx *ctx, const struct request *request)
{
	const char *value = request_header(request, "Content-Type");
	char *out;

	if (!value)
		return NULL;
	value += strspn(value, " \t");
	out = arena_strndup(ctx->arena, value, strcspn(value, "; \t,"));
	for (char *c = out; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return out[0] ? out : NULL;
}

enum err request_json(struct ctx *ctx, const struct request *request, struct json **out)
{
	const char *body = request->body;
	size_t size = request->body_size;

	/* RFC 8259 8.1 lets a parser ignore the byte order mark that some clients put in front. */
	if (size >= 3 && memcmp(body, "\xef\xbb\xbf", 3) == 0) {
		body += 3;
		size -= 3;
	}
	TRY(json_parse(ctx, body, size, out));
	if (json_depth(*out, REQUEST_DEPTH_MAX) > REQUEST_DEPTH_MAX)
		return fault_set(ctx, E_REFUSED, "InvalidJson",
				 "it is nested more than %d levels deep", REQUEST_DEPTH_MAX);
	return E_OK;
}
