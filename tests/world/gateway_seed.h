/*
 * gateway_seed - the gateway before gatecert comes: our fixed parts, and things of others that must
 * survive.
 *
 * Parts that rules may use: frontend IP `appgw-public-ip`, ports `port-80` and `port-443`, pool
 * `appgw-backend`, settings `appgw-http-settings`; the challenge has its own pool, settings and
 * path map, all named `acme-challenge`.
 */
#pragma once

#include "world/model.h"

/* Ids of the gateway and of what lies around it. */
void gateway_seed_names(struct world *world, const struct place_options *options);
struct json *gateway_seed_document(struct ctx *ctx, struct world *world);
/* The certificate that somebody uploaded long ago. */
void gateway_seed_uploads(struct world *world);
