#include "hostname/order.h"

#include <string.h>

#include "acme/challenge.h"
#include "acme/order.h"
#include "acme/time.h"
#include "base/text.h"
#include "hostname/facts.h"

/* What an order needs and is said not to be there. One such answer may come from a replica that
 * lags behind: it is believed when it has lasted. Behind a finalize it would cost a second
 * certificate, before it only another order. */
#define BELIEVED_BEFORE (20 * MSEC_PER_SEC)
#define BELIEVED_BEHIND (10 * MSEC_PER_MIN)

bool order_is_final(enum acme_status status)
{
	return status == ACME_INVALID || status == ACME_DEACTIVATED || status == ACME_EXPIRED ||
	       status == ACME_REVOKED;
}

void order_drop(struct pass *pass)
{
	struct issuance kept = {
		.blob = pass_issuance(pass)->blob,
		.create_intended = pass_issuance(pass)->create_intended,
	};

	*pass_issuance(pass) = kept;
	pass->has_order = false;
	pass->note.polls = 0;
}

enum err order_is_over(struct ctx *ctx, struct pass *pass)
{
	order_drop(pass);
	ctx->fault.by_ca = true;
	return E_REFUSED;
}

/* What a process before this one saw counts, but for the last tenth: the clock that tells how long
 * ago it was may have been set. */
static msec_t lacked_before(msec_t since, msec_t now, msec_t enough)
{
	msec_t most = enough - enough / 10;

	if (since > now)
		return 0;
	return now - since < most ? now - since : most;
}

static bool has_lasted(struct ctx *ctx, struct pass *pass, const char *what)
{
	struct issuance *issuance = &pass->host.status.issuance;
	msec_t enough = issuance->csr ? BELIEVED_BEHIND : BELIEVED_BEFORE;
	msec_t mono = ctx_mono(ctx), now = ctx_wall(ctx);
	struct note *note = &pass->note;

	if (!text_equals(issuance->missing, what)) {
		issuance->missing = what;
		issuance->missing_since = now;
		note->lacked_since = 0;
	}
	if (!note->lacked_since) {
		note->lacked_since = mono ? mono : 1;
		note->lacked_before = lacked_before(issuance->missing_since, now, enough);
	}
	return note->lacked_before + (mono - note->lacked_since) >= enough;
}

enum err order_missing_is_over(struct ctx *ctx, struct pass *pass, const char *what)
{
	return has_lasted(ctx, pass, what) ? order_is_over(ctx, pass) : E_AGAIN;
}

void order_missing_found(struct pass *pass, const char *what)
{
	struct issuance *issuance = &pass->host.status.issuance;

	if (!text_equals(issuance->missing, what))
		return;
	issuance->missing = NULL;
	issuance->missing_since = 0;
	pass->note.lacked_since = 0;
}

enum err order_failed(struct ctx *ctx, struct pass *pass, const struct acme_problem *problem)
{
	const char *detail = problem->detail && *problem->detail ? problem->detail
								 : "the CA gave no reason";
	const char *type = problem->type ? problem->type : "unknown";

	fault_set(ctx, E_REFUSED, "ValidationFailed",
		  "the CA refused the order (%s): %s. Make sure that "
		  "http://%s/.well-known/acme-challenge/ "
		  "reaches the gateway's challenge rule from everywhere",
		  type, detail, pass->name);
	return order_is_over(ctx, pass);
}

enum err order_authorization(struct ctx *ctx, struct pass *pass, struct acme_authorization *out)
{
	TRY(pass_session(ctx, pass));
	return acme_authorization_get(ctx, &pass->acme, pass_issuance(pass)->authorization_url,
				      out);
}

/* The reason stands in the challenge more often than in the order. */
static enum err order_is_invalid(struct ctx *ctx, struct pass *pass)
{
	struct acme_authorization authorization;
	struct acme_problem problem = pass->order.error;

	if (!problem.type && pass_issuance(pass)->authorization_url &&
	    order_authorization(ctx, pass, &authorization) == E_OK && authorization.error.type)
		problem = authorization.error;
	fault_clear(ctx);
	return order_failed(ctx, pass, &problem);
}

static enum err order_take(struct ctx *ctx, struct pass *pass)
{
	pass->has_order = true;
	if (pass->order.status == ACME_READY || pass->order.status == ACME_PROCESSING ||
	    pass->order.status == ACME_VALID)
		pass_issuance(pass)->authorization_url = NULL;
	if (order_is_final(pass->order.status))
		return order_is_invalid(ctx, pass);
	return E_OK;
}

/* An order of a CA that is configured no more will not be found, however often it is asked for. */
static enum err order_is_gone(struct ctx *ctx, struct pass *pass)
{
	bool is_elsewhere = text_equals(ctx->fault.reason, "ForeignUrl");

	fault_set(ctx, E_REFUSED, "OrderGone", "the CA does not know the order any more");
	if (!is_elsewhere)
		return order_missing_is_over(ctx, pass, pass_issuance(pass)->order_url);
	order_drop(pass);
	return E_CONFLICT;
}

enum err order_observe(struct ctx *ctx, struct pass *pass)
{
	enum err err;

	if (pass->has_order)
		return E_OK;
	TRY(pass_session(ctx, pass));
	err = acme_order_get(ctx, &pass->acme, pass_issuance(pass)->order_url, &pass->order);
	if (err == E_NOTFOUND)
		return order_is_gone(ctx, pass);
	TRY(err);
	order_missing_found(pass, pass_issuance(pass)->order_url);
	return order_take(ctx, pass);
}

enum err order_ask(struct ctx *ctx, struct pass *pass, enum err err)
{
	struct fault fault = ctx->fault;

	if (err != E_NOTFOUND && err != E_CONFLICT)
		return err;
	pass->has_order = false;
	TRY(order_observe(ctx, pass));
	ctx->fault = fault;
	return E_CONFLICT;
}

/* By such a clock no certificate of the CA is valid yet: it could not even be asked for the time.
 */
static enum err check_built(struct ctx *ctx, struct pass *pass)
{
	if (ctx_wall(ctx) >= pass->world->settings->built - MSEC_PER_DAY)
		return E_OK;
	return fault_set(
		ctx, E_REFUSED, "ClockNotSane",
		"the clock of this machine is behind the day on which gatecertd was built. Set it "
		"right (timedatectl); nothing is ordered until then");
}

/* A clock that jumped makes certificates look due: time alone starts no order against the CA's own
 * time. */
static enum err check_clock(struct ctx *ctx, struct pass *pass)
{
	if (!acme_clock_differs(ctx, pass->world->acme, CLOCK_TOLERANCE))
		return E_OK;
	return fault_set(
		ctx, E_REFUSED, "ClockNotSane",
		"the clock of this machine and the CA's differ by more than an hour. Set it "
		"right (timedatectl); nothing is ordered until then");
}

/* Written anew for every order, so that a full disk orders nothing: what comes back could not be
 * recorded, and each try would cost another one. */
static enum err intend_order(struct ctx *ctx, struct pass *pass)
{
	if (pass_issuance(pass)->order_intended) {
		pass_issuance(pass)->order_intended = false;
		TRY(pass_commit(ctx, pass));
	}
	pass_issuance(pass)->order_intended = true;
	return pass_commit(ctx, pass);
}

/* newOrder cannot be looked up afterwards: an unclear answer costs at most an order that nobody
 * finalizes, and is the CA's hiccup as any other. CAs give a pending order again. */
static enum err new_order(struct ctx *ctx, struct pass *pass)
{
	enum err err;

	TRY(intend_order(ctx, pass));
	err = acme_order_new(ctx, &pass->acme, &pass->name, 1, &pass->order);
	return err == E_CONFLICT ? E_AGAIN : err;
}

enum err order_climb(struct ctx *ctx, struct pass *pass)
{
	const struct acme_order *order = &pass->order;

	TRY(check_built(ctx, pass));
	TRY(pass_session(ctx, pass));
	TRY(check_clock(ctx, pass));
	TRY(new_order(ctx, pass));
	pass_issuance(pass)->order_intended = false;
	pass_issuance(pass)->order_url = order->url;
	pass_issuance(pass)->authorization_url = order->authorization_count
							 ? order->authorizations[0]
							 : NULL;
	pass_issuance(pass)->answered = false;
	pass->note.polls = 0;
	TRY(order_take(ctx, pass));
	return pass_commit(ctx, pass);
}

enum err order_check_climb(struct ctx *ctx, struct pass *pass)
{
	TRY(order_observe(ctx, pass));
	if (order_is_ready(pass)) {
		pass->note.polls = 0;
		return pass_commit(ctx, pass);
	}
	pass->wait = policy_poll_wait(pass->note.polls++, pass->order.retry_after);
	return E_OK;
}
