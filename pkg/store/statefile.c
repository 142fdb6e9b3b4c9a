#include "store/statefile.h"

#include <string.h>

#include "api/meta.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

#define VERSION_GROUP "gatecert/"

/* Makes the document of an older version one of the next, and sets its apiVersion. */
struct converter {
	const char *from;
	enum err (*convert)(struct ctx *ctx, struct json *json);
};

/* Oldest first. gatecert/v1 is the first version, so there is nothing to convert yet. */
static const struct converter converters[] = {
	{NULL, NULL},
};

enum err statefile_set_aside(struct ctx *ctx, const char *path, const char *problem)
{
	char *aside = arena_printf(ctx->arena, "%s.corrupt", path);

	log_error(ctx, "state file cannot be used, set aside", "file", path, "aside", aside,
		  "problem", problem, NULL);
	TRY(ctx->doors->fs->rename(ctx, ctx->doors->fs, path, aside));
	return fault_set(ctx, E_NOTFOUND, "StateCorrupt", "%s was set aside: %s", path, problem);
}

static enum err convert(struct ctx *ctx, struct json *json)
{
	for (const struct converter *converter = converters; converter->from; converter++)
		if (text_equals(json_get_text(json, "apiVersion"), converter->from))
			TRY(converter->convert(ctx, json));
	return E_OK;
}

/* Downgrading must not lose what the newer version wrote: refuse, do not set aside. */
static enum err check_version(struct ctx *ctx, const char *path, const struct json *json)
{
	const char *version = json_get_text(json, "apiVersion");

	if (text_equals(version, API_VERSION))
		return E_OK;
	if (version && text_starts_with(version, VERSION_GROUP))
		return fault_set(
			ctx, E_REFUSED, "StateTooNew",
			"%s has apiVersion %.40s, which this version of gatecert does not know "
			"(it knows %s): install the version that wrote it",
			path, version, API_VERSION);
	return statefile_set_aside(ctx, path, "it has no apiVersion of gatecert");
}

enum err statefile_read_large(struct ctx *ctx, const char *path, const char *kind, size_t max,
			      struct json **out)
{
	struct fs *fs = ctx->doors->fs;
	char *data;
	size_t size;
	enum err err = fs->read(ctx, fs, path, max, &data, &size);

	if (err == E_REFUSED)
		return statefile_set_aside(ctx, path, ctx->fault.text);
	TRY(err);
	if (json_parse(ctx, data, size, out) != E_OK)
		return statefile_set_aside(ctx, path, ctx->fault.text);
	TRY(convert(ctx, *out));
	TRY(check_version(ctx, path, *out));
	if (!text_equals(json_get_text(*out, "kind"), kind))
		return statefile_set_aside(ctx, path, "it is of another kind");
	return E_OK;
}

enum err statefile_read(struct ctx *ctx, const char *path, const char *kind, struct json **out)
{
	return statefile_read_large(ctx, path, kind, STATEFILE_SIZE_MAX, out);
}

enum err statefile_write(struct ctx *ctx, const char *path, const struct json *json)
{
	char *text = arena_printf(ctx->arena, "%s\n", json_print_pretty(ctx, json));
	size_t size = strlen(text);

	if (size > STATEFILE_SIZE_MAX)
		return fault_set(ctx, E_REFUSED, "ObjectTooLarge",
				 "%s would be larger than %zu bytes", path, STATEFILE_SIZE_MAX);
	return ctx->doors->fs->write(ctx, ctx->doors->fs, path, text, size, 0600);
}
