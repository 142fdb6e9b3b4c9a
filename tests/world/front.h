/*
 * front - the gateway's data plane inside the process: what nginx does for real tests.
 */
#pragma once

#include "world/model.h"

/* What the gateway answers on port 80 to GET <path> for this host. */
void front_get(struct world *world, struct call *call, const char *host);
