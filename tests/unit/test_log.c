#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* stderr goes into a pipe between the two calls; what is read back is cut at the last line end. */
struct capture {
	int saved, reader;
	char text[65536];
};

static void capture_begin(struct capture *capture)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	capture->saved = dup(STDERR_FILENO);
	capture->reader = ends[0];
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
}

static const char *capture_end(struct capture *capture)
{
	ssize_t size = read(capture->reader, capture->text, sizeof(capture->text) - 1);

	dup2(capture->saved, STDERR_FILENO);
	close(capture->saved);
	close(capture->reader);
	capture->text[size > 0 ? size : 0] = '\0';
	return capture->text;
}

static msec_t fixed_wall(struct clock *clock)
{
	(void)clock;
	return 1795446245123;
}

static void a_line_has_time_level_message_and_fields(void **state)
{
	struct clock clock = {.wall = fixed_wall};
	struct doors doors = {.clock = &clock, .rng = rng_system()};
	struct ctx ctx cleanup_ctx;
	struct capture capture;

	(void)state;
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_LEVEL_INFO);
	ctx_init(&ctx, &doors);
	strcpy(ctx.pass, "0123456789abcdef");
	ctx.controller = "hostname";
	ctx.object = "shop.example.com";
	capture_begin(&capture);
	log_info(&ctx, "condition changed", "type", "Ready", "absent", NULL, "reason", "two words",
		 NULL);
	log_debug(&ctx, "not shown", NULL);
	assert_string_equal(
		capture_end(&capture),
		"2026-11-23T15:04:05.123Z INFO condition changed controller=hostname "
		"object=shop.example.com pass=0123456789abcdef type=Ready reason=\"two words\"\n");
}

static void levels_are_named_and_held_back(void **state)
{
	struct capture capture;
	const char *lines;

	(void)state;
	log_open(LOG_LEVEL_DEBUG);
	capture_begin(&capture);
	log_error(NULL, "e", NULL);
	log_warn(NULL, "w", NULL);
	log_info(NULL, "i", NULL);
	log_debug(NULL, "d", NULL);
	log_open(LOG_LEVEL_ERROR);
	log_warn(NULL, "hidden", NULL);
	lines = capture_end(&capture);
	assert_non_null(strstr(lines, " ERROR e\n"));
	assert_non_null(strstr(lines, " WARN w\n"));
	assert_non_null(strstr(lines, " INFO i\n"));
	assert_non_null(strstr(lines, " DEBUG d\n"));
	assert_null(strstr(lines, "hidden"));
	assert_memory_equal(lines + 10, "T", 1);
	assert_memory_equal(lines + 23, "Z ", 2);
	log_open(LOG_LEVEL_INFO);
}

static void values_are_quoted_escaped_and_masked(void **state)
{
	static const struct {
		const char *sentence, *value, *shown;
	} rows[] = {
		{"a word", "word", "word"},
		{"nothing", "", "\"\""},
		{"a space", "a b", "\"a b\""},
		{"an equals sign", "a=b", "\"a=b\""},
		{"a quote", "a\"b", "\"a\\\"b\""},
		{"a backslash", "a\\b", "\"a\\\\b\""},
		{"line ends and tabs", "a\r\n\tb", "\"a\\r\\n\\tb\""},
		{"an escape sequence", "\x1B[31m", "\"\\x1B[31m\""},
		{"a C1 control character",
		 "\xC2\x9B"
		 "31m",
		 "\\xC2\\x9B31m"},
		{"a bad byte", "a\xFF", "a\\xFF"},
		{"UTF-8",
		 "b\xC3\xBC"
		 "cher",
		 "b\xC3\xBC"
		 "cher"},
		{"a bearer token", "Authorization: Bearer abc.def, x",
		 "\"Authorization: Bearer ***, x\""},
		{"a bearer token in small letters", "bearer abc", "\"bearer ***\""},
		{"a signature of a URL", "https://x/y?sv=1&sig=ab%2Bc&se=2",
		 "\"https://x/y?sv=1&sig=***&se=2\""},
		{"a code of a URL", "https://x/y?code=abc==", "\"https://x/y?code=***\""},
		{"a status code is none", "statuscode=500", "\"statuscode=500\""},
		{"a JWS", "{\"protected\":\"eyJhbGciOiJFUzI1NiJ9\",\"x\":1}",
		 "\"{\\\"protected\\\":\\\"eyJ***\\\",\\\"x\\\":1}\""},
		{"the letters of a JWS inside a word", "heyJude", "heyJude"},
		{"a key", "x -----BEGIN PRIVATE KEY-----\nMIIE\n-----END", "\"x -----BEGIN ***\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct capture capture;
		const char *line, *value;
		char shown[256];

		capture_begin(&capture);
		log_info(NULL, "m", "k", rows[i].value, NULL);
		line = capture_end(&capture);
		value = strstr(line, " k=");
		check_row(rows[i].sentence, value);
		snprintf(shown, sizeof(shown), " k=%s\n", rows[i].shown);
		check_row_text(rows[i].sentence, value, shown);
	}
}

static void long_values_are_cut_and_lines_end(void **state)
{
	static char value[100000];
	struct capture capture;
	const char *line;

	(void)state;
	memset(value, 'x', sizeof(value) - 1);
	memcpy(value + 1022, "\xE2\x82\xAC", 3);
	capture_begin(&capture);
	log_info(NULL, "m", "k", value, "next", "1", NULL);
	line = capture_end(&capture);
	assert_non_null(strstr(line, "x... next=1\n"));
	assert_null(strstr(line, "\xE2"));
	assert_in_range(strlen(line), 1050, 1090);
	memset(value, '\x01', sizeof(value) - 1);
	capture_begin(&capture);
	log_info(NULL, "m", "a", value, "b", value, "c", value, "d", value, "e", value, "f", value,
		 "g", value, "h", value, "i", value, "j", value, NULL);
	line = capture_end(&capture);
	assert_in_range(strlen(line), 30000, 32769);
	assert_int_equal(line[strlen(line) - 1], '\n');
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void more_fields_than_fit_are_left_out(void **state)
{
	struct capture capture;
	const char *line;

	(void)state;
	capture_begin(&capture);
	log_info(NULL, "m", "1", "", "2", "", "3", "", "4", "", "5", "", "6", "", "7", "", "8", "",
		 "9", "", "10", "", "11", "", "12", "", "13", "", "14", "", "15", "", "16", "",
		 "17", "", "18", "", "19", "", "20", "", "21", "", "22", "", "23", "", "24", "",
		 "25", "", "26", "", NULL);
	line = capture_end(&capture);
	assert_non_null(strstr(line, " 24=\"\"\n"));
}

/* Without a journal that listens the line is gone; that it is not on stderr is what can be seen
 * here. */
static void the_journal_gets_what_its_stream_gets(void **state)
{
	static const struct {
		const char *sentence;
		int device, inode; /* added to the true ones */
		const char *tail;
		bool is_on_stderr;
	} rows[] = {
		{"our own stream", 0, 0, "", false},
		{"another inode", 0, 1, "", true},
		{"another device", 1, 0, "", true},
		{"something behind it", 0, 0, "x", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct capture capture;
		struct stat status;
		char stream[128];
		bool is_shown;

		capture_begin(&capture);
		fstat(STDERR_FILENO, &status);
		snprintf(stream, sizeof(stream), "%ju:%ju%s",
			 (uintmax_t)status.st_dev + (uintmax_t)rows[i].device,
			 (uintmax_t)status.st_ino + (uintmax_t)rows[i].inode, rows[i].tail);
		setenv("JOURNAL_STREAM", stream, 1);
		log_open(LOG_LEVEL_INFO);
		log_info(NULL, "m", "k", "v", NULL);
		is_shown = strstr(capture_end(&capture), " INFO m k=v\n") != NULL;
		check_row_int(rows[i].sentence, is_shown, rows[i].is_on_stderr);
	}
	unsetenv("JOURNAL_STREAM");
	log_open(LOG_LEVEL_INFO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_level_message_and_fields),
		cmocka_unit_test(levels_are_named_and_held_back),
		cmocka_unit_test(values_are_quoted_escaped_and_masked),
		cmocka_unit_test(long_values_are_cut_and_lines_end),
		cmocka_unit_test(more_fields_than_fit_are_left_out),
		cmocka_unit_test(the_journal_gets_what_its_stream_gets),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
