/*
 * selector - label selectors as kubectl writes them: a comma list of conditions that all have to
 * hold.
 *
 * key=value, key==value, key!=value, key, !key, key in (a,b), key notin (a,b). != and notin also
 * hold where the key is absent.
 */
#pragma once

#include "codec/fields.h"

struct selector;

/* NULL or blank text selects everything. E_REFUSED, reason InvalidSelector. */
enum err selector_parse(struct ctx *ctx, const char *text, struct selector **out);

bool selector_matches(const struct selector *selector, const struct text_map *labels);
