#include "hostname/schedule.h"

#include "base/text.h"

#define FORCE_INTERVAL MSEC_PER_HOUR
#define ASKED_MAX      (2 * MSEC_PER_DAY) /* more was noted by a clock that was wrong */

/* The documented error codes for reasons; another reason is its own code. */
static const struct {
	const char *reason, *code;
} error_codes[] = {
	{"NXDomain", "HostnameNotResolvingToApplicationGateway"},
	{"NoAddress", "HostnameNotResolvingToApplicationGateway"},
	{"WrongTarget", "HostnameNotResolvingToApplicationGateway"},
	{"ChallengeFileNotFound", "HostnameOwnershipValidationFileNotFound"},
	{"ChallengeFileNotValid", "HostnameOwnershipValidationFileNotValid"},
};

const char *schedule_error_code(const char *reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(error_codes); i++)
		if (text_equals(error_codes[i].reason, reason))
			return error_codes[i].code;
	return reason;
}

static bool is_forced(const struct pass *pass)
{
	const struct hostname_status *status = &pass->host.status;

	return hostname_is_asked_again(&pass->host) ||
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

msec_t schedule_asked_wait(const struct hostname *hostname, const char *acme_endpoint, msec_t now)
{
	const struct ca_schedule *ca = &hostname->status.ca;
	msec_t left = ca->asked_until - now;

	return text_equals(ca->asked_by, acme_endpoint) && left > 0 && left < ASKED_MAX ? left : 0;
}

/* A request that may override what was counted does so now. */
static msec_t ca_wait(struct pass *pass, msec_t now)
{
	const char *endpoint = pass->world->settings->acme_endpoint;
	msec_t asked = schedule_asked_wait(&pass->host, endpoint, now);
	msec_t counted = counted_wait(pass, now);

	if (counted && !asked && may_override(pass, now)) {
		pass->host.status.ca.forced = now;
		return 0;
	}
	return asked > counted ? asked : counted;
}

msec_t schedule_hold_back(struct ctx *ctx, struct pass *pass, bool is_mended)
{
	msec_t now = ctx_wall(ctx), refused = is_mended ? 0 : refused_wait(pass, now);
	msec_t by_ca = hostname_wants_import(&pass->host, now) ? 0 : ca_wait(pass, now);

	return by_ca > refused ? by_ca : refused;
}

void schedule_asked(struct ctx *ctx, struct pass *pass)
{
	struct ca_schedule *ca = &pass->host.status.ca;

	ca->asked_until = msec_add(ctx_wall(ctx), ctx->fault.retry_after_ms);
	ca->asked_by = pass->world->settings->acme_endpoint;
	ca->asked_all = ctx->fault.for_all;
}

enum err schedule_ca_pause(struct ctx *ctx, struct store *store, const struct settings *settings,
			   msec_t *left)
{
	const void **hostnames;
	size_t count;

	*left = 0;
	TRY(store_list(ctx, store, KIND_HOSTNAME, &hostnames, &count));
	for (size_t i = 0; i < count; i++) {
		const struct hostname *hostname = hostnames[i];
		msec_t wait = schedule_asked_wait(hostname, settings->acme_endpoint, ctx_wall(ctx));

		if (hostname->status.ca.asked_all && wait > *left)
			*left = wait;
	}
	return E_OK;
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
	/* A try that was asked for begins the row anew: it may have been a moment too early. */
	int64_t before = is_forced(pass) ? 0 : refusal->count;
	msec_t first = before ? refusal->first : now;

	*refusal = (struct refusal){
		.pass = pass->began,
		.asked = pass->host.asked,
		.count = before + 1,
		.first = first,
		.step = step_info(step)->name,
		.error = arena_strdup(ctx->arena, schedule_error_code(ctx->fault.reason)),
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
