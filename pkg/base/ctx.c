#include "base/ctx.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Room for a text before it is cut: the old text may be one of the arguments. */
#define DRAFT_SIZE 2048

#define CUT "..."

void ctx_init(struct ctx *ctx, const struct doors *doors)
{
	*ctx = (struct ctx){.arena = arena_new(), .doors = doors};
	rng_hex(doors->rng, ctx->pass, (sizeof(ctx->pass) - 1) / 2);
}

void ctx_fini(struct ctx *ctx)
{
	arena_free(ctx->arena);
	ctx->arena = NULL;
}

static void store_cut(char *out, size_t size, const char *draft)
{
	size_t whole = strlen(draft), length = whole;

	if (whole >= size)
		length = utf8_cut_words(draft, whole, size - sizeof(CUT));
	memcpy(out, draft, length);
	memcpy(out + length, whole >= size ? CUT : "", whole >= size ? sizeof(CUT) : 1);
}

enum err fault_set(struct ctx *ctx, enum err kind, const char *reason, const char *format, ...)
{
	char draft[DRAFT_SIZE], reason_draft[sizeof(ctx->fault.reason)];
	va_list args;

	va_start(args, format);
	vsnprintf(draft, sizeof(draft), format, args);
	va_end(args);
	snprintf(reason_draft, sizeof(reason_draft), "%s", reason);
	fault_clear(ctx);
	memcpy(ctx->fault.reason, reason_draft, sizeof(reason_draft));
	store_cut(ctx->fault.text, sizeof(ctx->fault.text), draft);
	return kind;
}

enum err fault_wrap(struct ctx *ctx, enum err kind, const char *format, ...)
{
	char draft[DRAFT_SIZE];
	size_t length;
	va_list args;

	va_start(args, format);
	vsnprintf(draft, sizeof(draft), format, args);
	va_end(args);
	length = strlen(draft);
	snprintf(draft + length, sizeof(draft) - length, ": %s", ctx->fault.text);
	store_cut(ctx->fault.text, sizeof(ctx->fault.text), draft);
	return kind;
}

void fault_clear(struct ctx *ctx)
{
	ctx->fault = (struct fault){.http_status = 0};
}
