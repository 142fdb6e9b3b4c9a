/*
 * scan - one look at both directories, and the store made to say what it found: in slices, because
 * it takes as long as there are files, and the loop has others to serve.
 *
 * What the API writes while a scan is under way is left to the next one: what was read may speak of
 * before.
 */
#pragma once

#include "specdir/apply.h"

struct scan_options {
	struct catalogue_options reading;
	struct apply_options apply;
};

struct scan;

/* What the options point to stays until the end. */
struct scan *scan_begin(struct ctx *ctx, const struct scan_options *options);

/* Goes on until the time (mono). *is_done: it can be ended. An error: it can only be abandoned. */
enum err scan_on(struct ctx *ctx, struct scan *scan, msec_t until, bool *is_done);

/* The API writes a hostname. */
void scan_overtake(struct scan *scan, const char *hostname);

/* The catalogue is the caller's, also with an error; see apply_end. */
enum err scan_end(struct ctx *ctx, struct scan *scan, msec_t *next, struct catalogue **out);

/* NULL is fine. */
void scan_abandon(struct scan *scan);
