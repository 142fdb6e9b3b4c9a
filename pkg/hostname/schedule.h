/*
 * schedule - when a hostname that was refused, or was asked to wait by the CA, may be tried again.
 *
 * Stands in the status, and so outlives the process. A new request or a changed spec makes a
 * refused hostname due now; over what the CA counted it does so at most once an hour, over the time
 * that the CA asked for never.
 */
#pragma once

#include "api/step.h"
#include "hostname/pass.h"

/* How long the issuing rungs are to be left alone, 0: not at all. A request that overrides what the
 * CA counted has then done so. `is_mended`: the refused rung holds meanwhile. */
msec_t schedule_hold_back(struct ctx *ctx, struct pass *pass, bool is_mended);

/* The pass was refused at this step; ctx->fault says why. */
void schedule_refused(struct ctx *ctx, struct pass *pass, enum step step);

/* The CA asked to be left alone; ctx->fault says for how long. */
void schedule_asked(struct ctx *ctx, struct pass *pass);

/* How long this CA has still to be left alone for this hostname's sake. */
msec_t schedule_asked_wait(const struct hostname *hostname, const char *acme_endpoint, msec_t now);

/* How long it has asked everybody to leave it alone: for the gate after a start. */
enum err schedule_ca_pause(struct ctx *ctx, struct store *store, const struct settings *settings,
			   msec_t *left);

/* The ladder was climbed up to this step: a refusal is over when its step was passed, what the CA
 * counted only when there is a certificate. */
void schedule_progress(struct pass *pass, enum step reached);

/* The documented error code for a reason, or the reason itself. */
const char *schedule_error_code(const char *reason);
