#include "server/errors.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

/* helpers */

static enum err answer(struct ctx *ctx, struct response *response, int status, const char *code,
		       const char *message, struct json *details)
{
	struct json *body = json_object(ctx), *error = json_object(ctx);

	json_set_text(ctx, error, "code", code);
	json_set_text(ctx, error, "message", message);
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

	for (const struct problem *problem = problems->first; problem; problem = problem->next) {
		struct json *detail = json_object(ctx);

		if (problem->is_warning)
			continue;
		json_set_text(ctx, detail, "target", problem->field);
		json_set_text(ctx, detail, "message", problem->text);
		json_append(ctx, details, detail);
	}
	return answer(ctx, response, status, code, problems_print(ctx, problems, "; "), details);
}

enum err errors_answer_scope(struct ctx *ctx, struct response *response, const char *hostname)
{
	return errors_answer(ctx, response, 403, "Forbidden", "This key does not reach %s.",
			     hostname ? hostname : "this");
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
