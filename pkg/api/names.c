#include "api/names.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "pki/key.h"

#define PLAIN_MAX  60 /* the gateway takes 80, and "-listener" and a hash must fit */
#define HASH_BYTES 5

static const char *dashed(struct ctx *ctx, const char *hostname)
{
	const char *rest = text_starts_with(hostname, "*.") ? hostname + 1 : hostname;
	char *name = arena_printf(ctx->arena, "%s%s", rest == hostname ? "" : "wildcard", rest);

	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '-';
	return name;
}

const char *name_plain(struct ctx *ctx, const char *hostname)
{
	const char *name = dashed(ctx, hostname);

	return strlen(name) <= PLAIN_MAX ? name : name_hashed(ctx, hostname);
}

const char *name_hashed(struct ctx *ctx, const char *hostname)
{
	unsigned char digest[32];
	const char *name = dashed(ctx, hostname);
	int length = (int)(strlen(name) < PLAIN_MAX ? strlen(name) : PLAIN_MAX);

	sha256(hostname, strlen(hostname), digest);
	while (length > 0 && name[length - 1] == '-')
		length--;
	return arena_printf(ctx->arena, "%.*s-%s", length, name,
			    hex_encode(ctx, digest, HASH_BYTES));
}

const char *name_listener(struct ctx *ctx, const char *base)
{
	return arena_printf(ctx->arena, "%s-listener", base);
}

const char *name_rule(struct ctx *ctx, const char *base)
{
	return arena_printf(ctx->arena, "%s-rule", base);
}

/* Azure's names have letters, digits, and ".-_" between them. */
static bool is_of_name(char c)
{
	return isalnum((unsigned char)c) || (c && strchr(".-_", c));
}

/* What stands behind a name belongs to it; a full stop alone ends a sentence. */
static bool goes_on(const char *rest)
{
	return *rest == '.' ? is_of_name(rest[1]) : is_of_name(*rest) || *rest == '/';
}

bool name_is_in(const char *text, const char *name)
{
	for (const char *at = text; (at = strcasestr(at, name)); at++)
		if ((at == text || !is_of_name(at[-1])) && !goes_on(at + strlen(name)))
			return true;
	return false;
}

/* https://VAULT/secrets/NAME[/VERSION][/]: how much of it comes before the version. */
static size_t base_length(const char *secret_id)
{
	const char *name = strcasestr(secret_id, "/secrets/");

	if (!name)
		return strlen(secret_id);
	name += strlen("/secrets/");
	return (size_t)(name - secret_id) + strcspn(name, "/");
}

const char *secret_id_base(struct ctx *ctx, const char *secret_id)
{
	return secret_id ? arena_strndup(ctx->arena, secret_id, base_length(secret_id)) : NULL;
}

const char *secret_id_version(const char *secret_id)
{
	const char *rest = secret_id ? secret_id + base_length(secret_id) : "";

	rest += strspn(rest, "/");
	return *rest ? rest : NULL;
}

bool secret_id_equals(const char *a, const char *b)
{
	return a && b && base_length(a) == base_length(b) && strncasecmp(a, b, base_length(a)) == 0;
}
