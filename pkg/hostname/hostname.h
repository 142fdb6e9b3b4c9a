/*
 * hostname - the hostname reconciler: the documented flow, climbed as a ladder.
 *
 * Every pass starts from facts (spec, vault, order, gateway) and climbs the first rung that does
 * not hold. There is no stored cursor, and renewal is the same climb. Facts that cannot be read
 * back are durable before the call that makes them true. Writes the status of hostnames, forgets
 * those that were withdrawn, and removes sealed keys that nobody needs any more; nothing else.
 */
#pragma once

#include "hostname/world.h"

/* A reconcile_fn; `worker` is a struct hostname_world. */
enum err hostname_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again);
