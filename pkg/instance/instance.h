/*
 * instance - the instance reconciler: what one request of the documented API shows of the hostnames
 * it follows.
 *
 * Derives everything from the hostnames' status; an end is final. Writes the status of instances,
 * and removes those that were kept long enough.
 */
#pragma once

#include "instance/world.h"

/* A reconcile_fn; `worker` is a struct instance_world. */
enum err instance_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again);
