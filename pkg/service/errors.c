#include "service/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/utf8.h"

#define QUOTED_MAX  253
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* helpers */

/* Texts quote what clients sent, and may be cut within a character. */
static const char *well_formed(struct ctx *ctx, const char *text)
{
	size_t size = strlen(text);
	struct buf buf cleanup_buf;

	buf_init(&buf, size * strlen(REPLACEMENT));
	if (utf8_check(text, size) == size)
		return text;
	for (size_t at = 0; at < size;) {
		size_t length = utf8_next(text + at, size - at);

		if (length > 0)
			buf_add(&buf, text + at, length);
		else
			buf_adds(&buf, REPLACEMENT);
		at += length > 0 ? length : 1;
	}
	return arena_strndup(ctx->arena, buf.data, buf.size);
}

static enum err answer(struct ctx *ctx, struct response *response, int status, const char *code,
		       const char *message, struct json *details)
{
	struct json *body = json_object(ctx), *error = json_object(ctx);

	json_set_text(ctx, error, "code", code);
	json_set_text(ctx, error, "message", well_formed(ctx, message));
	json_set(ctx, error, "details", details);
	json_set(ctx, body, "error", error);
	if (status == 503)
		response_header(response, "Retry-After", "5");
	return response_json(ctx, response, status, body);
}

static int status_of(enum err kind)
{
	switch (kind) {
	case E_OK: return 500;
	case E_REFUSED: return 400;
	case E_NOTFOUND: return 404;
	case E_CONFLICT: return 409;
	case E_AGAIN:
	case E_THROTTLED:
	case E_CANCELLED: return 503;
	}
	return 500;
}

/* public */

enum err errors_answer(struct ctx *ctx, struct response *response, int status, const char *code,
		       const char *format, ...)
{
	char message[640];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return answer(ctx, response, status, code, message, json_array(ctx));
}

enum err errors_answer_problems(struct ctx *ctx, struct response *response, int status,
				const char *code, const struct problems *problems)
{
	struct json *details = json_array(ctx);
	struct problems errors;

	problems_init(&errors);
	for (const struct problem *problem = problems->first; problem; problem = problem->next) {
		struct json *detail = json_object(ctx);

		if (problem->is_warning)
			continue;
		problems_add(ctx, &errors, false, problem->file, problem->line, problem->column,
			     problem->field, "%s", problem->text);
		json_set_text(ctx, detail, "target", well_formed(ctx, problem->field));
		json_set_text(ctx, detail, "message", well_formed(ctx, problem->text));
		json_append(ctx, details, detail);
	}
	errors.errors = problems->errors;
	return answer(ctx, response, status, code, problems_print(ctx, &errors, "; "), details);
}

enum err errors_answer_scope(struct ctx *ctx, struct response *response, const char *hostname)
{
	return errors_answer(ctx, response, 403, "Forbidden", "This key does not reach %s.",
			     hostname ? utf8_quote(ctx->arena, hostname, QUOTED_MAX) : "this");
}

enum err errors_answer_fault(struct ctx *ctx, struct response *response, enum err kind)
{
	int status = status_of(kind);
	const char *code = ctx->fault.reason[0] ? ctx->fault.reason : "ServiceUnavailable";

	if (status < 500)
		return answer(ctx, response, status, code, ctx->fault.text, json_array(ctx));
	/* What failed inside is for the operator: it may name paths. */
	log_error(ctx, "request failed", "err", err_name(kind), "reason", ctx->fault.reason, "text",
		  ctx->fault.text, NULL);
	return answer(ctx, response, status, "ServiceUnavailable",
		      "The request cannot be stored at the moment. Nothing is lost; try again.",
		      json_array(ctx));
}
