/* What a rig shows of its objects. */
#include "sim/rig.h"

#include "api/gateway.h"
#include "base/text.h"

const struct hostname *rig_hostname(struct ctx *ctx, struct rig *rig, const char *hostname)
{
	const void *found;

	if (store_get(ctx, rig_store(rig), KIND_HOSTNAME, hostname, &found) != E_OK)
		return NULL;
	return found;
}

const struct gateway *rig_gateway(struct ctx *ctx, struct rig *rig, const char *name)
{
	const void *found;

	if (store_get(ctx, rig_store(rig), KIND_GATEWAY, name, &found) != E_OK)
		return NULL;
	return found;
}

static const char *in_words(struct ctx *ctx, const struct objects *conditions, const char *type)
{
	const struct condition *condition = condition_find(conditions, type);

	return condition ? arena_printf(ctx->arena, "%s %s: %s",
					condition_status_names[condition->status],
					condition->reason, condition->message)
			 : "";
}

const char *rig_condition(struct ctx *ctx, struct rig *rig, const char *hostname, const char *type)
{
	const struct hostname *object = rig_hostname(ctx, rig, hostname);

	return object ? in_words(ctx, &object->status.conditions, type) : "";
}

const char *rig_gateway_condition(struct ctx *ctx, struct rig *rig, const char *type)
{
	const struct gateway *object = rig_gateway(ctx, rig, rig_gateway_name(rig));

	return object ? in_words(ctx, &object->status.conditions, type) : "";
}

const char *rig_describe(struct ctx *ctx, struct rig *rig)
{
	struct json *all = json_array(ctx);
	const void **objects;
	size_t count;

	store_list(ctx, rig_store(rig), KIND_HOSTNAME, &objects, &count);
	for (size_t i = 0; i < count; i++)
		json_append(ctx, all, object_to_json(ctx, KIND_HOSTNAME, objects[i], 0));
	store_list(ctx, rig_store(rig), KIND_GATEWAY, &objects, &count);
	for (size_t i = 0; i < count; i++)
		json_append(ctx, all, object_to_json(ctx, KIND_GATEWAY, objects[i], 0));
	return arena_printf(ctx->arena, "after %u passes, %u effects, %lld ms: %s", rig_passes(rig),
			    rig_effects(rig), (long long)rig_time(rig),
			    json_print_pretty(ctx, all));
}
