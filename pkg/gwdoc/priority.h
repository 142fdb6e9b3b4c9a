/*
 * priority - the order of its rules. Internal to gwdoc.
 */
#pragma once

#include "gwdoc/drawing.h"

/* Between which rules the one of a hostname belongs. */
struct bounds {
	const char *caught, *catcher; /* rules; NULL: none */
	int64_t above, below;	      /* their priorities: caught < ours < catcher */
};

/* The rules of the document; with room for so many more. */
void priorities_note(struct ctx *ctx, struct drawing *drawing, size_t more);
void priorities_add(struct drawing *drawing, const struct json *rule, const struct json *listener);

/* 0: it has none that is valid. */
int64_t priority_of(const struct json *rule);

/* `listener` is the hostname's; NULL: it will be made. */
struct bounds priority_bounds(const struct drawing *drawing, const struct json *listener,
			      const char *hostname);

/* 0: none is free within the bounds. */
int64_t priority_free(const struct drawing *drawing, const struct bounds *bounds,
		      const char *hostname);
