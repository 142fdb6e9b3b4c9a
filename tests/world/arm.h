/*
 * arm - Azure Resource Manager: which resource a path names, which action a request is, and who
 * answers it.
 *
 * The rows of arm_routes are all that is known of it. ARM itself refuses what no row fits, an
 * api-version that does not exist and a caller without the right; handlers see the rest.
 */
#pragma once

#include "world/rights.h"
#include "world/versions.h"

#define ARM_PAGE 25

/* /subscriptions/S[/resourceGroups/G][/providers/P/T[/N[/CHILD]]]; NULL: not there. */
struct arm_path {
	const char *subscription, *group, *provider, *type, *name, *child;
	const char *scope; /* what a right is asked for: the resource, else its group or
			      subscription */
};

struct arm_request {
	struct world *world;
	struct call *call;
	struct arm_path path;
	const char *version;
};

struct arm_route {
	const char *method, *provider, *type;
	bool is_named;	    /* one of them, not a list */
	const char *child;  /* NULL: none; a star: anything */
	const char *action; /* NULL: nobody needs a right */
	void (*handle)(const struct arm_request *request);
};
extern const struct arm_route arm_routes[];
extern const size_t arm_route_count;

/* False after 403 was answered. */
bool arm_may(const struct arm_request *request, const char *action, const char *scope);
void arm_not_found(const struct arm_request *request);

/* {"value": ..., "nextLink": ...}: the page of `items` that was asked for. */
void arm_send_list(const struct arm_request *request, const struct json *items);
/* Whether a gateway lies in the group or subscription of the request. */
bool arm_is_asked_for(const struct arm_request *request, const struct gateway *gateway);

/* arm_gateway.c */
void arm_get_gateway(const struct arm_request *request);
void arm_put_gateway(const struct arm_request *request);
void arm_patch_gateway(const struct arm_request *request);
void arm_list_gateways(const struct arm_request *request);
void arm_no_method(const struct arm_request *request);
void arm_start_gateway(const struct arm_request *request);
void arm_stop_gateway(const struct arm_request *request);
void arm_backend_health(const struct arm_request *request);
/* Monitors: seen by whoever began the operation, or has the right. */
void arm_show_operation(const struct arm_request *request);
void arm_show_result(const struct arm_request *request);

/* arm_around.c: what lies around gateways. */
void arm_get_public_ip(const struct arm_request *request);
void arm_list_public_ips(const struct arm_request *request);
void arm_get_identity(const struct arm_request *request);
void arm_list_identities(const struct arm_request *request);
void arm_list_tenants(const struct arm_request *request);
void arm_list_subscriptions(const struct arm_request *request);
void arm_get_subscription(const struct arm_request *request);
void arm_list_groups(const struct arm_request *request);
void arm_get_group(const struct arm_request *request);
void arm_permissions(const struct arm_request *request, const char *scope);
bool arm_has_subscription(const struct world *world, const char *subscription);
bool arm_has_group(const struct world *world, const struct arm_path *path);
