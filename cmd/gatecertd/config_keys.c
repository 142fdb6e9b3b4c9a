#include "config_keys.h"

#include <string.h>

#include "api/dnsname.h"
#include "base/text.h"
#include "server/server.h"
#include "service/apikey.h"

#define KEY_SHORT 16 /* fewer characters can be guessed */

/* helpers */

static struct node *scalar(struct ctx *ctx, const struct node *like, const char *name,
			   const char *text)
{
	struct node *node = arena_copy(ctx->arena, like, sizeof(*like));

	*node = (struct node){.kind = NODE_SCALAR,
			      .name = name,
			      .text = text,
			      .line = like->line,
			      .column = like->column,
			      .name_line = like->line,
			      .name_column = like->column};
	return node;
}

static void become_key(struct ctx *ctx, struct node *node, const char *name, const char *key)
{
	struct node *first = scalar(ctx, node, "name", name);

	first->next = scalar(ctx, node, "key", key);
	node->kind = NODE_MAP;
	node->name = NULL;
	node->text = NULL;
	node->first = first;
	node->size = 2;
}

/* "name=key" or a key; the padding of base64 at its end does not make a name of it. */
static void read_key(struct ctx *ctx, struct node *node, size_t index)
{
	const char *equals = strchr(node->text, '=');

	if (equals && equals[strspn(equals, "=")] != '\0')
		become_key(ctx, node,
			   arena_strndup(ctx->arena, node->text, (size_t)(equals - node->text)),
			   equals + 1);
	else
		become_key(ctx, node, arena_printf(ctx->arena, "key-%zu", index + 1), node->text);
}

/* Whoever wrote "hostnames:" meant to limit the key: nothing behind it is no "everything". */
static void keep_reach(const struct node *key)
{
	for (struct node *node = key->first; node; node = node->next)
		if (text_equals(node->name, "hostnames") && node->kind == NODE_NULL)
			node->kind = NODE_LIST;
}

/* public */

void config_keys_unify(struct ctx *ctx, struct node *keys)
{
	bool is_map = keys && keys->kind == NODE_MAP;
	size_t index = 0;

	if (!keys || keys->kind == NODE_NULL)
		return;
	if (keys->kind == NODE_SCALAR) {
		struct node *only = scalar(ctx, keys, NULL, keys->text);

		keys->first = only;
		keys->size = 1;
	}
	keys->kind = NODE_LIST;
	keys->text = NULL;
	for (struct node *node = keys->first; node; node = node->next, index++) {
		if (node->kind == NODE_MAP)
			keep_reach(node);
		if (node->kind != NODE_SCALAR)
			continue;
		if (is_map)
			become_key(ctx, node, node->name, node->text);
		else
			read_key(ctx, node, index);
	}
}

struct node *config_keys_split(struct ctx *ctx, const char *text)
{
	struct node *list = arena_new_one(ctx->arena, struct node), **end = &list->first;
	char *rest = arena_strdup(ctx->arena, text), *item;

	list->kind = NODE_LIST;
	while ((item = strsep(&rest, ","))) {
		item += strspn(item, " ");
		item[strcspn(item, " ")] = '\0';
		if (!*item)
			continue;
		*end = scalar(ctx, list, NULL, item);
		end = &(*end)->next;
		list->size++;
	}
	config_keys_unify(ctx, list);
	return list;
}

const char *config_keys_check_reach(struct ctx *ctx, const void *value)
{
	const struct texts *hostnames = value;
	const char *ignored, *wrong = NULL;

	if (hostnames->count == 0)
		return "is empty: leave it out for a key that reaches everything";
	for (size_t i = 0; i < hostnames->count && !wrong; i++) {
		if (hostname_normalise(ctx, hostnames->items[i], 0, &ignored) != E_OK)
			wrong = arena_strdup(ctx->arena, ctx->fault.text);
		fault_clear(ctx);
	}
	return wrong;
}

const char *config_keys_complaint(struct ctx *ctx, const struct objects *keys, size_t index,
				  bool *is_warning)
{
	const struct api_key *items = keys->items, *key = &items[index];

	*is_warning = false;
	for (size_t i = 0; i < index; i++)
		if (key->name && text_equals(key->name, items[i].name))
			return arena_printf(ctx->arena, "two keys are named %s", key->name);
	*is_warning = true;
	if (key->key && !apikey_is_hash(key->key) && strlen(key->key) < KEY_SHORT)
		return arena_printf(ctx->arena,
				    "the key %s has fewer than %d characters: it can be guessed",
				    key->name ? key->name : "", KEY_SHORT);
	return NULL;
}

void config_keys_wipe(const struct objects *keys)
{
	const struct api_key *items = keys->items;

	for (size_t i = 0; i < keys->count; i++)
		if (items[i].key)
			explicit_bzero((char *)(uintptr_t)items[i].key, strlen(items[i].key));
}

void config_keys_seal(struct ctx *ctx, struct objects *keys)
{
	struct api_key *items = keys->items;

	for (size_t i = 0; i < keys->count; i++) {
		char *plain = (char *)(uintptr_t)items[i].key;

		for (size_t k = 0; k < items[i].hostnames.count; k++)
			if (hostname_normalise(ctx, items[i].hostnames.items[k], 0,
					       &items[i].hostnames.items[k]) != E_OK)
				fault_clear(ctx);
		if (!plain)
			continue;
		items[i].key = apikey_hash(ctx, plain);
		explicit_bzero(plain, strlen(plain));
	}
}
