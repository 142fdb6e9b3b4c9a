/*
 * problems - everything that is wrong with one input, collected so that it can be told at once.
 */
#pragma once

#include "base/ctx.h"

#define PROBLEMS_MAX 100 /* further ones are counted, not kept */

struct problem {
	const char *file;      /* may be NULL */
	unsigned line, column; /* 0: unknown */
	const char *field;     /* dotted path, "" for the whole */
	const char *text;
	bool is_warning;
	struct problem *next;
};

struct problems {
	struct problem *first, **end;
	size_t errors, warnings;
	bool hides_content; /* whoever complains quotes nothing of the input */
};

void problems_init(struct problems *problems);

/* Copies everything into ctx's arena. */
void problems_add(struct ctx *ctx, struct problems *problems, bool is_warning, const char *file,
		  unsigned line, unsigned column, const char *field, const char *format, ...)
	__attribute__((format(printf, 8, 9)));

/* Those of another input: copies what was kept, and counts the rest. */
void problems_append(struct ctx *ctx, struct problems *problems, const struct problems *more);

/* "file:line:column: field: text", without what is unknown. */
char *problem_print(struct ctx *ctx, const struct problem *problem);

/* All of them, a line each, joined by `separator`. */
char *problems_print(struct ctx *ctx, const struct problems *problems, const char *separator);
