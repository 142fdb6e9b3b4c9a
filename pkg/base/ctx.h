/*
 * ctx - what one pass carries: its memory, its fault, and its doors to time, chance, disk and the
 * order to stop.
 *
 * A function that takes a ctx may fail, block or allocate; one that does not, cannot. Results live
 * in ctx->arena until the pass ends: never freed, never stored. A ctx belongs to one thread.
 */
#pragma once

#include "base/arena.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"

struct fs;

/* The doors a pass shares with all others; set up once by the composition root or by a test. */
struct doors {
	struct clock *clock;
	struct rng *rng;
	struct fs *fs;
	struct cancel *cancel; /* may be NULL */
};

struct ctx {
	struct arena *arena;
	const struct doors *doors;
	struct fault fault;
	const char *controller; /* log fields; may be NULL */
	const char *object;
	char pass[17]; /* random per pass: correlates log lines */
};

/* With a fresh arena and pass id. */
void ctx_init(struct ctx *ctx, const struct doors *doors);
void ctx_fini(struct ctx *ctx);

#define cleanup_ctx __attribute__((cleanup(ctx_fini)))

static inline msec_t ctx_wall(const struct ctx *ctx)
{
	return ctx->doors->clock->wall(ctx->doors->clock);
}

static inline msec_t ctx_mono(const struct ctx *ctx)
{
	return ctx->doors->clock->mono(ctx->doors->clock);
}

static inline bool ctx_is_cancelled(const struct ctx *ctx)
{
	return cancel_is_requested(ctx->doors->cancel);
}

/* Replaces the fault of ctx and returns `kind`, so that a refusal is one statement. */
enum err fault_set(struct ctx *ctx, enum err kind, const char *reason, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Puts "<noun>: " in front of the text and returns `kind` unchanged; the reason stays. */
enum err fault_wrap(struct ctx *ctx, enum err kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Forgets the fault: after an error that was an answer. */
void fault_clear(struct ctx *ctx);
