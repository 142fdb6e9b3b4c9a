#include "api/condition.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

const char *const condition_status_names[] = {"Unknown", "True", "False", NULL};

const struct field condition_fields[] = {
	{.name = "type",
	 .type = FIELD_TEXT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct condition, type),
	 .help = "What it is about."},
	{.name = "status",
	 .type = FIELD_CHOICE,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct condition, status),
	 .choices = condition_status_names,
	 .help = "True, False or Unknown."},
	{.name = "reason",
	 .type = FIELD_TEXT,
	 .offset = offsetof(struct condition, reason),
	 .help = "One CamelCase word for programs."},
	{.name = "message",
	 .type = FIELD_TEXT,
	 .offset = offsetof(struct condition, message),
	 .help = "What to know and what to do, for people."},
	{.name = "lastTransitionTime",
	 .type = FIELD_TIME,
	 .offset = offsetof(struct condition, last_transition),
	 .help = "When the status last changed."},
	{.name = "observedGeneration",
	 .type = FIELD_INT,
	 .offset = offsetof(struct condition, observed_generation),
	 .help = "The generation of the spec it speaks of."},
	{.name = NULL},
};

static const char *const order[] = {
	CONDITION_READY,
	CONDITION_GATEWAY_REACHABLE,
	CONDITION_GATEWAY_WRITABLE,
	CONDITION_DNS_RESOLVED,
	CONDITION_OWNERSHIP_VALIDATED,
	CONDITION_CERTIFICATE_ISSUED,
	CONDITION_GATEWAY_CONFIGURED,
	CONDITION_RENEWING,
	CONDITION_EXPIRING,
	CONDITION_SPEC_VALID,
};

static size_t rank(const char *type)
{
	size_t at = 0;

	while (at < ARRAY_SIZE(order) && !text_equals(order[at], type))
		at++;
	return at;
}

static int compare_types(const char *a, const char *b)
{
	size_t first = rank(a), second = rank(b);

	return first != second ? (first > second) - (first < second) : strcmp(a, b);
}

static int by_type(const void *left, const void *right)
{
	const struct condition *a = left, *b = right;

	return compare_types(a->type, b->type);
}

static struct condition *find(const struct objects *conditions, const char *type)
{
	struct condition *items = conditions->items;

	for (size_t i = 0; i < conditions->count; i++)
		if (text_equals(items[i].type, type))
			return &items[i];
	return NULL;
}

/* The list may belong to a snapshot: changes go into a copy. Adds the type when it is new. */
static struct condition *copy_for(struct ctx *ctx, struct objects *conditions, const char *type)
{
	bool is_new = !find(conditions, type);
	struct condition *items = arena_new_array(ctx->arena, struct condition,
						  conditions->count + 1);
	const struct condition *from = conditions->items;
	size_t at = 0, count = conditions->count;

	while (at < count && compare_types(from[at].type, type) < 0)
		at++;
	if (at > 0)
		memcpy(items, from, at * sizeof(*items));
	if (at < count)
		memcpy(items + at + is_new, from + at, (count - at) * sizeof(*items));
	*conditions = (struct objects){items, count + is_new};
	if (is_new)
		items[at] = (struct condition){.type = arena_strdup(ctx->arena, type)};
	return &items[at];
}

void condition_sort(struct objects *conditions)
{
	if (conditions->count > 0)
		qsort(conditions->items, conditions->count, sizeof(struct condition), by_type);
}

bool condition_set(struct ctx *ctx, struct objects *conditions, const char *type,
		   enum condition_status status, const char *reason, const char *message,
		   int64_t generation)
{
	const struct condition *old = find(conditions, type);
	bool has_moved = !old || old->status != (int)status;
	bool has_changed = has_moved || !text_equals(old->reason, reason) ||
			   !text_equals(old->message, message);
	struct condition *condition;

	if (!has_changed && old->observed_generation == generation)
		return false;
	condition = copy_for(ctx, conditions, type);
	if (has_moved)
		condition->last_transition = ctx_wall(ctx);
	condition->status = (int)status;
	condition->reason = arena_strdup(ctx->arena, reason);
	condition->message = arena_strdup(ctx->arena, message);
	condition->observed_generation = generation;
	return has_changed;
}

const struct condition *condition_find(const struct objects *conditions, const char *type)
{
	return find(conditions, type);
}

bool condition_is_true(const struct objects *conditions, const char *type)
{
	const struct condition *condition = find(conditions, type);

	return condition && condition->status == CONDITION_TRUE;
}
