/*
 * appgateway - Application Gateway v2 through Azure Resource Manager: read, replace, watch an
 * operation; its public IPs.
 *
 * There is no way to write a single listener: the whole resource is replaced, always with the
 * If-Match of the read it was built on, and never twice with the same body. A PUT that finds no
 * gateway would create one: callers only PUT what they just read. This module speaks the protocol;
 * what belongs into the document is the caller's.
 */
#pragma once

#include "codec/json.h"
#include "http/http.h"

struct appgateway {
	struct http *http;	 /* with bearer */
	const char *endpoint;	 /* ARM endpoint, no trailing slash */
	const char *gateway_id;	 /* "/subscriptions/.../applicationGateways/NAME" */
	const char *api_version; /* of GET and PUT alike */
};

struct appgateway_document {
	struct json *body;
	const char *etag;		/* of the body; NULL when absent */
	const char *provisioning_state; /* "" when absent */
	const char *operational_state;	/* "" when absent */
};

enum appgateway_progress {
	APPGATEWAY_RUNNING,
	APPGATEWAY_SUCCEEDED,
	APPGATEWAY_FAILED,
	APPGATEWAY_CANCELED
};

struct appgateway_operation {
	const char *url; /* to ask next; NULL: watch the resource's provisioningState instead */
	enum appgateway_progress progress;
	const char *code;    /* of a failed or canceled one, innermost useful code; may be NULL */
	const char *message; /* with nested details, one line */
	msec_t retry_after;  /* 0: not said */
};

/* E_NOTFOUND, reason GatewayNotFound. At most 8 MiB. */
enum err appgateway_get(struct ctx *ctx, struct appgateway *gateway,
			struct appgateway_document *out);

/* ONE_SHOT. E_OK: accepted, `operation` tells how to follow it. E_CONFLICT: 409, 412, 429
 * Retryable*, or no clear answer: read again before anything else. E_REFUSED: the body or the
 * permission, with ARM's nested details. */
enum err appgateway_put(struct ctx *ctx, struct appgateway *gateway, const struct json *body,
			const char *etag, struct appgateway_operation *out);

/* E_NOTFOUND: the operation is forgotten; read the gateway. A failed operation is E_OK with
 * APPGATEWAY_FAILED. */
enum err appgateway_operation_get(struct ctx *ctx, struct appgateway *gateway, const char *url,
				  struct appgateway_operation *out);

struct public_ips {
	const char **addresses; /* canonical text form */
	size_t count;
};

/* All public frontend addresses of the document (IPv4 and IPv6), each public IP read once.
 * E_REFUSED, reason NoPublicIp, when there is none yet. */
enum err appgateway_public_ips(struct ctx *ctx, struct appgateway *gateway, const struct json *body,
			       struct public_ips *out);
