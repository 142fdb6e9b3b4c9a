/*
 * names - the DNS names that a certificate or a CSR bears.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct names {
	const char **items; /* DNS names, lower case, sorted, without repeats */
	size_t count;
};

/* Exactly these names, in any order. */
bool names_are(const struct names *names, const char *const *wanted, size_t count);

/* "*.example.com" covers exactly one label more than example.com; other patterns cover themselves.
 * Case-insensitive. */
bool names_cover(const char *pattern, const char *hostname);
