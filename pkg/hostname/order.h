/*
 * order - the order at the CA: begun, looked at, followed until it is ready, dropped.
 */
#pragma once

#include "hostname/pass.h"

/* The rungs. */
enum err order_climb(struct ctx *ctx, struct pass *pass);
enum err order_check_climb(struct ctx *ctx, struct pass *pass);

/* Fetches the recorded order unless this pass has it. One that is final, or that the CA does not
 * know for a while, is dropped, and E_REFUSED returned. */
enum err order_observe(struct ctx *ctx, struct pass *pass);

/* Forgets the order and all that hangs on it but the blob and a pending vault operation, which
 * still want cleaning up. */
void order_drop(struct pass *pass);

/* The CA's last word on the order, which the fault tells: it counts as a failure, and the next try
 * needs a new order. */
enum err order_is_over(struct ctx *ctx, struct pass *pass);

/* The CA refused it. */
enum err order_failed(struct ctx *ctx, struct pass *pass, const struct acme_problem *problem);

bool order_is_final(enum acme_status status);

/* Its one authorization, as the CA has it now. */
enum err order_authorization(struct ctx *ctx, struct pass *pass, struct acme_authorization *out);

/* A part of the order is gone or is not what it was (`err`): the order itself tells what became of
 * it. */
enum err order_ask(struct ctx *ctx, struct pass *pass, enum err err);

/* `what` is said not to be there, which the fault tells: E_AGAIN, and when that has lasted the
 * order is over. */
enum err order_missing_is_over(struct ctx *ctx, struct pass *pass, const char *what);
void order_missing_found(struct pass *pass, const char *what);
