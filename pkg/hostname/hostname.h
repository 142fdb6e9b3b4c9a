/*
 * hostname - the hostname reconciler: the documented flow, climbed as a ladder.
 *
 * Every pass starts from facts (spec, vault, order, gateway) and climbs the first rung that does
 * not hold. There is no stored cursor, and renewal is the same climb. Facts that cannot be read
 * back are durable before the call that makes them true. Writes the status of hostnames, forgets
 * those that were withdrawn, and removes sealed keys that nobody needs any more; nothing else.
 */
#pragma once

#include "api/hostname.h"
#include "azure/blob.h"
#include "dns/dns.h"
#include "hostname/notes.h"
#include "issuer/account.h"
#include "store/sealed.h"
#include "store/store.h"

/* What a pass can reach. One per worker; the pointers marked (s) are shared by all. */
struct hostname_world {
	const struct settings *settings; /* (s) */
	struct store *store;		 /* (s) */
	struct notes *notes;		 /* (s) */
	struct account *account;	 /* (s) */
	struct acme *acme;		 /* (s) */
	struct sealed_box *sealed;	 /* (s) imported keys that wait */
	struct dns *dns;
	struct http *acme_http;
	struct http *probe; /* the self-check: plain http, no proxy */
	struct keyvault vault;
	struct blob_container blobs;
	void (*wake_gateway)(void *handle);
	void *handle;
	struct clock_memory clock;
};

/* A reconcile_fn; `worker` is a struct hostname_world. */
enum err hostname_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again);
