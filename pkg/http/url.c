#include "http/url.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/heap.h"
#include "base/text.h"
#include "base/utf8.h"

#define SHOWN_MAX 200

#define URL_SIZE_MAX ((size_t)16 * 1024)

/* The text says nothing of the URL itself: paths and queries may be secret. */
static enum err refuse_url(struct ctx *ctx, const char *why)
{
	return fault_set(ctx, E_REFUSED, "InvalidUrl", "the URL %s", why);
}

/* What RFC 3986 never writes bare, and what parsers disagree about. NULL: fine. */
static const char *look_at_text(const char *text)
{
	const char *authority = strstr(text, "://");
	const char *at;

	if (strlen(text) > URL_SIZE_MAX)
		return "is longer than 16 KiB";
	for (at = text; *at; at++)
		if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 127 || *at == '\\')
			return "holds a space, a control character, a backslash or no ASCII";
	if (strchr(text, '#'))
		return "has a fragment";
	if (!authority || authority[3] == '\0' || strchr("/?:", authority[3]))
		return "is not absolute";
	return NULL;
}

static const char *part(struct ctx *ctx, CURLU *handle, CURLUPart which, unsigned flags)
{
	char *text = NULL, *copy;

	if (curl_url_get(handle, which, &text, flags) != CURLUE_OK)
		return NULL;
	copy = arena_strdup(ctx->arena, text);
	curl_free(text);
	return copy;
}

static const char *lower(const char *text)
{
	char *at;

	for (at = (char *)text; at && *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	return text;
}

/* libcurl decodes percent signs in a host, hence the second look. */
static bool is_host(const char *host)
{
	const char *allowed = "abcdefghijklmnopqrstuvwxyz0123456789-._";

	if (*host == '[')
		return strspn(host + 1, "0123456789abcdef:.") + 2 == strlen(host);
	return *host && host[strspn(host, allowed)] == '\0';
}

static enum err read_parts(struct ctx *ctx, CURLU *handle, struct url *out)
{
	const char *port = part(ctx, handle, CURLUPART_PORT, CURLU_DEFAULT_PORT);

	out->scheme = lower(part(ctx, handle, CURLUPART_SCHEME, 0));
	out->host = lower(part(ctx, handle, CURLUPART_HOST, 0));
	out->path = part(ctx, handle, CURLUPART_PATH, 0);
	out->query = part(ctx, handle, CURLUPART_QUERY, 0);
	out->port = port ? (unsigned)strtoul(port, NULL, 10) : 0;
	if (!text_equals(out->scheme, "https") && !text_equals(out->scheme, "http"))
		return refuse_url(ctx, "is neither https nor http");
	if (part(ctx, handle, CURLUPART_USER, 0) || part(ctx, handle, CURLUPART_PASSWORD, 0))
		return refuse_url(ctx, "names a user");
	if (!out->host || !is_host(out->host) || part(ctx, handle, CURLUPART_ZONEID, 0))
		return refuse_url(ctx, "has no plain host");
	if (out->port == 0 || out->port > 65535)
		return refuse_url(ctx, "has a port that is none");
	if (!out->path)
		out->path = "/";
	return E_OK;
}

static void release_handle(void *handle)
{
	curl_url_cleanup(handle);
}

enum err url_parse(struct ctx *ctx, const char *text, struct url *out)
{
	const char *wrong = look_at_text(text);
	CURLU *handle;

	memset(out, 0, sizeof(*out));
	if (wrong)
		return refuse_url(ctx, wrong);
	handle = heap_have(curl_url());
	arena_defer(ctx->arena, release_handle, handle);
	if (curl_url_set(handle, CURLUPART_URL, text, CURLU_PATH_AS_IS) != CURLUE_OK)
		return refuse_url(ctx, "is malformed or neither https nor http");
	return read_parts(ctx, handle, out);
}

/* Query and fragment may be secrets, and so may what stands before an @. */
static const char *shown(struct ctx *ctx, const char *text)
{
	const char *start = arena_strndup(ctx->arena, text, strcspn(text, "?#"));

	return strchr(start, '@') ? "" : utf8_quote(ctx->arena, start, SHOWN_MAX);
}

enum err url_check_origin(struct ctx *ctx, const char *base, const char *text)
{
	struct url ours, theirs;

	TRY(url_parse(ctx, base, &ours));
	if (url_parse(ctx, text, &theirs) != E_OK)
		return fault_set(ctx, E_REFUSED, "ForeignUrl", "%s sent a URL that is %s%s%s",
				 url_origin(ctx, &ours),
				 strstr(text, "://") ? "malformed" : "not absolute",
				 *shown(ctx, text) ? ": " : "", shown(ctx, text));
	if (strcmp(ours.scheme, theirs.scheme) != 0 || strcmp(ours.host, theirs.host) != 0 ||
	    ours.port != theirs.port)
		return fault_set(ctx, E_REFUSED, "ForeignUrl",
				 "%s sent a URL that leads elsewhere: %s", url_origin(ctx, &ours),
				 shown(ctx, text));
	return E_OK;
}

char *url_origin(struct ctx *ctx, const struct url *url)
{
	if (url->port == (strcmp(url->scheme, "https") == 0 ? 443u : 80u))
		return arena_printf(ctx->arena, "%s://%s", url->scheme, url->host);
	return arena_printf(ctx->arena, "%s://%s:%u", url->scheme, url->host, url->port);
}

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

char *url_escape(struct ctx *ctx, const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(ctx->arena, strlen(text) * 3 + 1);
	char *at = out;

	for (; *text; text++) {
		if (is_unreserved(*text)) {
			*at++ = *text;
			continue;
		}
		*at++ = '%';
		*at++ = digits[(unsigned char)*text >> 4];
		*at++ = digits[(unsigned char)*text & 15];
	}
	return out;
}
