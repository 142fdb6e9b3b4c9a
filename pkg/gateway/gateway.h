/*
 * gateway - the gateway reconciler: one key, one writer, one update for everybody who waits.
 *
 * A short ladder: nothing in progress, observed, rendered, applied, verified, hostnames told.
 * Writes the status of gateways, and nothing else; the hostnames see themselves in it. Never
 * replaces a gateway that is missing, stopped or busy, never sends a body twice, never removes
 * anything.
 */
#pragma once

#include "gateway/world.h"

/* A reconcile_fn; `worker` is a struct gateway_world. An object of another gateway than the
 * configured one is deleted, and nothing is done about that gateway. */
enum err gateway_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again);

/* Makes the object of the configured gateway when there is none; forgets what is known of another
 * resource of that name. */
enum err gateway_declare(struct ctx *ctx, struct store *store, const char *name,
			 const char *resource_id);
