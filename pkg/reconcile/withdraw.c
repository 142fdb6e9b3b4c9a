/* What was begun for a hostname that nobody wants any more: challenge file, authorization, pending vault operation. */
#include "reconcile/pass.h"

#include "base/text.h"
#include "reconcile/names.h"

/* A pending authorization counts against the account until somebody gives it up (RFC 8555 7.5.2). */
static enum err give_up_order(struct ctx *ctx, struct pass *pass)
{
	struct issuance *issuance = &pass->host.status.issuance;
	struct hostname_world *world = pass->world;
	enum err err = E_OK;

	if (!issuance->authorization_url)
		return E_OK;
	TRY(account_session(ctx, world->account, world->settings, world->acme, world->acme_http,
			    &world->vault, &pass->acme));
	err = acme_authorization_deactivate(ctx, &pass->acme, issuance->authorization_url);
	return err == E_NOTFOUND ? E_OK : err;
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

enum err withdraw_undo(struct ctx *ctx, struct pass *pass)
{
	if (pass->host.wish.instance)
		TRY(sealed_remove(ctx, pass->world->sealed, pass->host.wish.instance));
	if (!file_is_deleted(pass))
		TRY(delete_file_climb(ctx, pass));
	TRY(give_up_order(ctx, pass));
	pass->host.status.issuance.authorization_url = NULL;
	TRY(give_up_pending(ctx, pass));
	pass->host.status.issuance.create_intended = false;
	return E_OK;
}
