#include "objects/deleteoptions.h"

#include <string.h>

#include "base/text.h"
#include "service/params.h"

static enum err refuse(struct ctx *ctx, const char *member, const char *expected)
{
	return fault_set(ctx, E_REFUSED, "InvalidRequest", "%s: expected %s", member, expected);
}

static enum err read_dry_run(struct ctx *ctx, const struct json *value, struct deleteoptions *out)
{
	if (!json_is_array(value))
		return refuse(ctx, "dryRun", "a list of texts");
	json_for_each (item, value) {
		if (!json_text(item))
			return refuse(ctx, "dryRun", "a list of texts");
		TRY(params_read_dry_run(ctx, json_text(item), &out->is_dry_run));
	}
	return E_OK;
}

static enum err read_preconditions(struct ctx *ctx, const struct json *value,
				   struct deleteoptions *out)
{
	if (!json_is_object(value))
		return refuse(ctx, "preconditions", "an object");
	json_for_each (item, value) {
		const char *name = json_name(item), *text = json_text(item);

		if (json_is_null(item))
			continue;
		if (!text)
			return refuse(ctx, "preconditions", "texts as its members");
		if (text_equals(name, "uid"))
			out->uid = text;
		else if (text_equals(name, "resourceVersion"))
			out->version = text;
		else
			return refuse(ctx, "preconditions",
				      "no members but uid and resourceVersion");
	}
	return E_OK;
}

static bool is_meaningless(const char *name)
{
	static const char *const names[] = {"kind", "apiVersion", "propagationPolicy",
					    "gracePeriodSeconds", "orphanDependents"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_equals(names[i], name))
			return true;
	return false;
}

static enum err read_member(struct ctx *ctx, const struct json *member, struct deleteoptions *out,
			    struct params_ignored *ignored)
{
	const char *name = json_name(member);

	if (json_is_null(member))
		return E_OK;
	/* In any case: to delete for a misspelling would be the worse mistake. */
	if (text_equals_nocase(name, "dryRun"))
		return read_dry_run(ctx, member, out);
	if (text_equals_nocase(name, "preconditions"))
		return read_preconditions(ctx, member, out);
	if (!is_meaningless(name))
		params_ignore(ctx, ignored, name);
	return E_OK;
}

enum err deleteoptions_read(struct ctx *ctx, const struct request *request,
			    struct response *response, struct deleteoptions *out)
{
	struct json *json;
	struct params_ignored ignored = {.count = 0};

	*out = (struct deleteoptions){.is_dry_run = false};
	if (!request->body[strspn(request->body, " \t\r\n")])
		return E_OK;
	TRY(request_json(ctx, request, &json));
	if (!json_is_object(json))
		return refuse(ctx, "the body", "DeleteOptions, an object");
	json_for_each (member, json)
		TRY(read_member(ctx, member, out, &ignored));
	params_warn(ctx, &ignored, "member of DeleteOptions", response);
	return E_OK;
}
