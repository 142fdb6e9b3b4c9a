#include "codec/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

#define SHOWN_MAX 40

static int by_name_then_place(const void *left, const void *right)
{
	const struct node *a = *(const struct node *const *)left;
	const struct node *b = *(const struct node *const *)right;
	int order = strcmp(a->name, b->name);

	if (!order)
		order = (a->name_line > b->name_line) - (a->name_line < b->name_line);
	return order ? order
		     : (a->name_column > b->name_column) - (a->name_column < b->name_column);
}

static bool mark_repeated(struct ctx *ctx, const struct node *map)
{
	struct node **members = arena_new_array(ctx->arena, struct node *, map->size);
	struct node *original;
	bool is_found = false;
	size_t count = 0;

	for (struct node *child = map->first; child; child = child->next)
		members[count++] = child;
	qsort(members, count, sizeof(*members), by_name_then_place);
	original = members[0];
	for (size_t i = 1; i < count; i++) {
		if (!text_equals(members[i]->name, original->name)) {
			original = members[i];
			continue;
		}
		members[i]->first_line = original->name_line;
		is_found = true;
	}
	return is_found;
}

/* The end of the list that it was put into. */
static struct node **part(struct ctx *ctx, struct node *node, struct node **end)
{
	struct node **link = &node->first;

	if (node->kind == NODE_MAP && node->size > 1 && mark_repeated(ctx, node)) {
		while (*link) {
			struct node *child = *link;

			if (!child->first_line) {
				link = &child->next;
				continue;
			}
			*link = child->next;
			child->next = NULL;
			*end = child;
			end = &child->next;
			node->size--;
		}
	}
	for (struct node *child = node->first; child; child = child->next)
		end = part(ctx, child, end);
	return end;
}

void node_part_repeated(struct ctx *ctx, struct node *document)
{
	part(ctx, document, &document->repeated);
}

void node_complain_repeated(struct ctx *ctx, const struct node *document, const char *file,
			    struct problems *problems)
{
	for (const struct node *node = document->repeated; node; node = node->next)
		problems_add(
			ctx, problems, false, file, node->name_line, node->name_column, "",
			"duplicate key%s%s, first in line %u", problems->hides_content ? "" : " ",
			problems->hides_content ? ""
						: utf8_quote(ctx->arena, node->name, SHOWN_MAX),
			node->first_line);
}

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
