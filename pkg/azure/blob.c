#include "azure/blob.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "codec/date.h"
#include "entra/said.h"
#include "http/url.h"

#define STORAGE_VERSION "2021-12-02"
#define CALL_TIMEOUT	(10 * MSEC_PER_SEC)
#define NAME_LENGTH_MAX ((size_t)1024)
#define WHO		"Blob Storage"

/* A segment "." or ".." would be taken for a direction on the way. */
static bool name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > NAME_LENGTH_MAX)
		return false;
	for (const char *p = name; *p;) {
		size_t segment = strcspn(p, "/");

		if (segment == 0 || (segment <= 2 && strspn(p, ".") == segment))
			return false;
		p += segment;
		if (*p == '/' && !*++p)
			return false;
	}
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '\\')
			return false;
	return true;
}

static enum err make_url(struct ctx *ctx, const struct blob_container *container, const char *name,
			 const char **url)
{
	struct buf out cleanup_buf;

	buf_init(&out, strlen(container->url) + 4 * NAME_LENGTH_MAX);
	if (!name_is_valid(name))
		return fault_set(ctx, E_REFUSED, "InvalidBlobName",
				 "the name of the blob is empty, too long or no plain path");
	buf_adds(&out, container->url);
	for (const char *p = name;; p++) {
		size_t length = strcspn(p, "/");

		buf_addf(&out, "/%s", url_escape(ctx, arena_strndup(ctx->arena, p, length)));
		p += length;
		if (!*p)
			break;
	}
	*url = arena_strdup(ctx->arena, out.data);
	return E_OK;
}

/* The one element of the XML error that a person wants; the code stands in a header. */
static const char *message_of(struct ctx *ctx, const struct http_reply *reply)
{
	static const char tag[] = "<Message>";
	const char *start = strstr(reply->body, tag);
	const char *end = start ? strstr(start, "</Message>") : NULL;

	if (!end)
		return NULL;
	start += strlen(tag);
	return arena_strndup(ctx->arena, start, (size_t)(end - start));
}

static enum err file_error(struct ctx *ctx, const struct http_request *request,
			   const struct http_reply *reply)
{
	enum err kind = said_fault(ctx, request, reply, WHO, http_header(reply, "x-ms-error-code"),
				   message_of(ctx, reply), NULL);

	/* a blob that is not there is no error to anybody; the container is a setting */
	return kind == E_NOTFOUND ? E_REFUSED : kind;
}

static enum err send(struct ctx *ctx, struct blob_container *container,
		     struct http_request *request, struct http_reply *reply)
{
	request->timeout = CALL_TIMEOUT;
	http_set_header(request, "x-ms-version", STORAGE_VERSION);
	http_set_header(request, "x-ms-date", date_http(ctx, ctx_wall(ctx)));
	return http_send(ctx, container->http, request, reply);
}

static enum err put(struct ctx *ctx, struct blob_container *container, const char *name,
		    const char *content_type, const void *data, size_t size)
{
	struct http_request request = {.kind = HTTP_IDEMPOTENT,
				       .method = "PUT",
				       .body = data ? data : "",
				       .body_size = size};
	struct http_reply reply;

	TRY(make_url(ctx, container, name, &request.url));
	http_set_header(&request, "x-ms-blob-type", "BlockBlob");
	http_set_header(&request, "Content-Type", content_type);
	TRY(send(ctx, container, &request, &reply));
	return reply.status == 201 ? E_OK : file_error(ctx, &request, &reply);
}

enum err blob_put(struct ctx *ctx, struct blob_container *container, const char *name,
		  const char *content_type, const void *data, size_t size)
{
	enum err kind = put(ctx, container, name, content_type, data, size);

	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "put blob");
}

static enum err remove_blob(struct ctx *ctx, struct blob_container *container, const char *name)
{
	struct http_request request = {.kind = HTTP_IDEMPOTENT, .method = "DELETE"};
	struct http_reply reply;

	TRY(make_url(ctx, container, name, &request.url));
	TRY(send(ctx, container, &request, &reply));
	if (reply.status == 202 || reply.status == 200 || reply.status == 404)
		return E_OK;
	return file_error(ctx, &request, &reply);
}

enum err blob_delete(struct ctx *ctx, struct blob_container *container, const char *name)
{
	enum err kind = remove_blob(ctx, container, name);

	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "delete blob");
}
