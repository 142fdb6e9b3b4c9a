/*
 * wanted - which hostnames the gateway should show now, and whether to wait for more of them. Pure
 * over snapshots.
 */
#pragma once

#include "api/gateway.h"
#include "api/hostname.h"
#include "gwdoc/render.h"

struct wanted {
	struct wanted_hostname *items; /* oldest first */
	size_t count;
	size_t missing;	  /* wanted, and not shown by the gateway as far as it was last seen */
	size_t advancing; /* other hostnames that will be wanted shortly */
	size_t retrying;  /* could not be drawn, and are due to be tried with the next read */
	size_t unreached; /* could not be reached through the gateway since that was last read */
	msec_t requested; /* when somebody last asked for one of the missing */
};

/* Those with a valid certificate that the gateway did not reject; and whoever is to be taken out,
 * also when nobody wants it any more. */
struct wanted wanted_list(struct ctx *ctx, const struct gateway *gateway,
			  const struct hostname *const *hostnames, size_t count);
