/*
 * jws - RFC 7515 flattened JSON serialisation with ES256, as ACME wants it (RFC 8555 6.2).
 */
#pragma once

#include "codec/json.h"
#include "pki/key.h"

struct jws_header {
	const char *url;
	const char *nonce; /* NULL: none (inner JWS of a key change) */
	const char *kid;   /* account URL; NULL: the public key itself ("jwk") */
};

/* `payload` "" is POST-as-GET. The whole body to send, in ctx's arena. */
enum err jws_sign(struct ctx *ctx, struct signer *signer, const struct jws_header *header,
		  const char *payload, char **body);

/* RFC 7638 thumbprint, base64url. */
enum err jwk_thumbprint(struct ctx *ctx, const struct jwk *jwk, char **out);

struct json *jwk_to_json(struct ctx *ctx, const struct jwk *jwk);

/* A compact JWS (RFC 7515 3.1) signed with a key of this process: client assertions. */
enum err jws_compact(struct ctx *ctx, const struct key *key, const char *alg, struct json *header,
		     struct json *claims, char **out);
