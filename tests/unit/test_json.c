#include "check.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "codec/json.h"
#include "mutate.h"
#include "unit/patience.h"

static struct json *parse(struct ctx *ctx, const char *text)
{
	struct json *json = NULL;

	if (json_parse(ctx, text, strlen(text), &json) != E_OK)
		fail_msg("%s: %s", text, ctx->fault.text);
	return json;
}

static void accepts_what_the_rfc_allows(void **state)
{
	static const struct {
		const char *sentence, *text, *printed;
	} rows[] = {
		{"an object", "{}", "{}"},
		{"an array", " [ ] ", "[]"},
		{"a bare string", "\"x\"", "\"x\""},
		{"a bare number", "-0", "-0"},
		{"a number with all its parts", "-10.250E+007", "-10.250E+007"},
		{"a number that a double would round", "12345678901234567890.10",
		 "12345678901234567890.10"},
		{"the three words", "[true,false,null]", "[true,false,null]"},
		{"all white space", "\t\r\n [\t1\r,\n2 ]\t", "[1,2]"},
		{"members in their order", "{\"b\":1,\"a\":2}", "{\"b\":1,\"a\":2}"},
		{"an empty name", "{\"\":0}", "{\"\":0}"},
		{"names that differ in case", "{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}"},
		{"one name in two objects", "[{\"a\":1},{\"a\":1}]", "[{\"a\":1},{\"a\":1}]"},
		{"the same name above and below", "{\"a\":{\"a\":{\"a\":1}}}",
		 "{\"a\":{\"a\":{\"a\":1}}}"},
		{"short escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
		{"an escape of two bytes", "\"\\u00e9\"", "\"\xC3\xA9\""},
		{"an escape of three bytes", "\"\\u20AC\"", "\"\xE2\x82\xAC\""},
		{"a surrogate pair", "\"\\ud83d\\uDE00\"", "\"\xF0\x9F\x98\x80\""},
		{"the last code point", "\"\\udbff\\udfff\"", "\"\xF4\x8F\xBF\xBF\""},
		{"a control character as an escape", "\"\\u0001\"", "\"\\u0001\""},
		{"UTF-8 of four bytes", "\"\xF0\x9F\x98\x80\"", "\"\xF0\x9F\x98\x80\""},
		{"a byte order mark", "\xEF\xBB\xBF{}", "{}"},
		{"DEL in a string", "\"\x7F\"", "\"\x7F\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;

		check_begin(&ctx);
		check_row_text(rows[i].sentence, json_print(&ctx, parse(&ctx, rows[i].text)),
			       rows[i].printed);
	}
}

static void refuses_and_says_where(void **state)
{
	static const struct {
		const char *sentence, *text, *fault;
	} rows[] = {
		{"nothing", "", "line 1, column 1: expected a value, found the end"},
		{"white space alone", " \n ", "line 2, column 2: expected a value, found the end"},
		{"an open object", "{",
		 "line 1, column 2: expected a member name in double quotes, "
		 "found the end"},
		{"a bare name", "{a:1}",
		 "line 1, column 2: expected a member name in double "
		 "quotes, found 'a'"},
		{"a comma before the end of an object", "{\"a\":1,}",
		 "line 1, column 7: a comma too many: '}' follows it"},
		{"a comma before the end of an array", "[1,]",
		 "line 1, column 3: a comma too many: ']' follows it"},
		{"a missing comma", "[1 2]", "line 1, column 4: expected ',' or ']', found '2'"},
		{"a missing comma in an object", "{\n\t\"a\": 1\n\t\"b\": 2\n}",
		 "line 3, column 2: expected ',' or '}', found '\"'"},
		{"a missing colon", "{\"a\" 1}", "line 1, column 6: expected ':', found '1'"},
		{"a second value", "1 2", "line 1, column 3: expected the end, found '2'"},
		{"a backslash behind the value", "1\\0",
		 "line 1, column 2: expected the end, found '\\'"},
		{"a duplicate member", "{\"a\":1,\n \"b\":2,\n \"a\":3}",
		 "line 3, column 2: duplicate member \"a\""},
		{"a duplicate member spelled otherwise", "{\"a\":1,\"\\u0061\":3}",
		 "line 1, column 8: duplicate member \"a\""},
		{"the first of several duplicates", "{\"b\":1,\"a\":1,\"a\":2,\"b\":2}",
		 "line 1, column 14: duplicate member \"a\""},
		{"a duplicate deep inside", "[{\"x\":{\"y\":1,\"y\":2}}]",
		 "line 1, column 14: duplicate member \"y\""},
		{"a leading zero", "01", "line 1, column 1: a number may not begin with 0"},
		{"a leading plus", "+1", "line 1, column 1: expected a value, found '+'"},
		{"a lone minus", "-", "line 1, column 2: expected a digit, found the end"},
		{"a point without digits", "1.",
		 "line 1, column 3: expected a digit, found the end"},
		{"a point first", ".5", "line 1, column 1: expected a value, found '.'"},
		{"an exponent without digits", "1e+",
		 "line 1, column 4: expected a digit, found the end"},
		{"not a number", "NaN", "line 1, column 1: expected a value, found 'N'"},
		{"half a word", "tru", "line 1, column 1: expected a value, found 't'"},
		{"a word with a tail", "nulls", "line 1, column 5: expected the end, found 's'"},
		{"an open string", "[\"abc", "line 1, column 2: a string that does not end"},
		{"a raw line end in a string", "\"a\nb\"",
		 "line 1, column 3: control character in a string"},
		{"an unknown escape", "\"\\x\"",
		 "line 1, column 3: expected an escape behind \\, found 'x'"},
		{"a short escape", "\"\\u00g0\"",
		 "line 1, column 6: expected four hexadecimal digits behind \\u, found 'g'"},
		{"NUL as an escape", "\"a\\u0000\"", "line 1, column 3: NUL in a string"},
		{"a lone high surrogate", "\"\\ud800\"",
		 "line 1, column 2: lone surrogate in a string"},
		{"a high surrogate and a letter", "\"\\ud800\\u0041\"",
		 "line 1, column 2: lone surrogate in a string"},
		{"a lone low surrogate", "\"\\udc00\"",
		 "line 1, column 2: lone surrogate in a string"},
		{"a high surrogate and what is behind the low ones", "\"\\ud800\\ue000\"",
		 "line 1, column 2: lone surrogate in a string"},
		{"two high surrogates", "\"\\ud800\\ud800\"",
		 "line 1, column 2: lone surrogate in a string"},
		{"a bad byte", "[\"\xC3\xA9\xFF\"]", "line 1, column 4: this is not UTF-8"},
		{"an overlong form", "\"\xC0\x80\"", "line 1, column 2: this is not UTF-8"},
		{"a surrogate in UTF-8", "\"\xED\xA0\x80\"", "line 1, column 2: this is not UTF-8"},
		{"a code point too high", "\"\xF4\x90\x80\x80\"",
		 "line 1, column 2: this is not UTF-8"},
		{"half a character", "\"\xE2\x82", "line 1, column 2: this is not UTF-8"},
		{"a comment", "/* x */ 1", "line 1, column 1: expected a value, found '/'"},
		{"a column in characters, not bytes", "[\"\xE2\x82\xAC\", x]",
		 "line 1, column 7: expected a value, found 'x'"},
		{"a control character", "[\x01]",
		 "line 1, column 2: expected a value, found byte 0x01"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		struct json *json = NULL;
		enum err err;

		check_begin(&ctx);
		err = json_parse(&ctx, rows[i].text, strlen(rows[i].text), &json);
		check_row_int(rows[i].sentence, err, E_REFUSED);
		check_row_text(rows[i].sentence, ctx.fault.reason, "InvalidJson");
		check_row_text(rows[i].sentence, ctx.fault.text, rows[i].fault);
		check_row(rows[i].sentence, json == NULL);
	}
}

static void repeat(struct buf *buf, const char *text, size_t times)
{
	for (; times > 0; times--)
		buf_adds(buf, text);
}

static void nests_to_32_levels_and_no_further(void **state)
{
	(void)state;
	for (size_t depth = 31; depth <= 33; depth++) {
		struct buf buf cleanup_buf;
		struct ctx ctx cleanup_ctx;
		struct json *json;

		check_begin(&ctx);
		buf_init(&buf, 4096);
		repeat(&buf, "{\"a\":[", depth / 2);
		repeat(&buf, "[", depth % 2);
		repeat(&buf, "]", depth % 2);
		repeat(&buf, "]}", depth / 2);
		assert_int_equal(json_parse(&ctx, buf.data, buf.size, &json),
				 depth <= JSON_DEPTH_MAX ? E_OK : E_REFUSED);
	}
}

static void a_hundred_thousand_open_brackets_do_no_harm(void **state)
{
	struct buf buf cleanup_buf;
	struct ctx ctx cleanup_ctx;
	struct json *json;

	(void)state;
	check_begin(&ctx);
	buf_init(&buf, 1000000);
	repeat(&buf, "[", 100000);
	assert_int_equal(json_parse(&ctx, buf.data, buf.size, &json), E_REFUSED);
}

static void more_values_than_memory_should_hold_are_refused(void **state)
{
	struct buf buf cleanup_buf;
	struct ctx ctx cleanup_ctx;
	struct json *json;

	(void)state;
	check_begin(&ctx);
	buf_init(&buf, 2 * JSON_VALUES_MAX + 16);
	buf_adds(&buf, "[0");
	repeat(&buf, ",0", JSON_VALUES_MAX - 1);
	buf_adds(&buf, "]");
	assert_int_equal(json_parse(&ctx, buf.data, buf.size, &json), E_REFUSED);
	assert_non_null(strstr(ctx.fault.text, "more than 500000 values"));
	/* One element less, the list itself counts too. */
	memcpy(buf.data + buf.size - 3, "] ", 2);
	buf.data[buf.size - 1] = ' ';
	assert_int_equal(json_parse(&ctx, buf.data, buf.size, &json), E_OK);
}

static msec_t cost_of_members(int count)
{
	struct buf buf cleanup_buf;
	struct ctx ctx cleanup_ctx;
	struct json *json, *copy;
	msec_t start = patience_spent();

	check_begin(&ctx);
	buf_init(&buf, (size_t)8 << 20);
	buf_adds(&buf, "{");
	for (int i = 0; i < count; i++)
		buf_addf(&buf, "%s\"member%d\":%d", i ? "," : "", i, i);
	buf_adds(&buf, "}");
	assert_false(buf.is_overfull);
	assert_int_equal(json_parse(&ctx, buf.data, buf.size, &json), E_OK);
	assert_int_equal(json_size(json), count);
	assert_int_equal(json_parse(&ctx, buf.data, buf.size, &copy), E_OK);
	assert_true(json_equal(json, copy));
	assert_string_equal(json_print(&ctx, json), buf.data);
	return patience_spent() - start;
}

/* Each with each would cost four hundred times as much, and not twenty. */
static void large_objects_do_not_cost_their_square(void **state)
{
	msec_t few = cost_of_members(10000), many = cost_of_members(200000);

	(void)state;
	assert_true(many < 100 * (few + 5));
}

static void a_reply_that_is_no_json_is_told_by_its_size_alone(void **state)
{
	static const char secret[] = "{\"access_token\":\"hunter2\",\"access_token\":1}";
	struct ctx ctx cleanup_ctx;
	struct json *json;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(json_parse_reply(&ctx, secret, strlen(secret), &json), E_AGAIN);
	assert_string_equal(ctx.fault.text, "the answer of 43 bytes is not valid JSON");
	assert_int_equal(json_parse_reply(&ctx, "{}", 2, &json), E_OK);
	assert_true(json_is_object(json));
}

static void reads_whole_numbers_only(void **state)
{
	static const struct {
		const char *sentence, *text;
		int64_t value;
	} rows[] = {
		{"zero", "0", 0},
		{"minus zero", "-0", 0},
		{"the largest", "9007199254740991", JSON_INT_MAX},
		{"the smallest", "-9007199254740991", -JSON_INT_MAX},
		{"one more than the largest", "9007199254740992", -7},
		{"one less than the smallest", "-9007199254740992", -7},
		{"far too large", "99999999999999999999999999", -7},
		{"far too small", "-99999999999999999999999999", -7},
		{"a fraction", "1.0", -7},
		{"an exponent", "1e3", -7},
		{"a string of digits", "\"1\"", -7},
		{"a boolean", "true", -7},
		{"null", "null", -7},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;

		check_begin(&ctx);
		check_row_int(rows[i].sentence, json_int(parse(&ctx, rows[i].text), -7),
			      rows[i].value);
	}
}

static void reading_never_fails(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct json *doc;

	(void)state;
	check_begin(&ctx);
	doc = parse(&ctx, "{\"a\":{\"b\":{\"c\":\"deep\"}},\"list\":[1,\"two\",true],\"Name\":"
			  "\"x\",\"n\":5,\"yes\":true,\"nil\":null}");
	assert_string_equal(json_text(json_path(doc, "a.b.c")), "deep");
	assert_ptr_equal(json_path(doc, "a"), json_get(doc, "a"));
	assert_null(json_path(doc, "a.b.c.d"));
	assert_null(json_path(doc, "a.x.c"));
	assert_null(json_path(doc, ""));
	assert_null(json_path(doc, "a."));
	assert_null(json_path(NULL, "a"));
	assert_null(json_get(doc, "name"));
	assert_string_equal(json_text(json_get_nocase(doc, "nAME")), "x");
	assert_null(json_get_nocase(json_get(doc, "list"), "x"));
	assert_string_equal(json_get_text(doc, "Name"), "x");
	assert_null(json_get_text(doc, "n"));
	assert_int_equal(json_get_int(doc, "n", 1), 5);
	assert_int_equal(json_get_int(doc, "absent", 1), 1);
	assert_true(json_get_bool(doc, "yes", false));
	assert_true(json_get_bool(doc, "n", true));
	assert_false(json_get_bool(NULL, "n", false));
	assert_string_equal(json_text(json_at(json_get(doc, "list"), 1)), "two");
	assert_null(json_at(json_get(doc, "list"), 3));
	assert_null(json_at(doc, 0));
	assert_int_equal(json_size(doc), 6);
	assert_int_equal(json_size(json_get(doc, "list")), 3);
	assert_int_equal(json_size(json_get(doc, "n")), 0);
	assert_int_equal(json_size(NULL), 0);
	assert_string_equal(json_name(json_first(doc)), "a");
	assert_null(json_name(json_first(json_get(doc, "list"))));
	assert_null(json_next(NULL));
	assert_true(json_is_null(json_get(doc, "nil")));
	assert_false(json_is_null(NULL));
	assert_false(json_is_object(NULL) || json_is_array(NULL) || json_is_string(NULL));
	assert_true(json_is_number(json_get(doc, "n")));
	assert_true(json_is_bool(json_get(doc, "yes")));
	assert_true(json_is_array(json_get(doc, "list")));
}

static void makes_and_changes(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct json *doc, *list, *copy;
	char name[] = "name", text[] = "text";

	(void)state;
	check_begin(&ctx);
	doc = json_object(&ctx);
	json_set_text(&ctx, doc, name, text);
	memset(name, 'x', 4);
	memset(text, 'x', 4);
	json_set_int(&ctx, doc, "n", JSON_INT_MAX);
	json_set_bool(&ctx, doc, "b", true);
	json_set_text(&ctx, doc, "none", NULL);
	list = json_array(&ctx);
	json_append(&ctx, list, json_string(&ctx, "a\"\x01\n"));
	json_append(&ctx, list, json_object(&ctx));
	json_set(&ctx, doc, "list", list);
	assert_string_equal(json_print(&ctx, doc),
			    "{\"name\":\"text\",\"n\":9007199254740991,\"b\":true,\"none\":null,"
			    "\"list\":[\"a\\\"\\u0001\\n\",{}]}");
	copy = json_dup(&ctx, doc);
	json_set_text(&ctx, doc, "n", "replaced in its place");
	json_remove(doc, "b");
	json_remove(doc, "absent");
	json_remove_node(list, json_first(list));
	assert_string_equal(
		json_print(&ctx, doc),
		"{\"name\":\"text\",\"n\":\"replaced in its place\",\"none\":null,\"list\":[{}]}");
	json_remove(doc, "list");
	json_remove(doc, "name");
	json_set_int(&ctx, doc, "last", 1);
	assert_string_equal(json_print(&ctx, doc),
			    "{\"n\":\"replaced in its place\",\"none\":null,\"last\":1}");
	assert_int_equal(json_size(copy), 5);
	assert_int_equal(json_get_int(copy, "n", 0), JSON_INT_MAX);
	json_set(&ctx, doc, "copy", json_dup(&ctx, json_get(copy, "n")));
	assert_string_equal(json_name(json_get(doc, "copy")), "copy");
	assert_string_equal(json_print_pretty(&ctx, json_get(copy, "list")),
			    "[\"a\\\"\\u0001\\n\", {\n\t}]");
}

static void compares_as_json(void **state)
{
	static const struct {
		const char *sentence, *a, *b;
		bool is_equal;
	} rows[] = {
		{"the same", "{\"a\":[1,2]}", "{ \"a\" : [ 1, 2 ] }", true},
		{"members in another order", "{\"a\":1,\"b\":{\"x\":1,\"y\":2}}",
		 "{\"b\":{\"y\":2,\"x\":1},\"a\":1}", true},
		{"elements in another order", "[1,2]", "[2,1]", false},
		{"a number in another spelling", "1.0", "1", false},
		{"a string and a number", "\"1\"", "1", false},
		{"an escape and its character", "\"\\u0041\"", "\"A\"", true},
		{"a member more", "{\"a\":1}", "{\"a\":1,\"b\":2}", false},
		{"a member less", "{\"a\":1,\"b\":2}", "{\"a\":1}", false},
		{"another name", "{\"a\":1}", "{\"b\":1}", false},
		{"a name in another case", "{\"a\":1}", "{\"A\":1}", false},
		{"a shorter list", "[1]", "[1,1]", false},
		{"a longer list", "[1,1]", "[1]", false},
		{"true and false", "true", "false", false},
		{"null and null", "null", "null", true},
		{"null and an empty object", "null", "{}", false},
		{"an empty object and an empty list", "{}", "[]", false},
	};
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row_int(rows[i].sentence,
			      json_equal(parse(&ctx, rows[i].a), parse(&ctx, rows[i].b)),
			      rows[i].is_equal);
	assert_true(json_equal(NULL, NULL));
	assert_false(json_equal(NULL, json_null(&ctx)));
}

/* Whatever is accepted is written as something that reads as the same; whatever is not is told. */
static void check_variant(const char *text, size_t size, void *data)
{
	struct ctx ctx cleanup_ctx;
	struct json *json, *again;
	char *printed;

	(void)data;
	check_begin(&ctx);
	if (json_parse(&ctx, text, size, &json) != E_OK) {
		assert_true(text_starts_with(ctx.fault.text, "line "));
		return;
	}
	printed = json_print(&ctx, json);
	assert_int_equal(json_parse(&ctx, printed, strlen(printed), &again), E_OK);
	assert_true(json_equal(json, again));
	assert_string_equal(json_print(&ctx, again), printed);
	printed = json_print_pretty(&ctx, json);
	assert_int_equal(json_parse(&ctx, printed, strlen(printed), &again), E_OK);
	assert_true(json_equal(json, again));
}

static void no_damage_to_a_seed_breaks_the_parser(void **state)
{
	static const char *const seeds[] = {
		"{\"status\":\"valid\",\"n\":[1,-2.5e+10,true,false,null],\"o\":{\"\":\"\"}}",
		"[\"\\u00e9\\ud83d\\ude00\\n\\\\\",\"\xE2\x82\xAC\xF0\x9F\x98\x80\",{\"a\":1}]",
		"\xEF\xBB\xBF[0]",
	};
	struct mutate mutate = {.visit = check_variant};

	(void)state;
	mutate_seeds(&mutate, seeds, ARRAY_SIZE(seeds));
}

static void *parse_often(void *data)
{
	struct ctx ctx;

	check_begin(&ctx);
	for (int i = 0; i < 2000; i++) {
		struct json *json = NULL;
		const char *text = "{\"a\":[1,{\"b\":\"text\"}]}";

		if (json_parse(&ctx, text, strlen(text), &json) == E_OK)
			json_set_int(&ctx, json_dup(&ctx, json), "c", i);
		if (!json || strcmp(json_print(&ctx, json), text) != 0)
			*(bool *)data = true;
	}
	ctx_fini(&ctx);
	return NULL;
}

static void threads_do_not_share_an_arena(void **state)
{
	pthread_t threads[4];
	bool has_failed[4] = {false};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, parse_often, &has_failed[i]), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], NULL);
		assert_false(has_failed[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_the_rfc_allows),
		cmocka_unit_test(refuses_and_says_where),
		cmocka_unit_test(nests_to_32_levels_and_no_further),
		cmocka_unit_test(a_hundred_thousand_open_brackets_do_no_harm),
		cmocka_unit_test(more_values_than_memory_should_hold_are_refused),
		cmocka_unit_test(large_objects_do_not_cost_their_square),
		cmocka_unit_test(a_reply_that_is_no_json_is_told_by_its_size_alone),
		cmocka_unit_test(reads_whole_numbers_only),
		cmocka_unit_test(reading_never_fails),
		cmocka_unit_test(makes_and_changes),
		cmocka_unit_test(compares_as_json),
		cmocka_unit_test(no_damage_to_a_seed_breaks_the_parser),
		cmocka_unit_test(threads_do_not_share_an_arena),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
