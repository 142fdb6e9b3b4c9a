/*
 * dns_model - the names of a simulation. Every name leads to the gateway unless it was set
 * otherwise.
 */
#pragma once

#include "dns/dns.h"
#include "world/world.h"

/* The twin of world_http: what gatecert's struct dns asks. In the arena given. */
struct dns *dns_model_new(struct arena *arena, struct world *world);

/* Addresses separated by commas; "NXDOMAIN", "SERVFAIL", "GARBLED" or "NODATA" instead of them;
 * NULL: back to the gateway. */
void dns_model_set(struct world *world, const char *hostname, const char *addresses);

/* One CAA record ("issue", "letsencrypt.org") at this name and all below; NULL tag: none any more.
 */
void dns_model_set_caa(struct world *world, const char *hostname, const char *tag,
		       const char *value);

/* How often `resolve` was asked. */
unsigned dns_model_lookups(struct world *world);

/* For the model CA; the world's lock is held. */
bool dns_model_leads_to_gateway(struct world *world, const char *hostname, const char **trouble);
bool dns_model_allows(const struct world *world, const char *hostname);
