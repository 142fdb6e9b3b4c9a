/*
 * acme - RFC 8555 against one CA: directory, account, orders, authorizations, challenges,
 * certificates.
 *
 * struct acme is shared by all workers and holds what is worth keeping between passes: the
 * directory (24 h, served stale when the CA is away), a pool of nonces (at most 32, dropped after
 * 60 s or on any badNonce) and the account URL. A session adds what a pass brings: a struct http
 * and the account key's signer. Knows the protocol and nothing of hostnames, vaults or objects.
 * URLs that the CA hands out must have the origin of the directory.
 *
 * Errors: E_THROTTLED rateLimited with a Retry-After, with by_ca set; E_REFUSED with by_ca set when
 * the CA counted it (rejectedIdentifier, caa, unauthorized, dns, connection, incorrectResponse,
 * paused: the text has the problem's detail and subproblems); E_AGAIN the CA is away or garbled,
 * for which the fault asks for patience; E_CONFLICT an unclear answer to newOrder or finalize: look
 * at the order.
 */
#pragma once

#include "http/http.h"
#include "pki/jws.h"

struct acme;

struct acme_session {
	struct acme *acme;
	struct http *http;
	struct signer *signer;
};

enum acme_status {
	ACME_UNKNOWN, /* none of RFC 8555's words: "not yet", never "done" or "failed" */
	ACME_PENDING,
	ACME_READY,
	ACME_PROCESSING,
	ACME_VALID,
	ACME_INVALID,
	ACME_DEACTIVATED,
	ACME_EXPIRED,
	ACME_REVOKED,
};

struct acme_problem {
	const char *type;   /* last segment of the URN: "unauthorized"; NULL when there is none */
	const char *detail; /* detail and subproblems in one line; may be "" */
};

struct acme_order {
	const char *url;
	enum acme_status status;
	msec_t expires; /* 0: not said */
	const char **authorizations;
	size_t authorization_count;
	const char *finalize;
	const char *certificate; /* NULL until issued */
	struct acme_problem error;
	msec_t retry_after; /* 0: not said */
};

struct acme_authorization {
	enum acme_status status;
	const char *identifier;
	msec_t expires;
	/* http-01; all NULL when the CA offers none (it may not for a valid authorization) */
	const char *challenge_url;
	const char *token; /* checked: [A-Za-z0-9_-]{16,128} */
	enum acme_status challenge_status;
	struct acme_problem error; /* of the challenge */
	msec_t retry_after;
};

struct acme *acme_new(const char *directory_url);
void acme_free(struct acme *acme);

/* Finds the account of the session's key without making one. E_NOTFOUND: this CA knows none. */
enum err acme_account_find(struct ctx *ctx, struct acme_session *session, const char **url);

/* Finds it or makes it, agreeing to the terms of service; `email` may be NULL or "". Remembered
 * with the key's thumbprint, so that later passes ask nobody. */
enum err acme_account_ensure(struct ctx *ctx, struct acme_session *session, const char *email,
			     const char **url);

/* Forgets the remembered account: after accountDoesNotExist or a change of key. */
void acme_account_forget(struct acme *acme);

/* ONE_SHOT. The order may come back in any status. */
enum err acme_order_new(struct ctx *ctx, struct acme_session *session, const char *const *hostnames,
			size_t count, struct acme_order *out);
/* E_NOTFOUND: the CA does not know it (any more). */
enum err acme_order_get(struct ctx *ctx, struct acme_session *session, const char *url,
			struct acme_order *out);
/* ONE_SHOT: the irreversible one. The caller has recorded the CSR before. E_CONFLICT also for
 * orderNotReady. */
enum err acme_order_finalize(struct ctx *ctx, struct acme_session *session, const char *order_url,
			     const char *finalize_url, const void *csr_der, size_t csr_size,
			     struct acme_order *out);

enum err acme_authorization_get(struct ctx *ctx, struct acme_session *session, const char *url,
				struct acme_authorization *out);
/* Gives up a pending one, so that it does not count as open. An already final one is fine. */
enum err acme_authorization_deactivate(struct ctx *ctx, struct acme_session *session,
				       const char *url);

/* Idempotent: an answer that is being looked at or was already given is fine. */
enum err acme_challenge_answer(struct ctx *ctx, struct acme_session *session, const char *url);

/* RFC 8555 8.1. */
enum err acme_key_authorization(struct ctx *ctx, struct acme_session *session, const char *token,
				char **out);

/* PEM chain, leaf first, as the CA sent it (at most 64 KiB). E_NOTFOUND as for an order. */
enum err acme_certificate_get(struct ctx *ctx, struct acme_session *session, const char *url,
			      const char **pem, size_t *size);

/* The wall time by what the CA last said; ours while it has not said anything. */
msec_t acme_wall(struct ctx *ctx, struct acme *acme);
/* Whether it has said so. */
bool acme_tells_time(struct acme *acme);
/* Whether ours is further than `tolerance` from it. */
bool acme_clock_differs(struct ctx *ctx, struct acme *acme, msec_t tolerance);

/* CAA identities of the directory's meta (RFC 8555 7.1.1), for the caller's CAA check, which is no
 * reason to wait for a CA: E_NOTFOUND when the directory cannot be had, and nobody is asked once
 * that is known; E_AGAIN when another one is just fetching it. */
enum err acme_caa_identities(struct ctx *ctx, struct acme_session *session,
			     const char *const **identities, size_t *count);

/* For gate_wrap: a 429 that speaks of names (too many certificates, a pause), not of our pace. Only
 * who asked waits. */
bool acme_is_limit_of_names(const struct http_reply *reply);

const char *acme_status_name(enum acme_status status);
