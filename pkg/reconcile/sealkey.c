#include "reconcile/sealkey.h"

#include "api/hostname.h"
#include "api/instance.h"
#include "base/log.h"
#include "base/text.h"

#define LOOK_AGAIN MSEC_PER_DAY

static enum err is_waited_for(struct ctx *ctx, struct store *store, const char *instance, bool *waited)
{
	const void **hostnames, *found;
	size_t count;

	*waited = true;
	TRY(store_list(ctx, store, KIND_HOSTNAME, &hostnames, &count));
	for (size_t i = 0; i < count; i++)
		if (text_equals(((const struct hostname *)hostnames[i])->wish.instance, instance))
			return E_OK;
	/* The request may be just being taken: its key comes before its hostname. */
	*waited = store_get(ctx, store, KIND_INSTANCE, instance, &found) == E_OK &&
		  !runtime_has_ended(((const struct instance *)found)->status.runtime_status);
	fault_clear(ctx);
	return E_OK;
}

static enum err sweep(struct ctx *ctx, struct sealkey_world *world)
{
	struct texts instances;
	bool waited;

	TRY(sealed_list(ctx, world->sealed, &instances));
	for (size_t i = 0; i < instances.count; i++) {
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
