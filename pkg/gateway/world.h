/*
 * world - what a look at a gateway can reach, and what its one worker remembers.
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
