/*
 * links - the URLs that an instance is followed and ended with.
 */
#pragma once

#include "service/service.h"

struct links {
	const char *status, *raise_event, *terminate, *purge;
};

/* Scheme and authority, without trailing slash: as configured, else as the client addressed us. */
const char *links_base(struct ctx *ctx, const struct service *service,
		       const struct request *request);

struct links links_of_instance(struct ctx *ctx, const struct service *service,
			       const struct request *request, const char *id);

/* The URL of this very request. */
const char *links_self(struct ctx *ctx, const struct service *service,
		       const struct request *request);
