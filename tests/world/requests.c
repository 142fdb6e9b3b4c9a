#include "world/rights.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char *const door_names[DOOR_COUNT] = {
	[DOOR_ARM] = "arm",   [DOOR_VAULT] = "vault",	  [DOOR_AUTHORITY] = "authority",
	[DOOR_IMDS] = "imds", [DOOR_ADMIN] = "admin",	  [DOOR_ACME] = "acme",
	[DOOR_BLOB] = "blob", [DOOR_GATEWAY] = "gateway",
};

void requests_add(struct world *world, const struct call *call)
{
	struct request_log *log = &world->log;
	struct request_record *items;

	if (log->count == log->capacity) {
		log->capacity = log->capacity ? 2 * log->capacity : 256;
		items = arena_new_array(log->arena, struct request_record, log->capacity);
		if (log->count)
			memcpy(items, log->items, log->count * sizeof(*items));
		log->items = items;
	}
	log->items[log->count++] = (struct request_record){
		.door = call->door,
		.owner = call->owner, /* both last as long as the world */
		.identity = call->principal ? call->principal->name : NULL,
		.method = arena_strdup(log->arena, call->method),
		.line = arena_printf(log->arena, "%s %s", call->method, call->target),
		.status = call->end == CALL_RESET ? 0 : call->status,
		.at = world->doors->clock->wall(world->doors->clock),
	};
}

void requests_clear(struct world *world)
{
	arena_free(world->log.arena);
	memset(&world->log, 0, sizeof(world->log));
	world->log.arena = arena_new();
}

static struct json *seconds(struct ctx *ctx, msec_t at)
{
	char *text = arena_printf(ctx->arena, "%lld.%03d", (long long)(at / 1000),
				  (int)(at % 1000));
	struct json *number = NULL;

	return json_parse(ctx, text, strlen(text), &number) == E_OK ? number : json_null(ctx);
}

struct json *requests_show(struct ctx *ctx, const struct world *world)
{
	const struct request_log *log = &world->log;
	struct json *list = json_array(ctx), *item;
	size_t i;

	for (i = 0; i < log->count; i++) {
		item = json_object(ctx);
		json_set_text(ctx, item, "method", log->items[i].method);
		json_set_text(ctx, item, "path",
			      log->items[i].line + strlen(log->items[i].method) + 1);
		json_set_int(ctx, item, "status", log->items[i].status);
		json_set(ctx, item, "time", seconds(ctx, log->items[i].at));
		json_set_text(ctx, item, "door", door_names[log->items[i].door]);
		json_set_text(ctx, item, "owner", log->items[i].owner);
		json_set_text(ctx, item, "identity", log->items[i].identity);
		json_append(ctx, list, item);
	}
	return list;
}

static size_t count(struct world *world, enum door door, const char *owner, const char *pattern)
{
	size_t i, found = 0;
	regex_t regex;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	pthread_mutex_lock(&world->lock);
	for (i = 0; i < world->log.count; i++) {
		const struct request_record *record = &world->log.items[i];

		if ((door != DOOR_COUNT && record->door != door) ||
		    (owner && !text_equals(record->owner, owner)))
			continue;
		found += regexec(&regex, record->line, 0, NULL, 0) == 0;
	}
	pthread_mutex_unlock(&world->lock);
	regfree(&regex);
	return found;
}

size_t world_count_requests(struct world *world, enum door door, const char *pattern)
{
	return count(world, door, NULL, pattern);
}

size_t world_count_requests_of(struct world *world, const char *owner, const char *pattern)
{
	return count(world, DOOR_COUNT, owner, pattern);
}
