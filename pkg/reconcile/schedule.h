/*
 * schedule - when a hostname that was refused may be tried again.
 *
 * Stands in the status, and so outlives the process. A new request or a changed spec makes a
 * refused hostname due now; over what the CA counted it does so at most once an hour.
 */
#pragma once

#include "api/step.h"
#include "reconcile/pass.h"

/* How long the issuing rungs are to be left alone, 0: not at all. A request that overrides what the
 * CA counted has then done so. `is_mended`: the refused rung holds meanwhile. */
msec_t schedule_hold_back(struct ctx *ctx, struct pass *pass, bool is_mended);

/* The pass was refused at this step; ctx->fault says why. */
void schedule_refused(struct ctx *ctx, struct pass *pass, enum step step);

/* The ladder was climbed up to this step: a refusal is over when its step was passed, what the CA
 * counted only when there is a certificate. */
void schedule_progress(struct pass *pass, enum step reached);
