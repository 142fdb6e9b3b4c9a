/*
 * condition - one thing that is True, False or Unknown about an object, why, and since when.
 *
 * A list of them has one order, whatever was found out first: Ready, then what it depends on as the
 * documented flow has it, then what is beside. Types that this version does not know come last.
 */
#pragma once

#include "api/meta.h"

#define CONDITION_READY		      "Ready"
#define CONDITION_GATEWAY_REACHABLE   "GatewayReachable"
#define CONDITION_GATEWAY_WRITABLE    "GatewayWritable"
#define CONDITION_DNS_RESOLVED	      "DnsResolved"
#define CONDITION_OWNERSHIP_VALIDATED "OwnershipValidated"
#define CONDITION_CERTIFICATE_ISSUED  "CertificateIssued"
#define CONDITION_GATEWAY_CONFIGURED  "GatewayConfigured"
#define CONDITION_RENEWING	      "Renewing"
#define CONDITION_EXPIRING	      "Expiring" /* an imported certificate that nobody replaces */
#define CONDITION_SPEC_VALID	      "SpecValid"

enum condition_status { CONDITION_UNKNOWN, CONDITION_TRUE, CONDITION_FALSE };

struct condition {
	const char *type;
	int status; /* enum condition_status */
	const char *reason;
	const char *message;
	msec_t last_transition;
	int64_t observed_generation;
};

extern const struct field condition_fields[];
extern const char *const condition_status_names[];

/* A list that was read: files of earlier versions have it in the order of finding out. */
void condition_sort(struct objects *conditions);

/* Sets or adds the condition of `type` in a sorted list of struct condition. last_transition moves
 * only when the status changes. Returns whether anything but observed_generation changed. */
bool condition_set(struct ctx *ctx, struct objects *conditions, const char *type,
		   enum condition_status status, const char *reason, const char *message,
		   int64_t generation);

const struct condition *condition_find(const struct objects *conditions, const char *type);
bool condition_is_true(const struct objects *conditions, const char *type);
