#include "pki/names.h"

#include <string.h>

#include "base/text.h"

static bool contains(const struct names *names, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++)
		if (text_equals_nocase(names->items[i], name))
			return true;
	return false;
}

static bool is_wanted(const char *name, const char *const *wanted, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (text_equals_nocase(wanted[i], name))
			return true;
	return false;
}

bool names_are(const struct names *names, const char *const *wanted, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!contains(names, wanted[i]))
			return false;
	for (i = 0; i < names->count; i++)
		if (!is_wanted(names->items[i], wanted, count))
			return false;
	return true;
}

bool names_cover(const char *pattern, const char *hostname)
{
	const char *dot;

	if (text_equals_nocase(pattern, hostname))
		return true;
	if (!text_starts_with(pattern, "*."))
		return false;
	dot = strchr(hostname, '.');
	return dot && dot > hostname && text_equals_nocase(pattern + 1, dot);
}
