#include "azure/vault.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "entra/said.h"
#include "http/url.h"

#define API_VERSION	"7.4"
#define CALL_TIMEOUT	(10 * MSEC_PER_SEC)
#define NAME_MAX_LENGTH 127
#define TAGS_MAX	50
#define WHO		"Key Vault"

struct vault_error {
	const char *code, *inner, *message;
};

static void read_error(struct ctx *ctx, const struct http_reply *reply, struct vault_error *out)
{
	struct fault before = ctx->fault;
	struct json *body = NULL, *error, *inner;

	*out = (struct vault_error){.message = ""};
	if (reply->body_size && json_parse_reply(ctx, reply->body, reply->body_size, &body) != E_OK)
		body = NULL;
	ctx->fault = before;
	error = json_get(body, "error");
	inner = json_get_nocase(error, "innererror");
	out->code = json_get_text(error, "code");
	out->inner = json_get_text(inner, "code");
	if (json_get_text(error, "message"))
		out->message = json_get_text(error, "message");
}

static bool says(const struct vault_error *error, const char *words)
{
	return strcasestr(error->message, words) != NULL;
}

static bool has_code(const struct vault_error *error, const char *code)
{
	return (error->inner && text_equals_nocase(error->inner, code)) ||
	       (error->code && text_equals_nocase(error->code, code));
}

static bool is_soft_deleted(const struct vault_error *error)
{
	return has_code(error, "ObjectIsDeletedButRecoverable") ||
	       says(error, "deleted but recoverable");
}

static bool is_busy(const struct vault_error *error)
{
	return has_code(error, "ObjectIsBeingDeleted") ||
	       has_code(error, "ObjectIsBeingRecovered") || says(error, "conflict while") ||
	       says(error, "in parallel") || says(error, "being deleted") ||
	       says(error, "being recovered");
}

/* The documentation shows this one with the code Forbidden under HTTP 409. */
static bool is_pending(const struct vault_error *error)
{
	return says(error, "pending") &&
	       (says(error, "inprogress") || says(error, "in progress")) &&
	       !says(error, "not inprogress") && !says(error, "not in progress");
}

/* The reasons that callers act on; the vault tells them apart by inner code or by words only. */
static const struct {
	const char *reason;
	bool (*holds)(const struct vault_error *error);
} conflicts[] = {
	{"SoftDeleted", is_soft_deleted},
	{"Busy", is_busy},
	{"PendingExists", is_pending},
};

static const char *conflict_reason(const struct vault_error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++)
		if (conflicts[i].holds(error))
			return conflicts[i].reason;
	return NULL;
}

static const char *role_advice(struct ctx *ctx, const struct vault_call *call,
			       const struct vault_error *error)
{
	if (has_code(error, "ForbiddenByRbac"))
		return arena_printf(ctx->arena,
				    "grant the role %s on the vault to this identity (a new grant "
				    "takes minutes)",
				    call->role);
	if (has_code(error, "AccessDenied") || has_code(error, "ForbiddenByPolicy"))
		return arena_printf(
			ctx->arena,
			"permit it in the vault's access policies, or grant the role %s",
			call->role);
	return NULL;
}

static enum err file_error(struct ctx *ctx, const struct vault_call *call,
			   const struct http_request *request, const struct http_reply *reply)
{
	struct vault_error error;
	const char *code, *reason;
	enum err kind;

	read_error(ctx, reply, &error);
	code = error.inner && *error.inner ? error.inner : error.code;
	kind = said_fault(ctx, request, reply, WHO, code, error.message,
			  role_advice(ctx, call, &error));
	if (reply->status != 409 && !(reply->status == 403 && is_pending(&error)))
		return kind;
	reason = conflict_reason(&error);
	if (reason)
		said_reason(ctx, reason);
	return E_CONFLICT;
}

static enum err make_url(struct ctx *ctx, const struct keyvault *vault, const char *path,
			 const char **url)
{
	const char *query = strchr(path, '?');
	bool has_version = query && strcasestr(query, "api-version=");

	if (*path == '/')
		path = arena_printf(ctx->arena, "%s%s", vault->base, path);
	else
		TRY(url_check_origin(ctx, vault->base, path));
	*url = has_version ? path
			   : arena_printf(ctx->arena, "%s%sapi-version=" API_VERSION, path,
					  query ? "&" : "?");
	return E_OK;
}

enum err vault_send(struct ctx *ctx, struct keyvault *vault, const struct vault_call *call,
		    struct json **reply)
{
	struct http_request request = {
		.kind = call->kind, .method = call->method, .timeout = CALL_TIMEOUT};
	struct http_reply answer;

	*reply = NULL;
	TRY(make_url(ctx, vault, call->path, &request.url));
	http_set_header(&request, "Accept", "application/json");
	if (call->body) {
		request.body = json_print(ctx, call->body);
		request.body_size = strlen(request.body);
		http_set_header(&request, "Content-Type", "application/json");
	}
	TRY(http_send(ctx, vault->http, &request, &answer));
	if (answer.status < 200 || answer.status > 299)
		return file_error(ctx, call, &request, &answer);
	if (!answer.body_size)
		return E_OK;
	return said_unclear(&request, json_parse_reply(ctx, answer.body, answer.body_size, reply));
}

enum err vault_check_name(struct ctx *ctx, const char *name)
{
	size_t length = strlen(name);
	bool is_valid = length > 0 && length <= NAME_MAX_LENGTH;

	for (size_t i = 0; is_valid && i < length; i++)
		is_valid = isalnum((unsigned char)name[i]) || name[i] == '-';
	if (is_valid)
		return E_OK;
	return fault_set(ctx, E_REFUSED, "InvalidVaultName",
			 "a name in the vault has 1 to 127 letters, digits and hyphens");
}

/* The nth part of the path, from 0. */
static const char *path_part(struct ctx *ctx, const char *id, unsigned wanted)
{
	const char *p = id ? strstr(id, "://") : NULL;

	p = p ? strchr(p + 3, '/') : NULL;
	for (unsigned i = 0; p && i < wanted; i++)
		p = strchr(p + 1, '/');
	if (!p || !p[1 + strspn(p + 1, "/")])
		return NULL;
	return arena_strndup(ctx->arena, p + 1, strcspn(p + 1, "/?"));
}

const char *vault_id_name(struct ctx *ctx, const char *id)
{
	return path_part(ctx, id, 1);
}

const char *vault_id_version(struct ctx *ctx, const char *id)
{
	return path_part(ctx, id, 2);
}

enum err vault_malformed(struct ctx *ctx, const struct vault_call *call, const char *what)
{
	return fault_set(ctx, call->kind == HTTP_ONE_SHOT ? E_CONFLICT : E_AGAIN, "MalformedReply",
			 WHO " answered without %s", what);
}

struct json *vault_tags_to_json(struct ctx *ctx, const struct text_map *tags)
{
	struct json *object = json_object(ctx);

	for (size_t i = 0; tags && i < tags->count; i++)
		json_set_text(ctx, object, tags->items[i].key, tags->items[i].value);
	return object;
}

void vault_tags_read(struct ctx *ctx, const struct json *object, struct text_map *out)
{
	size_t count = json_is_object(object) ? json_size(object) : 0;

	if (count > TAGS_MAX)
		count = TAGS_MAX;
	out->items = arena_new_array(ctx->arena, struct text_pair, count + 1);
	out->count = 0;
	json_for_each (tag, object) {
		if (out->count == count)
			break;
		if (json_text(tag))
			out->items[out->count++] = (struct text_pair){json_name(tag),
								      json_text(tag)};
	}
}
