/*
 * base64 - RFC 4648: the standard alphabet with padding (4), and the URL alphabet without (5);
 * and base 16.
 *
 * Decoding is strict: no white space, no foreign characters, canonical trailing bits.
 */
#pragma once

#include "base/ctx.h"

struct bytes {
	unsigned char *data;
	size_t size;
};

char *base64_encode(struct ctx *ctx, const void *data, size_t size);
char *base64url_encode(struct ctx *ctx, const void *data, size_t size);

/* RFC 4648 8, in lower case. */
char *hex_encode(struct ctx *ctx, const void *data, size_t size);

/* E_REFUSED, reason InvalidBase64. */
enum err base64_decode(struct ctx *ctx, const char *text, struct bytes *out);
enum err base64url_decode(struct ctx *ctx, const char *text, struct bytes *out);
