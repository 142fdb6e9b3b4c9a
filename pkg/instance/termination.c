#include "instance/termination.h"

#include <string.h>

#include "api/gateway.h"
#include "api/hostname.h"
#include "base/log.h"
#include "base/text.h"
#include "specdir/desired.h"

/* One request that is being terminated. */
struct termination {
	const struct termination_world *world;
	struct batch *batch;
	const struct instance *instance;
	const void **others; /* all instances */
	size_t count;
};

/* helpers */

/* Another request that was not terminated and wants the hostname too. */
static bool wants_too(const struct termination *termination, const struct instance *other,
		      const char *hostname)
{
	return !text_equals(other->meta.name, termination->instance->meta.name) &&
	       !other->spec.is_terminated && texts_contain(&other->spec.hostnames, hostname);
}

/* The newest of those that have not ended; `leaf` is the certificate that it has to bring, NULL:
 * any. NULL: none. */
static const struct instance *find_follower(const struct termination *termination,
					    const char *hostname, const char *leaf)
{
	const struct instance *newest = NULL;

	for (size_t i = 0; i < termination->count; i++) {
		const struct instance *other = termination->others[i];

		if (wants_too(termination, other, hostname) &&
		    !runtime_has_ended(other->status.runtime_status) &&
		    (!leaf || text_equals(leaf, other->spec.leaf_sha256)) &&
		    (!newest || other->spec.request > newest->spec.request))
			newest = other;
	}
	return newest;
}

/* The number of the newest, whether or not it has ended. */
static int64_t last_posted(const struct termination *termination, const char *hostname)
{
	int64_t last = 0;

	for (size_t i = 0; i < termination->count; i++) {
		const struct instance *other = termination->others[i];

		if (wants_too(termination, other, hostname) && other->spec.request > last)
			last = other->spec.request;
	}
	return last;
}

/* From now on it is the follower that keeps the hostname desired. */
static enum err pass_on(struct ctx *ctx, const struct termination *termination,
			const struct instance *follower, const char *name)
{
	const struct texts *had;
	struct instance heir;
	const void *found;
	const char **items;

	TRY(batch_get(ctx, termination->batch, KIND_INSTANCE, follower->meta.name, &found));
	heir = *(const struct instance *)found;
	had = &((const struct instance *)found)->spec.introduced;
	if (texts_contain(had, name))
		return E_OK;
	items = arena_new_array(ctx->arena, const char *, had->count + 1);
	if (had->count > 0)
		memcpy(items, had->items, had->count * sizeof(*items));
	items[had->count] = name;
	heir.spec.introduced = (struct texts){items, had->count + 1};
	batch_put(ctx, termination->batch, KIND_INSTANCE, &heir);
	return E_OK;
}

/* What a gateway shows is served again as soon as that is started, or is back. */
static enum err find_shown(struct ctx *ctx, const struct termination_world *world, const char *name,
			   bool *is_shown)
{
	const void **gateways;
	size_t count;

	*is_shown = false;
	TRY(store_list(ctx, world->store, KIND_GATEWAY, &gateways, &count));
	for (size_t i = 0; i < count; i++)
		*is_shown = *is_shown || gateway_find_programmed(gateways[i], name);
	return E_OK;
}

/* NULL: it is not desired. */
static const struct hostname *find_hostname(struct ctx *ctx, const struct termination *termination,
					    const char *name)
{
	const void *found;

	if (batch_get(ctx, termination->batch, KIND_HOSTNAME, name, &found) == E_OK)
		return found;
	fault_clear(ctx);
	return NULL;
}

static enum err withdraw(struct ctx *ctx, const struct termination *termination, const char *name)
{
	const struct hostname *hostname = find_hostname(ctx, termination, name);
	const struct termination_world *world = termination->world;
	int64_t request = termination->instance->spec.request;
	const struct instance *follower;
	bool is_shown;

	if (!hostname)
		return E_OK;
	TRY(find_shown(ctx, world, name, &is_shown));
	if (condition_is_true(&hostname->status.conditions, CONDITION_READY) || is_shown ||
	    hostname->written > request || specdir_owner(ctx, world->specdir, name))
		return E_OK;
	follower = find_follower(termination, name, NULL);
	if (follower)
		return pass_on(ctx, termination, follower, name);
	if (hostname->posted > request)
		return E_OK;
	return specdir_leave(ctx, world->specdir, termination->batch, name);
}

/* A request that was terminated has not confirmed what others wrote before. */
static enum err take_back(struct ctx *ctx, const struct termination *termination, const char *name)
{
	const struct hostname *hostname = find_hostname(ctx, termination, name);
	int64_t request = termination->instance->spec.request;

	if (!hostname || !request || hostname->posted != request)
		return E_OK;
	return desired_take_back(ctx, termination->batch, name, last_posted(termination, name));
}

static const char *heir_of(const struct certificate_wish *wish)
{
	return wish->heir ? wish->heir : wish->instance;
}

/* An import that has not reached the vault is given up, also where the hostname itself stays.
 * Whoever brings the same certificate goes on with the key that is there. */
static enum err give_up_import(struct ctx *ctx, const struct termination *termination,
			       const char *name, const char **unwanted)
{
	static const struct certificate_wish none = {.source = SOURCE_UNSAID};
	const struct instance *instance = termination->instance;
	const struct hostname *hostname = find_hostname(ctx, termination, name);
	const struct instance *follower;
	struct certificate_wish wish;

	if (!instance->spec.leaf_sha256)
		return E_OK;
	*unwanted = instance->meta.name;
	if (!hostname || !text_equals(heir_of(&hostname->wish), instance->meta.name) ||
	    text_equals(hostname->wish.leaf_sha256, hostname->status.certificate.sha256))
		return E_OK;
	*unwanted = hostname->wish.instance;
	follower = find_follower(termination, name, hostname->wish.leaf_sha256);
	if (!follower)
		return desired_request(ctx, termination->batch, name, DESIRED_BY_EVENT, &none);
	*unwanted = NULL;
	wish = hostname->wish;
	wish.heir = follower->meta.name;
	return desired_request(ctx, termination->batch, name, DESIRED_BY_EVENT, &wish);
}

/* public */

enum err termination_plan(struct ctx *ctx, const struct termination_world *world,
			  struct batch *batch, struct instance *instance, const char **unwanted)
{
	struct termination termination = {world, batch, instance, NULL, 0};
	const struct texts *hostnames = &instance->spec.hostnames;
	const struct texts *introduced = &instance->spec.introduced;

	*unwanted = NULL;
	TRY(store_list(ctx, world->store, KIND_INSTANCE, &termination.others, &termination.count));
	for (size_t i = 0; i < hostnames->count; i++) {
		TRY(give_up_import(ctx, &termination, hostnames->items[i], unwanted));
		TRY(take_back(ctx, &termination, hostnames->items[i]));
	}
	for (size_t i = 0; i < introduced->count; i++)
		TRY(withdraw(ctx, &termination, introduced->items[i]));
	instance->spec.introduced = (struct texts){0};
	batch_put(ctx, batch, KIND_INSTANCE, instance);
	return E_OK;
}

void termination_drop_key(struct ctx *ctx, const struct termination_world *world,
			  const char *unwanted)
{
	if (unwanted && world->sealed && sealed_remove(ctx, world->sealed, unwanted) != E_OK)
		log_warn(ctx, "sealed key not removed yet", "text", ctx->fault.text, NULL);
	fault_clear(ctx);
}

static enum err catch_up(struct ctx *ctx, const struct termination_world *world,
			 const struct instance *left)
{
	struct batch *batch = batch_new(ctx, world->store);
	struct instance instance = *left;
	const char *unwanted;

	TRY(termination_plan(ctx, world, batch, &instance, &unwanted));
	TRY(batch_commit(ctx, batch));
	termination_drop_key(ctx, world, unwanted);
	return E_OK;
}

enum err termination_catch_up(struct ctx *ctx, const struct termination_world *world)
{
	const void **instances;
	size_t count;

	TRY(store_list(ctx, world->store, KIND_INSTANCE, &instances, &count));
	for (size_t i = 0; i < count; i++) {
		const struct instance *instance = instances[i];

		if (instance->spec.is_terminated)
			TRY(catch_up(ctx, world, instance));
	}
	return E_OK;
}
