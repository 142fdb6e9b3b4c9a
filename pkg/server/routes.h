/*
 * routes - every route in one table, and the order in which a request is judged.
 *
 * 404 route, 405, 401, 403, 429, 415, 413, then the handler with its 400, and with the 403 for a
 * hostname that stands in the body or in a stored object. Literal segments match in any case, as
 * they always did for clients of the documented API.
 */
#pragma once

#include "service/service.h"

enum route_body {
	ROUTE_NO_BODY,	  /* read and ignored */
	ROUTE_START_BODY, /* JSON under any textual content type */
	ROUTE_JSON_BODY,
	ROUTE_PATCH_BODY,   /* JSON merge patch */
	ROUTE_OPTIONS_BODY, /* as ROUTE_START_BODY, or none under any content type */
	ROUTE_BODY,	    /* judged by the handler */
};

struct route {
	const char *method;
	const char *pattern; /* "{}" captures a segment */
	enum auth_right right;
	enum route_body body;
	handler_fn *handler;
	const char *name; /* for logs */
};

/* What can be said before the body was read: NULL and response->status set, or the route to serve.
 */
const struct route *routes_judge(struct ctx *ctx, struct service *service, struct request *request,
				 struct response *response);

/* With the whole body. */
void routes_serve(struct ctx *ctx, struct service *service, const struct route *route,
		  const struct request *request, struct response *response);
