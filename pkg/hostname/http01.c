#include "hostname/http01.h"

#include <string.h>

#include "acme/challenge.h"
#include "base/log.h"
#include "base/text.h"
#include "hostname/order.h"
#include "hostname/selfcheck.h"

#define BLOB_PREFIX ".well-known/acme-challenge/"

enum err http01_challenge_climb(struct ctx *ctx, struct pass *pass)
{
	struct acme_authorization authorization;

	TRY(order_ask(ctx, pass, order_authorization(ctx, pass, &authorization)));
	if (authorization.status == ACME_VALID) {
		pass_issuance(pass)->authorization_url = NULL;
		return E_OK;
	}
	if (order_is_final(authorization.status))
		return order_failed(ctx, pass, &authorization.error);
	if (!authorization.token)
		return fault_set(ctx, E_REFUSED, "NoHttp01Challenge",
				 "the CA offers no http-01 challenge for this hostname");
	pass_issuance(pass)->token = authorization.token;
	pass_issuance(pass)->challenge_url = authorization.challenge_url;
	if (authorization.challenge_status == ACME_PROCESSING)
		pass_issuance(pass)->answered = true;
	return pass_commit(ctx, pass);
}

enum err http01_upload_climb(struct ctx *ctx, struct pass *pass)
{
	const char *blob = arena_printf(ctx->arena, BLOB_PREFIX "%s", pass_issuance(pass)->token);
	char *key_authorization;

	/* That of an order before, which could not be deleted yet: only one is remembered. */
	if (pass_issuance(pass)->blob && !text_equals(pass_issuance(pass)->blob, blob))
		TRY(http01_delete_file_climb(ctx, pass));
	TRY(pass_session(ctx, pass));
	TRY(acme_key_authorization(ctx, &pass->acme, pass_issuance(pass)->token,
				   &key_authorization));
	pass_issuance(pass)->blob = blob;
	TRY(pass_commit(ctx, pass));
	TRY(blob_put(ctx, &pass->world->blobs, pass_issuance(pass)->blob, "text/plain",
		     key_authorization, strlen(key_authorization)));
	pass_issuance(pass)->uploaded = true;
	return E_OK;
}

enum err http01_answer_climb(struct ctx *ctx, struct pass *pass)
{
	char *key_authorization;
	enum err err;

	TRY(pass_session(ctx, pass));
	TRY(acme_key_authorization(ctx, &pass->acme, pass_issuance(pass)->token,
				   &key_authorization));
	err = selfcheck_get(ctx, pass, key_authorization);
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
		pass_issuance(pass)->uploaded = false;
	TRY(err);
	err = acme_challenge_answer(ctx, &pass->acme, pass_issuance(pass)->challenge_url);
	TRY(order_ask(ctx, pass, err));
	pass_issuance(pass)->answered = true;
	TRY(pass_commit(ctx, pass));
	pass->has_order = false;
	pass->note.polls = 0;
	pass->wait = policy_poll_wait(0, 0);
	return E_OK;
}

enum err http01_delete_file_climb(struct ctx *ctx, struct pass *pass)
{
	TRY(blob_delete(ctx, &pass->world->blobs, pass_issuance(pass)->blob));
	pass_issuance(pass)->blob = NULL;
	pass_issuance(pass)->uploaded = false;
	return E_OK;
}
