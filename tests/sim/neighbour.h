/*
 * neighbour - somebody else who uses the same vault, with every right there, and is not judged.
 */
#pragma once

#include "base/ctx.h"
#include "codec/json.h"
#include "world/world.h"

/* A certificate with its key for one hostname (self-signed, EC-P256). `tags` is JSON. */
void neighbour_imports(struct ctx *ctx, struct world *world, const char *name, const char *hostname,
		       const char *tags);

struct beginning {
	const char *hostname;
	const char *issuer; /* NULL: "Unknown" */
	bool is_ec;	    /* else RSA-2048 */
	const char *tags;   /* JSON; NULL: none */
};

/* Begins a certificate, and leaves its operation pending. */
void neighbour_begins(struct ctx *ctx, struct world *world, const char *name,
		      const struct beginning *beginning);

/* Ends what is pending, whoever began it. */
void neighbour_ends(struct ctx *ctx, struct world *world, const char *name);

void neighbour_deletes(struct ctx *ctx, struct world *world, const char *name);

/* The certificate as the model's state shows it (name, deleted, versions, pending), deleted ones
 * too; NULL: none. */
const struct json *neighbour_sees(struct ctx *ctx, struct world *world, const char *name);

/* Of its pending operation; NULL: there is none in progress. */
const char *neighbour_sees_pending(struct ctx *ctx, struct world *world, const char *name);
