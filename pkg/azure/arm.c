#include "azure/arm.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "entra/arm_error.h"
#include "entra/said.h"
#include "http/url.h"

#define ID_LENGTH_MAX ((size_t)1024)

/* Codes that say more than their status. A name that ends in "*" stands for all that begin so. */
static const struct {
	const char *code;
	enum err kind;
} verdicts[] = {
	{"Retryable*", E_CONFLICT},
	{"InternalRetriableError", E_CONFLICT},
	{"AnotherOperationInProgress", E_CONFLICT},
	{"Canceled*", E_CONFLICT},
	{"OperationPreempted", E_CONFLICT},
	{"ReferencedResourceNotProvisioned", E_CONFLICT},
	{"PreconditionFailed*", E_CONFLICT},
	{"ScopeLocked", E_REFUSED},
	{"ReadOnlyDisabledSubscription", E_REFUSED},
};

static bool starts_with_nocase(const char *text, const char *prefix, size_t length)
{
	return !strncasecmp(text, prefix, length);
}

static bool code_is(const char *code, const char *pattern)
{
	size_t length = strlen(pattern);

	if (pattern[length - 1] == '*')
		return starts_with_nocase(code, pattern, length - 1);
	return text_equals_nocase(code, pattern);
}

/* E_OK: the status decides. */
static enum err verdict_of(const char *code)
{
	for (size_t i = 0; code && i < ARRAY_SIZE(verdicts); i++)
		if (code_is(code, verdicts[i].code))
			return verdicts[i].kind;
	return E_OK;
}

/* The fault names the code in front of the words already. */
static const char *without_code(const struct arm_error *error)
{
	size_t length = said_is_code(error->code) ? strlen(error->code) : 0;

	if (length && !strncmp(error->text, error->code, length) &&
	    text_starts_with(error->text + length, ": "))
		return error->text + length + 2;
	return error->text;
}

enum err arm_reply_fault(struct ctx *ctx, const struct http_request *request,
			 const struct http_reply *reply, const char *who)
{
	struct arm_error error;
	enum err kind, verdict;

	arm_error_of_reply(ctx, reply, &error);
	kind = said_fault(ctx, request, reply, who, error.code, without_code(&error),
			  arm_error_advice(&error));
	verdict = verdict_of(error.outer);
	if (verdict == E_OK)
		verdict = verdict_of(error.code);
	return verdict == E_OK || reply->status >= 500 ? kind : verdict;
}

/* Without a ctx there is no memory to parse in: looks for the text of a "code" member. Inside a
 * string the quotes would be escaped, so this finds members only. */
bool arm_reply_is_lock(const struct http_reply *reply)
{
	static const char member[] = "\"code\"";
	const char *p = reply->status == 429 ? reply->body : NULL;

	while (p && (p = strstr(p, member)) != NULL) {
		p += strlen(member);
		p += strspn(p, " \t\r\n");
		if (*p++ != ':')
			break;
		p += strspn(p, " \t\r\n");
		if (starts_with_nocase(p, "\"Retryable", strlen("\"Retryable")) ||
		    starts_with_nocase(p, "\"InternalRetriableError\"",
				       strlen("\"InternalRetriableError\"")))
			return true;
	}
	return false;
}

static bool id_is_valid(const char *id)
{
	static const char start[] = "/subscriptions/";

	if (!id || strnlen(id, ID_LENGTH_MAX + 1) > ID_LENGTH_MAX)
		return false;
	if (!starts_with_nocase(id, start, strlen(start)) || strstr(id, "..") || strstr(id, "//"))
		return false;
	for (const char *p = id; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("?#%\\\"<>&*:;@", *p))
			return false;
	return id[strlen(id) - 1] != '/';
}

/* Resource groups may have letters of any script (naming rules of Microsoft.Resources). */
static const char *escape_path(struct ctx *ctx, const char *path)
{
	struct buf out cleanup_buf;
	const char *segment = path + 1;

	buf_init(&out, 4 * ID_LENGTH_MAX);
	for (;;) {
		size_t length = strcspn(segment, "/");

		buf_addf(&out, "/%s", url_escape(ctx, arena_strndup(ctx->arena, segment, length)));
		if (!segment[length])
			break;
		segment += length + 1;
	}
	return arena_strdup(ctx->arena, out.data);
}

enum err arm_url(struct ctx *ctx, const char *endpoint, const char *id, const char *api_version,
		 const char **out)
{
	if (!id_is_valid(id))
		return fault_set(ctx, E_REFUSED, "InvalidResourceId",
				 "an Azure resource id must look like \"/subscriptions/.../NAME\"");
	*out = arena_printf(ctx->arena, "%s%s?api-version=%s", endpoint, escape_path(ctx, id),
			    url_escape(ctx, api_version));
	return E_OK;
}
