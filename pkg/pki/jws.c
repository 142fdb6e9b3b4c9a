#include "pki/jws.h"

#include <assert.h>
#include <string.h>

static enum err check_coordinate(struct ctx *ctx, const char *text)
{
	struct bytes octets;

	if (!text || base64url_decode(ctx, text, &octets) != E_OK || octets.size != 32)
		return fault_set(
			ctx, E_REFUSED, "InvalidKey",
			"the public key is no EC P-256 key: a coordinate is not 32 octets");
	return E_OK;
}

/* Members in the order of RFC 7638 3.2, so that printing it gives the thumbprint's input. */
struct json *jwk_to_json(struct ctx *ctx, const struct jwk *jwk)
{
	struct json *out = json_object(ctx);

	json_set_text(ctx, out, "crv", "P-256");
	json_set_text(ctx, out, "kty", "EC");
	json_set_text(ctx, out, "x", jwk->x);
	json_set_text(ctx, out, "y", jwk->y);
	return out;
}

enum err jwk_thumbprint(struct ctx *ctx, const struct jwk *jwk, char **out)
{
	unsigned char digest[32];
	const char *canonical;

	TRY(check_coordinate(ctx, jwk->x));
	TRY(check_coordinate(ctx, jwk->y));
	canonical = json_print(ctx, jwk_to_json(ctx, jwk));
	sha256(canonical, strlen(canonical), digest);
	*out = base64url_encode(ctx, digest, sizeof(digest));
	return E_OK;
}

static enum err protected_header(struct ctx *ctx, struct signer *signer,
				 const struct jws_header *header, char **out)
{
	struct json *json = json_object(ctx);
	struct jwk jwk;
	char *text;

	json_set_text(ctx, json, "alg", "ES256");
	if (header->kid) {
		json_set_text(ctx, json, "kid", header->kid);
	} else {
		TRY(signer->public_key(ctx, signer, &jwk));
		TRY(check_coordinate(ctx, jwk.x));
		TRY(check_coordinate(ctx, jwk.y));
		json_set(ctx, json, "jwk", jwk_to_json(ctx, &jwk));
	}
	if (header->nonce)
		json_set_text(ctx, json, "nonce", header->nonce);
	json_set_text(ctx, json, "url", header->url);
	text = json_print(ctx, json);
	*out = base64url_encode(ctx, text, strlen(text));
	return E_OK;
}

/* RFC 7515 5.1: the signature is over "protected.payload" as they are sent. */
enum err jws_sign(struct ctx *ctx, struct signer *signer, const struct jws_header *header,
		  const char *payload, char **body)
{
	unsigned char digest[32], signature[64];
	char *protected, *encoded, *input;
	struct json *json;

	assert(header->url && payload);
	TRY(protected_header(ctx, signer, header, &protected));
	encoded = base64url_encode(ctx, payload, strlen(payload));
	input = arena_printf(ctx->arena, "%s.%s", protected, encoded);
	sha256(input, strlen(input), digest);
	TRY(signer->sign(ctx, signer, digest, signature));
	json = json_object(ctx);
	json_set_text(ctx, json, "protected", protected);
	json_set_text(ctx, json, "payload", encoded);
	json_set_text(ctx, json, "signature", base64url_encode(ctx, signature, sizeof(signature)));
	*body = json_print(ctx, json);
	return E_OK;
}

static const char *encode_json(struct ctx *ctx, const struct json *json)
{
	const char *text = json_print(ctx, json);

	return base64url_encode(ctx, text, strlen(text));
}

enum err jws_compact(struct ctx *ctx, const struct key *key, const char *alg, struct json *header,
		     struct json *claims, char **out)
{
	struct bytes signature;
	char *input;

	json_set_text(ctx, header, "alg", alg);
	input = arena_printf(ctx->arena, "%s.%s", encode_json(ctx, header),
			     encode_json(ctx, claims));
	TRY(key_sign(ctx, key, alg, input, strlen(input), &signature));
	*out = arena_printf(ctx->arena, "%s.%s", input,
			    base64url_encode(ctx, signature.data, signature.size));
	return E_OK;
}
