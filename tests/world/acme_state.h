/*
 * acme_state - what the model CA remembers. Private to acme_*.c.
 */
#pragma once

#include "world/acme_model.h"

#define ACME_ID_BYTES  12
#define ACME_NONCES    512
#define ACME_NAMES_MAX 100

enum acme_status {
	ACME_PENDING,
	ACME_READY,
	ACME_PROCESSING,
	ACME_VALID,
	ACME_INVALID,
	ACME_DEACTIVATED,
	ACME_REVOKED,
};

struct acme_account {
	struct acme_account *next;
	char id[2 * ACME_ID_BYTES + 1];
	enum acme_status status; /* ACME_VALID or ACME_DEACTIVATED */
	struct json *jwk, *contact;
	char *thumbprint;
	EVP_PKEY *key;
};

struct acme_authz {
	struct acme_authz *next;
	char id[2 * ACME_ID_BYTES + 1];
	struct acme_account *account;
	const char *name;
	bool is_wildcard;
	enum acme_status status;    /* of the authorization */
	enum acme_status challenge; /* of its http-01 challenge */
	char token[44];
	msec_t due;	   /* mono: when the challenge in processing is looked at */
	int64_t expires;   /* seconds */
	const char *error; /* JSON text of the challenge's problem */
};

struct acme_cert {
	struct acme_cert *next;
	char id[2 * ACME_ID_BYTES + 1];
	struct acme_account *account;
	X509 *leaf;
	const char *serial, *pem;
	const char *names; /* joined, to compare sets */
	int64_t not_before, not_after;
	bool is_revoked, is_replaced;
};

struct acme_order {
	struct acme_order *next;
	char id[2 * ACME_ID_BYTES + 1];
	struct acme_account *account;
	enum acme_status status; /* recomputed from the authorizations until it is final */
	struct acme_authz *authzs[ACME_NAMES_MAX];
	size_t authz_count;
	const char *names;
	int64_t expires;
	msec_t due; /* mono: when processing ends */
	struct bytes csr;
	struct acme_cert *cert, *replaces;
	const char *error; /* JSON text */
	unsigned finalizes;
};

struct acme {
	struct place place;
	struct acme_account *accounts;
	struct acme_authz *authzs;
	struct acme_order *orders;
	struct acme_cert *certs;
	char nonces[ACME_NONCES][2 * ACME_ID_BYTES + 1];
	unsigned nonce_count;
	unsigned posts;
};

/* What a verified JWS said. */
struct acme_request {
	struct acme_account *account; /* NULL: signed by a key that came along */
	const struct json *jwk;
	EVP_PKEY *jwk_key;
	const struct json *payload; /* NULL: POST-as-GET */
};

/* acme_jws.c: false after a problem was answered. The key in `out` lives until acme_request_done.
 */
bool acme_verify(struct world *world, struct call *call, struct acme_request *out);
void acme_request_done(struct acme_request *request);
void acme_fresh_nonce(struct world *world, struct call *call);
struct acme_account *acme_account_by_jwk(const struct world *world, struct ctx *ctx,
					 const struct json *jwk);

/* acme_orders.c */
void acme_new_order(struct world *world, struct call *call, const struct acme_request *request);
void acme_finalize(struct world *world, struct call *call, const struct acme_request *request,
		   const char *id);
void acme_show_order(struct world *world, struct call *call, struct acme_order *order, int status);
struct acme_order *acme_find_order(const struct world *world, const char *id);
/* Lets processing orders and challenges come to their end. */
void acme_tick(struct world *world, struct ctx *ctx);

/* acme_authz.c */
struct acme_authz *acme_authz_for(struct world *world, struct acme_account *account,
				  const char *name);
struct acme_authz *acme_find_authz(const struct world *world, const char *id);
void acme_authz_post(struct world *world, struct call *call, const struct acme_request *request,
		     struct acme_authz *authz);
void acme_challenge_post(struct world *world, struct call *call, const struct acme_request *request,
			 struct acme_authz *authz);
void acme_authz_tick(struct world *world, struct ctx *ctx);

/* acme_ca.c */
struct acme_cert *acme_issue(struct world *world, const struct acme_order *order);
struct acme_cert *acme_find_cert(const struct world *world, const char *id);
struct acme_cert *acme_cert_by_ari(struct world *world, struct ctx *ctx, const char *ari_id);
void acme_renewal_info(struct world *world, struct call *call, const char *ari_id);
void acme_revoke(struct world *world, struct call *call, const struct acme_request *request);
/* PEM of the root that its chains lead to, in ctx's arena. */
char *acme_root_pem(struct ctx *ctx);

const char *acme_word(enum acme_status status);
char *acme_url(struct ctx *ctx, const struct world *world, const char *kind, const char *id);
void acme_id(struct world *world, char out[2 * ACME_ID_BYTES + 1]);
struct json *acme_date(struct ctx *ctx, int64_t seconds);
