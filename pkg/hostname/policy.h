/*
 * policy - the questions whose answers are opinions: is this certificate acceptable, when is it
 * due, how long until the next try.
 *
 * Pure functions over facts, so that they can be read, argued about and tested in one place.
 */
#pragma once

#include "api/hostname.h"
#include "azure/keyvault_certificate.h"

#define POLICY_WAIT_MAX (MSEC_PER_DAY * 3 / 2) /* no wait of these schedules is longer */

enum certificate_verdict {
	CERTIFICATE_UNUSABLE, /* none, another's, expired, disabled */
	CERTIFICATE_DUE,      /* serves, and is to be replaced */
	CERTIFICATE_CURRENT,
};

/* What the hostname is to have and what it has; `why` gets a stable reason for anything but
 * CURRENT. */
enum certificate_verdict policy_judge(const struct hostname *hostname, msec_t now,
				      const char **why);

/* Ours: the tag Hostname says so or, without it, the certificate's names are exactly this hostname.
 */
bool policy_is_ours(const struct vault_certificate *certificate, const char *hostname);
/* The tag Hostname says so. */
bool policy_is_tagged(const struct vault_certificate *certificate, const char *hostname);

/* Refused by ourselves or by Azure: 5 s doubling to 10 min, hourly after a day. */
msec_t policy_refusal_wait(struct rng *rng, int64_t count, msec_t since_first);

/* Counted by the CA: 1, 10, 100 minutes, then daily, +-50 %. */
msec_t policy_ca_wait(struct rng *rng, int64_t failures);

/* Polling a peer that names no time: from 0.25 s growing by half to 10 s. */
msec_t policy_poll_wait(int64_t polls, msec_t asked);
