#include "check.h"

#include "base/buf.h"
#include "codec/yaml.h"
#include "mutate.h"
#include "unit/patience.h"

struct parsed {
	enum err err;
	struct node **documents;
	size_t count;
	struct problems problems;
};

static struct parsed parse(struct ctx *ctx, const char *text)
{
	struct parsed parsed = {.count = 0};

	problems_init(&parsed.problems);
	parsed.err = yaml_parse(ctx, "f.yaml", text, strlen(text), &parsed.problems,
				&parsed.documents, &parsed.count);
	return parsed;
}

/* All documents as JSON, a space between them. */
static const char *printed(struct ctx *ctx, const struct parsed *parsed)
{
	const char *text = "";

	for (size_t i = 0; i < parsed->count; i++)
		text = arena_printf(ctx->arena, "%s%s%s", text, i ? " " : "",
				    json_print(ctx, node_to_json(ctx, parsed->documents[i])));
	return text;
}

static void reads_yaml_and_json_alike(void **state)
{
	static const struct {
		const char *sentence, *text, *json;
	} rows[] = {
		{"nothing", "", ""},
		{"a comment", "# nothing here\n", ""},
		{"empty documents", "---\n---\n~\n--- null\n...\n", ""},
		{"a map and a list", "a: 1\nb:\n- x\n- y\n", "{\"a\":1,\"b\":[\"x\",\"y\"]}"},
		{"two documents", "a: 1\n---\nb: 2\n", "{\"a\":1} {\"b\":2}"},
		{"a quoted number is text", "a: \"1\"\nb: '2'\n", "{\"a\":\"1\",\"b\":\"2\"}"},
		{"booleans of JSON alone are booleans", "[true, false, yes, True]",
		 "[true,false,\"yes\",\"True\"]"},
		{"every spelling of null", "[~, null, Null, NULL, 'null', nULL]",
		 "[null,null,null,null,\"null\",\"nULL\"]"},
		{"a value left out", "a:\nb: 1\n", "{\"a\":null,\"b\":1}"},
		{"a number keeps its text", "a: 1.50\n", "{\"a\":1.50}"},
		{"what YAML alone calls a number is text", "[0x10, 1_000, 012, .5, +1]",
		 "[\"0x10\",\"1_000\",\"012\",\".5\",\"+1\"]"},
		{"a block of text", "a: |\n  x\n  y\n", "{\"a\":\"x\\ny\\n\"}"},
		{"flow style", "{a: b, c: [d, e]}", "{\"a\":\"b\",\"c\":[\"d\",\"e\"]}"},
		{"an empty flow map", "{}", "{}"},
		{"JSON with tabs", "{\n\t\"a\":\t[\n\t\t1,\n\t\t2\n\t]\n}\n", "{\"a\":[1,2]}"},
		{"JSON with an escaped slash and a surrogate pair", "[\"\\/\\ud83d\\ude00\"]",
		 "[\"/\xF0\x9F\x98\x80\"]"},
		{"JSON behind a byte order mark", "\xEF\xBB\xBF {\"a\":1}", "{\"a\":1}"},
		{"YAML behind a byte order mark",
		 "\xEF\xBB\xBF"
		 "a: 1",
		 "{\"a\":1}"},
		{"lines of YAML behind a byte order mark",
		 "\xEF\xBB\xBF"
		 "a: 1\nb:\n  c: 2\nd: 3\n",
		 "{\"a\":1,\"b\":{\"c\":2},\"d\":3}"},
		{"JSON documents between marks", "{\"a\":1}\n---\n{\"b\":2}\n",
		 "{\"a\":1} {\"b\":2}"},
		{"line ends of Windows", "a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}"},
		{"text beyond ASCII",
		 "a: b\xC3\xBC"
		 "cher\n",
		 "{\"a\":\"b\xC3\xBC"
		 "cher\"}"},
		{"a merge key is only a name", "<<: 1\n", "{\"<<\":1}"},
		{"many lists beside each other",
		 "- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n"
		 "- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n- [a]\n",
		 "[[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"],"
		 "[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"],[\"a\"]]"},
		{"sixteen levels", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
		 "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		struct parsed parsed;

		check_begin(&ctx);
		parsed = parse(&ctx, rows[i].text);
		if (parsed.err)
			fail_msg("%s: %s", rows[i].sentence, ctx.fault.text);
		check_row_text(rows[i].sentence, printed(&ctx, &parsed), rows[i].json);
	}
}

static void refuses_and_says_where(void **state)
{
	static const struct {
		const char *sentence, *text, *fault;
	} rows[] = {
		{"an anchor", "a: &x 1\n", "1:4: anchors are not allowed"},
		{"an anchor on a map", "a: &x\n  b: 1\n", "1:4: anchors are not allowed"},
		{"an anchor on a list", "&x [1]", "1:1: anchors are not allowed"},
		{"an anchor on a key", "&x a: 1", "1:1: anchors are not allowed"},
		{"an alias", "a: *x\n", "1:4: aliases are not allowed"},
		{"an alias as a key", "*x : 1\n", "1:1: aliases are not allowed"},
		{"a tag", "a: !!str 1\n", "1:4: tags are not allowed"},
		{"a tag on a map", "!m {a: 1}", "1:1: tags are not allowed"},
		{"a tag on a list", "- !l [1]", "1:3: tags are not allowed"},
		{"a key that is a list", "? [a]\n: b\n", "1:3: a key must be a single text"},
		{"a key that is a map", "? {a: b}\n: b\n", "1:3: a key must be a single text"},
		{"a key that is null", "~: 1\n", "1:1: a key is missing"},
		{"a tab as indentation", "a:\n\t- b\n",
		 "2:1: a tab: YAML is indented with spaces alone"},
		{"a tab in front of a value", "a:\n  - b\n  -\tc: d\n\te: f\n",
		 "3:4: a tab: YAML is indented with spaces alone"},
		{"a wildcard without quotes", "hostnames:\n- *.example.com\n",
		 "2:3: a text that begins with * has to stand in quotes"},
		{"a wildcard without quotes in a list", "b\xC3\xBC: [*.example.com]\n",
		 "1:6: a text that begins with * has to stand in quotes"},
		{"an ampersand alone", "a: & b\n",
		 "1:4: a text that begins with & has to stand in quotes"},
		{"an at sign", "a: @b\n",
		 "1:4: a text that begins with @, % or ` has to stand in quotes"},
		{"a colon too many", "a: b: c\n",
		 "1:5: mapping values are not allowed in this context"},
		{"NUL as an escape", "a: \"\\0\"\n", "1:4: NUL in a string"},
		{"NUL as a JSON escape", "[\"\\u0000\"]", "1:3: NUL in a string"},
		{"a control character", "a: \x01\n", "1:4: control characters are not allowed"},
		{"a bad byte", "# \xC3\xBC\na: \xFF\n", "2:4: this is not UTF-8"},
		{"an anchor behind a byte order mark", "\xEF\xBB\xBFqa: &x 1\n",
		 "1:5: anchors are not allowed"},
		{"a bad byte behind one", "\xEF\xBB\xBFqa: \xFF\n", "1:5: this is not UTF-8"},
		{"a quote that does not end", "a: 'x\n",
		 "2:1: found unexpected end of stream while scanning a quoted scalar that "
		 "begins in line 1"},
		{"JSON with a missing colon, indented by tabs", "{\n\t\"a\": 1,\n\t\"b\"\n\t\"c\"}",
		 "4:2: expected ':', found '\"'"},
		{"flow style with a missing bracket", "{a: [1, 2}\n",
		 "1:10: did not find expected ',' or ']' while parsing a flow sequence that "
		 "begins in line 1"},
		{"seventeen levels", "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
		 "1:17: nested deeper than 16 levels"},
		{"seventeen levels of blocks", "- - - - - - - - - - - - - - - - - x\n",
		 "1:33: nested deeper than 16 levels"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		struct problems problems;
		struct parsed parsed;

		check_begin(&ctx);
		problems_init(&problems);
		parsed = parse(&ctx, rows[i].text);
		check_row_int(rows[i].sentence, parsed.err, E_REFUSED);
		check_row_text(rows[i].sentence, ctx.fault.text,
			       arena_printf(ctx.arena, "f.yaml:%s", rows[i].fault));
		check_row_int(rows[i].sentence, (long long)parsed.problems.errors, 1);
		check_row_text(rows[i].sentence, problems_print(&ctx, &parsed.problems, "; "),
			       ctx.fault.text);
	}
}

static void the_first_of_two_counts_and_the_other_is_told(void **state)
{
	static const struct {
		const char *sentence, *text, *json, *problems;
	} rows[] = {
		{"a key twice", "a: 1\nb: 1\n'a': 2\n", "{\"a\":1,\"b\":1}",
		 "f.yaml:3:1: duplicate key \"a\", first in line 1"},
		{"a key twice in JSON", "{\"a\":1,\n\t\"a\":2}", "{\"a\":1}",
		 "f.yaml:2:2: duplicate key \"a\", first in line 1"},
		{"a key three times", "a: 1\na: 2\na: 3\n", "{\"a\":1}",
		 "f.yaml:2:1: duplicate key \"a\", first in line 1; "
		 "f.yaml:3:1: duplicate key \"a\", first in line 1"},
		{"several keys", "b: 1\na: 1\na: 2\nb: {}\n", "{\"b\":1,\"a\":1}",
		 "f.yaml:3:1: duplicate key \"a\", first in line 2; "
		 "f.yaml:4:1: duplicate key \"b\", first in line 1"},
		{"further inside", "a:\n- b: {c: 1, c: 2}\n", "{\"a\":[{\"b\":{\"c\":1}}]}",
		 "f.yaml:2:13: duplicate key \"c\", first in line 2"},
		{"the same key of different maps", "a: {a: 1}\nb: {a: 1}\n",
		 "{\"a\":{\"a\":1},\"b\":{\"a\":1}}", ""},
		{"in one document of two", "a: 1\n---\nb: 1\nb: 2\n", "{\"a\":1} {\"b\":1}",
		 "f.yaml:4:1: duplicate key \"b\", first in line 3"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		struct problems problems;
		struct parsed parsed;

		check_begin(&ctx);
		problems_init(&problems);
		parsed = parse(&ctx, rows[i].text);
		check_row_int(rows[i].sentence, parsed.err, E_OK);
		check_row_text(rows[i].sentence, printed(&ctx, &parsed), rows[i].json);
		for (size_t k = 0; k < parsed.count; k++)
			node_complain_repeated(&ctx, parsed.documents[k], "f.yaml", &problems);
		check_row_text(rows[i].sentence, problems_print(&ctx, &problems, "; "),
			       rows[i].problems);
	}
}

static void every_value_knows_where_it_stood(void **state)
{
	static const struct {
		const char *sentence, *text;
	} rows[] = {
		{"YAML", "a: 1\nlist:\n  - x\n  -   name: y\n"},
		{"JSON", "{\"a\":1,\n\"list\":\n [\"x\",\n    {\"name\":  \"y\"}]}"},
		{"YAML behind a byte order mark", "\xEF\xBB\xBF"
						  "a: 1\nlist:\n  - x\n  -   name: y\n"},
		{"JSON behind one", "\xEF\xBB\xBF"
				    "{\"a\":1,\n\"list\":\n [\"x\",\n    {\"name\":  \"y\"}]}"},
	};
	static const unsigned places[][6] = {
		/* a, list, list's first, name's name (line and column each, by row) */
		{1, 4, 3, 3, 3, 5},
		{1, 6, 3, 2, 3, 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		struct parsed parsed;
		struct node *a, *list, *name;

		check_begin(&ctx);
		parsed = parse(&ctx, rows[i].text);
		assert_int_equal(parsed.count, 1);
		a = node_get(parsed.documents[0], "a");
		list = node_get(parsed.documents[0], "list");
		check_row_int(rows[i].sentence, a->line, places[i % 2][0]);
		check_row_int(rows[i].sentence, a->column, places[i % 2][1]);
		check_row_int(rows[i].sentence, a->name_line, 1);
		check_row_int(rows[i].sentence, a->name_column, i % 2 == 0 ? 1 : 2);
		check_row_int(rows[i].sentence, list->line, places[i % 2][2]);
		check_row_int(rows[i].sentence, list->column, places[i % 2][3]);
		check_row_int(rows[i].sentence, list->first->line, places[i % 2][4]);
		check_row_int(rows[i].sentence, list->first->column, places[i % 2][5]);
		name = node_get(list->first->next, "name");
		check_row_int(rows[i].sentence, name->name_line, 4);
		check_row_int(rows[i].sentence, name->name_column, i % 2 == 0 ? 7 : 6);
		check_row_int(rows[i].sentence, name->column, i % 2 == 0 ? 13 : 15);
		check_row(rows[i].sentence, a->is_plain);
		check_row_int(rows[i].sentence, name->is_plain, i % 2 == 0);
		check_row_int(rows[i].sentence, (long long)list->size, 2);
	}
}

static void is_bounded(void **state)
{
	static const struct {
		const char *sentence, *head, *piece;
		size_t times;
		const char *tail, *fault;
	} rows[] = {
		{"64 KiB", "a: ", "x", YAML_SIZE_MAX - 3, "", NULL},
		{"one byte more", "a: ", "x", YAML_SIZE_MAX - 2, "", "larger than 64 KiB"},
		{"10 000 nodes", "[", "1,", 9998, "1]", NULL},
		{"10 001 nodes of JSON", "[", "1,", 9999, "1]", "more than 10000 values"},
		{"10 001 nodes of YAML", "[", "a,", 9999, "a]", "more than 10000 values"},
		{"a bomb of brackets", "", "[", 60000, "", "nested deeper than 16 levels"},
		{"a bomb of braces", "", "{a: ", 15000, "", "nested deeper than 16 levels"},
		{"a bomb of dashes", "", "- ", 30000, "", "nested deeper than 16 levels"},
		{"a bomb of questions", "", "? ", 30000, "", "a key must be a single text"},
		{"a bomb of quotes", "", "'", 60000, "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf buf cleanup_buf;
		struct ctx ctx cleanup_ctx;
		struct parsed parsed;
		msec_t start;

		check_begin(&ctx);
		start = patience_spent();
		buf_init(&buf, 2 * YAML_SIZE_MAX);
		buf_adds(&buf, rows[i].head);
		for (size_t k = 0; k < rows[i].times; k++)
			buf_adds(&buf, rows[i].piece);
		buf_adds(&buf, rows[i].tail);
		parsed = parse(&ctx, buf.data);
		check_row_int(rows[i].sentence, parsed.err, rows[i].fault ? E_REFUSED : E_OK);
		if (rows[i].fault)
			check_row(rows[i].sentence, strstr(ctx.fault.text, rows[i].fault));
		check_row(rows[i].sentence, patience_spent() - start < 5 * MSEC_PER_SEC);
	}
}

static void an_alias_bomb_ends_at_its_first_anchor(void **state)
{
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(parse(&ctx, "a: &a [x,x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n").err, E_REFUSED);
	assert_string_equal(ctx.fault.text, "f.yaml:1:4: anchors are not allowed");
}

static void nodes_and_json_are_the_same_tree(void **state)
{
	static const char *const texts[] = {
		"{\"a\":[1,-2.50,true,null,\"1\",\"true\",\"\",{}],\"b\":{\"c\":[]}}", "null", "3",
		"\"x\"", "[]"};
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct json *json;

		assert_int_equal(json_parse(&ctx, texts[i], strlen(texts[i]), &json), E_OK);
		assert_string_equal(
			json_print(&ctx, node_to_json(&ctx, node_from_json(&ctx, json))), texts[i]);
	}
}

/* A refusal has its one problem and its place; what is accepted survives the way through JSON. */
static void check_variant(const char *text, size_t size, void *data)
{
	struct ctx ctx cleanup_ctx;
	struct parsed parsed = {.count = 0};

	(void)data;
	check_begin(&ctx);
	problems_init(&parsed.problems);
	parsed.err = yaml_parse(&ctx, "f.yaml", text, size, &parsed.problems, &parsed.documents,
				&parsed.count);
	if (parsed.err) {
		assert_int_equal(parsed.problems.errors, 1);
		assert_true(parsed.problems.first->line > 0 && parsed.problems.first->column > 0);
		assert_true(text_starts_with(ctx.fault.text, "f.yaml:"));
		return;
	}
	for (size_t i = 0; i < parsed.count; i++) {
		const char *json = json_print(&ctx, node_to_json(&ctx, parsed.documents[i]));
		struct problems problems;
		struct node **again;
		size_t count;

		problems_init(&problems);
		assert_int_equal(
			yaml_parse(&ctx, "f", json, strlen(json), &problems, &again, &count), E_OK);
		assert_int_equal(count, 1);
		assert_string_equal(json_print(&ctx, node_to_json(&ctx, again[0])), json);
	}
}

static void no_damage_to_a_seed_breaks_the_parser(void **state)
{
	static const char *const seeds[] = {
		"apiVersion: gatecert/v1\nkind: Hostname\nmetadata:\n  name: shop.example.com\n"
		"  labels: {team: \"a\"}\nspec:\n  keyType: 'EC-P256' # why\n---\nhostnames:\n- "
		"a.b\n",
		"{\"hostnames\":[{\"hostname\":\"a.example\"},\"\\u00e9\\ud83d\\ude00\"],\"n\":1}",
		"? a\n: >-\n  folded\n  text\nb: [x, {y: z}, \"\\x41\\n\"]\n",
	};
	struct mutate mutate = {.visit = check_variant};

	(void)state;
	mutate_seeds(&mutate, seeds, ARRAY_SIZE(seeds));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_yaml_and_json_alike),
		cmocka_unit_test(refuses_and_says_where),
		cmocka_unit_test(the_first_of_two_counts_and_the_other_is_told),
		cmocka_unit_test(every_value_knows_where_it_stood),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(an_alias_bomb_ends_at_its_first_anchor),
		cmocka_unit_test(nodes_and_json_are_the_same_tree),
		cmocka_unit_test(no_damage_to_a_seed_breaks_the_parser),
	};

	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
