#include "check.h"

#include <unistd.h>

#include "../../cmd/gatecertd/config.h"
#include "../../cmd/gatecertd/options.h"

static const struct {
	const char *sentence;
	const char *arguments[4];
	int status;
	enum options_action action;
	const char *config, *out, *err;
} lines[] = {
	{"nothing", {NULL}, -1, OPTIONS_RUN, CONFIG_PATH, "", ""},
	{"a file", {"--config", "/x"}, -1, OPTIONS_RUN, "/x", "", ""},
	{"a file behind =", {"--config=/x=y"}, -1, OPTIONS_RUN, "/x=y", "", ""},
	{"a check", {"--check-config", "--config", "/x"}, -1, OPTIONS_CHECK_CONFIG, "/x", "", ""},
	{"a reload", {"--reload"}, -1, OPTIONS_RELOAD, CONFIG_PATH, "", ""},
	{"printing", {"--print-config"}, -1, OPTIONS_PRINT_CONFIG, CONFIG_PATH, "", ""},
	{"the version", {"--version"}, 0, OPTIONS_RUN, NULL, "gatecertd ", ""},
	{"help", {"--help", "--nonsense"}, 0, OPTIONS_RUN, NULL, "--check-config", ""},
	{"an unknown option",
	 {"--confg", "/x"},
	 2,
	 OPTIONS_RUN,
	 NULL,
	 "",
	 "--confg: no such option"},
	{"a short option", {"-h"}, 2, OPTIONS_RUN, NULL, "", "--help"},
	{"an argument", {"/x"}, 2, OPTIONS_RUN, NULL, "", "/x: takes no arguments"},
	{"no file", {"--config"}, 2, OPTIONS_RUN, NULL, "", "--config: needs a value"},
	{"an empty file", {"--config="}, 2, OPTIONS_RUN, NULL, "", "--config: needs a value"},
	{"a value too many", {"--version=1"}, 2, OPTIONS_RUN, NULL, "", "takes no value"},
	{"half a name", {"--conf", "/x"}, 2, OPTIONS_RUN, NULL, "", "no such option"},
};

struct captured {
	int saved[2];
	FILE *files[2];
};

static void capture(struct captured *captured)
{
	fflush(stdout);
	fflush(stderr);
	for (int i = 0; i < 2; i++) {
		captured->saved[i] = dup(i + 1);
		captured->files[i] = tmpfile();
		dup2(fileno(captured->files[i]), i + 1);
	}
}

static void release(struct captured *captured, char out[2][4096])
{
	fflush(stdout);
	fflush(stderr);
	for (int i = 0; i < 2; i++) {
		size_t size;

		dup2(captured->saved[i], i + 1);
		close(captured->saved[i]);
		rewind(captured->files[i]);
		size = fread(out[i], 1, 4095, captured->files[i]);
		out[i][size] = '\0';
		fclose(captured->files[i]);
	}
}

static void test_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char *argv[6] = {(char *)"gatecertd"}, out[2][4096];
		struct captured captured;
		struct options options;
		int argc = 1, status;

		while (lines[i].arguments[argc - 1]) {
			argv[argc] = (char *)lines[i].arguments[argc - 1];
			argc++;
		}
		capture(&captured);
		status = options_parse(argc, argv, &options);
		release(&captured, out);
		check_row_int(lines[i].sentence, status, lines[i].status);
		check_row(lines[i].sentence, strstr(out[0], lines[i].out));
		check_row(lines[i].sentence, strstr(out[1], lines[i].err));
		if (status != -1)
			continue;
		check_row_int(lines[i].sentence, options.action, lines[i].action);
		check_row_text(lines[i].sentence, options.config, lines[i].config);
		check_row_text(lines[i].sentence, out[0], "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
