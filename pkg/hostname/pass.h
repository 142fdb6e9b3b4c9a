/*
 * pass - what one look at one hostname knows; shared by the files that implement the rungs.
 */
#pragma once

#include "acme/order.h"
#include "api/gateway.h"
#include "hostname/policy.h"
#include "hostname/world.h"

#define CLOCK_TOLERANCE MSEC_PER_HOUR

struct pass {
	struct hostname_world *world;
	const char *name;	       /* the hostname */
	struct hostname host;	       /* a copy to work on: pass_commit makes it durable */
	const struct gateway *gateway; /* NULL: never read */
	struct note note;
	msec_t began; /* wall */
	enum certificate_verdict verdict;
	const char *why; /* of the verdict */
	struct acme_session acme;
	bool has_session;
	struct acme_order order;
	bool has_order;
	msec_t ca_clock; /* wall, where it is known to differ from ours by more than
			    CLOCK_TOLERANCE; else 0 */
	msec_t wait;	 /* set by a climb that has to wait for the world; 0: go on */
};

/* Durable when it returns; nothing is written when nothing changed. */
enum err pass_commit(struct ctx *ctx, struct pass *pass);

/* Signed in at the CA: pass->acme can be used. */
enum err pass_session(struct ctx *ctx, struct pass *pass);

/* Certificate is neither current nor being left alone: the issuing rungs are to be climbed. */
static inline bool pass_wants_certificate(const struct pass *pass)
{
	return pass->verdict != CERTIFICATE_CURRENT;
}

/* Something of an order or of a vault operation is recorded. */
static inline bool pass_has_issuance(const struct pass *pass)
{
	const struct issuance *issuance = &pass->host.status.issuance;

	return issuance->order_url || issuance->create_intended;
}

static inline struct issuance *pass_issuance(struct pass *pass)
{
	return &pass->host.status.issuance;
}

/* Of its certificate; NULL: not chosen yet. */
static inline const char *pass_vault_name(const struct pass *pass)
{
	return pass->host.status.certificate.vault_name;
}
