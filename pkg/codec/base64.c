#include "codec/base64.h"

#include <string.h>

struct alphabet {
	const char *digits;
	bool is_padded;
};

static const struct alphabet standard = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true};
static const struct alphabet for_urls = {
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false};

static char *encode(struct ctx *ctx, const struct alphabet *alphabet, const void *data, size_t size)
{
	const unsigned char *in = data;
	char *text = arena_alloc(ctx->arena, (size + 2) / 3 * 4 + 1), *out = text;
	unsigned bits = 0, count = 0;

	for (size_t i = 0; i < size; i++) {
		bits = bits << 8 | in[i];
		for (count += 8; count >= 6; count -= 6)
			*out++ = alphabet->digits[bits >> (count - 6) & 63];
	}
	if (count > 0)
		*out++ = alphabet->digits[bits << (6 - count) & 63];
	while (alphabet->is_padded && (out - text) % 4 != 0)
		*out++ = '=';
	return text;
}

char *base64_encode(struct ctx *ctx, const void *data, size_t size)
{
	return encode(ctx, &standard, data, size);
}

char *base64url_encode(struct ctx *ctx, const void *data, size_t size)
{
	return encode(ctx, &for_urls, data, size);
}

/* The text may be a secret: refusals say nothing of it. */
static enum err refuse(struct ctx *ctx, const char *what)
{
	return fault_set(ctx, E_REFUSED, "InvalidBase64", "invalid base64: %s", what);
}

/* Length of the digits in front of the padding. */
static enum err strip_padding(struct ctx *ctx, const struct alphabet *alphabet, const char *text,
			      size_t *length)
{
	size_t size = strlen(text), padding = 0;

	while (alphabet->is_padded && padding < 2 && padding < size &&
	       text[size - padding - 1] == '=')
		padding++;
	*length = size - padding;
	if (*length % 4 == 1)
		return refuse(ctx, "truncated");
	if (alphabet->is_padded && size % 4 != 0)
		return refuse(ctx, "wrong padding");
	return E_OK;
}

static enum err decode(struct ctx *ctx, const struct alphabet *alphabet, const char *text,
		       struct bytes *out)
{
	struct bytes bytes = {.size = 0};
	unsigned bits = 0, count = 0;
	size_t length;

	TRY(strip_padding(ctx, alphabet, text, &length));
	bytes.data = arena_alloc(ctx->arena, length / 4 * 3 + 4);
	for (size_t i = 0; i < length; i++) {
		const char *digit = strchr(alphabet->digits, text[i]);

		if (!digit)
			return refuse(ctx, "a character that is not in the alphabet");
		bits = (bits << 6 | (unsigned)(digit - alphabet->digits)) & 0xFFFF;
		count += 6;
		if (count >= 8) {
			count -= 8;
			bytes.data[bytes.size++] = (unsigned char)(bits >> count);
		}
	}
	if ((bits & ((1U << count) - 1)) != 0)
		return refuse(ctx, "bits behind the end");
	*out = bytes;
	return E_OK;
}

enum err base64_decode(struct ctx *ctx, const char *text, struct bytes *out)
{
	return decode(ctx, &standard, text, out);
}

enum err base64url_decode(struct ctx *ctx, const char *text, struct bytes *out)
{
	return decode(ctx, &for_urls, text, out);
}

char *hex_encode(struct ctx *ctx, const void *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = data;
	char *text = arena_alloc(ctx->arena, 2 * size + 1);

	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	return text;
}
