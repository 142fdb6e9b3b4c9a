/*
 * deleteoptions - what the body of a DELETE asks for: Kubernetes' DeleteOptions.
 *
 * Conditions are obeyed or refused, never ignored: who says "only if" does not want it otherwise.
 * What only says how to delete (propagationPolicy, gracePeriodSeconds) means nothing here.
 */
#pragma once

#include "httpd/request.h"
#include "httpd/response.h"

struct deleteoptions {
	bool is_dry_run;
	const char *uid, *version; /* preconditions, or NULL */
};

/* An empty body asks for nothing. E_REFUSED, reason InvalidJson or InvalidRequest. Warns of members
 * that are ignored. */
enum err deleteoptions_read(struct ctx *ctx, const struct request *request,
			    struct response *response, struct deleteoptions *out);
