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

struct apply_options {
	struct store *store;
	const struct catalogue *before; /* may be NULL */
	bool is_confirmed[SCOPE_COUNT]; /* an empty directory is meant */
};

/* Also completes the catalogue: pending, problems, hostnames, held_back. `next`: when to scan again
 * because of what was found; 0: at once, the rest is still to be written. The error is that of the
 * last write that failed; all others were tried. */
enum err apply_catalogue(struct ctx *ctx, struct catalogue *catalogue,
			 const struct apply_options *options, msec_t *next);
