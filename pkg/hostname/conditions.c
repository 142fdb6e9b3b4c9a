#include "hostname/conditions.h"

#include <string.h>

#include "api/validity.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/date.h"
#include "controller/patience.h"
#include "hostname/facts.h"

#define EXPIRY_WARNING (30 * MSEC_PER_DAY)

static const struct {
	enum step step;
	const char *reason, *message;
} holding[] = {
	{STEP_GATEWAY_PUBLIC_IP, "Reachable",
	 "The Application Gateway and its public address are known."},
	{STEP_CHECK_DNS, "ResolvesToGateway",
	 "All addresses of the hostname are the Application Gateway's."},
	{STEP_CHECK_ORDER, "Validated", "The CA has validated the hostname."},
	{STEP_CREATE_CERTIFICATE, "Issued", "The current version in Key Vault is valid."},
	{STEP_IMPORT_CERTIFICATE, "Imported", "The imported version in Key Vault is valid."},
	{STEP_CONFIGURE_GATEWAY, "Configured",
	 "The Application Gateway shows listener, rule and certificate."},
};

static void set(struct ctx *ctx, struct pass *pass, const char *type, enum condition_status status,
		const char *reason, const char *message)
{
	const struct condition *old = condition_find(&pass->host.status.conditions, type);
	bool is_same_status = old && old->status == (int)status && text_equals(old->reason, reason);

	if (!condition_set(ctx, &pass->host.status.conditions, type, status, reason, message,
			   pass->host.meta.generation) ||
	    is_same_status)
		return;
	log_info(ctx, "condition changed", "type", type, "status", condition_status_names[status],
		 "reason", reason, "text", message, NULL);
}

/* During a renewal the issuing conditions stay as they are. */
static bool is_left_alone(const struct pass *pass, enum step step)
{
	return pass->verdict == CERTIFICATE_DUE && step != STEP_CONFIGURE_GATEWAY &&
	       condition_find(&pass->host.status.conditions, step_info(step)->condition);
}

void conditions_climbing(struct ctx *ctx, struct pass *pass, enum step step)
{
	const char *type = step_info(step)->condition;
	const struct condition *old = condition_find(&pass->host.status.conditions, type);

	/* Cleaning up takes nothing back from what was validated. */
	if (is_left_alone(pass, step) || step == STEP_DELETE_FILE)
		return;
	if (!old || old->status == CONDITION_TRUE)
		set(ctx, pass, type, CONDITION_UNKNOWN, "InProgress", step_info(step)->message);
}

void conditions_hold(struct ctx *ctx, struct pass *pass, enum step step)
{
	for (size_t i = 0; i < ARRAY_SIZE(holding); i++) {
		if (holding[i].step != step)
			continue;
		if (step == STEP_CHECK_DNS && !pass->note.dns_checked)
			return;
		if (step == STEP_GATEWAY_PUBLIC_IP && gateway_serves_nobody(pass))
			return;
		if (step == STEP_CHECK_ORDER && certificate_is_current(pass) &&
		    condition_is_true(&pass->host.status.conditions, CONDITION_OWNERSHIP_VALIDATED))
			return;
		set(ctx, pass, step_info(step)->condition, CONDITION_TRUE, holding[i].reason,
		    holding[i].message);
	}
	/* The rungs below the one in trouble hold on every pass: that is no end of it. */
	if (pass->note.trouble_step == (int)step)
		pass->note.trouble_since = 0;
}

static bool is_passing_hiccup(struct ctx *ctx, struct pass *pass, enum step step, enum err err)
{
	struct note *note = &pass->note;

	if (err != E_AGAIN && err != E_CONFLICT)
		return false;
	if (note->trouble_step != (int)step)
		note->trouble_since = 0;
	note->trouble_step = (int)step;
	return patience_is_hiccup(ctx, &note->trouble_since, err);
}

void conditions_failed(struct ctx *ctx, struct pass *pass, enum step step, enum err err)
{
	enum condition_status status = err == E_REFUSED || err == E_NOTFOUND ? CONDITION_FALSE
									     : CONDITION_UNKNOWN;
	const char *reason = err == E_THROTTLED ? "Throttled" : ctx->fault.reason;
	const char *message = patience_message(ctx, err);

	if (err == E_CANCELLED || is_passing_hiccup(ctx, pass, step, err))
		return;
	if (is_left_alone(pass, step)) {
		set(ctx, pass, CONDITION_RENEWING, CONDITION_TRUE, reason, message);
		return;
	}
	set(ctx, pass, step_info(step)->condition, status, reason, message);
}

/* Its addresses may be known still. */
static void conclude_reachable(struct ctx *ctx, struct pass *pass)
{
	const struct condition *found;

	if (!gateway_serves_nobody(pass))
		return;
	found = condition_find(&pass->gateway->status.conditions, CONDITION_GATEWAY_REACHABLE);
	if (found && found->status != CONDITION_TRUE)
		set(ctx, pass, CONDITION_GATEWAY_REACHABLE, (enum condition_status)found->status,
		    found->reason, found->message);
}

static void conclude_renewing(struct ctx *ctx, struct pass *pass)
{
	const struct condition *old = condition_find(&pass->host.status.conditions,
						     CONDITION_RENEWING);

	if (pass->verdict == CERTIFICATE_CURRENT)
		set(ctx, pass, CONDITION_RENEWING, CONDITION_FALSE, "NotDue",
		    "The certificate is not due for renewal.");
	else if (pass->verdict == CERTIFICATE_DUE && (!old || old->status != CONDITION_TRUE))
		set(ctx, pass, CONDITION_RENEWING, CONDITION_TRUE, pass->why,
		    "A new certificate is being obtained; the present one serves.");
	else if (pass->verdict == CERTIFICATE_UNUSABLE && old)
		set(ctx, pass, CONDITION_RENEWING, CONDITION_FALSE, pass->why,
		    "There is no valid certificate to renew.");
}

/* An imported certificate is its owner's to renew: from 30 days before its end this warns. */
static void conclude_expiring(struct ctx *ctx, struct pass *pass)
{
	const struct certificate_status *certificate = &pass->host.status.certificate;
	bool was_told = condition_find(&pass->host.status.conditions, CONDITION_EXPIRING) != NULL;
	bool is_near = certificate->is_imported && certificate->secret_id &&
		       certificate->not_after - ctx_wall(ctx) < EXPIRY_WARNING;

	if (is_near)
		set(ctx, pass, CONDITION_EXPIRING, CONDITION_TRUE, "ImportedCertificateExpires",
		    arena_printf(
			    ctx->arena,
			    "The imported certificate ends at %s and cannot be renewed here. "
			    "Import a "
			    "new one, or POST the hostname to AddCertificate to switch to the CA.",
			    date_rfc3339(ctx, certificate->not_after)));
	else if (was_told || certificate->is_imported)
		set(ctx, pass, CONDITION_EXPIRING, CONDITION_FALSE, "NotNear",
		    "The certificate does not end within 30 days.");
}

/* A state file may name a step of another version. */
static const char *message_of(const char *name)
{
	int step = step_find(name);

	return step >= 0 ? step_info((enum step)step)->message : "";
}

/* One of the two clocks says that the certificate has ended, and one that it has not. */
static bool is_end_in_doubt(struct ctx *ctx, const struct pass *pass)
{
	const struct certificate_status *certificate = &pass->host.status.certificate;

	return certificate->secret_id && pass->ca_clock &&
	       (certificate->not_after <= validity_time(certificate, ctx_wall(ctx))) !=
		       (certificate->not_after <= pass->ca_clock);
}

/* What has ended by our clock is nothing that the gateway is asked about any more. */
static bool is_or_was_shown(const struct pass *pass)
{
	const struct condition *old = condition_find(&pass->host.status.conditions,
						     CONDITION_READY);

	return !gateway_serves_nobody(pass) &&
	       (gateway_is_configured(pass) || (old && old->status != CONDITION_FALSE));
}

static void conclude_ready(struct ctx *ctx, struct pass *pass, enum err err)
{
	const struct hostname_status *status = &pass->host.status;
	const struct condition *items = status->conditions.items;

	if (is_end_in_doubt(ctx, pass) && is_or_was_shown(pass)) {
		set(ctx, pass, CONDITION_READY, CONDITION_UNKNOWN, "ClockNotSane",
		    "Whether the certificate has ended is told by a clock: the one of this machine "
		    "and the CA's differ by more than an hour. Set it right (timedatectl).");
		return;
	}
	if (pass->verdict != CERTIFICATE_UNUSABLE && gateway_is_configured(pass)) {
		set(ctx, pass, CONDITION_READY, CONDITION_TRUE, "Serving",
		    "The Application Gateway serves the hostname with a valid certificate.");
		return;
	}
	if (err == E_CANCELLED)
		return;
	for (size_t i = 0; i < status->conditions.count; i++)
		if (items[i].status == CONDITION_FALSE && hostname_depends_on(items[i].type)) {
			set(ctx, pass, CONDITION_READY, CONDITION_FALSE, items[i].reason,
			    items[i].message);
			return;
		}
	set(ctx, pass, CONDITION_READY, CONDITION_FALSE, "InProgress", message_of(status->step));
}

static void conclude_spec(struct ctx *ctx, struct pass *pass)
{
	const char *problem = pass->host.source.problem;

	if (problem)
		set(ctx, pass, CONDITION_SPEC_VALID, CONDITION_FALSE, "SpecInvalid", problem);
	else if (condition_find(&pass->host.status.conditions, CONDITION_SPEC_VALID))
		set(ctx, pass, CONDITION_SPEC_VALID, CONDITION_TRUE, "Parsed",
		    "The spec file's newest content is in force.");
}

void conditions_conclude(struct ctx *ctx, struct pass *pass, enum err err)
{
	conclude_reachable(ctx, pass);
	conclude_renewing(ctx, pass);
	conclude_expiring(ctx, pass);
	conclude_spec(ctx, pass);
	conclude_ready(ctx, pass, err);
}
