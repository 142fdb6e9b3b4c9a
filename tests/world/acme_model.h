/*
 * acme_model - a CA that speaks RFC 8555 and checks what it is sent: nonces, URLs, keys,
 * signatures, CSRs.
 *
 * Validation asks the world's DNS for the name and the gateway's data plane for the file, as a real
 * CA would. Its root and intermediate are made once per process.
 */
#pragma once

#include "world/model.h"

/* For owners_add. */
struct place *acme_model_new(struct world *world);
void acme_model_fini(struct world *world);
