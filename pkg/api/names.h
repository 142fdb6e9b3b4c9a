/*
 * names - what the objects of a hostname are called in the vault and on the gateway.
 *
 * "shop.example.com" is shop-example-com, shop-example-com-listener, shop-example-com-rule, as the
 * documented function named them, so that what it made is found again. The scheme is not injective:
 * names are always checked against the hostname that the object itself tells, and where the plain
 * one belongs to another, a hash of the hostname is appended.
 */
#pragma once

#include "base/ctx.h"

/* "shop-example-com"; "*.x" becomes "wildcard-x". Over 60 characters: the hashed form. */
const char *name_plain(struct ctx *ctx, const char *hostname);

/* "shop-example-com-3f2a9c01d4": unique to this hostname, at most 71 characters. */
const char *name_hashed(struct ctx *ctx, const char *hostname);

const char *name_listener(struct ctx *ctx, const char *base);
const char *name_rule(struct ctx *ctx, const char *base);

/* Whether a text of Azure's names this one, and not a longer one that it is a part of. */
bool name_is_in(const char *text, const char *name);

/* Secret ids compare without case, trailing slash and version. */
bool secret_id_equals(const char *a, const char *b);

/* Without its version. */
const char *secret_id_base(struct ctx *ctx, const char *secret_id);

/* What stands behind the name, borrowed; NULL when nothing does. */
const char *secret_id_version(const char *secret_id);
