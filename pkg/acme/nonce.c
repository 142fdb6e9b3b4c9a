#include "acme/nonce.h"

#include <assert.h>
#include <string.h>

#include "acme/acme_internal.h"

#define KEPT_FOR MSEC_PER_MIN

/* RFC 8555 6.5.1: base64url; anything else is ignored. */
static bool is_nonce(const char *text)
{
	size_t length = strspn(text,
			       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return length > 0 && length <= ACME_NONCE_LENGTH_MAX && !text[length];
}

const char *acme_nonce_of(const struct http_reply *reply)
{
	const char *nonce = http_header(reply, "Replay-Nonce");

	return nonce && is_nonce(nonce) ? nonce : NULL;
}

void acme_nonce_keep(struct ctx *ctx, struct acme *acme, const char *nonce)
{
	struct acme_nonce *slot;

	if (!nonce)
		return;
	assert(strlen(nonce) <= ACME_NONCE_LENGTH_MAX);
	pthread_mutex_lock(&acme->lock);
	if (acme->nonce_count == ACME_NONCES_MAX) {
		memmove(acme->nonces, acme->nonces + 1, sizeof(*slot) * (ACME_NONCES_MAX - 1));
		acme->nonce_count--;
	}
	slot = &acme->nonces[acme->nonce_count++];
	memcpy(slot->text, nonce, strlen(nonce) + 1);
	slot->received = ctx_mono(ctx);
	pthread_mutex_unlock(&acme->lock);
}

void acme_nonces_drop(struct acme *acme)
{
	pthread_mutex_lock(&acme->lock);
	acme->nonce_count = 0;
	pthread_mutex_unlock(&acme->lock);
}

/* When even the newest is too old, all are. */
const char *acme_nonce_take(struct ctx *ctx, struct acme *acme)
{
	const struct acme_nonce *newest;
	const char *nonce = NULL;

	pthread_mutex_lock(&acme->lock);
	if (acme->nonce_count) {
		newest = &acme->nonces[--acme->nonce_count];
		if (ctx_mono(ctx) - newest->received < KEPT_FOR)
			nonce = arena_strdup(ctx->arena, newest->text);
		else
			acme->nonce_count = 0;
	}
	pthread_mutex_unlock(&acme->lock);
	return nonce;
}
