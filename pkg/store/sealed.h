/*
 * sealed - imported keys that wait for the vault: one sealed file per request, mode 0600, readable
 * by the vault's key alone.
 *
 * Sealed at once by the API with the public half of the vault's key, which a reconciler brings and
 * the state directory remembers; opened only for the import. What is sealed names its hostname and
 * its request: under another name it does not open. Which files there are is known in memory, so
 * that asking for what is not there costs nothing.
 */
#pragma once

#include "codec/fields.h"
#include "pki/seal.h"

struct sealed_box;

/* DIR/sealed; the public key that was remembered there, if any. */
enum err sealed_box_open(struct ctx *ctx, const char *directory, struct sealed_box **out);
void sealed_box_close(struct sealed_box *box);

/* A key of the vault, kept for the next start too. Any thread, as all that follow. */
enum err sealed_box_set_key(struct ctx *ctx, struct sealed_box *box, const struct seal_key *key);
bool sealed_box_has_key(struct sealed_box *box);

/* Durable when it returns. E_AGAIN, reason NoSealKey: the vault was never reached. */
enum err sealed_put(struct ctx *ctx, struct sealed_box *box, const char *instance,
		    const char *hostname, const void *plain, size_t size);

/* E_NOTFOUND. `associated` is what seal_open wants. */
enum err sealed_get(struct ctx *ctx, struct sealed_box *box, const char *instance,
		    const char *hostname, struct sealed *out, const char **associated);

/* E_OK also when there is none, and then nothing is written. What cannot be removed now is unwanted
 * all the same: see sealed_purge. */
enum err sealed_remove(struct ctx *ctx, struct sealed_box *box, const char *instance);

/* Removes what sealed_remove could not; costs nothing when there is none. */
enum err sealed_purge(struct ctx *ctx, struct sealed_box *box);

/* Ids of all that wait. */
enum err sealed_list(struct ctx *ctx, struct sealed_box *box, struct texts *instances);

/* Whether it was there at the start already: the request that brought it has been answered, or
 * never will be. */
bool sealed_is_left(struct sealed_box *box, const char *instance);
