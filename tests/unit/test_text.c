#include "check.h"

#include "base/buf.h"
#include "base/text.h"
#include "base/utf8.h"

static void finds_the_nearest_name(void **state)
{
	static const char *const names[] = {"hostnames", "keyType", "labels", "Workers", "Cloud"};
	static const struct {
		const char *sentence, *given, *nearest;
	} rows[] = {
		{"two letters swapped", "hostnmaes", "hostnames"},
		{"a letter missing", "hostname", "hostnames"},
		{"another case", "keytype", "keyType"},
		{"the name itself", "labels", "labels"},
		{"three changes", "Wxyzers", "Workers"},
		{"four changes", "Wxyzrs", NULL},
		{"nothing like it", "something", NULL},
		{"as many changes as letters", "lab", NULL},
		{"nothing", "", NULL},
		{"too long to be meant",
		 "hostnameshostnameshostnameshostnameshostnameshostnameshostnamesss", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row_text(rows[i].sentence,
			       text_nearest(rows[i].given, names, ARRAY_SIZE(names)),
			       rows[i].nearest);
	assert_null(text_nearest("x", NULL, 0));
}

static void compares_texts(void **state)
{
	(void)state;
	assert_true(text_equals(NULL, NULL) && text_equals("a", "a"));
	assert_false(text_equals(NULL, "") || text_equals("", NULL) || text_equals("a", "A"));
	assert_true(text_equals_nocase("aBc9", "AbC9") && text_equals_nocase("", ""));
	assert_false(text_equals_nocase("a", "ab") || text_equals_nocase("ab", "a"));
	assert_false(text_equals_nocase("[", "{") || text_equals_nocase("\xC4", "\xE4"));
	assert_true(text_starts_with("abc", "ab") && text_starts_with("abc", ""));
	assert_false(text_starts_with("ab", "abc"));
	assert_true(text_ends_with("abc", "bc") && text_ends_with("abc", "") &&
		    text_ends_with("", ""));
	assert_false(text_ends_with("bc", "abc"));
}

static void knows_utf8(void **state)
{
	static const struct {
		const char *sentence, *text;
		size_t length;
	} rows[] = {
		{"ASCII", "a", 1},
		{"the first of two bytes", "\xC2\x80", 2},
		{"the last of two bytes", "\xDF\xBF", 2},
		{"the first of three bytes", "\xE0\xA0\x80", 3},
		{"in front of the surrogates", "\xED\x9F\xBF", 3},
		{"behind the surrogates", "\xEE\x80\x80", 3},
		{"the first of four bytes", "\xF0\x90\x80\x80", 4},
		{"the last of four bytes", "\xF4\x8F\xBF\xBF", 4},
		{"a continuation", "\x80", 0},
		{"an overlong slash", "\xC0\xAF", 0},
		{"overlong of two bytes", "\xC1\xBF", 0},
		{"overlong of three bytes", "\xE0\x9F\xBF", 0},
		{"overlong of four bytes", "\xF0\x8F\xBF\xBF", 0},
		{"the first surrogate", "\xED\xA0\x80", 0},
		{"the last surrogate", "\xED\xBF\xBF", 0},
		{"over the last code point", "\xF4\x90\x80\x80", 0},
		{"a first byte too high", "\xF5\x80\x80\x80", 0},
		{"half of two bytes", "\xC3", 0},
		{"two of three bytes", "\xE2\x82", 0},
		{"a letter for a continuation", "\xC3(", 0},
		{"a letter for the last continuation", "\xF0\x9F\x98(", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row_int(rows[i].sentence,
			      (long long)utf8_next(rows[i].text, strlen(rows[i].text)),
			      (long long)rows[i].length);
	for (unsigned code = 1; code < 0x110000; code++) {
		char text[4];
		size_t length = utf8_encode(code, text);

		if (code < 0xD800 || code > 0xDFFF)
			assert_int_equal(utf8_next(text, length), length);
	}
}

static void quotes_what_others_wrote(void **state)
{
	static const struct {
		const char *sentence, *text;
		size_t max;
		const char *quoted;
	} rows[] = {
		{"plain", "abc", 10, "\"abc\""},
		{"exactly as long as allowed", "abc", 3, "\"abc\""},
		{"cut", "abcd", 3, "\"abc...\""},
		{"cut between characters", "a\xC3\xBC", 2, "\"a...\""},
		{"quotes and backslashes", "\"\\", 10, "\"\\\"\\\\\""},
		{"control characters", "\n\x1B\x7F", 10, "\"\\x0A\\x1B\\x7F\""},
		{"a C1 control character", "\xC2\x9B", 10, "\"\\xC2\\x9B\""},
		{"a bad byte", "\xFF.", 10, "\"\\xFF.\""},
		{"UTF-8", "\xE2\x82\xAC", 10, "\"\xE2\x82\xAC\""},
		{"nothing", "", 10, "\"\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena *arena cleanup_arena = arena_new();

		check_row_text(rows[i].sentence, utf8_quote(arena, rows[i].text, rows[i].max),
			       rows[i].quoted);
	}
}

static void reads_numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t number; /* -1: is none */
	} rows[] = {
		{"0", 0},
		{"7", 7},
		{"0042", 42},
		{"9223372036854775807", INT64_MAX},
		{"9223372036854775808", -1},
		{"99999999999999999999999", -1},
		{NULL, -1},
		{"", -1},
		{"-1", -1},
		{"+1", -1},
		{" 1", -1},
		{"1 ", -1},
		{"1e3", -1},
		{"0x10", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t number = -2;
		bool is_one = text_to_number(rows[i].text, &number);

		check_row_int(rows[i].text, is_one, rows[i].number >= 0);
		check_row_int(rows[i].text, number, is_one ? rows[i].number : -2);
	}
}

static void keeps_lists(void **state)
{
	const char *items[] = {"a", "b"};
	const struct texts none = {NULL, 0}, two = {items, 2};
	struct arena *arena = arena_new();
	struct texts copy = texts_copy(arena, &two);

	(void)state;
	items[1] = "c";
	assert_true(texts_contain(&copy, "b"));
	assert_false(texts_contain(&copy, "c"));
	assert_false(texts_contain(&copy, "A"));
	assert_false(texts_contain(&none, "a"));
	assert_int_equal(texts_copy(arena, &none).count, 0);
	arena_free(arena);
}

static void a_buffer_keeps_its_limit(void **state)
{
	struct buf buf cleanup_buf;

	(void)state;
	buf_init(&buf, 8);
	assert_true(buf_adds(&buf, "") && buf_add(&buf, NULL, 0));
	assert_true(buf_adds(&buf, "abcd") && buf_addf(&buf, "%d", 123));
	assert_string_equal(buf.data, "abcd123");
	assert_false(buf.is_overfull);
	assert_true(buf_adds(&buf, "8"));
	assert_false(buf_adds(&buf, "9"));
	assert_true(buf.is_overfull);
	assert_string_equal(buf.data, "abcd1238");
	buf_fini(&buf);
	assert_null(buf.data);
	assert_false(buf_addf(&buf, "%s", "123456789"));
	assert_false(buf_adds(&buf, "1"));
	assert_int_equal(buf.size, 0);
}

static void a_buffer_grows(void **state)
{
	struct buf buf cleanup_buf;

	(void)state;
	buf_init(&buf, 1 << 20);
	for (int i = 0; i < 100000; i++)
		assert_true(buf_addf(&buf, "%c", 'a' + i % 26));
	assert_int_equal(buf.size, 100000);
	assert_int_equal(strlen(buf.data), 100000);
	assert_int_equal(buf.data[26 * 1000 + 1], 'b');
}

static void cuts_what_is_long_at_words(void **state)
{
	static const struct {
		const char *sentence, *text;
		size_t max;
		const char *kept;
	} rows[] = {
		{"short enough", "one two", 7, "one two"},
		{"in a word", "one two three", 11, "one two"},
		{"behind a word", "one two three", 7, "one two"},
		{"without the comma", "one two, three", 9, "one two"},
		{"one long word stays", "a bcdefghijklmnopqrst", 12, "a bcdefghijk"},
		{"between characters", "b\xC3\xBC\xC3\xBC\xC3\xBC", 4, "b\xC3\xBC"},
		{"nothing", "", 3, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		size_t size = strlen(rows[i].text);

		check_begin(&ctx);
		check_row_text(rows[i].sentence,
			       arena_strndup(ctx.arena, rows[i].text,
					     utf8_cut_words(rows[i].text, size, rows[i].max)),
			       rows[i].kept);
	}
}

static void a_fault_too_long_ends_at_a_word(void **state)
{
	struct ctx ctx cleanup_ctx;
	char *words = "";

	(void)state;
	check_begin(&ctx);
	for (int i = 0; i < 300; i++)
		words = arena_printf(ctx.arena, "%sword ", words);
	fault_set(&ctx, E_REFUSED, "Long", "%s", words);
	fault_wrap(&ctx, E_REFUSED, "noun");
	assert_true(strlen(ctx.fault.text) < sizeof(ctx.fault.text));
	assert_true(strlen(ctx.fault.text) > sizeof(ctx.fault.text) - 10);
	assert_true(text_ends_with(ctx.fault.text, " word..."));
	assert_true(text_starts_with(ctx.fault.text, "noun: word word "));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_what_is_long_at_words),
		cmocka_unit_test(a_fault_too_long_ends_at_a_word),
		cmocka_unit_test(finds_the_nearest_name),
		cmocka_unit_test(compares_texts),
		cmocka_unit_test(knows_utf8),
		cmocka_unit_test(quotes_what_others_wrote),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(keeps_lists),
		cmocka_unit_test(a_buffer_keeps_its_limit),
		cmocka_unit_test(a_buffer_grows),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
