/*
 * apply - makes the store say what a catalogue says.
 *
 * The store is the memory of what is in force: a hostname whose file is broken, in conflict or not
 * to be seen keeps the spec that it has there. A hostname that nothing names is removed by the
 * second scan that finds it so.
 */
#pragma once

#include "specdir/catalogue.h"
#include "store/store.h"

#define APPLY_TROUBLE_LOOK                                                                      \
	(5 * MSEC_PER_SEC) /* at a directory that cannot be believed, or a store that cannot be \
			      written */

/* A hostname that the API wrote since the catalogue was begun, which may speak of before. */
struct overtaken {
	const struct overtaken *next;
	const char *hostname;
};

struct apply_options {
	struct store *store;
	const struct catalogue *before;		  /* may be NULL */
	bool is_confirmed[SCOPE_COUNT];		  /* an empty directory is meant */
	const struct overtaken *const *overtaken; /* grows meanwhile: left to the next scan */
};

struct applying;

/* Completes the catalogue, too: pending, problems, hostnames, held_back. Both stay until the end.
 */
enum err apply_begin(struct ctx *ctx, struct catalogue *catalogue,
		     const struct apply_options *options, struct applying **out);

/* Goes on until the time (mono), but with one hostname at least. False: there is more. */
bool apply_on(struct applying *applying, msec_t until);

/* `next`: when to scan again because of what was found. The error is that of the last write that
 * failed; all others were tried. */
enum err apply_end(struct ctx *ctx, struct applying *applying, msec_t *next);

/* NULL is fine. */
void apply_abandon(struct applying *applying);
