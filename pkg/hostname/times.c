#include "hostname/times.h"

#include "hostname/policy.h"

#define STEP_BACK MSEC_PER_HOUR /* as far as a clock may be set without being called wrong */

static bool is_beyond(msec_t time, msec_t now)
{
	return time > msec_add(now, POLICY_WAIT_MAX);
}

/* By the same clock as what has happened: where that lies ahead the clock was set back since. */
static void mend_waits(struct ctx *ctx, struct hostname_status *status, msec_t now)
{
	struct rng *rng = ctx->doors->rng;
	const struct refusal *refusal = &status->refusal;
	bool was_set_back = refusal->pass > msec_add(now, STEP_BACK);
	msec_t wait;

	if (is_beyond(status->ca.not_before, now) || (was_set_back && status->ca.not_before > now))
		status->ca.not_before = msec_add(now, policy_ca_wait(rng, status->ca.failures));
	if (!is_beyond(status->next_attempt, now) && !(was_set_back && status->next_attempt > now))
		return;
	wait = policy_refusal_wait(rng, refusal->count, now - refusal->first);
	status->next_attempt = msec_add(now, wait);
	if (status->ca.not_before > status->next_attempt)
		status->next_attempt = status->ca.not_before;
}

void times_mend_hostname(struct ctx *ctx, struct hostname *hostname)
{
	struct hostname_status *status = &hostname->status;
	msec_t now = ctx_wall(ctx);

	msec_not_ahead(&status->refusal.first, now);
	mend_waits(ctx, status, now);
	msec_not_ahead(&status->refusal.pass, now);
	msec_not_ahead(&status->ca.forced, now);
	msec_not_ahead(&status->step_since, now);
	/* The clock that said so was set back: it tells nothing about the certificate any more. */
	if (status->certificate.merged > msec_add(now, STEP_BACK))
		status->certificate.merged = 0;
	/* A request that is always newer than the last refusal would make each try the first. */
	if (hostname->requested > msec_add(now, STEP_BACK))
		hostname->requested = 0;
}
