#include "gateway/look.h"

#include <string.h>

#include "api/hostname.h"
#include "base/log.h"
#include "base/text.h"
#include "gateway/times.h"

static bool is_desired(const struct hostname *const *hostnames, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (text_equals(hostnames[i]->meta.name, name))
			return true;
	return false;
}

/* Of a hostname that nobody wants only what is still to be taken out is remembered. */
static void forget_rejected(struct look *look, const struct hostname *const *hostnames,
			    size_t count)
{
	struct objects *rejected = &look_status(look)->rejected;
	struct rejected_hostname *items = rejected->items;
	size_t kept = 0;

	for (size_t i = 0; i < rejected->count; i++)
		if (is_desired(hostnames, count, items[i].hostname) ||
		    gateway_find_brought(&look->gateway, items[i].hostname))
			items[kept++] = items[i];
	rejected->count = kept;
}

enum err look_begin(struct ctx *ctx, struct gateway_world *world, const char *key,
		    struct look *look)
{
	const void *seen;
	const void **hostnames;
	struct gateway_status *status = look_status(look);
	size_t count;

	*look = (struct look){.world = world, .failing = CONDITION_GATEWAY_REACHABLE};
	TRY(store_get(ctx, world->store, KIND_GATEWAY, key, &seen));
	TRY(store_list(ctx, world->store, KIND_HOSTNAME, &hostnames, &count));
	look->seen = seen;
	look->gateway = *look->seen;
	status->observed_generation = look->gateway.meta.generation;
	/* What is changed in place is ours: snapshots are const. */
	status->rejected.items =
		arena_copy(ctx->arena, status->rejected.items,
			   status->rejected.count * sizeof(struct rejected_hostname));
	times_mend_gateway(ctx, &look->gateway);
	forget_rejected(look, (const struct hostname *const *)hostnames, count);
	look->wanted = wanted_list(ctx, look->seen, (const struct hostname *const *)hostnames,
				   count);
	return E_OK;
}

enum err look_commit(struct ctx *ctx, struct look *look)
{
	return store_put_status(ctx, look->world->store, KIND_GATEWAY, &look->gateway);
}

void look_set_condition(struct ctx *ctx, struct look *look, const char *type,
			enum condition_status status, const char *reason, const char *message)
{
	if (condition_set(ctx, &look_status(look)->conditions, type, status, reason, message,
			  look->gateway.meta.generation))
		log_info(ctx, "condition changed", "type", type, "status",
			 condition_status_names[status], "reason", reason, "text", message, NULL);
}

void look_forgive(struct look *look, const char *hostname)
{
	struct objects *rejected = &look_status(look)->rejected;
	struct rejected_hostname *items = rejected->items;
	size_t count = 0;

	for (size_t i = 0; i < rejected->count; i++)
		if (!text_equals(items[i].hostname, hostname))
			items[count++] = items[i];
	rejected->count = count;
}

void look_reject(struct ctx *ctx, struct look *look, const char *hostname, const char *reason,
		 const char *message)
{
	struct objects *rejected = &look_status(look)->rejected;
	const struct rejected_hostname *old = gateway_find_rejected(look->seen, hostname);
	struct rejected_hostname *items;

	look_forgive(look, hostname);
	items = arena_new_array(ctx->arena, struct rejected_hostname, rejected->count + 1);
	if (rejected->count)
		memcpy(items, rejected->items, rejected->count * sizeof(*items));
	items[rejected->count++] = (struct rejected_hostname){hostname, reason, message,
							      ctx_wall(ctx)};
	rejected->items = items;
	if (old && text_equals(old->message, message))
		return;
	log_warn(ctx, "gateway cannot take a hostname", "hostname", hostname, "reason", reason,
		 "text", message, NULL);
}
