#include "base/ctx.h"

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
