/* The rungs that prove to the CA that the hostname is ours: order, authorization, challenge file,
 * answer. */
#include "hostname/pass.h"

#include <string.h>

#include "acme/challenge.h"
#include "acme/order.h"
#include "acme/time.h"
#include "base/log.h"
#include "base/text.h"

#define BLOB_PREFIX ".well-known/acme-challenge/"

static struct issuance *issuance(struct pass *pass)
{
	return &pass->host.status.issuance;
}

static bool is_final(enum acme_status status)
{
	return status == ACME_INVALID || status == ACME_DEACTIVATED || status == ACME_EXPIRED ||
	       status == ACME_REVOKED;
}

enum err pass_session(struct ctx *ctx, struct pass *pass)
{
	struct hostname_world *world = pass->world;

	if (pass->has_session)
		return E_OK;
	TRY(account_session(ctx, world->account, world->settings, world->acme, world->acme_http,
			    &world->vault, &pass->acme));
	pass->has_session = true;
	return E_OK;
}

void order_drop(struct pass *pass)
{
	struct issuance kept = {
		.blob = issuance(pass)->blob,
		.create_intended = issuance(pass)->create_intended,
	};

	*issuance(pass) = kept;
	pass->has_order = false;
	pass->note.polls = 0;
}

enum err order_is_over(struct ctx *ctx, struct pass *pass)
{
	order_drop(pass);
	ctx->fault.by_ca = true;
	return E_REFUSED;
}

static enum err order_failed(struct ctx *ctx, struct pass *pass, const struct acme_problem *problem)
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

static enum err authorization_get(struct ctx *ctx, struct pass *pass,
				  struct acme_authorization *out)
{
	TRY(pass_session(ctx, pass));
	return acme_authorization_get(ctx, &pass->acme, issuance(pass)->authorization_url, out);
}

/* The reason stands in the challenge more often than in the order. */
static enum err order_is_invalid(struct ctx *ctx, struct pass *pass)
{
	struct acme_authorization authorization;
	struct acme_problem problem = pass->order.error;

	if (!problem.type && issuance(pass)->authorization_url &&
	    authorization_get(ctx, pass, &authorization) == E_OK && authorization.error.type)
		problem = authorization.error;
	fault_clear(ctx);
	return order_failed(ctx, pass, &problem);
}

static enum err order_take(struct ctx *ctx, struct pass *pass)
{
	pass->has_order = true;
	if (pass->order.status == ACME_READY || pass->order.status == ACME_PROCESSING ||
	    pass->order.status == ACME_VALID)
		issuance(pass)->authorization_url = NULL;
	if (is_final(pass->order.status))
		return order_is_invalid(ctx, pass);
	return E_OK;
}

/* An order of a CA that is configured no more will not be found, however often it is asked for. */
static enum err order_is_gone(struct ctx *ctx, struct pass *pass)
{
	bool is_elsewhere = text_equals(ctx->fault.reason, "ForeignUrl");

	fault_set(ctx, E_REFUSED, "OrderGone", "the CA does not know the order any more");
	if (!is_elsewhere)
		return missing_is_over(ctx, pass, issuance(pass)->order_url);
	order_drop(pass);
	return E_CONFLICT;
}

enum err order_observe(struct ctx *ctx, struct pass *pass)
{
	enum err err;

	if (pass->has_order)
		return E_OK;
	TRY(pass_session(ctx, pass));
	err = acme_order_get(ctx, &pass->acme, issuance(pass)->order_url, &pass->order);
	if (err == E_NOTFOUND)
		return order_is_gone(ctx, pass);
	TRY(err);
	missing_found(pass, issuance(pass)->order_url);
	return order_take(ctx, pass);
}

/* A part of the order is gone or is not what it was: the order itself tells what became of it. */
static enum err ask_order(struct ctx *ctx, struct pass *pass, enum err err)
{
	struct fault fault = ctx->fault;

	if (err != E_NOTFOUND && err != E_CONFLICT)
		return err;
	pass->has_order = false;
	TRY(order_observe(ctx, pass));
	ctx->fault = fault;
	return E_CONFLICT;
}

bool order_is_recorded(const struct pass *pass)
{
	return !pass_wants_certificate(pass) || pass->host.status.issuance.order_url;
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
	if (issuance(pass)->order_intended) {
		issuance(pass)->order_intended = false;
		TRY(pass_commit(ctx, pass));
	}
	issuance(pass)->order_intended = true;
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
	issuance(pass)->order_intended = false;
	issuance(pass)->order_url = order->url;
	issuance(pass)->authorization_url = order->authorization_count ? order->authorizations[0]
								       : NULL;
	issuance(pass)->answered = false;
	pass->note.polls = 0;
	TRY(order_take(ctx, pass));
	return pass_commit(ctx, pass);
}

bool challenge_is_known(const struct pass *pass)
{
	return !pass_wants_certificate(pass) || !pass->host.status.issuance.authorization_url ||
	       pass->host.status.issuance.token;
}

enum err challenge_climb(struct ctx *ctx, struct pass *pass)
{
	struct acme_authorization authorization;

	TRY(ask_order(ctx, pass, authorization_get(ctx, pass, &authorization)));
	if (authorization.status == ACME_VALID) {
		issuance(pass)->authorization_url = NULL;
		return E_OK;
	}
	if (is_final(authorization.status))
		return order_failed(ctx, pass, &authorization.error);
	if (!authorization.token)
		return fault_set(ctx, E_REFUSED, "NoHttp01Challenge",
				 "the CA offers no http-01 challenge for this hostname");
	issuance(pass)->token = authorization.token;
	issuance(pass)->challenge_url = authorization.challenge_url;
	if (authorization.challenge_status == ACME_PROCESSING)
		issuance(pass)->answered = true;
	return pass_commit(ctx, pass);
}

bool file_is_uploaded(const struct pass *pass)
{
	return !pass_wants_certificate(pass) || !pass->host.status.issuance.authorization_url ||
	       pass->host.status.issuance.uploaded;
}

enum err upload_climb(struct ctx *ctx, struct pass *pass)
{
	const char *blob = arena_printf(ctx->arena, BLOB_PREFIX "%s", issuance(pass)->token);
	char *key_authorization;

	/* That of an order before, which could not be deleted yet: only one is remembered. */
	if (issuance(pass)->blob && !text_equals(issuance(pass)->blob, blob))
		TRY(delete_file_climb(ctx, pass));
	TRY(pass_session(ctx, pass));
	TRY(acme_key_authorization(ctx, &pass->acme, issuance(pass)->token, &key_authorization));
	issuance(pass)->blob = blob;
	TRY(pass_commit(ctx, pass));
	TRY(blob_put(ctx, &pass->world->blobs, issuance(pass)->blob, "text/plain",
		     key_authorization, strlen(key_authorization)));
	issuance(pass)->uploaded = true;
	return E_OK;
}

bool challenge_is_answered(const struct pass *pass)
{
	return !pass_wants_certificate(pass) || !pass->host.status.issuance.authorization_url ||
	       pass->host.status.issuance.answered;
}

enum err answer_climb(struct ctx *ctx, struct pass *pass)
{
	char *key_authorization;
	enum err err;

	TRY(pass_session(ctx, pass));
	TRY(acme_key_authorization(ctx, &pass->acme, issuance(pass)->token, &key_authorization));
	err = self_check(ctx, pass, key_authorization);
	if (err != E_OK && err != E_CANCELLED &&
	    pass->world->settings->self_check == SELF_CHECK_ADVISORY) {
		log_warn(ctx, "own check of the challenge file failed, answering anyway", "text",
			 ctx->fault.text, NULL);
		fault_clear(ctx);
		err = E_OK;
	}
	/* It may be the file that is missing, not the way to it: the next try puts it there again.
	 */
	if (err == E_REFUSED)
		issuance(pass)->uploaded = false;
	TRY(err);
	err = acme_challenge_answer(ctx, &pass->acme, issuance(pass)->challenge_url);
	TRY(ask_order(ctx, pass, err));
	issuance(pass)->answered = true;
	TRY(pass_commit(ctx, pass));
	pass->has_order = false;
	pass->note.polls = 0;
	pass->wait = policy_poll_wait(0, 0);
	return E_OK;
}

/* The authorization is void once it is valid; from then on the order can be finalized. */
bool order_is_ready(const struct pass *pass)
{
	const struct issuance *issuance = &pass->host.status.issuance;

	return !pass_wants_certificate(pass) ||
	       (issuance->order_url && !issuance->authorization_url);
}

enum err check_order_climb(struct ctx *ctx, struct pass *pass)
{
	TRY(order_observe(ctx, pass));
	if (order_is_ready(pass)) {
		pass->note.polls = 0;
		return pass_commit(ctx, pass);
	}
	pass->wait = policy_poll_wait(pass->note.polls++, pass->order.retry_after);
	return E_OK;
}

bool file_is_deleted(const struct pass *pass)
{
	return !pass->host.status.issuance.blob;
}

enum err delete_file_climb(struct ctx *ctx, struct pass *pass)
{
	TRY(blob_delete(ctx, &pass->world->blobs, issuance(pass)->blob));
	issuance(pass)->blob = NULL;
	issuance(pass)->uploaded = false;
	return E_OK;
}
