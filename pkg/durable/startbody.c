#include "durable/startbody.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/dnsname.h"
#include "base/text.h"

/* helpers */

void startbody_complain(struct ctx *ctx, struct startbody *out, const char *code, const char *field,
			const char *format, ...)
{
	char text[640];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (!out->code)
		out->code = arena_strdup(ctx->arena, code);
	problems_add(ctx, &out->problems, false, NULL, 0, 0, field, "%s", text);
}

static size_t count_nocase(const struct json *object, const char *member)
{
	size_t count = 0;

	json_for_each (child, object)
		count += text_equals_nocase(json_name(child), member);
	return count;
}

/* NULL: complained. */
static const char *entry_text(struct ctx *ctx, struct startbody *out, const struct json *entry,
			      const char *field)
{
	const struct json *member = json_get_nocase(entry, "hostname");

	if (json_is_string(entry))
		return json_text(entry);
	if (!json_is_object(entry))
		startbody_complain(
			ctx, out, "InvalidRequest", field,
			"an entry is an object like {\"hostname\": \"example.com\"}, or a string");
	else if (count_nocase(entry, "hostname") > 1)
		startbody_complain(ctx, out, "InvalidRequest", field,
				   "\"hostname\" is given more than once");
	else if (!member)
		startbody_complain(ctx, out, "InvalidRequest", field,
				   "the entry has no \"hostname\"");
	else if (!json_is_string(member))
		startbody_complain(ctx, out, "InvalidRequest", field,
				   "\"hostname\" is not a string");
	else
		return json_text(member);
	return NULL;
}

static void add_entry(struct ctx *ctx, const struct startbody_rules *rules, struct startbody *out,
		      const struct json *entry, size_t index)
{
	const char *field = arena_printf(ctx->arena, "hostnames[%zu]", index);
	const char *given = entry_text(ctx, out, entry, field), *hostname;

	if (!given)
		return;
	if (hostname_normalise(ctx, given, rules->flags, &hostname) != E_OK) {
		startbody_complain(ctx, out, ctx->fault.reason, field, "%s", ctx->fault.text);
		fault_clear(ctx);
		return;
	}
	out->entry = json_is_object(entry) ? entry : NULL;
	if (!texts_contain(&out->hostnames, hostname))
		out->hostnames.items[out->hostnames.count++] = hostname;
}

/* NULL: complained. */
static const struct json *find_list(struct ctx *ctx, struct startbody *out, const struct json *body)
{
	const struct json *list = json_get_nocase(body, "hostnames");

	if (!json_is_object(body))
		startbody_complain(ctx, out, "InvalidRequest", "",
				   "the body is not a JSON object like "
				   "{\"hostnames\": [{\"hostname\": \"example.com\"}]}");
	else if (count_nocase(body, "hostnames") > 1)
		startbody_complain(ctx, out, "InvalidRequest", "hostnames",
				   "\"hostnames\" is given more than once");
	else if (!list || json_is_null(list))
		startbody_complain(ctx, out, "HostnamesMissing", "hostnames",
				   "the body has no \"hostnames\": send "
				   "{\"hostnames\": [{\"hostname\": \"example.com\"}]}");
	else if (!json_is_array(list))
		startbody_complain(ctx, out, "InvalidRequest", "hostnames",
				   "\"hostnames\" is not a list");
	else if (json_size(list) == 0)
		startbody_complain(ctx, out, "HostnamesEmpty", "hostnames",
				   "\"hostnames\" is empty");
	else
		return list;
	return NULL;
}

static void check_count(struct ctx *ctx, const struct startbody_rules *rules, struct startbody *out,
			size_t count)
{
	if (!rules->takes_list && count > 1)
		startbody_complain(ctx, out, "WrongHostnameCount", "hostnames",
				   "%s takes exactly one hostname and was given %zu: %s",
				   rules->endpoint, count, rules->instead);
	else if (count > STARTBODY_HOSTNAMES_MAX)
		startbody_complain(
			ctx, out, "TooManyHostnames", "hostnames",
			"a request takes at most %d hostnames and was given %zu: send several "
			"requests",
			STARTBODY_HOSTNAMES_MAX, count);
}

/* public */

void startbody_parse(struct ctx *ctx, const struct request *request,
		     const struct startbody_rules *rules, struct startbody *out)
{
	const struct json *list;
	struct json *body;
	size_t index = 0;

	*out = (struct startbody){0};
	problems_init(&out->problems);
	if (request_json(ctx, request, &body) != E_OK) {
		startbody_complain(ctx, out, ctx->fault.reason, "",
				   "the body cannot be read as JSON: %s", ctx->fault.text);
		fault_clear(ctx);
		return;
	}
	list = find_list(ctx, out, body);
	if (!list)
		return;
	check_count(ctx, rules, out, json_size(list));
	out->hostnames.items = arena_new_array(ctx->arena, const char *, json_size(list));
	json_for_each (entry, list)
		add_entry(ctx, rules, out, entry, index++);
}
