/*
 * hostname - the object at the heart: a hostname that is desired, and what is known about it.
 *
 * Everything but `status` is written through specdir and the API; `status` by the hostname
 * reconciler alone. There is no state field: where a hostname stands is derived on every
 * pass from facts. The few facts that cannot be read back from the world stand in `issuance`; each
 * says what makes it void. meta.name is the hostname, normalised.
 */
#pragma once

#include "api/condition.h"
#include "api/step.h"
#include "api/wish.h"

enum key_type { KEY_TYPE_DEFAULT, KEY_TYPE_RSA_2048, KEY_TYPE_EC_P256 };

struct hostname_spec {
	int key_type; /* enum key_type */
};

/* Where the spec came from. */
struct hostname_source {
	const char *file; /* absolute path */
	int64_t line;
	const char *problem; /* file:line:column and text while the file's newest content cannot be
				used; else NULL */
};

struct certificate_status {
	const char *issuer, *serial;
	msec_t not_before, not_after;
	const char *key_type;
	const char *secret_id; /* with version */
	const char *vault_name;
	const char *sha256; /* of the leaf, hex */
	bool is_imported;   /* the vault's tag says so: we cannot renew it */
	msec_t merged;	    /* wall; when we saw it merged; 0: not known */
};

/*
 * Facts of the issuance under way. The whole struct is void (zeroed) when its order is done with:
 * certificate in the vault, order invalid, expired or forgotten by the CA, and its blob is gone.
 */
struct issuance {
	bool order_intended; /* newOrder is about to be sent; void once order_url is known */
	const char *order_url;
	const char *authorization_url; /* void when the authorization is final */
	const char *challenge_url;     /* void with the authorization */
	const char *token;	       /* void with the authorization */
	const char *blob;	       /* name of the blob that may stand; void once deleted */
	bool uploaded;		       /* it stands; void with `blob` */
	bool answered;		       /* the challenge was answered; void with the authorization */
	bool create_intended;	       /* Key Vault create may have been sent for this order */
	const char *csr; /* base64 DER: finalize was or will be sent with it, and never with another
			    for this order */
	bool merge_intended; /* merge or import may have been sent: the vault is read again first */
	const char *missing; /* what CA or vault last said not to know; void when it is seen */
	msec_t missing_since; /* wall */
};

/* The last refusal, for backoff and for the instances that follow. Zeroed by success. */
struct refusal {
	msec_t pass;	   /* wall time at which the refused pass began */
	int64_t asked;	   /* the hostname's `asked` that it worked on */
	int64_t count;	   /* in a row */
	msec_t first;	   /* when the row began */
	const char *step;  /* documented step */
	const char *error; /* documented error code, or one in its style */
	const char *text;
};

/* What the CA counted against this hostname since the last success, and how long it asked to be
 * left alone. Kept over restarts, or a restart loop would burn the CA's patience. */
struct ca_schedule {
	int64_t failures;
	msec_t not_before;    /* no new order before */
	msec_t forced;	      /* when a request last overrode not_before */
	msec_t asked_until;   /* the CA's Retry-After: no request overrides it */
	const char *asked_by; /* the CA that asked; asked_until is void for another one */
	bool asked_all;	      /* it asked everybody, not this hostname alone */
};

/* A step that was worked on, and when that began. */
struct step_climbed {
	const char *step;
	msec_t time;
};

#define STEPS_CLIMBED_MAX 40 /* the oldest are dropped */

struct hostname_status {
	int64_t observed_generation;
	struct objects conditions; /* struct condition */
	const char *step;	   /* the documented step being climbed; "Completed" at the top */
	struct certificate_status certificate;
	msec_t renewal_time;
	msec_t next_attempt; /* 0: nothing scheduled by a refusal */
	msec_t step_since;   /* when `step` last changed: the gateway's gathering looks at it */
	struct issuance issuance;
	struct refusal refusal;
	struct ca_schedule ca;
	struct objects climbed; /* struct step_climbed of the last ascent, oldest first */
};

struct hostname {
	struct meta meta;
	struct hostname_spec spec;
	struct hostname_source source;
	struct certificate_wish wish;
	msec_t requested; /* somebody last asked for a try now: POST, Retry, SIGHUP */
	/* Numbers of requests (batch_number): a later one is greater, whatever clocks say. 0: none,
	 * or before there were numbers. */
	int64_t asked;	 /* the last that asked for a try */
	int64_t written; /* the last PUT, PATCH or change of a user's file */
	int64_t posted;	 /* the last start request, of those that were not terminated */
	struct hostname_status status;
};

/* The last request decides where the certificate comes from; without any, what stands in the vault.
 * An import that came too late takes nothing from the CA. */
bool hostname_wants_import(const struct hostname *hostname, msec_t now);

/* A key that was brought and that the vault does not have yet. */
bool hostname_awaits_import(const struct hostname *hostname, msec_t now);

/* Somebody has asked for a try since the pass began that was refused last. */
bool hostname_is_asked_again(const struct hostname *hostname);

extern const struct field hostname_fields[];
extern const struct field hostname_spec_fields[];
extern const char *const key_type_names[];

/* Whether a hostname gets Ready by this condition. The others tell of something beside. */
bool hostname_depends_on(const char *condition_type);
