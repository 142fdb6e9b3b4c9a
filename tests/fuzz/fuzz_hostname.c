/* An accepted name holds nothing but the letters of names, is its own normal form, and is found
 * again from its display. */
#include "api/dnsname.h"
#include "fuzz/fuzz.h"
#include "pki/names.h"

static void check_accepted(struct ctx *ctx, const char *name)
{
	const char *again = NULL, *back = NULL, *shown = hostname_display(ctx, name);

	assert(strlen(name) <= HOSTNAME_LENGTH_MAX);
	assert(name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.*")] == '\0');
	assert(hostname_normalise(ctx, name, HOSTNAME_ALLOW_WILDCARD, &again) == E_OK);
	assert(strcmp(name, again) == 0);
	assert(hostname_normalise(ctx, shown, HOSTNAME_ALLOW_WILDCARD, &back) == E_OK);
	assert(strcmp(name, back) == 0);
	assert(names_cover(name, name));
}

/* The stricter policy takes fewer names, and never spells one otherwise. */
static void check_public(struct ctx *ctx, const char *given, const char *name)
{
	const char *public = NULL;
	unsigned flags = HOSTNAME_ALLOW_WILDCARD | HOSTNAME_PUBLIC_ONLY;

	if (hostname_normalise(ctx, given, flags, &public) == E_OK)
		assert(name && strcmp(public, name) == 0);
	else
		assert(strcmp(ctx->fault.reason, "InvalidHostname") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *given = fuzz_text(data, size);
	struct ctx ctx cleanup_ctx;
	const char *name = NULL;

	fuzz_begin(&ctx);
	if (hostname_normalise(&ctx, given, HOSTNAME_ALLOW_WILDCARD, &name) == E_OK)
		check_accepted(&ctx, name);
	else
		assert(strcmp(ctx.fault.reason, "InvalidHostname") == 0);
	check_public(&ctx, given, name);
	free(given);
	return 0;
}
