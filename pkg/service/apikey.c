#include "service/apikey.h"

#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "pki/key.h"

#define PREFIX	    "sha256:"
#define DIGEST_SIZE 32

bool apikey_claims_hash(const char *text)
{
	return strncasecmp(text, PREFIX, strlen(PREFIX)) == 0;
}

bool apikey_is_hash(const char *text)
{
	const char *digits = text + strlen(PREFIX);

	return apikey_claims_hash(text) &&
	       strspn(digits, "0123456789abcdefABCDEF") == (size_t)2 * DIGEST_SIZE &&
	       digits[(size_t)2 * DIGEST_SIZE] == '\0';
}

void apikey_digest(const char *text, unsigned char digest[static DIGEST_SIZE])
{
	if (!apikey_is_hash(text)) {
		sha256(text, strlen(text), digest);
		return;
	}
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		const char *digits = text + strlen(PREFIX) + 2 * i;
		const char pair[] = {digits[0], digits[1], '\0'};

		digest[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
}

char *apikey_hash(struct ctx *ctx, const char *text)
{
	unsigned char digest[DIGEST_SIZE];

	apikey_digest(text, digest);
	return arena_printf(ctx->arena, PREFIX "%s", hex_encode(ctx, digest, sizeof(digest)));
}
