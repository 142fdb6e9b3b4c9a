#include "instance/retention.h"

#include <string.h>

#define REMOVED_AT_ONCE ((size_t)100)

/* The oldest of what was seen, oldest first. */
struct oldest {
	const struct instance *items[REMOVED_AT_ONCE];
	size_t count, room;
};

static msec_t ended_at(const struct instance *instance)
{
	return instance->status.updated ? instance->status.updated : instance->meta.created;
}

static bool has_ended(const struct instance *instance)
{
	return runtime_has_ended(instance->status.runtime_status);
}

static void consider(struct oldest *oldest, const struct instance *instance)
{
	size_t at = oldest->count;

	while (at > 0 && ended_at(instance) < ended_at(oldest->items[at - 1]))
		at--;
	if (at == oldest->room)
		return;
	if (oldest->count < oldest->room)
		oldest->count++;
	memmove(&oldest->items[at + 1], &oldest->items[at],
		(oldest->count - 1 - at) * sizeof(oldest->items[0]));
	oldest->items[at] = instance;
}

enum err retention_thin_out(struct ctx *ctx, struct instance_world *world)
{
	struct oldest oldest = {.count = 0};
	size_t count, ended = 0, excess;
	const void **all;

	TRY(store_list(ctx, world->store, KIND_INSTANCE, &all, &count));
	for (size_t i = 0; i < count; i++)
		ended += has_ended(all[i]);
	excess = ended > world->settings->instances_kept ? ended - world->settings->instances_kept
							 : 0;
	oldest.room = excess < REMOVED_AT_ONCE ? excess : REMOVED_AT_ONCE;
	for (size_t i = 0; i < count && excess > 0; i++)
		if (has_ended(all[i]))
			consider(&oldest, all[i]);
	for (size_t i = 0; i < oldest.count; i++)
		TRY(store_delete(ctx, world->store, KIND_INSTANCE, oldest.items[i]->meta.name));
	world->is_thinned = excess == oldest.count;
	return E_OK;
}

enum err retention_retire(struct ctx *ctx, struct instance_world *world,
			  const struct instance *instance, msec_t *again)
{
	msec_t left = ended_at(instance) + world->settings->instance_retention - ctx_wall(ctx);

	if (!world->is_thinned)
		TRY(retention_thin_out(ctx, world));
	/* A clock that was set removes nothing. */
	if (left <= 0 && clock_has_jumped(&world->clock, ctx->doors->clock))
		left = MSEC_PER_HOUR;
	*again = world->is_thinned ? left : 1;
	if (left > 0)
		return E_OK;
	return store_delete(ctx, world->store, KIND_INSTANCE, instance->meta.name);
}
