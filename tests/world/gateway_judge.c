/* Judges a PUT by what it does to parts of the gateway that are not the sender's. */
#include "world/gateway.h"

#include <string.h>

#include "base/text.h"

static void count(struct world *world, const char *what, const char *name)
{
	world->never.foreign_changed++;
	(void)snprintf(world->never.last, sizeof(world->never.last), "foreign part changed: %s %s",
		       what, name ? name : "");
}

static bool is_collection(const char *name)
{
	size_t i;

	for (i = 0; i < gateway_collection_count; i++)
		if (text_equals(gateway_collections[i].name, name))
			return true;
	return false;
}

static void compare_members(struct world *world, const struct json *before,
			    const struct json *after)
{
	json_for_each (member, before) {
		const char *name = json_name(member);

		if (text_equals(name, "properties") || is_collection(name))
			continue;
		if (!json_equal(member, json_get(after, name)))
			count(world, "member", name);
	}
	json_for_each (member, after)
		if (!json_get(before, json_name(member)))
			count(world, "added member", json_name(member));
}

static void compare_children(struct world *world, const struct json *document)
{
	const struct json *stored = world->gateway->stored->root;

	json_for_each (names, world->gateway->foreign->root) {
		const char *collection = json_name(names);

		json_for_each (item, names) {
			const char *name = json_text(item);
			struct json *before = gateway_child(stored, collection, name);

			if (before &&
			    !json_equal(before, gateway_child(document, collection, name)))
				count(world, collection, name);
		}
	}
}

/* What another actor adds or changes is foreign from then on. */
static void learn(struct world *world, const struct json *document)
{
	struct ctx *ctx = &world->gateway->foreign->ctx;
	struct json *all = json_object(ctx);
	size_t i;

	for (i = 0; i < gateway_collection_count; i++) {
		const char *collection = gateway_collections[i].name;
		const struct json *known = json_get(world->gateway->foreign->root, collection);
		struct json *names = json_array(ctx);

		json_for_each (child, gateway_list(document, collection)) {
			const char *name = json_get_text(child, "name");
			bool is_foreign = !json_equal(
				child,
				gateway_child(world->gateway->stored->root, collection, name));

			json_for_each (item, known)
				is_foreign |= text_equals(json_text(item), name);
			if (is_foreign)
				json_append(ctx, names, json_string(ctx, name));
		}
		json_set(ctx, all, collection, names);
	}
	world->gateway->foreign->root = all;
}

void gateway_judge(struct world *world, const struct call *call, const struct json *document)
{
	const struct json *stored = world->gateway->stored->root;

	if (call->by_other) {
		learn(world, document);
		return;
	}
	compare_members(world, stored, document);
	compare_members(world, json_get(stored, "properties"), json_get(document, "properties"));
	compare_children(world, document);
}
