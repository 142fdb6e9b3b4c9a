/*
 * options - the command line, as a table that also writes the help.
 */
#pragma once

enum options_action {
	OPTIONS_RUN,
	OPTIONS_CHECK_CONFIG, /* tell every problem of the configuration; exit 0 or 1 */
	OPTIONS_PRINT_CONFIG, /* print what is in force; exit 0 or 1 */
	OPTIONS_PRINT_CONFIG_SCHEMA,
	OPTIONS_PRINT_SPEC_SCHEMA,
	OPTIONS_RELOAD, /* ask the daemon of the unit to reload; exit 0 or 1 */
};

struct options {
	const char *config; /* path of the configuration; borrowed from argv */
	enum options_action action;
};

/* -1: go on with `out`. Else the status to exit with: 0 after --help or --version, 2 after a
 * complaint on stderr. */
int options_parse(int argc, char *const *argv, struct options *out);
