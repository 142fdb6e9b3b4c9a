/*
 * gateway - the Application Gateway as last seen, and what of it is ours. Its status is written by
 * the gateway reconciler alone.
 *
 * There is one object per configured gateway, made at start from the configuration. Everything in
 * `status` is an observation and may be forgotten: it is read again. meta.name is the gateway
 * resource's name.
 */
#pragma once

#include "api/condition.h"

struct gateway_spec {
	const char *resource_id;
};

/* One hostname that the gateway shows: listener, rule and certificate entry are ours and stand. */
struct programmed_hostname {
	const char *hostname;
	const char *listener, *rule;
	const char *secret_id; /* without version, as compared */
};

/* Reason: an update failed because of this hostname. */
#define REJECTED_BY_UPDATE "ListenerRejected"

/* One hostname that this gateway cannot take, and why. */
struct rejected_hostname {
	const char *hostname;
	const char *reason, *message;
	msec_t since;
};

/* A secret id that was sent without a version, for the vault's version of that time. While the
 * gateway shows a version all the same, that is how it shows them. */
struct sent_hostname {
	const char *hostname;
	const char *version;
};

/* One hostname whose listener an update of ours brought in that may have failed: what it takes to
 * find it again, for when nobody wants it any more. */
struct brought_hostname {
	const char *hostname;
	const char *base;      /* name of its vault certificate */
	const char *secret_id; /* without version */
};

struct gateway_status {
	int64_t observed_generation;
	struct objects conditions; /* struct condition */
	struct texts public_ips;
	msec_t observed; /* wall time of the last complete read */
	const char *provisioning_state, *operational_state;
	bool is_missing;	   /* Azure knew no such gateway when it last gave a clear answer */
	bool update_intended;	   /* a PUT may have been sent; void after the next complete read */
	const char *operation_url; /* of the update under way; void when it ended or is forgotten */
	msec_t operation_since;
	msec_t gathering_since;	   /* when the first hostname began to wait; 0: none waits */
	struct objects programmed; /* struct programmed_hostname */
	struct objects rejected;   /* struct rejected_hostname */
	struct objects brought;	   /* struct brought_hostname; void once an update succeeded */
	struct objects sent; /* struct sent_hostname; void once it is shown without a version */
};

struct gateway {
	struct meta meta;
	struct gateway_spec spec;
	struct gateway_status status;
};

extern const struct field gateway_fields[];

/* It serves nobody, and a PUT would start it. */
bool gateway_is_stopped(const struct gateway *gateway);

/* Stopped or missing. That it does not answer, or answers not us, is no reason to think so. */
bool gateway_is_out(const struct gateway *gateway);

/* NULL when the gateway does not show it. */
const struct programmed_hostname *gateway_find_programmed(const struct gateway *gateway,
							  const char *hostname);
const struct rejected_hostname *gateway_find_rejected(const struct gateway *gateway,
						      const char *hostname);
const struct brought_hostname *gateway_find_brought(const struct gateway *gateway,
						    const char *hostname);
const struct sent_hostname *gateway_find_sent(const struct gateway *gateway, const char *hostname);
