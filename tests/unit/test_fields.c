#include "thing.h"

#include "codec/fields_encode.h"
#include "mutate.h"

static void fills_a_struct(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct problems problems;
	struct thing t;
	struct part *parts;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(
		decode_thing(&ctx,
			     "name: x\nkIND: y\napiKey: k\nnote: ''\nworkers: 64\nany: "
			     "-9223372036854775808\n"
			     "on: False\nsize: SMALL\ntags: one\nkeys: [a, '2']\n"
			     "since: 2020-03-24T21:51:49.5+01:00\nlabels: {b: '1', a: x}\n"
			     "inner: {city: c}\nparts: [{name: p, isHeavy: true}, {name: q, "
			     "weight: 0}]\n",
			     &problems, &t),
		E_OK);
	assert_int_equal(problems.errors + problems.warnings, 0);
	assert_string_equal(t.name, "x");
	assert_string_equal(t.kind, "y");
	assert_string_equal(t.key, "k");
	assert_string_equal(t.note, "");
	assert_int_equal(t.workers, 64);
	assert_true(t.any == INT64_MIN);
	assert_false(t.is_on);
	assert_int_equal(t.size, SIZE_SMALL);
	assert_int_equal(t.tags.count, 1);
	assert_string_equal(t.tags.items[0], "one");
	assert_int_equal(t.keys.count, 2);
	assert_string_equal(t.keys.items[1], "2");
	assert_true(t.since == 1585083109500);
	assert_int_equal(t.labels.count, 2);
	assert_string_equal(t.labels.items[1].key, "a");
	assert_string_equal(t.labels.items[1].value, "x");
	assert_string_equal(t.inner.city, "c");
	assert_int_equal(t.inner.code, -3);
	assert_int_equal(t.parts.count, 2);
	parts = t.parts.items;
	assert_true(parts[0].is_heavy && parts[0].weight == 7);
	assert_true(!parts[1].is_heavy && parts[1].weight == 0);
	assert_string_equal(parts[1].name, "q");
}

static void what_is_absent_gets_its_fallback(void **state)
{
	static const struct {
		const char *sentence, *text;
	} rows[] = {
		{"no map at all", ""},
		{"nothing but what is required", "name: x"},
		{"null is absent",
		 "name: x\nworkers: null\nsize: ~\ninner:\nparts: null\ntags:\nKind: null"},
		{"what is dropped in silence",
		 "name: x\necho: {any: [thing]}\nspace: ''\nowners: []"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		struct problems problems;
		struct thing t;

		check_begin(&ctx);
		check_row_int(rows[i].sentence, decode_thing(&ctx, rows[i].text, &problems, &t),
			      E_OK);
		check_row_text(rows[i].sentence, t.name, i == 0 ? NULL : "x");
		check_row_text(rows[i].sentence, t.kind, "Thing");
		check_row_text(rows[i].sentence, t.key, NULL);
		check_row_int(rows[i].sentence, t.workers, 4);
		check_row_int(rows[i].sentence, t.any, 0);
		check_row(rows[i].sentence, t.is_on);
		check_row_int(rows[i].sentence, t.size, SIZE_LARGE);
		check_row(rows[i].sentence, t.tags.count == 0 && t.labels.count == 0);
		check_row(rows[i].sentence, t.parts.count == 0 && t.since == 0);
		check_row_text(rows[i].sentence, t.inner.city, NULL);
		check_row_int(rows[i].sentence, t.inner.code, -3);
	}
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *sentence, *text, *problems;
	} rows[] = {
		{"a required field", "any: 1", "f:1:1: name: required"},
		{"a required field that is null", "name:", "f:1:1: name: required"},
		{"a misspelt member", "name: x\nwokers: 3",
		 "f:2:1: unknown member wokers: did you mean workers?"},
		{"a member in another case", "name: x\nWorkers: 3",
		 "f:2:1: unknown member Workers: did you mean workers?"},
		{"a member like no other", "name: x\nsomething: 3",
		 "f:2:1: unknown member something"},
		{"a member with a line end", "name: x\n\"line\\nend\": 3",
		 "f:2:1: unknown member \"line\\x0Aend\""},
		{"a misspelt member inside", "name: x\ninner: {city: a, cod: 1}",
		 "f:2:18: inner: unknown member cod: did you mean code?"},
		{"a misspelt member inside a list",
		 "name: x\nparts:\n- name: a\n- nam: b\n  name: c",
		 "f:4:3: parts[1]: unknown member nam: did you mean name?"},
		{"a member given in two cases", "name: x\nkind: a\nKIND: b",
		 "f:3:1: Kind: given twice, also as kind"},
		{"what is ignored", "name: x\nstatus: {any: thing}", "f:2:1: status: ignored"},
		{"what has to be empty", "name: x\nspace: y",
		 "f:2:1: space: is not supported: leave it out"},
		{"a number there", "name: x\nspace: 0",
		 "f:2:1: space: is not supported: leave it out"},
		{"a list that has to be empty", "name: x\nowners: [{a: b}]",
		 "f:2:1: owners: is not supported: leave it out"},
		{"a number for a text", "name: 12",
		 "f:1:7: name: expected text, found a number: put it in quotes"},
		{"a boolean for a text", "name: true",
		 "f:1:7: name: expected text, found a boolean: put it in quotes"},
		{"a list for a text", "name: [x]", "f:1:7: name: expected text, found a list"},
		{"a map for a text", "name: {x: y}", "f:1:7: name: expected text, found a map"},
		{"a text that its check refuses", "name: a b", "f:1:7: name: \"a b\" has a space"},
		{"a text for a number", "name: x\nany: many",
		 "f:2:6: any: expected a whole number, found many"},
		{"a quoted number", "name: x\nany: '5'",
		 "f:2:6: any: expected a whole number, found text: remove the quotes"},
		{"a fraction", "name: x\nany: 1.0",
		 "f:2:6: any: expected a whole number, found 1.0"},
		{"an exponent", "name: x\nany: 1e3",
		 "f:2:6: any: expected a whole number, found 1e3"},
		{"a hexadecimal number", "name: x\nany: 0x10",
		 "f:2:6: any: expected a whole number, found 0x10"},
		{"an octal number", "name: x\nany: 010",
		 "f:2:6: any: expected a whole number, found 010"},
		{"a plus", "name: x\nany: +1", "f:2:6: any: expected a whole number, found +1"},
		{"a number that is too large", "name: x\nany: 9223372036854775808",
		 "f:2:6: any: the number is too large"},
		{"a number under its range", "name: x\nworkers: 0",
		 "f:2:10: workers: must be between 1 and 64"},
		{"a number over its range", "name: x\nworkers: 65",
		 "f:2:10: workers: must be between 1 and 64"},
		{"a number far over its range", "name: x\nworkers: 99999999999999999999",
		 "f:2:10: workers: must be between 1 and 64"},
		{"yes", "name: x\non: yes",
		 "f:2:5: on: expected true or false: write true instead"},
		{"off", "name: x\non: Off",
		 "f:2:5: on: expected true or false: write false instead"},
		{"a number for a boolean", "name: x\non: 1",
		 "f:2:5: on: expected true or false, found 1"},
		{"a quoted boolean", "name: x\non: 'true'",
		 "f:2:5: on: expected true or false, found text: remove the quotes"},
		{"an unknown choice", "name: x\nsize: 'huge'",
		 "f:2:7: size: expected small or Large, found \"huge\""},
		{"no time", "name: x\nsince: yesterday",
		 "f:2:8: since: expected a time, as in 2026-01-31T12:00:00Z, found "
		 "yesterday"},
		{"a map for a list", "name: x\ntags: {a: b}",
		 "f:2:7: tags: expected a list of texts, found a map"},
		{"a number in a list of texts", "name: x\ntags: [a, 1]",
		 "f:2:11: tags[1]: expected text, found a number: put it in quotes"},
		{"nothing in a list of texts", "name: x\ntags: [a, ~]",
		 "f:2:11: tags[1]: expected text, found nothing"},
		{"a list that its check refuses", "name: x\ntags: [a, b, c, d]",
		 "f:2:7: tags: more than 3"},
		{"a list for a map of texts", "name: x\nlabels: [a]",
		 "f:2:9: labels: expected a map of texts, found a list"},
		{"a number in a map of texts", "name: x\nlabels: {a: 1}",
		 "f:2:13: labels.a: expected text, found a number: put it in quotes"},
		{"a text for an object", "name: x\ninner: y",
		 "f:2:8: inner: expected a map, found y"},
		{"what an object requires", "name: x\ninner: {}", "f:2:8: inner.city: required"},
		{"a map for a list of objects", "name: x\nparts: {name: y}",
		 "f:2:8: parts: expected a list of maps, found a map"},
		{"a text among objects", "name: x\nparts: [y]",
		 "f:2:9: parts[0]: expected a map, found y"},
		{"a list for the whole", "[a]", "f:1:1: expected a map, found a list"},
		{"a text for the whole", "a", "f:1:1: expected a map, found a"},
		{"a secret of the wrong type keeps quiet", "name: x\napiKey: 1234",
		 "f:2:9: apiKey: expected text, found a number: put it in quotes"},
		{"a secret number keeps quiet", "name: x\npin: hunter2",
		 "f:2:6: pin: expected a whole number, found something else"},
		{"secrets of the wrong type keep quiet", "name: x\nkeys: [hunter2, [x]]",
		 "f:2:17: keys[1]: expected text, found a list"},
		{"everything at once", "nam: x\nworkers: 0\non: no\n",
		 "f:1:1: unknown member nam: did you mean name?\nf:2:10: workers: must be "
		 "between 1 and 64\n"
		 "f:3:5: on: expected true or false: write false instead\nf:1:1: name: "
		 "required"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		struct problems problems;
		struct thing t;
		enum err err;

		check_begin(&ctx);
		err = decode_thing(&ctx, rows[i].text, &problems, &t);
		check_row_text(rows[i].sentence, problems_print(&ctx, &problems, "\n"),
			       rows[i].problems);
		check_row_int(rows[i].sentence, err, problems.errors ? E_REFUSED : E_OK);
		check_row_int(rows[i].sentence, (long long)problems.warnings,
			      strcmp(rows[i].sentence, "what is ignored") == 0);
		if (err)
			check_row_text(rows[i].sentence, ctx.fault.text,
				       problem_print(&ctx, problems.first));
	}
}

static void what_is_wrong_leaves_the_rest_readable(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct problems problems;
	struct thing t;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(decode_thing(&ctx, "name: [x]\nworkers: 9\ntags: [a, {}, b]\nsize: huge\n",
				      &problems, &t),
			 E_REFUSED);
	assert_null(t.name);
	assert_int_equal(t.workers, 9);
	assert_int_equal(t.tags.count, 2);
	assert_string_equal(t.tags.items[1], "b");
	assert_int_equal(t.size, 0);
}

static void sets_one_field_from_text(void **state)
{
	static const struct {
		const char *sentence, *field, *text, *json, *problem;
	} rows[] = {
		{"a text", "name", "x", "\"x\"", NULL},
		{"a text that looks like a number", "name", "12", "\"12\"", NULL},
		{"an empty text", "name", "", "\"\"", NULL},
		{"a text that its check refuses", "name", "a b", NULL,
		 "env: name: \"a b\" has a space"},
		{"a number", "workers", "12", "12", NULL},
		{"a number with a space", "workers", " 12", NULL,
		 "env: workers: expected a whole number, found \" 12\""},
		{"an empty number", "workers", "", NULL,
		 "env: workers: expected a whole number, found \"\""},
		{"a number out of range", "workers", "0", NULL,
		 "env: workers: must be between 1 and 64"},
		{"a boolean", "on", "True", "true", NULL},
		{"no boolean", "on", "1", NULL, "env: on: expected true or false, found \"1\""},
		{"a choice", "size", "small", "\"small\"", NULL},
		{"a list", "tags", " a, b ,,c,", "[\"a\",\"b\",\"c\"]", NULL},
		{"a list of one", "tags", "a", "[\"a\"]", NULL},
		{"an empty list", "tags", "", NULL, NULL},
		{"a map", "labels", "a=b, c = d=e", "{\"a\":\"b\",\"c\":\"d=e\"}", NULL},
		{"a time", "since", "2020-01-01T00:00:00Z", "\"2020-01-01T00:00:00Z\"", NULL},
		{"an object", "inner", "x", NULL, "env: inner: cannot be set from text"},
		{"a list of objects", "parts", "x", NULL, "env: parts: cannot be set from text"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct field *field = thing_fields;
		struct thing t = {.any = 0};
		struct ctx ctx cleanup_ctx;
		struct problems problems;
		struct json *json;
		enum err err;

		check_begin(&ctx);
		problems_init(&problems);
		while (strcmp(field->name, rows[i].field) != 0)
			field++;
		err = fields_set_text(&ctx, field, "env", rows[i].text, &problems, &t);
		check_row_int(rows[i].sentence, err, rows[i].problem ? E_REFUSED : E_OK);
		check_row_text(rows[i].sentence, problems_print(&ctx, &problems, "\n"),
			       rows[i].problem ? rows[i].problem : "");
		if (rows[i].problem)
			continue;
		json = json_get(fields_encode(&ctx, thing_fields, &t, 0), rows[i].field);
		check_row_text(rows[i].sentence, json ? json_print(&ctx, json) : NULL,
			       rows[i].json);
	}
}

static void a_hundred_problems_are_kept_and_the_rest_counted(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct problems problems;

	(void)state;
	check_begin(&ctx);
	problems_init(&problems);
	for (unsigned i = 0; i < 150; i++)
		problems_add(&ctx, &problems, i % 2, NULL, i, 1, "", "wrong");
	assert_int_equal(problems.errors, 75);
	assert_int_equal(problems.warnings, 75);
	assert_true(
		text_ends_with(problems_print(&ctx, &problems, "\n"), "99:1: wrong\nand 50 more"));
}

static void check_variant(const char *text, size_t size, void *data)
{
	struct ctx ctx cleanup_ctx;
	struct problems problems;
	struct node **documents;
	struct thing t;
	size_t count;

	(void)data;
	check_begin(&ctx);
	problems_init(&problems);
	if (yaml_parse(&ctx, "f", text, size, &problems, &documents, &count) != E_OK || count == 0)
		return;
	if (fields_decode(&ctx, thing_fields, "f", "", documents[0], &problems, &t) == E_OK)
		fields_encode(&ctx, thing_fields, &t, 0);
	else
		assert_true(problems.errors > 0 && ctx.fault.text[0]);
}

static void no_damage_to_a_seed_breaks_the_decoder(void **state)
{
	static const char seed[] =
		"name: x\nkind: y\nworkers: 6\non: true\nsize: small\ntags: [a, b]\n"
		"since: 2020-03-24T21:51:49Z\nlabels: {a: b}\ninner: {city: c, code: 1}\n"
		"parts:\n- name: p\n  weight: 3\n";
	struct mutate mutate = {.visit = check_variant};

	(void)state;
	mutate_seed(&mutate, seed, strlen(seed));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_a_struct),
		cmocka_unit_test(what_is_absent_gets_its_fallback),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(what_is_wrong_leaves_the_rest_readable),
		cmocka_unit_test(sets_one_field_from_text),
		cmocka_unit_test(a_hundred_problems_are_kept_and_the_rest_counted),
		cmocka_unit_test(no_damage_to_a_seed_breaks_the_decoder),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
