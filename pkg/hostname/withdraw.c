#include "hostname/withdraw.h"

#include <assert.h>

#include "acme/challenge.h"
#include "azure/keyvault_certificate.h"
#include "base/log.h"
#include "base/text.h"
#include "hostname/facts.h"
#include "hostname/http01.h"
#include "hostname/order.h"

static enum err give_up_sealed(struct ctx *ctx, struct pass *pass)
{
	const char *instance = pass->host.wish.instance;

	return instance ? sealed_remove(ctx, pass->world->sealed, instance) : E_OK;
}

static enum err give_up_file(struct ctx *ctx, struct pass *pass)
{
	return file_is_deleted(pass) ? E_OK : http01_delete_file_climb(ctx, pass);
}

/* A pending authorization counts against the account until somebody gives it up (RFC 8555 7.5.2).
 * The CA may be away: it forgets by itself. */
static void give_up_authorization(struct ctx *ctx, struct pass *pass, const char *url)
{
	enum err err = pass_session(ctx, pass);

	if (err == E_OK)
		err = acme_authorization_deactivate(ctx, &pass->acme, url);
	if (err != E_OK)
		log_debug(ctx, "authorization not given up", "text", ctx->fault.text, NULL);
	fault_clear(ctx);
}

/* Only what our intent and its CSR both say is ours. */
static enum err give_up_pending(struct ctx *ctx, struct pass *pass)
{
	const char *name = pass->host.status.certificate.vault_name;
	struct vault_operation pending;
	enum err err;

	if (!pass->host.status.issuance.create_intended || !name)
		return E_OK;
	err = keyvault_pending_get(ctx, &pass->world->vault, name, &pending);
	if (err == E_NOTFOUND)
		return E_OK;
	TRY(err);
	if (pending.status != VAULT_IN_PROGRESS || !pending.has_csr || pending.is_foreign_issuer ||
	    !names_are(&pending.csr.names, &pass->name, 1))
		return E_OK;
	return keyvault_pending_delete(ctx, &pass->world->vault, name);
}

/* Whoever is desired again meanwhile comes back with its facts: an order that is about to die is
 * none of them any more. */
enum err withdraw_order(struct ctx *ctx, struct pass *pass)
{
	const char *authorization = pass->host.status.issuance.authorization_url;

	assert(!pass->host.status.issuance.csr);
	order_drop(pass);
	TRY(pass_commit(ctx, pass));
	if (authorization)
		give_up_authorization(ctx, pass, authorization);
	TRY(give_up_pending(ctx, pass));
	pass->host.status.issuance.create_intended = false;
	return pass_commit(ctx, pass);
}

/* One refusal is no reason to leave the rest; anything else is worth another look, from the
 * beginning. */
enum err withdraw_undo(struct ctx *ctx, struct pass *pass)
{
	enum err (*const undo[])(struct ctx * ctx, struct pass * pass) = {
		give_up_sealed, withdraw_order, give_up_file};
	struct fault fault = ctx->fault;
	enum err worst = E_OK;

	for (size_t i = 0; i < ARRAY_SIZE(undo); i++) {
		enum err err = undo[i](ctx, pass);

		if (err == E_OK)
			continue;
		if (err != E_REFUSED)
			return err;
		worst = err;
		fault = ctx->fault;
	}
	ctx->fault = fault;
	return worst;
}
