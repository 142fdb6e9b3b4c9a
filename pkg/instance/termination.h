/*
 * termination - what becomes of the hostnames that a terminated request brought in, and of the
 * certificate that it brought.
 *
 * Such a hostname is no longer desired, unless it is Ready or stands in the gateway, a user's file
 * names it, somebody has written it since (PUT, PATCH, a file, another request that was not
 * terminated), or another request that has not ended follows it too: that one has then brought it
 * in. "Since" goes by the numbers of the requests, not by times. Its reconciler undoes what was
 * begun, as far as no finalize was sent. An import that has not reached the vault is given up,
 * unless another request that has not ended brings the same certificate.
 */
#pragma once

#include "api/instance.h"
#include "specdir/specdir.h"
#include "store/sealed.h"

/* What it reaches. */
struct termination_world {
	struct store *store;
	struct specdir *specdir;
	struct sealed_box *sealed; /* imported keys; may be NULL */
};

/* Puts all of it into the batch, the instance included, which then lists nothing as introduced any
 * more. `unwanted` may be set to a sealed key that is waited for by nobody behind the commit. */
enum err termination_plan(struct ctx *ctx, const struct termination_world *world,
			  struct batch *batch, struct instance *instance, const char **unwanted);

/* Behind the commit. What cannot be removed now is removed later. */
void termination_drop_key(struct ctx *ctx, const struct termination_world *world,
			  const char *unwanted);

/* At start: what a version that wrote one thing after the other left. */
enum err termination_catch_up(struct ctx *ctx, const struct termination_world *world);
