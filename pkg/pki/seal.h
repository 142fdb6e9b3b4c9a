/*
 * seal - secrets on their way to the vault, closed so that only the vault can open them again.
 *
 * AES-256-GCM with a fresh key, which is wrapped with the public half of an RSA key of the vault
 * (RSA-OAEP with SHA-256); the key in the clear is wiped at once. The associated data binds what is
 * sealed to its purpose: opened under another it fails.
 */
#pragma once

#include "codec/json.h"
#include "pki/key.h"

struct seal_key {
	const char *kid;   /* of the vault's key, with version: what unwraps */
	const char *n, *e; /* base64url */
};

struct sealed {
	const char *kid;
	struct bytes wrapped_key, iv, tag, ciphertext;
};

/* E_REFUSED, reason InvalidSealKey. */
enum err seal_close(struct ctx *ctx, const struct seal_key *key, const char *associated,
		    const void *plain, size_t size, struct sealed *out);

/* With the key as the vault unwrapped it. `plain` is wiped with ctx's arena. E_REFUSED, reason
 * SealBroken: changed, or another purpose. */
enum err seal_open(struct ctx *ctx, const struct sealed *sealed, const char *associated,
		   const struct bytes *key, struct bytes *plain);

struct json *sealed_to_json(struct ctx *ctx, const struct sealed *sealed);
enum err sealed_from_json(struct ctx *ctx, const struct json *json, struct sealed *out);
