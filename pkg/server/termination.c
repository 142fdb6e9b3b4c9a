#include "server/termination.h"

#include <string.h>

#include "api/gateway.h"
#include "api/hostname.h"
#include "base/text.h"

/* helpers */

/* Another request that wants it too and has not ended; NULL: none. */
static enum err find_follower(struct ctx *ctx, struct service *service,
			      const struct instance *instance, const char *hostname,
			      const struct instance **follower)
{
	const void **others;
	size_t count;

	*follower = NULL;
	TRY(store_list(ctx, service->store, KIND_INSTANCE, &others, &count));
	for (size_t i = 0; i < count && !*follower; i++) {
		const struct instance *other = others[i];

		if (!text_equals(other->meta.name, instance->meta.name) &&
		    !other->spec.is_terminated &&
		    !runtime_has_ended(other->status.runtime_status) &&
		    texts_contain(&other->spec.hostnames, hostname))
			*follower = other;
	}
	return E_OK;
}

/* From now on it is the follower that keeps the hostname desired. */
static enum err pass_on(struct ctx *ctx, struct service *service, const struct instance *follower,
			const char *name)
{
	const struct texts *had = &follower->spec.introduced;
	const char **items = arena_new_array(ctx->arena, const char *, had->count + 1);
	struct instance heir = *follower;

	if (texts_contain(had, name))
		return E_OK;
	if (had->count > 0)
		memcpy(items, had->items, had->count * sizeof(*items));
	items[had->count] = name;
	heir.spec.introduced = (struct texts){items, had->count + 1};
	heir.meta.resource_version = 0;
	return store_put_spec(ctx, service->store, KIND_INSTANCE, &heir);
}

/* What a gateway shows is served again as soon as that is started, or is back. */
static enum err find_shown(struct ctx *ctx, struct service *service, const char *name,
			   bool *is_shown)
{
	const void **gateways;
	size_t count;

	*is_shown = false;
	TRY(store_list(ctx, service->store, KIND_GATEWAY, &gateways, &count));
	for (size_t i = 0; i < count; i++)
		*is_shown = *is_shown || gateway_find_programmed(gateways[i], name);
	return E_OK;
}

static enum err withdraw(struct ctx *ctx, struct service *service, const struct instance *instance,
			 const char *name)
{
	const struct instance *follower;
	const struct hostname *hostname;
	const void *found;
	bool is_shown;

	if (store_get(ctx, service->store, KIND_HOSTNAME, name, &found) != E_OK) {
		fault_clear(ctx);
		return E_OK;
	}
	hostname = found;
	TRY(find_shown(ctx, service, name, &is_shown));
	if (condition_is_true(&hostname->status.conditions, CONDITION_READY) || is_shown ||
	    specdir_owner(ctx, service->specdir, name))
		return E_OK;
	TRY(find_follower(ctx, service, instance, name, &follower));
	return follower ? pass_on(ctx, service, follower, name)
			: specdir_withdraw(ctx, service->specdir, name);
}

/* An import that has not reached the vault is given up, also where the hostname itself stays. */
static enum err give_up_import(struct ctx *ctx, struct service *service,
			       const struct instance *instance, const char *name)
{
	static const struct certificate_wish none = {.source = SOURCE_UNSAID};
	const struct hostname *hostname;
	const void *found;

	if (!instance->spec.leaf_sha256 || !service->sealed)
		return E_OK;
	if (store_get(ctx, service->store, KIND_HOSTNAME, name, &found) == E_OK) {
		hostname = found;
		if (text_equals(hostname->wish.instance, instance->meta.name) &&
		    !text_equals(hostname->wish.leaf_sha256, hostname->status.certificate.sha256))
			TRY(specdir_ask(ctx, service->specdir, name, &none));
	}
	fault_clear(ctx);
	return sealed_remove(ctx, service->sealed, instance->meta.name);
}

/* public */

enum err termination_withdraw(struct ctx *ctx, struct service *service,
			      const struct instance *instance)
{
	const struct texts *introduced = &instance->spec.introduced;
	struct instance settled = *instance;

	for (size_t i = 0; i < instance->spec.hostnames.count; i++)
		TRY(give_up_import(ctx, service, instance, instance->spec.hostnames.items[i]));
	if (introduced->count == 0)
		return E_OK;
	for (size_t i = 0; i < introduced->count; i++)
		TRY(withdraw(ctx, service, instance, introduced->items[i]));
	settled.spec.introduced = (struct texts){0};
	settled.meta.resource_version = 0;
	return store_put_spec(ctx, service->store, KIND_INSTANCE, &settled);
}

enum err termination_catch_up(struct ctx *ctx, struct service *service)
{
	const void **instances;
	size_t count;

	TRY(store_list(ctx, service->store, KIND_INSTANCE, &instances, &count));
	for (size_t i = 0; i < count; i++) {
		const struct instance *instance = instances[i];

		if (instance->spec.is_terminated)
			TRY(termination_withdraw(ctx, service, instance));
	}
	return E_OK;
}
