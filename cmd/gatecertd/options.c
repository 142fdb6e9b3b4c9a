#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config.h"

#define PROGRAM	    "gatecertd"
#define GO_ON	    (-1)
#define USAGE_ERROR 2

struct option {
	const char *name;
	const char *value; /* what its value is called; NULL: takes none */
	const char *help;
	int (*apply)(const char *value, struct options *out);
};

static int set_config(const char *value, struct options *out)
{
	out->config = value;
	return GO_ON;
}

static int set_check_config(const char *value, struct options *out)
{
	(void)value;
	out->action = OPTIONS_CHECK_CONFIG;
	return GO_ON;
}

static int set_print_config(const char *value, struct options *out)
{
	(void)value;
	out->action = OPTIONS_PRINT_CONFIG;
	return GO_ON;
}

static int set_reload(const char *value, struct options *out)
{
	(void)value;
	out->action = OPTIONS_RELOAD;
	return GO_ON;
}

static int complain(const char *argument, const char *what)
{
	fprintf(stderr, PROGRAM ": %s: %s\nTry '" PROGRAM " --help'.\n", argument, what);
	return USAGE_ERROR;
}

static int set_print_schema(const char *value, struct options *out)
{
	if (text_equals(value, "config"))
		out->action = OPTIONS_PRINT_CONFIG_SCHEMA;
	else if (text_equals(value, "spec"))
		out->action = OPTIONS_PRINT_SPEC_SCHEMA;
	else
		return complain("--print-schema", "takes spec or config");
	return GO_ON;
}

static int print_version(const char *value, struct options *out)
{
	(void)value;
	(void)out;
	printf("%s\n", PROGRAM " " GATECERT_VERSION);
	return 0;
}

static int print_help(const char *value, struct options *out);

static const struct option options[] = {
	{"--config", "FILE", "read this configuration (default: " CONFIG_PATH ")", set_config},
	{"--check-config", NULL, "tell everything that is wrong with the configuration, and exit",
	 set_check_config},
	{"--print-config", NULL, "print the configuration in force, secrets masked, and exit",
	 set_print_config},
	{"--print-schema", "KIND", "print the JSON Schema of a file (spec or config), and exit",
	 set_print_schema},
	{"--reload", NULL, "have the daemon of the unit reload, say what it refuses, and exit",
	 set_reload},
	{"--version", NULL, "print the version, and exit", print_version},
	{"--help", NULL, "print this text, and exit", print_help},
};

static int print_help(const char *value, struct options *out)
{
	(void)value;
	(void)out;
	printf("Usage: " PROGRAM " [OPTION]...\n"
	       "Keeps hostnames served over HTTPS by an Azure Application Gateway.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const char *name = options[i].name, *what = options[i].value;

		printf("  %s%s%s%*s%s\n", name, what ? " " : "", what ? what : "",
		       (int)(22 - strlen(name) - (what ? strlen(what) + 1 : 0)), "",
		       options[i].help);
	}
	return 0;
}

/* Takes --name VALUE and --name=VALUE; `at` moves over what was taken. */
static int apply(const struct option *option, int argc, char *const *argv, int *at,
		 struct options *out)
{
	const char *equals = strchr(argv[*at], '=');
	const char *value = equals ? equals + 1 : NULL;

	if (!option->value)
		return equals ? complain(argv[*at], "takes no value") : option->apply(NULL, out);
	if (!value && *at + 1 < argc)
		value = argv[++*at];
	if (!value || !*value)
		return complain(option->name, "needs a value");
	return option->apply(value, out);
}

static const struct option *find(const char *argument)
{
	size_t length = strcspn(argument, "=");

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strlen(options[i].name) == length &&
		    strncmp(options[i].name, argument, length) == 0)
			return &options[i];
	return NULL;
}

int options_parse(int argc, char *const *argv, struct options *out)
{
	*out = (struct options){.config = CONFIG_PATH, .action = OPTIONS_RUN};
	for (int at = 1; at < argc; at++) {
		const struct option *option = find(argv[at]);
		int status;

		if (!option)
			return complain(argv[at], argv[at][0] == '-' ? "no such option"
								     : "takes no arguments");
		status = apply(option, argc, argv, &at, out);
		if (status != GO_ON)
			return status;
	}
	return GO_ON;
}
