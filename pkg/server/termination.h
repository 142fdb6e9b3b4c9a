/*
 * termination - what becomes of the hostnames that a terminated request brought in.
 *
 * Such a hostname is no longer desired, unless it is Ready, its order is finalized (the issuance then runs to its end), a user's
 * file names it, or another request that has not ended follows it too.
 */
#pragma once

#include "api/instance.h"
#include "server/service.h"

/* Behind the durable note in the instance that it is terminated, so that a crash in between is made good at the next start. */
enum err termination_withdraw(struct ctx *ctx, struct service *service,
			      const struct instance *instance);

/* At start: for every terminated instance. */
enum err termination_catch_up(struct ctx *ctx, struct service *service);
