#include "hostname/hostname.h"

#include <string.h>

#include "acme/time.h"
#include "api/validity.h"
#include "base/log.h"
#include "base/text.h"
#include "hostname/certificate.h"
#include "hostname/conditions.h"
#include "hostname/facts.h"
#include "hostname/http01.h"
#include "hostname/import.h"
#include "hostname/issue.h"
#include "hostname/order.h"
#include "hostname/pass.h"
#include "hostname/reach.h"
#include "hostname/schedule.h"
#include "hostname/times.h"
#include "hostname/withdraw.h"

#define LOOK_AGAIN  MSEC_PER_HOUR	/* a settled hostname */
#define CLEAN_AGAIN (30 * MSEC_PER_SEC) /* a challenge file that could not be deleted */
#define DNS_FRESH   (5 * MSEC_PER_MIN)
#define CLIMBS_MAX  40 /* per pass: far above what a ladder can need */

struct rung {
	enum step step;
	bool (*holds)(const struct pass *pass);
	enum err (*climb)(struct ctx *ctx, struct pass *pass);
};

/* The documented flow. Up to CreateCertificate the rungs hold whenever the certificate is current.
 */
static const struct rung issuing[] = {
	{STEP_GATEWAY_PUBLIC_IP, public_ip_is_known, reach_public_ip_climb},
	{STEP_CHECK_DNS, dns_is_checked, reach_dns_climb},
	{STEP_GET_ORDER, order_is_recorded, order_climb},
	{STEP_GET_CHALLENGE, challenge_is_known, http01_challenge_climb},
	{STEP_UPLOAD_FILE, file_is_uploaded, http01_upload_climb},
	{STEP_ANSWER_CHALLENGE, challenge_is_answered, http01_answer_climb},
	{STEP_CHECK_ORDER, order_is_ready, order_check_climb},
	{STEP_DELETE_FILE, file_is_deleted, http01_delete_file_climb},
	{STEP_CREATE_CERTIFICATE, certificate_is_current, issue_climb},
};

/* The same for a certificate that somebody brings along with its key. */
static const struct rung importing[] = {
	{STEP_GATEWAY_PUBLIC_IP, public_ip_is_known, reach_public_ip_climb},
	{STEP_CHECK_DNS, dns_is_checked, reach_dns_climb},
	{STEP_IMPORT_CERTIFICATE, import_is_done, import_climb},
};

static bool finalized_order_is_done(const struct pass *pass)
{
	return !pass->host.status.issuance.csr;
}

/* All that is still climbed for a withdrawn hostname: no certificate is lost on the way. */
static const struct rung leaving[] = {
	{STEP_CREATE_CERTIFICATE, finalized_order_is_done, issue_climb},
};

struct ladder {
	const struct rung *rungs;
	size_t count;
};

static const struct rung serving[] = {
	{STEP_CONFIGURE_GATEWAY, gateway_is_configured, reach_configure_climb},
};

static void note_climbed(struct ctx *ctx, struct hostname_status *status, const char *step)
{
	size_t kept = status->climbed.count < STEPS_CLIMBED_MAX ? status->climbed.count
								: STEPS_CLIMBED_MAX - 1;
	struct step_climbed *items = arena_new_array(ctx->arena, struct step_climbed, kept + 1);

	if (kept)
		memcpy(items,
		       (struct step_climbed *)status->climbed.items +
			       (status->climbed.count - kept),
		       kept * sizeof(*items));
	items[kept] = (struct step_climbed){step, ctx_wall(ctx)};
	status->climbed = (struct objects){items, kept + 1};
}

/* Shown to whoever follows; a new step is news at once. */
static enum err show_step(struct ctx *ctx, struct pass *pass, enum step step)
{
	struct hostname_status *status = &pass->host.status;
	const char *name = step_info(step)->name;

	if (text_equals(status->step, name))
		return E_OK;
	status->step = name;
	status->step_since = ctx_wall(ctx);
	note_climbed(ctx, status, name);
	return pass_commit(ctx, pass);
}

static struct ladder ladder_of(struct ctx *ctx, const struct pass *pass)
{
	if (pass->host.meta.withdrawn)
		return (struct ladder){leaving, ARRAY_SIZE(leaving)};
	if (hostname_wants_import(&pass->host, ctx_wall(ctx)))
		return (struct ladder){importing, ARRAY_SIZE(importing)};
	return (struct ladder){issuing, ARRAY_SIZE(issuing)};
}

/* Another reconciler may have mended it meanwhile. */
static bool refused_rung_holds(struct ctx *ctx, const struct pass *pass)
{
	int step = step_find(pass->host.status.refusal.step);
	struct ladder ladder = ladder_of(ctx, pass);

	if (step == STEP_CONFIGURE_GATEWAY)
		return gateway_is_configured(pass);
	for (size_t i = 0; i < ladder.count; i++)
		if ((int)ladder.rungs[i].step == step)
			return ladder.rungs[i].holds(pass);
	return false;
}

static enum err climb_rung(struct ctx *ctx, struct pass *pass, const struct rung *rung)
{
	conditions_climbing(ctx, pass, rung->step);
	TRY(show_step(ctx, pass, rung->step));
	return rung->climb(ctx, pass);
}

/* Climbs until all hold, something has to be waited for, or an error; `step` is where it stands
 * then. */
static enum err climb(struct ctx *ctx, struct pass *pass, struct ladder ladder, enum step *step)
{
	size_t i = 0;

	for (int climbs = 0; i < ladder.count; climbs++) {
		*step = ladder.rungs[i].step;
		if (ladder.rungs[i].holds(pass)) {
			conditions_hold(ctx, pass, ladder.rungs[i].step);
			i++;
			continue;
		}
		if (climbs >= CLIMBS_MAX)
			return fault_set(ctx, E_CONFLICT, "NoProgress", "no rung stays climbed");
		TRY(climb_rung(ctx, pass, &ladder.rungs[i]));
		if (pass->wait)
			return E_OK;
		i = 0;
	}
	return E_OK;
}

static enum err fail(struct ctx *ctx, struct pass *pass, enum step step, enum err err)
{
	if (err == E_REFUSED)
		schedule_refused(ctx, pass, step);
	else if (err == E_THROTTLED && ctx->fault.by_ca)
		schedule_asked(ctx, pass);
	conditions_failed(ctx, pass, step, err);
	return err;
}

static bool has_stray_blob(const struct pass *pass)
{
	const struct issuance *issuance = &pass->host.status.issuance;

	return issuance->blob && !issuance->authorization_url;
}

/* What is left of an authorization that is final or given up: not gated by anything. */
static void clean_up_blob(struct ctx *ctx, struct pass *pass)
{
	if (!has_stray_blob(pass))
		return;
	if (http01_delete_file_climb(ctx, pass) != E_OK)
		log_debug(ctx, "challenge file not deleted yet", "text", ctx->fault.text, NULL);
	fault_clear(ctx);
}

/* A healthy site is not stopped by its DNS; it is watched, because the next renewal would be. */
static void watch_dns(struct ctx *ctx, struct pass *pass)
{
	msec_t seen = pass->note.dns_watched;

	if (!public_ip_is_known(pass) || (seen && ctx_mono(ctx) - seen < LOOK_AGAIN / 2))
		return;
	pass->note.dns_watched = ctx_mono(ctx);
	if (reach_dns_climb(ctx, pass) == E_OK)
		conditions_hold(ctx, pass, STEP_CHECK_DNS);
	else if (ctx->fault.reason[0])
		conditions_failed(ctx, pass, STEP_CHECK_DNS,
				  text_equals(ctx->fault.reason, "LookupFailed") ? E_AGAIN
										 : E_REFUSED);
	fault_clear(ctx);
}

static enum err climb_issuing(struct ctx *ctx, struct pass *pass)
{
	enum step step = STEP_GATEWAY_PUBLIC_IP;
	enum err err;

	if (pass_wants_certificate(pass))
		pass->wait = schedule_hold_back(ctx, pass, refused_rung_holds(ctx, pass));
	if (pass->wait)
		return E_OK;
	err = climb(ctx, pass, ladder_of(ctx, pass), &step);
	schedule_progress(pass, err == E_OK && !pass->wait ? STEP_CONFIGURE_GATEWAY : step);
	return err == E_OK ? E_OK : fail(ctx, pass, step, err);
}

static enum err climb_serving(struct ctx *ctx, struct pass *pass)
{
	enum step step = STEP_CONFIGURE_GATEWAY;
	enum err err = climb(ctx, pass, (struct ladder){serving, ARRAY_SIZE(serving)}, &step);

	if (err != E_OK)
		return fail(ctx, pass, step, err);
	if (!pass->wait)
		schedule_progress(pass, STEP_COMPLETED);
	return E_OK;
}

/* Both ladders: what is valid is served whatever a renewal does. The issuing side's trouble decides
 * when to look again. */
static enum err climb_both(struct ctx *ctx, struct pass *pass)
{
	enum err err, serving_err;
	struct fault fault;
	msec_t wait;

	err = climb_issuing(ctx, pass);
	if (pass->verdict == CERTIFICATE_UNUSABLE || err == E_CANCELLED)
		return err;
	fault = ctx->fault;
	wait = pass->wait;
	pass->wait = 0;
	if (pass->verdict == CERTIFICATE_CURRENT || !gateway_is_configured(pass)) {
		serving_err = climb_serving(ctx, pass);
		if (err == E_OK && serving_err != E_OK)
			return serving_err;
	} else {
		conditions_hold(ctx, pass, STEP_CONFIGURE_GATEWAY);
	}
	if (err != E_OK)
		ctx->fault = fault;
	if (wait && (!pass->wait || wait < pass->wait))
		pass->wait = wait;
	return err;
}

static enum err load(struct ctx *ctx, struct hostname_world *world, const char *key,
		     struct pass *pass)
{
	const void *seen;
	enum err err;

	*pass = (struct pass){.world = world, .name = key, .began = ctx_wall(ctx)};
	TRY(store_get_any(ctx, world->store, KIND_HOSTNAME, key, &seen));
	pass->host = *(const struct hostname *)seen;
	clock_has_jumped(&world->clock, ctx->doors->clock);
	times_mend_hostname(ctx, &pass->host);
	pass->note = notes_get(world->notes, key);
	if (ctx_mono(ctx) - pass->note.dns_checked > DNS_FRESH)
		pass->note.dns_checked = 0;
	err = store_get(ctx, world->store, KIND_GATEWAY, world->settings->gateway_name, &seen);
	if (err == E_OK)
		pass->gateway = seen;
	else if (err != E_NOTFOUND)
		return err;
	fault_clear(ctx);
	return E_OK;
}

/* An imported certificate has no time of renewal: what comes is its end. */
static msec_t next_look(struct ctx *ctx, const struct pass *pass)
{
	const struct hostname_status *status = &pass->host.status;
	msec_t wait = pass->wait, until_due;

	if (!wait && pass->verdict == CERTIFICATE_CURRENT) {
		wait = rng_jitter(ctx->doors->rng, LOOK_AGAIN, 20);
		until_due = (status->certificate.is_imported ? status->certificate.not_after
							     : status->renewal_time) -
			    validity_time(&status->certificate, ctx_wall(ctx));
		if (until_due < wait)
			wait = until_due;
	}
	if (has_stray_blob(pass) && wait > CLEAN_AGAIN)
		wait = CLEAN_AGAIN;
	return wait > 0 ? wait : 1;
}

/* What the pass found is told, whatever came of it. */
static enum err conclude(struct ctx *ctx, struct pass *pass, enum err err, msec_t *again)
{
	struct fault fault = ctx->fault;
	struct hostname_status *status = &pass->host.status;
	enum err commit;

	if (err == E_OK && !pass->wait)
		TRY(show_step(ctx, pass, STEP_COMPLETED));
	if (acme_clock_differs(ctx, pass->world->acme, CLOCK_TOLERANCE))
		pass->ca_clock = acme_wall(ctx, pass->world->acme);
	conditions_conclude(ctx, pass, err);
	if (err != E_CANCELLED)
		status->observed_generation = pass->host.meta.generation;
	commit = pass_commit(ctx, pass);
	/* What was seen and could not be recorded has to be seen again. */
	if (commit != E_OK)
		return commit == E_NOTFOUND ? E_OK : commit;
	notes_put(pass->world->notes, pass->name, &pass->note);
	ctx->fault = fault;
	if (err == E_OK)
		*again = next_look(ctx, pass);
	else if (err == E_REFUSED)
		*again = status->next_attempt > ctx_wall(ctx) ? status->next_attempt - ctx_wall(ctx)
							      : 1;
	return err;
}

/* Whatever became of the pass: a key that was imported, or came too late, is opened by nobody any
 * more. */
static enum err tidy_up(struct ctx *ctx, struct pass *pass, enum err err)
{
	struct fault fault = ctx->fault;
	enum err removed = import_tidy(ctx, pass);

	if (err == E_OK)
		return removed;
	ctx->fault = fault;
	return err;
}

/* An order that was finalized is followed to its end; then all that is left is undone. */
static enum err take_leave(struct ctx *ctx, struct pass *pass, msec_t *again)
{
	enum err err;

	if (!finalized_order_is_done(pass)) {
		err = climb_issuing(ctx, pass);
		if (!finalized_order_is_done(pass))
			return conclude(ctx, pass, err, again);
	}
	err = withdraw_undo(ctx, pass);
	if (err == E_REFUSED)
		log_warn(ctx, "not all could be undone for a withdrawn hostname", "text",
			 ctx->fault.text, NULL);
	else
		TRY(err);
	notes_drop(pass->world->notes, pass->name);
	log_info(ctx, "withdrawn hostname forgotten", NULL);
	return store_forget(ctx, pass->world->store, KIND_HOSTNAME, pass->name);
}

/* An order that was begun, and that nobody needs: the spec was changed back, or a certificate
 * appeared. One that was finalized is a reason to go on. */
static void leave_needless_order(struct ctx *ctx, struct pass *pass)
{
	if (pass_wants_certificate(pass) || !pass_has_issuance(pass) || pass_issuance(pass)->csr)
		return;
	if (withdraw_order(ctx, pass) != E_OK)
		log_debug(ctx, "needless order not left yet", "text", ctx->fault.text, NULL);
	fault_clear(ctx);
}

enum err hostname_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again)
{
	struct hostname_world *world = worker;
	struct pass pass;
	enum err err = load(ctx, world, key, &pass);

	if (err == E_NOTFOUND) {
		notes_drop(world->notes, key);
		return E_OK;
	}
	TRY(err);
	if (pass.host.meta.withdrawn && finalized_order_is_done(&pass))
		return take_leave(ctx, &pass, again);
	err = certificate_observe(ctx, &pass);
	if (err != E_OK) {
		err = fail(ctx, &pass, STEP_CREATE_CERTIFICATE, err);
		return conclude(ctx, &pass, err, again);
	}
	leave_needless_order(ctx, &pass);
	if (pass.host.meta.withdrawn)
		return take_leave(ctx, &pass, again);
	clean_up_blob(ctx, &pass);
	err = climb_both(ctx, &pass);
	if (pass.verdict == CERTIFICATE_CURRENT && err == E_OK)
		watch_dns(ctx, &pass);
	err = tidy_up(ctx, &pass, err);
	return conclude(ctx, &pass, err, again);
}
