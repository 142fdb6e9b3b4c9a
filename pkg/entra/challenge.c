#include "entra/challenge.h"

#include <string.h>

#include "base/text.h"
#include "codec/json.h"
#include "codec/base64.h"

#define CHALLENGE_LENGTH_MAX ((size_t)16 * 1024)
#define BLANKS		     " \t,"
#define DEFAULT_SCOPE	     "/.default"

struct members {
	const char *authority, *resource, *scope, *error, *description, *claims;
};

static const struct {
	const char *name;
	size_t offset;
} names[] = {
	{"authorization", offsetof(struct members, authority)},
	{"authorization_uri", offsetof(struct members, authority)},
	{"resource", offsetof(struct members, resource)},
	{"resource_id", offsetof(struct members, resource)},
	{"scope", offsetof(struct members, scope)},
	{"error", offsetof(struct members, error)},
	{"error_description", offsetof(struct members, description)},
	{"claims", offsetof(struct members, claims)},
};

/* A quoted string or a token; moves `p` behind it. */
static const char *take_value(struct ctx *ctx, const char **p)
{
	const char *start = *p;
	size_t length;
	char *out;

	if (*start != '"') {
		length = strcspn(start, BLANKS);
		*p += length;
		return arena_strndup(ctx->arena, start, length);
	}
	out = arena_alloc(ctx->arena, strlen(start) + 1);
	length = 0;
	for (start++; *start && *start != '"'; start++) {
		if (*start == '\\' && start[1])
			start++;
		out[length++] = *start;
	}
	*p = *start ? start + 1 : start;
	return out;
}

static void keep(struct members *members, const char *name, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char **place = (const char **)((char *)members + names[i].offset);

		/* the first one counts */
		if (text_equals_nocase(names[i].name, name) && !*place && *value)
			*place = value;
	}
}

static void read_members(struct ctx *ctx, const char *p, struct members *out)
{
	while (*(p += strspn(p, BLANKS))) {
		size_t length = strcspn(p, "=" BLANKS);
		const char *name = arena_strndup(ctx->arena, p, length);

		p += length;
		/* a word alone: the next scheme of a list */
		if (*p != '=')
			continue;
		p++;
		keep(out, name, take_value(ctx, &p));
	}
}

static const char *resource_of_scope(struct ctx *ctx, const char *scope)
{
	if (!scope)
		return NULL;
	scope = arena_strndup(ctx->arena, scope, strcspn(scope, " "));
	if (!text_ends_with(scope, DEFAULT_SCOPE))
		return scope;
	return arena_strndup(ctx->arena, scope, strlen(scope) - strlen(DEFAULT_SCOPE));
}

/* Base64 in either alphabet, of a JSON object. */
static const char *decode_claims(struct ctx *ctx, const char *text)
{
	struct fault before = ctx->fault;
	struct bytes bytes;
	struct json *claims;
	const char *decoded = NULL;

	if (!text)
		return NULL;
	if ((base64_decode(ctx, text, &bytes) == E_OK ||
	     base64url_decode(ctx, text, &bytes) == E_OK) &&
	    json_parse(ctx, (const char *)bytes.data, bytes.size, &claims) == E_OK &&
	    json_is_object(claims))
		decoded = json_print(ctx, claims);
	ctx->fault = before;
	return decoded;
}

void challenge_read(struct ctx *ctx, const char *header, struct challenge *out)
{
	struct members members = {.error = NULL};
	const char *start = header ? strcasestr(header, "Bearer") : NULL;

	*out = (struct challenge){.error = NULL};
	if (!start || strnlen(header, CHALLENGE_LENGTH_MAX + 1) > CHALLENGE_LENGTH_MAX)
		return;
	read_members(ctx, start + strlen("Bearer"), &members);
	out->authority = members.authority;
	out->resource = members.resource ? members.resource : resource_of_scope(ctx, members.scope);
	out->error = members.error;
	out->description = members.description;
	out->claims = decode_claims(ctx, members.claims);
}
