#include "hostname/pass.h"

enum err pass_commit(struct ctx *ctx, struct pass *pass)
{
	return store_put_status(ctx, pass->world->store, KIND_HOSTNAME, &pass->host);
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
