/*
 * world - what a pass over a hostname can reach.
 */
#pragma once

#include "azure/blob.h"
#include "azure/keyvault.h"
#include "dns/dns.h"
#include "hostname/notes.h"
#include "issuer/account.h"
#include "store/sealed.h"
#include "store/store.h"

/* One per worker; the pointers marked (s) are shared by all. */
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
