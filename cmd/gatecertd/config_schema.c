#include "config_schema.h"

#include "codec/fields_schema.h"
#include "config.h"

static struct json *of_type(struct ctx *ctx, const char *type)
{
	struct json *schema = json_object(ctx);

	json_set_text(ctx, schema, "type", type);
	return schema;
}

/* What unify_keys makes a list of {name, key} of: a key, a list with keys in it, or a map from name
 * to key. */
static struct json *forms_of_keys(struct ctx *ctx, struct json *keys)
{
	struct json *forms = json_array(ctx), *entries = json_array(ctx),
		    *map = of_type(ctx, "object");
	struct json *list = of_type(ctx, "array"), *items = json_object(ctx);

	json_append(ctx, entries, of_type(ctx, "string"));
	json_append(ctx, entries, json_dup(ctx, json_get(keys, "items")));
	json_set(ctx, items, "anyOf", entries);
	json_set(ctx, list, "items", items);
	json_set(ctx, map, "additionalProperties", of_type(ctx, "string"));
	json_append(ctx, forms, list);
	json_append(ctx, forms, map);
	json_append(ctx, forms, of_type(ctx, "string"));
	return forms;
}

static void widen_keys(struct ctx *ctx, struct json *keys)
{
	json_set(ctx, keys, "anyOf", forms_of_keys(ctx, keys));
	json_remove(keys, "type");
	json_remove(keys, "items");
}

static void mark_required(struct ctx *ctx, struct json *properties)
{
	for (const struct field *field = config_fields; field->name; field++)
		if (field->flags & CONFIG_REQUIRED)
			json_set_text(ctx, json_get(properties, field->name), "description",
				      arena_printf(ctx->arena,
						   "%s Required, here or in the environment.",
						   field->help));
}

struct json *config_schema(struct ctx *ctx)
{
	struct json *schema = json_object(ctx), *table = fields_schema(ctx, config_fields);
	struct json *properties = json_get(table, "properties");

	widen_keys(ctx, json_get(properties, "ApiKeys"));
	mark_required(ctx, properties);
	json_set_text(ctx, schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_set_text(ctx, schema, "title", "gatecert configuration");
	json_set_text(ctx, schema, "description",
		      "gatecert.yaml. Each key may come from the environment instead, which wins.");
	json_for_each (member, table)
		json_set(ctx, schema, json_name(member), json_dup(ctx, member));
	return schema;
}
