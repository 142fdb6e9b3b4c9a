#include "world/blob_model.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "world/rights.h"
#include "world/versions.h"

#define ACTIONS "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/"

struct blob {
	struct blob *next;
	const char *path, *data, *type;
	size_t size;
	char etag[40];
};

struct blobs {
	struct place place;
	struct blob *first;
	const char *container; /* path of the container, no slash at its end */
};

struct place *blob_model_new(struct world *world, const char *url)
{
	const char *path;
	struct blobs *blobs = arena_new_one(world->keep.arena, struct blobs);
	char *own;

	path = strchr(strstr(url, "://") + 3, '/');
	own = arena_strdup(world->keep.arena, path ? path : "");
	while (*own && own[strlen(own) - 1] == '/')
		own[strlen(own) - 1] = '\0';
	blobs->container = own;
	return &blobs->place;
}

static struct blob *find(const struct world *world, const char *path)
{
	struct blob *blob;

	for (blob = world->blobs->first; blob; blob = blob->next)
		if (text_equals(blob->path, path))
			return blob;
	return NULL;
}

bool blob_model_read(const struct world *world, const char *path, const char **data, size_t *size)
{
	const struct blob *blob = find(world, path);

	if (!blob)
		return false;
	*data = blob->data;
	*size = blob->size;
	return true;
}

size_t blob_model_count(const struct world *world)
{
	const struct blob *blob;
	size_t count = 0;

	for (blob = world->blobs->first; blob; blob = blob->next)
		count++;
	return count;
}

static void refuse(struct call *call, int status, const char *code, const char *message)
{
	char *body = arena_printf(call->ctx->arena,
				  "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code>"
				  "<Message>%s</Message></Error>",
				  code, message);

	call_text(call, status, "application/xml", body, call_is(call, "HEAD") ? 0 : strlen(body));
	call_set_header(call, "x-ms-error-code", code);
}

static bool check_access(struct world *world, struct call *call)
{
	static const char *const audiences[] = {"https://storage.azure.com", NULL};
	const char *version = call_header(call, "x-ms-version");

	if (!entra_is_authorized(world, call, audiences)) {
		refuse(call, 401, "NoAuthenticationInformation",
		       "Server failed to authenticate the request.");
		call_set_header(call, "WWW-Authenticate",
				arena_printf(call->ctx->arena,
					     "Bearer authorization_uri=%s/%s/oauth2/authorize "
					     "resource_id=https://storage.azure.com",
					     world->options.authority_url, world->options.tenant));
		return false;
	}
	if (!version || !versions_has(VERSIONS_BLOB, version)) {
		refuse(call, 400, version ? "InvalidHeaderValue" : "MissingRequiredHeader",
		       "x-ms-version must be one that exists, 2017-11-09 or later.");
		return false;
	}
	if (rights_allow(world, call, call_is(call, "DELETE") ? ACTIONS "delete" : ACTIONS "write",
			 world->blobs->place.id))
		return true;
	refuse(call, 403, "AuthorizationPermissionMismatch",
	       "This request is not authorized to perform this operation using this permission.");
	return false;
}

/* Put Blob answers 409 for If-None-Match: *, and 412 for an If-Match that fails. */
static bool check_conditions(struct call *call, const struct blob *blob)
{
	const char *if_match = call_header(call, "If-Match");

	if (blob && text_equals(call_header(call, "If-None-Match"), "*")) {
		refuse(call, 409, "BlobAlreadyExists", "The specified blob already exists.");
		return false;
	}
	if (!if_match ||
	    (blob && (text_equals(if_match, "*") || text_equals(if_match, blob->etag))))
		return true;
	refuse(call, 412, "ConditionNotMet", "The condition specified was not met.");
	return false;
}

static void put(struct world *world, struct call *call, struct blob *blob)
{
	const char *type = call_header(call, "x-ms-blob-content-type");
	char hex[33];

	if (!text_equals(call_header(call, "x-ms-blob-type"), "BlockBlob")) {
		refuse(call, 400, "MissingRequiredHeader", "x-ms-blob-type must be BlockBlob.");
		return;
	}
	if (!check_conditions(call, blob))
		return;
	if (!blob) {
		blob = arena_new_one(world->keep.arena, struct blob);
		blob->path = arena_strdup(world->keep.arena, call->path);
		blob->next = world->blobs->first;
		world->blobs->first = blob;
	}
	if (!type)
		type = call_header(call, "Content-Type");
	blob->type = arena_strdup(world->keep.arena, type ? type : "application/octet-stream");
	blob->data = arena_strndup(world->keep.arena, call->body, call->body_size);
	blob->size = call->body_size;
	world_hex_id(world, hex);
	(void)snprintf(blob->etag, sizeof(blob->etag), "\"0x%.16s\"", hex);
	call_status(call, 201);
	call_set_header(call, "ETag", blob->etag);
}

static void remove_blob(struct world *world, struct call *call, struct blob *blob)
{
	struct blob **at = &world->blobs->first;

	if (!blob) {
		refuse(call, 404, "BlobNotFound", "The specified blob does not exist.");
		return;
	}
	if (!check_conditions(call, blob))
		return;
	while (*at != blob)
		at = &(*at)->next;
	*at = blob->next;
	call_status(call, 202);
}

static void get(struct call *call, const struct blob *blob)
{
	if (!blob) {
		refuse(call, 404, "BlobNotFound", "The specified blob does not exist.");
		return;
	}
	call_text(call, 200, blob->type, blob->data, blob->size);
	call_set_header(call, "ETag", blob->etag);
}

void blob_handle(struct world *world, struct call *call)
{
	size_t length = strlen(world->blobs->container);
	struct blob *blob = find(world, call->path);

	if (strncmp(call->path, world->blobs->container, length) != 0 || call->path[length] != '/')
		refuse(call, 404, "ContainerNotFound", "The specified container does not exist.");
	else if (call_is(call, "GET") || call_is(call, "HEAD"))
		get(call, blob);
	else if (!check_access(world, call))
		return;
	else if (call_is(call, "PUT"))
		put(world, call, blob);
	else if (call_is(call, "DELETE"))
		remove_blob(world, call, blob);
	else
		refuse(call, 405, "UnsupportedHttpVerb", "The resource doesn't support the verb.");
}
