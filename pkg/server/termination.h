/*
 * termination - what becomes of the hostnames that a terminated request brought in.
 *
 * Such a hostname is no longer desired, unless it is Ready or stands in the gateway, a user's file
 * names it, or another request that has not ended follows it too: that one has then brought it in.
 * Its reconciler undoes what was begun, as far as no finalize was sent.
 */
#pragma once

#include "api/instance.h"
#include "server/service.h"

/*
 * Behind the durable note in the instance that it is terminated. Then the instance no longer lists
 * them as introduced, so that what a crash left can be told at the next start.
 */
enum err termination_withdraw(struct ctx *ctx, struct service *service,
			      const struct instance *instance);

/* At start: what a crash left. */
enum err termination_catch_up(struct ctx *ctx, struct service *service);
