/*
 * pending - the vault's pending operation, in which a key and its CSR are born: begun, gone on
 * with, or left alone.
 *
 * Ours is what our recorded intent or the certificate's tag says is ours; only what we began and
 * never sent to the CA is deleted.
 */
#pragma once

#include "hostname/pass.h"

/* Records the CSR that the order is to be finalized with, or sets pass->wait. */
enum err pending_csr(struct ctx *ctx, struct pass *pass);

/* E_REFUSED, with what to do about somebody else's operation. */
enum err pending_conflict(struct ctx *ctx, struct pass *pass);
