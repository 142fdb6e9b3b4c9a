/*
 * desired - what changes of hostnames that are or become desired make of the objects.
 *
 * Each is put into a batch; its commit makes it so, against a status that is written at the same
 * time.
 */
#pragma once

#include "specdir/specfile.h"
#include "store/batch.h"

/* Who writes a hostname, and what that means beside what it says. */
enum desired_by {
	DESIRED_BY_SCAN,  /* of a file of ours: nothing new */
	DESIRED_BY_FILE,  /* a user's */
	DESIRED_BY_PUT,	  /* it is also to be tried now, as by the next two */
	DESIRED_BY_POST,  /* a start request */
	DESIRED_BY_EVENT, /* Retry, SIGHUP, an import given up: nobody says that it is desired */
};

/* Makes the object what a claim with content says. `problem` may be NULL; a NULL `wish` leaves what
 * is there. True: it was not desired before. */
enum err desired_put(struct ctx *ctx, struct batch *batch, const struct claim *claim,
		     const char *problem, enum desired_by by, const struct certificate_wish *wish,
		     bool *is_new);

/* What desired_put would make of it. */
enum err desired_preview(struct ctx *ctx, struct store *store, const struct claim *claim,
			 struct hostname *out);

/* Somebody asks for a try now, and what for; NULL `wish`: as before. E_NOTFOUND. */
enum err desired_request(struct ctx *ctx, struct batch *batch, const char *hostname,
			 enum desired_by by, const struct certificate_wish *wish);

/* A start request is taken back; the last of the others. E_NOTFOUND. */
enum err desired_take_back(struct ctx *ctx, struct batch *batch, const char *hostname,
			   int64_t posted);

/* Notes why the newest content of its file is not in force; NULL: it is. E_NOTFOUND. */
enum err desired_note_problem(struct ctx *ctx, struct batch *batch, const char *hostname,
			      const char *problem);
