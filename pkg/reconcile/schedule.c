#include "reconcile/schedule.h"

#include "reconcile/conditions.h"

#define FORCE_INTERVAL MSEC_PER_HOUR

static bool is_forced(const struct pass *pass)
{
	const struct hostname_status *status = &pass->host.status;

	return pass->host.requested > status->refusal.pass ||
	       pass->host.meta.generation != status->observed_generation;
}

static msec_t counted_wait(const struct pass *pass, msec_t now)
{
	const struct hostname_status *status = &pass->host.status;

	if (status->issuance.order_url || status->ca.not_before <= now)
		return 0;
	return status->ca.not_before - now;
}

static bool may_override(const struct pass *pass, msec_t now)
{
	return is_forced(pass) && now - pass->host.status.ca.forced >= FORCE_INTERVAL;
}

static msec_t refused_wait(const struct pass *pass, msec_t now)
{
	const struct hostname_status *status = &pass->host.status;

	if (!status->refusal.count || is_forced(pass) || status->next_attempt <= now)
		return 0;
	return status->next_attempt - now;
}

msec_t schedule_hold_back(struct ctx *ctx, struct pass *pass, bool is_mended)
{
	msec_t now = ctx_wall(ctx), refused = is_mended ? 0 : refused_wait(pass, now);
	msec_t counted = hostname_wants_import(&pass->host, now) ? 0 : counted_wait(pass, now);

	if (counted && may_override(pass, now)) {
		pass->host.status.ca.forced = now;
		counted = 0;
	}
	return counted > refused ? counted : refused;
}

static void count_for_ca(struct ctx *ctx, struct hostname_status *status)
{
	status->ca.failures++;
	status->ca.not_before = msec_add(ctx_wall(ctx),
					 policy_ca_wait(ctx->doors->rng, status->ca.failures));
	status->next_attempt = status->ca.not_before;
}

void schedule_refused(struct ctx *ctx, struct pass *pass, enum step step)
{
	struct hostname_status *status = &pass->host.status;
	struct refusal *refusal = &status->refusal;
	msec_t now = ctx_wall(ctx);
	msec_t first = refusal->count ? refusal->first : now;

	*refusal = (struct refusal){
		.pass = pass->began,
		.count = refusal->count + 1,
		.first = first,
		.step = step_info(step)->name,
		.error = arena_strdup(ctx->arena, conditions_error_code(ctx->fault.reason)),
		.text = arena_strdup(ctx->arena, ctx->fault.text),
	};
	status->next_attempt =
		msec_add(now, policy_refusal_wait(ctx->doors->rng, refusal->count, now - first));
	if (ctx->fault.by_ca)
		count_for_ca(ctx, status);
}

void schedule_progress(struct pass *pass, enum step reached)
{
	struct hostname_status *status = &pass->host.status;

	if (!pass_wants_certificate(pass))
		status->ca = (struct ca_schedule){0};
	if (!status->refusal.count || (int)reached <= step_find(status->refusal.step))
		return;
	status->refusal = (struct refusal){0};
	status->next_attempt = 0;
}
