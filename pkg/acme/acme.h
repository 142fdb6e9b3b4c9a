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

/* Forgets the remembered account: after accountDoesNotExist or a change of key. */
void acme_account_forget(struct acme *acme);

const char *acme_status_name(enum acme_status status);
