#include "entra/arm_error.h"

#include <string.h>

#include "base/buf.h"
#include "entra/said.h"

#define ERROR_DEPTH_MAX 5
#define DETAILS_MAX	5
#define TEXT_MAX	900

static const char *non_empty(const char *text)
{
	return text && *text ? text : NULL;
}

static void add_words(struct ctx *ctx, struct buf *text, const char *code, const char *message)
{
	message = said_clean(ctx, message);
	code = code ? said_clean(ctx, code) : NULL;
	if (!code && !*message)
		return;
	if (text->size)
		buf_adds(text, "; ");
	buf_addf(text, "%s%s%s", code ? code : "", code && *message ? ": " : "", message);
}

static void collect(struct ctx *ctx, const struct json *error, unsigned depth, struct buf *text,
		    struct arm_error *out)
{
	const char *code = non_empty(json_get_text(error, "code"));
	size_t seen = 0;

	if (!json_is_object(error) || depth == ERROR_DEPTH_MAX)
		return;
	add_words(ctx, text, code, json_get_text(error, "message"));
	if (depth == 0)
		out->outer = code;
	if (code)
		out->code = said_clean(ctx, code);
	json_for_each (detail, json_get(error, "details")) {
		struct arm_error ignored;

		/* the innermost code is looked for along the first branch alone */
		if (seen++ < DETAILS_MAX)
			collect(ctx, detail, depth + 1, text, seen == 1 ? out : &ignored);
	}
}

void arm_error_read(struct ctx *ctx, const struct json *error, struct arm_error *out)
{
	struct buf text cleanup_buf;

	buf_init(&text, TEXT_MAX);
	*out = (struct arm_error){.text = ""};
	collect(ctx, error, 0, &text, out);
	if (text.size)
		out->text = arena_strdup(ctx->arena, text.data);
}

const char *arm_error_advice(const struct arm_error *error)
{
	const char *advice = said_secret_advice(error->text);

	if (!advice)
		advice = said_advice(error->code);
	return advice ? advice : said_advice(error->outer);
}

void arm_error_of_reply(struct ctx *ctx, const struct http_reply *reply, struct arm_error *out)
{
	struct fault before = ctx->fault;
	struct json *body = NULL, *error;

	if (reply->body_size && json_parse_reply(ctx, reply->body, reply->body_size, &body) != E_OK)
		body = NULL;
	ctx->fault = before;
	error = json_get(body, "error");
	arm_error_read(ctx, json_is_object(error) ? error : body, out);
}
