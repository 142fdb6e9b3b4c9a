/*
 * gateway - the gateway reconciler: one key, one writer, one update for everybody who waits.
 *
 * A short ladder: nothing in progress, observed, rendered, applied, verified, hostnames told.
 * Writes the status of gateways, and nothing else; the hostnames see themselves in it. Never
 * replaces a gateway that is missing, stopped or busy, never sends a body twice, never removes
 * anything.
 */
#pragma once

#include "api/gateway.h"
#include "api/settings.h"
#include "azure/appgateway.h"
#include "store/store.h"

struct gateway_world {
	const struct settings *settings;
	struct store *store;
	struct appgateway gateway;
	/* A hostname has news in the gateway's status. */
	void (*wake_hostname)(void *handle, const char *hostname);
	void *handle;
	/* owned by the worker: there is one */
	msec_t rest_until;	   /* mono: while an operation runs, waking earlier asks nobody */
	msec_t trouble_since;	   /* mono; 0: none */
	unsigned updates_failed;   /* in a row, for no hostname's sake */
	msec_t update_failed;	   /* wall; when the last of them was */
	msec_t update_not_before;  /* mono */
	struct fault update_fault; /* why that was so */
	bool update_is_lost;	   /* sent, and nobody will tell what became of it */
};

/* A reconcile_fn; `worker` is a struct gateway_world. An object of another gateway than the
 * configured one is deleted, and nothing is done about that gateway. */
enum err gateway_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again);

/* Makes the object of the configured gateway when there is none; forgets what is known of another
 * resource of that name. */
enum err gateway_declare(struct ctx *ctx, struct store *store, const char *name,
			 const char *resource_id);
