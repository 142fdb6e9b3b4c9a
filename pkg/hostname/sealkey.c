#include "hostname/sealkey.h"

#include "api/hostname.h"
#include "azure/keyvault_key.h"
#include "base/log.h"
#include "base/text.h"

#define LOOK_AGAIN MSEC_PER_DAY

static enum err is_waited_for(struct ctx *ctx, struct store *store, const char *instance,
			      bool *waited)
{
	const void **hostnames;
	size_t count;

	*waited = false;
	TRY(store_list(ctx, store, KIND_HOSTNAME, &hostnames, &count));
	for (size_t i = 0; i < count && !*waited; i++)
		*waited = text_equals(((const struct hostname *)hostnames[i])->wish.instance,
				      instance);
	return E_OK;
}

/* Of this start's own keys one may belong to a request that is just being taken: a key is written
 * before its hostname. */
static enum err sweep(struct ctx *ctx, struct sealkey_world *world)
{
	struct texts instances;
	bool waited;

	TRY(sealed_list(ctx, world->sealed, &instances));
	for (size_t i = 0; i < instances.count; i++) {
		if (!sealed_is_left(world->sealed, instances.items[i]))
			continue;
		TRY(is_waited_for(ctx, world->store, instances.items[i], &waited));
		if (!waited)
			TRY(sealed_remove(ctx, world->sealed, instances.items[i]));
	}
	return E_OK;
}

enum err sealkey_reconcile(struct ctx *ctx, void *worker, const char *key, msec_t *again)
{
	struct sealkey_world *world = worker;
	struct vault_key found;
	struct seal_key public;
	enum err err = keyvault_key_ensure(ctx, &world->vault, key, VAULT_KEY_WRAP, &found);

	if (err == E_REFUSED)
		log_warn(ctx, "no key to seal imports with", "text", ctx->fault.text, NULL);
	TRY(err);
	public = (struct seal_key){found.id, found.n, found.e};
	TRY(sealed_box_set_key(ctx, world->sealed, &public));
	TRY(sweep(ctx, world));
	*again = rng_jitter(ctx->doors->rng, LOOK_AGAIN, 10);
	return E_OK;
}
