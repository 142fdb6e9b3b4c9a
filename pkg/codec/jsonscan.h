/*
 * jsonscan - the grammar of JSON (RFC 8259), as a stream of values that know where they stood.
 *
 * Stricter than the RFC where peers disagree: no duplicate members, no NUL, no lone surrogates,
 * nothing behind the value, bounded depth. What is built from the values is the caller's business:
 * json makes a tree that can be written, yaml makes nodes that can be complained about.
 */
#pragma once

#include "base/ctx.h"

enum jsonscan_kind {
	JSONSCAN_OBJECT,
	JSONSCAN_ARRAY,
	JSONSCAN_STRING,
	JSONSCAN_NUMBER,
	JSONSCAN_TRUE,
	JSONSCAN_FALSE,
	JSONSCAN_NULL,
};

/* How `problem` begins where a whole value was followed by more. */
#define JSONSCAN_NOT_THE_END "expected the end"

struct jsonscan_value {
	enum jsonscan_kind kind;
	const char *name; /* of a member, decoded; NULL for others */
	size_t name_at;	  /* offset in the text */
	const char *text; /* strings: decoded; others but containers: as written */
	size_t at;
};

struct jsonscan {
	const char *text; /* need not be NUL-terminated */
	size_t size;
	unsigned depth_max;
	size_t values_max;   /* 0: any number */
	bool keeps_repeated; /* the caller finds duplicate members itself */
	/* Called as each value begins; what it returns for a container is the `parent` of its
	 * children. */
	void *(*add)(struct jsonscan *scan, void *parent, const struct jsonscan_value *value);
	struct ctx *ctx; /* texts live in its arena */

	/* Why and where it ended, when it was refused. */
	const char *problem;
	size_t problem_at;
};

/* False when the text is no such JSON; then `problem` and `problem_at` are set. */
bool jsonscan_run(struct jsonscan *scan);
