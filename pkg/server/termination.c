#include "server/termination.h"

#include "api/hostname.h"
#include "base/text.h"

/* helpers */

static bool has_text(const struct texts *texts, const char *text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (text_equals(texts->items[i], text))
			return true;
	return false;
}

/* Whether another request wants it too. */
static enum err look_for_followers(struct ctx *ctx, struct service *service,
				   const struct instance *instance, const char *hostname, bool *found)
{
	const void **others;
	size_t count;

	*found = false;
	TRY(store_list(ctx, service->store, KIND_INSTANCE, &others, &count));
	for (size_t i = 0; i < count; i++) {
		const struct instance *other = others[i];

		if (!text_equals(other->meta.name, instance->meta.name)
		    && !other->spec.is_terminated
		    && !runtime_has_ended(other->status.runtime_status)
		    && has_text(&other->spec.hostnames, hostname))
			*found = true;
	}
	return E_OK;
}

/* A hostname younger than the instance was introduced again, by somebody else. */
static bool is_withdrawable(struct ctx *ctx, struct service *service,
			    const struct instance *instance, const struct hostname *hostname)
{
	return hostname->meta.created <= instance->meta.created
	       && !condition_is_true(&hostname->status.conditions, CONDITION_READY)
	       && !hostname->status.issuance.csr
	       && !specdir_owner(ctx, service->specdir, hostname->meta.name);
}

static enum err withdraw(struct ctx *ctx, struct service *service, const struct instance *instance,
			 const char *hostname)
{
	const void *found;
	bool is_followed;

	if (store_get(ctx, service->store, KIND_HOSTNAME, hostname, &found) != E_OK
	    || !is_withdrawable(ctx, service, instance, found)) {
		fault_clear(ctx);
		return E_OK;
	}
	TRY(look_for_followers(ctx, service, instance, hostname, &is_followed));
	return is_followed ? E_OK : specdir_withdraw(ctx, service->specdir, hostname);
}

/* public */

enum err termination_withdraw(struct ctx *ctx, struct service *service,
			      const struct instance *instance)
{
	const struct texts *introduced = &instance->spec.introduced;

	for (size_t i = 0; i < introduced->count; i++)
		TRY(withdraw(ctx, service, instance, introduced->items[i]));
	return E_OK;
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
