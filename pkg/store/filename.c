#include "store/filename.h"

#include <string.h>

#include "base/text.h"
#include "pki/key.h"

#define WILDCARD      "*."
#define WILDCARD_FILE "_wildcard."

static bool is_digit_or_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Upper case is left to the hash, so that two names never meet on a file system that ignores case.
 */
static bool is_plain(const char *name)
{
	if (!is_digit_or_lower(name[0]))
		return false;
	for (const char *at = name; *at; at++)
		if (!is_digit_or_lower(*at) && *at != '.' && *at != '-' && *at != '_')
			return false;
	return true;
}

/* The underscore keeps hashes apart from plain names, which begin with a letter or a digit. */
static const char *hashed(struct ctx *ctx, const char *name)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char hash[32];
	char *out = arena_alloc(ctx->arena, 2 * sizeof(hash) + 2);

	sha256(name, strlen(name), hash);
	out[0] = '_';
	for (size_t i = 0; i < sizeof(hash); i++) {
		out[2 * i + 1] = digits[hash[i] >> 4];
		out[2 * i + 2] = digits[hash[i] & 15];
	}
	return out;
}

const char *filename_for(struct ctx *ctx, const char *name)
{
	size_t length = strlen(name);

	if (length > FILENAME_LENGTH_MAX - strlen(WILDCARD_FILE))
		return hashed(ctx, name);
	if (is_plain(name))
		return arena_strdup(ctx->arena, name);
	if (text_starts_with(name, WILDCARD) && is_plain(name + strlen(WILDCARD)))
		return arena_printf(ctx->arena, "%s%s", WILDCARD_FILE, name + strlen(WILDCARD));
	return hashed(ctx, name);
}
