#include "codec/problems.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"

#define TEXT_MAX    1024
#define PRINT_LIMIT ((size_t)1024 * 1024)

void problems_init(struct problems *problems)
{
	*problems = (struct problems){.end = &problems->first};
}

void problems_add(struct ctx *ctx, struct problems *problems, bool is_warning, const char *file,
		  unsigned line, unsigned column, const char *field, const char *format, ...)
{
	char text[TEXT_MAX];
	struct problem *problem;
	va_list args;

	if (problems->errors + problems->warnings < PROBLEMS_MAX) {
		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		problem = arena_new_one(ctx->arena, struct problem);
		*problem = (struct problem){
			.file = file ? arena_strdup(ctx->arena, file) : NULL,
			.line = line,
			.column = column,
			.field = arena_strdup(ctx->arena, field ? field : ""),
			.text = arena_strdup(ctx->arena, text),
			.is_warning = is_warning,
		};
		*problems->end = problem;
		problems->end = &problem->next;
	}
	if (is_warning)
		problems->warnings++;
	else
		problems->errors++;
}

void problems_append(struct ctx *ctx, struct problems *problems, const struct problems *more)
{
	size_t errors = problems->errors + more->errors;
	size_t warnings = problems->warnings + more->warnings;

	for (const struct problem *p = more->first; p; p = p->next)
		problems_add(ctx, problems, p->is_warning, p->file, p->line, p->column, p->field,
			     "%s", p->text);
	problems->errors = errors;
	problems->warnings = warnings;
}

char *problem_print(struct ctx *ctx, const struct problem *problem)
{
	struct buf buf cleanup_buf;

	buf_init(&buf, PRINT_LIMIT);
	if (problem->file)
		buf_addf(&buf, "%s:", problem->file);
	if (problem->line)
		buf_addf(&buf, "%u:%u:", problem->line, problem->column);
	if (buf.size > 0)
		buf_adds(&buf, " ");
	if (problem->field[0])
		buf_addf(&buf, "%s: ", problem->field);
	buf_adds(&buf, problem->text);
	return arena_strndup(ctx->arena, buf.data, buf.size);
}

char *problems_print(struct ctx *ctx, const struct problems *problems, const char *separator)
{
	size_t total = problems->errors + problems->warnings, shown = 0;
	struct buf buf cleanup_buf;

	buf_init(&buf, PRINT_LIMIT);
	for (const struct problem *p = problems->first; p; p = p->next) {
		buf_addf(&buf, "%s%s", shown ? separator : "", problem_print(ctx, p));
		shown++;
	}
	if (total > shown)
		buf_addf(&buf, "%sand %zu more", separator, total - shown);
	return arena_strndup(ctx->arena, buf.data ? buf.data : "", buf.size);
}
