/*
 * desired - the writes that make hostnames desired, each against a status that is written at
 * the same time.
 */
#pragma once

#include "specdir/specfile.h"
#include "store/store.h"

/* Makes the object what a claim with content says. `problem` may be NULL; `requested` 0 and a NULL
 * `wish` leave what is there. */
enum err desired_put(struct ctx *ctx, struct store *store, const struct claim *claim,
		     const char *problem, msec_t requested, const struct certificate_wish *wish);

/* What desired_put would make of it. */
enum err desired_preview(struct ctx *ctx, struct store *store, const struct claim *claim,
			 struct hostname *out);

/* Notes that somebody asks for a try now, and what for; NULL `wish`: as before. E_NOTFOUND. */
enum err desired_request(struct ctx *ctx, struct store *store, const char *hostname,
			 msec_t requested, const struct certificate_wish *wish);

/* Notes why the newest content of its file is not in force; NULL: it is. E_NOTFOUND. */
enum err desired_note_problem(struct ctx *ctx, struct store *store, const char *hostname,
			      const char *problem);
