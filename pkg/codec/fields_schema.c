#include "codec/fields_schema.h"

#include <string.h>

#include "base/text.h"

static struct json *schema_of_type(struct ctx *ctx, const char *type)
{
	struct json *schema = json_object(ctx);

	json_set_text(ctx, schema, "type", type);
	return schema;
}

static bool is_literal(const char *text)
{
	return text_equals(text, "true") || text_equals(text, "false") ||
	       (text[0] >= '0' && text[0] <= '9' && text[1] == '\0');
}

/* Written without quotes, a choice may be a boolean or a number to the reader of the schema. */
static struct json *literal(struct ctx *ctx, const char *text)
{
	if (text[0] >= '0' && text[0] <= '9')
		return json_number(ctx, text[0] - '0');
	return json_bool(ctx, text_equals(text, "true"));
}

static void add_choices(struct ctx *ctx, struct json *schema, const struct field *field)
{
	const char *const *choices = fields_choices(field);
	struct json *list = json_array(ctx);

	for (size_t i = 0; choices[i]; i++)
		json_append(ctx, list, json_string(ctx, choices[i]));
	for (size_t i = 0; field->type == FIELD_CHOICE && choices[i]; i++)
		if (is_literal(choices[i]))
			json_append(ctx, list, literal(ctx, choices[i]));
	json_set(ctx, schema, "enum", list);
}

static struct json *text_schema(struct ctx *ctx, const struct field *field)
{
	struct json *schema = schema_of_type(ctx, "string");

	if (field->choices)
		add_choices(ctx, schema, field);
	if (field->pattern)
		json_set_text(ctx, schema, "pattern", field->pattern);
	return schema;
}

static struct json *int_schema(struct ctx *ctx, const struct field *field)
{
	struct json *schema = schema_of_type(ctx, "integer");

	if (field->low == 0 && field->high == 0)
		return schema;
	json_set_int(ctx, schema, "minimum", field->low);
	json_set_int(ctx, schema, "maximum", field->high);
	return schema;
}

static struct json *bool_schema(struct ctx *ctx, const struct field *field)
{
	(void)field;
	return schema_of_type(ctx, "boolean");
}

static struct json *choice_schema(struct ctx *ctx, const struct field *field)
{
	struct json *schema = json_object(ctx);

	add_choices(ctx, schema, field);
	return schema;
}

/* One text counts as a list of one. */
static struct json *texts_schema(struct ctx *ctx, const struct field *field)
{
	struct json *schema = text_schema(ctx, field), *types = json_array(ctx);

	json_append(ctx, types, json_string(ctx, "array"));
	json_append(ctx, types, json_string(ctx, "string"));
	json_set(ctx, schema, "type", types);
	json_set(ctx, schema, "items", text_schema(ctx, field));
	return schema;
}

static struct json *time_schema(struct ctx *ctx, const struct field *field)
{
	struct json *schema = schema_of_type(ctx, "string");

	(void)field;
	json_set_text(ctx, schema, "format", "date-time");
	return schema;
}

static struct json *text_map_schema(struct ctx *ctx, const struct field *field)
{
	struct json *schema = schema_of_type(ctx, "object");

	(void)field;
	json_set(ctx, schema, "additionalProperties", schema_of_type(ctx, "string"));
	return schema;
}

static struct json *object_schema(struct ctx *ctx, const struct field *field)
{
	return fields_schema(ctx, field->fields);
}

static struct json *objects_schema(struct ctx *ctx, const struct field *field)
{
	struct json *schema = schema_of_type(ctx, "array");

	json_set(ctx, schema, "items", fields_schema(ctx, field->fields));
	return schema;
}

static struct json *(*const by_type[])(struct ctx *ctx, const struct field *field) = {
	[FIELD_TEXT] = text_schema,	    [FIELD_INT] = int_schema,
	[FIELD_BOOL] = bool_schema,	    [FIELD_CHOICE] = choice_schema,
	[FIELD_TEXTS] = texts_schema,	    [FIELD_TIME] = time_schema,
	[FIELD_TEXT_MAP] = text_map_schema, [FIELD_OBJECT] = object_schema,
	[FIELD_OBJECTS] = objects_schema,
};

static struct json *default_of(struct ctx *ctx, const struct field *field)
{
	struct json *value;

	if (field->type == FIELD_BOOL)
		return json_bool(ctx, text_equals(field->fallback, "true"));
	if (field->type == FIELD_INT &&
	    json_parse(ctx, field->fallback, strlen(field->fallback), &value) == E_OK)
		return value;
	return json_string(ctx, field->fallback);
}

static void add_emptiness(struct ctx *ctx, struct json *schema, const struct field *field)
{
	struct json *list = json_array(ctx);

	json_append(ctx, list, field->type == FIELD_TEXT ? json_string(ctx, "") : json_array(ctx));
	json_set(ctx, schema, "enum", list);
}

static struct json *field_schema(struct ctx *ctx, const struct field *field)
{
	bool is_ignored = field->flags & FIELD_IGNORED;
	struct json *schema = is_ignored ? json_object(ctx) : by_type[field->type](ctx, field);

	if (field->help)
		json_set_text(ctx, schema, "description", field->help);
	if (field->fallback)
		json_set(ctx, schema, "default", default_of(ctx, field));
	if (field->flags & FIELD_SECRET)
		json_set_bool(ctx, schema, "writeOnly", true);
	if (field->flags & FIELD_EMPTY)
		add_emptiness(ctx, schema, field);
	else if (is_ignored)
		json_set_bool(ctx, schema, "readOnly", true);
	return schema;
}

struct json *fields_schema(struct ctx *ctx, const struct field *table)
{
	struct json *schema = schema_of_type(ctx, "object"), *required = json_array(ctx);
	struct json *properties = json_object(ctx);

	for (const struct field *field = table; field->name; field++) {
		if (field->flags & FIELD_INTERNAL)
			continue;
		json_set(ctx, properties, field->name, field_schema(ctx, field));
		if (field->flags & FIELD_REQUIRED)
			json_append(ctx, required, json_string(ctx, field->name));
	}
	if (json_size(required) > 0)
		json_set(ctx, schema, "required", required);
	json_set_bool(ctx, schema, "additionalProperties", false);
	json_set(ctx, schema, "properties", properties);
	return schema;
}
