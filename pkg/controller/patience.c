#include "controller/patience.h"

#include <string.h>

#define GRACE (60 * MSEC_PER_SEC)

bool patience_is_hiccup(struct ctx *ctx, msec_t *since, enum err err)
{
	msec_t now = ctx_mono(ctx);

	if (err != E_AGAIN && err != E_CONFLICT)
		return false;
	if (!*since)
		*since = now ? now : 1;
	return now - *since < GRACE;
}

const char *patience_message(struct ctx *ctx, enum err err)
{
	static const char advice[] = "This has lasted over a minute and is tried again by itself; "
				     "check that service and the way to it";

	if ((err != E_AGAIN && err != E_CONFLICT) || strstr(ctx->fault.text, advice))
		return ctx->fault.text;
	return arena_printf(ctx->arena, "%s. %s", ctx->fault.text, advice);
}
