/*
 * config_keys - ApiKeys: as people write them, and as they are kept.
 *
 * They are written in four ways, all of which become a list of {name, key}. Once they are checked,
 * only hashes of them are left.
 */
#pragma once

#include "codec/fields.h"

/* Of the file; NULL is fine. */
void config_keys_unify(struct ctx *ctx, struct node *keys);

/* Of the environment: a list with commas. */
struct node *config_keys_split(struct ctx *ctx, const char *text);

/* A check of fields (codec/fields.h): domains that a key reaches. */
const char *config_keys_check_reach(struct ctx *ctx, const void *value);

/* What is wrong with one of them beside the others, or NULL. */
const char *config_keys_complaint(struct ctx *ctx, const struct objects *keys, size_t index,
				  bool *is_warning);

/* Their texts, which are not used any more. */
void config_keys_wipe(const struct objects *keys);

/* Hashes take the place of the keys, which are wiped; hostnames get their one spelling. */
void config_keys_seal(struct ctx *ctx, struct objects *keys);
