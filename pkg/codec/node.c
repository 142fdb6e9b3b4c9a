#include "codec/node.h"

#include <string.h>

#include "base/text.h"

struct node *node_get(const struct node *map, const char *member)
{
	if (!map || map->kind != NODE_MAP)
		return NULL;
	for (struct node *child = map->first; child; child = child->next) {
		if (text_equals(child->name, member))
			return child;
	}
	return NULL;
}

static enum node_kind kind_of(const struct json *json)
{
	if (json_is_object(json))
		return NODE_MAP;
	if (json_is_array(json))
		return NODE_LIST;
	return json_is_null(json) ? NODE_NULL : NODE_SCALAR;
}

struct node *node_from_json(struct ctx *ctx, const struct json *json)
{
	struct node *node = arena_new_one(ctx->arena, struct node);
	struct node **end = &node->first;

	node->kind = kind_of(json);
	node->is_plain = node->kind == NODE_SCALAR && !json_is_string(json);
	if (node->kind == NODE_SCALAR)
		node->text = json_is_string(json) ? arena_strdup(ctx->arena, json_text(json))
						  : json_print(ctx, json);
	json_for_each (child, json) {
		*end = node_from_json(ctx, child);
		if (json_name(child))
			(*end)->name = arena_strdup(ctx->arena, json_name(child));
		end = &(*end)->next;
		node->size++;
	}
	return node;
}

/* What JSON would read as a number or a boolean stays one; every other scalar is a string. */
static struct json *scalar_to_json(struct ctx *ctx, const struct node *node)
{
	struct json *json;

	if (node->is_plain && json_parse(ctx, node->text, strlen(node->text), &json) == E_OK &&
	    (json_is_number(json) || json_is_bool(json)))
		return json;
	fault_clear(ctx);
	return json_string(ctx, node->text);
}

struct json *node_to_json(struct ctx *ctx, const struct node *node)
{
	struct json *json;

	if (!node || node->kind == NODE_NULL)
		return json_null(ctx);
	if (node->kind == NODE_SCALAR)
		return scalar_to_json(ctx, node);
	json = node->kind == NODE_MAP ? json_object(ctx) : json_array(ctx);
	for (const struct node *child = node->first; child; child = child->next) {
		if (node->kind == NODE_MAP)
			json_set(ctx, json, child->name, node_to_json(ctx, child));
		else
			json_append(ctx, json, node_to_json(ctx, child));
	}
	return json;
}
