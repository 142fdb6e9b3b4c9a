#include "codec/fields_schema.h"
#include "thing.h"

/* (what, where in the schema, what stands there; NULL: nothing does) */
static const struct {
	const char *sentence, *path, *text;
} rows[] = {
	{"a table is an object", "type", "\"object\""},
	{"which has nothing else", "additionalProperties", "false"},
	{"and needs what is required", "required", "[\"name\"]"},
	{"text", "properties.name", "{\"type\":\"string\"}"},
	{"a fallback is the default", "properties.Kind",
	 "{\"type\":\"string\",\"default\":\"Thing\"}"},
	{"a secret is not shown", "properties.apiKey", "{\"type\":\"string\",\"writeOnly\":true}"},
	{"what is internal is not there", "properties.note", NULL},
	{"a number with bounds", "properties.workers",
	 "{\"type\":\"integer\",\"minimum\":1,\"maximum\":64,\"default\":4}"},
	{"a number without", "properties.any", "{\"type\":\"integer\"}"},
	{"a boolean", "properties.on", "{\"type\":\"boolean\",\"default\":true}"},
	{"a choice", "properties.size", "{\"enum\":[\"small\",\"Large\"],\"default\":\"Large\"}"},
	{"texts, or one", "properties.tags",
	 "{\"type\":[\"array\",\"string\"],\"items\":{\"type\":\"string\"}}"},
	{"a time", "properties.since", "{\"type\":\"string\",\"format\":\"date-time\"}"},
	{"a map of texts", "properties.labels",
	 "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"},
	{"an object by its own table", "properties.inner.required", "[\"city\"]"},
	{"a number below zero", "properties.inner.properties.code.default", "-3"},
	{"a list of objects", "properties.parts.type", "\"array\""},
	{"each by its own table", "properties.parts.items.properties.weight.default", "7"},
	{"what is ignored may be anything", "properties.status", "{\"readOnly\":true}"},
	{"in silence too", "properties.echo", "{\"readOnly\":true}"},
	{"what has to be empty is", "properties.space", "{\"enum\":[\"\"]}"},
	{"a list too", "properties.owners", "{\"enum\":[[]]}"},
};

static void follows_the_table(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct json *schema;

	(void)state;
	check_begin(&ctx);
	schema = fields_schema(&ctx, thing_fields);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json *found = json_path(schema, rows[i].path);

		if (rows[i].text)
			check_row_text(rows[i].sentence, json_print(&ctx, found), rows[i].text);
		else
			check_row(rows[i].sentence, found == NULL);
	}
}

static const char *const words[] = {"false", "1", "prod", NULL};
static const struct field hints[] = {
	{.name = "mode", .type = FIELD_CHOICE, .choices = words, .help = "How."},
	{.name = "word", .type = FIELD_TEXT, .choices = words},
	{.name = "id", .type = FIELD_TEXT, .pattern = "^[0-9]$"},
	{.name = "ids", .type = FIELD_TEXTS, .pattern = "^[0-9]$"},
	{.name = NULL},
};

/* What YAML reads as a boolean or a number is a choice to us, and must be one to an editor. */
static void has_choices_patterns_and_help(void **state)
{
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	assert_string_equal(
		json_print(&ctx, json_get(fields_schema(&ctx, hints), "properties")),
		"{\"mode\":{\"enum\":[\"false\",\"1\",\"prod\",false,1],\"description\":\"How.\"},"
		"\"word\":{\"type\":\"string\",\"enum\":[\"false\",\"1\",\"prod\"]},"
		"\"id\":{\"type\":\"string\",\"pattern\":\"^[0-9]$\"},"
		"\"ids\":{\"type\":[\"array\",\"string\"],\"pattern\":\"^[0-9]$\","
		"\"items\":{\"type\":\"string\",\"pattern\":\"^[0-9]$\"}}}");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_table),
		cmocka_unit_test(has_choices_patterns_and_help),
	};

	return cmocka_run_group_tests_name("fields_schema", tests, NULL, NULL);
}
