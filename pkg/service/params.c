#include "service/params.h"

#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

#define NAME_SHOWN_MAX	  60
#define IGNORED_SHOWN_MAX 5

#define EVERYWHERE (PARAMS_LIST | PARAMS_READ | PARAMS_WRITE | PARAMS_DELETE)
#define WRITES	   (PARAMS_WRITE | PARAMS_DELETE)

static const struct {
	const char *name;
	unsigned uses; /* enum params_use */
} known[] = {
	{"code", EVERYWHERE},
	{"timeout", EVERYWHERE},
	{"pretty", EVERYWHERE},
	{"limit", PARAMS_LIST},
	{"continue", PARAMS_LIST},
	{"labelSelector", PARAMS_LIST},
	{"fieldSelector", PARAMS_LIST},
	{"watch", PARAMS_LIST},
	{"timeoutSeconds", PARAMS_LIST},
	{"sendInitialEvents", PARAMS_LIST},
	{"allowWatchBookmarks", PARAMS_LIST},
	{"includeObject", PARAMS_LIST | PARAMS_READ},
	{"resourceVersionMatch", PARAMS_LIST | PARAMS_READ},
	{"resourceVersion", PARAMS_LIST | PARAMS_READ | PARAMS_DELETE},
	{"dryRun", WRITES},
	{"fieldManager", WRITES},
	{"fieldValidation", WRITES},
	{"force", WRITES},
	{"propagationPolicy", WRITES},
	{"gracePeriodSeconds", WRITES},
	{"orphanDependents", WRITES},
};

/* helpers */

static bool is_known(enum params_use use, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (text_equals_nocase(known[i].name, name))
			return (known[i].uses & use) != 0;
	return false;
}

static bool is_selector(const char *name)
{
	return text_equals_nocase(name, "fieldSelector") ||
	       text_equals_nocase(name, "labelSelector");
}

/* Bytes that stand in a quoted-string as they are; others are not worth an encoding. */
static const char *quotable(struct ctx *ctx, const char *text)
{
	char *out = arena_strndup(ctx->arena, text, utf8_cut(text, strlen(text), NAME_SHOWN_MAX));

	for (char *c = out; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
			*c = '?';
	return out;
}

/* public */

enum err params_check(struct ctx *ctx, enum params_use use, const struct request *request,
		      struct response *response)
{
	struct params_ignored ignored = {.count = 0};

	for (size_t i = 0; i < request->param_count; i++) {
		const char *name = request->params[i].name;

		if (is_known(use, name))
			continue;
		if (is_selector(name))
			return fault_set(ctx, E_REFUSED, "InvalidRequest",
					 "%s is for lists: this path is of one object",
					 quotable(ctx, name));
		params_ignore(ctx, &ignored, name);
	}
	params_warn(ctx, &ignored, "query parameter", response);
	return E_OK;
}

enum err params_read_dry_run(struct ctx *ctx, const char *value, bool *is_dry_run)
{
	if (!text_equals_nocase(value, "All"))
		return fault_set(ctx, E_REFUSED, "InvalidRequest",
				 "dryRun is All or absent, not %s",
				 utf8_quote(ctx->arena, value, NAME_SHOWN_MAX));
	*is_dry_run = true;
	return E_OK;
}

enum err params_dry_run(struct ctx *ctx, const struct request *request, bool *is_dry_run)
{
	*is_dry_run = false;
	for (size_t i = 0; i < request->param_count; i++)
		if (text_equals_nocase(request->params[i].name, "dryRun"))
			TRY(params_read_dry_run(ctx, request->params[i].value, is_dry_run));
	return E_OK;
}

void params_ignore(struct ctx *ctx, struct params_ignored *ignored, const char *name)
{
	if (++ignored->count > IGNORED_SHOWN_MAX)
		return;
	ignored->names = arena_printf(ctx->arena, "%s%s%s", ignored->names ? ignored->names : "",
				      ignored->names ? ", " : "", quotable(ctx, name));
}

void params_warn(struct ctx *ctx, const struct params_ignored *ignored, const char *what,
		 struct response *response)
{
	size_t more = ignored->count > IGNORED_SHOWN_MAX ? ignored->count - IGNORED_SHOWN_MAX : 0;
	const char *rest = more ? arena_printf(ctx->arena, " and %zu more", more) : "";

	if (ignored->count > 0)
		response_header(response, "Warning",
				arena_printf(ctx->arena, "299 - \"unknown %s ignored: %s%s\"", what,
					     ignored->names, rest));
}
