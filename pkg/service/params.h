/*
 * params - the query parameters of the objects API: which there are, and what is said of others.
 *
 * Those that Kubernetes clients send and that mean nothing here are accepted in silence. Any other
 * is ignored, and a Warning tells so (RFC 7234 5.5, as Kubernetes writes it): who mistypes one is
 * to know that it did nothing. A selector where there is nothing to select from is refused, for
 * what is ignored there would be done to another object than the one that was meant.
 */
#pragma once

#include "httpd/request.h"
#include "httpd/response.h"

enum params_use {
	PARAMS_LIST = 1,
	PARAMS_READ = 2, /* of one object */
	PARAMS_WRITE = 4,
	PARAMS_DELETE = 8,
};

/* E_REFUSED, reason InvalidRequest. */
enum err params_check(struct ctx *ctx, enum params_use use, const struct request *request,
		      struct response *response);

/* Whether the query asks for a dry run. E_REFUSED, reason InvalidRequest: for another one than All.
 */
enum err params_dry_run(struct ctx *ctx, const struct request *request, bool *is_dry_run);

/* One value of dryRun, wherever it stands. E_REFUSED as above. */
enum err params_read_dry_run(struct ctx *ctx, const char *value, bool *is_dry_run);

/* What a client sent that is ignored: names, of which the first few are shown. */
struct params_ignored {
	const char *names;
	size_t count;
};

void params_ignore(struct ctx *ctx, struct params_ignored *ignored, const char *name);

/* Adds a Warning header, unless there is nothing to tell. */
void params_warn(struct ctx *ctx, const struct params_ignored *ignored, const char *what,
		 struct response *response);
