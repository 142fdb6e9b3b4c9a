/*
 * acme_internal - the inside of struct acme, and what all files of this package ask of it.
 *
 * The lock is never held while somebody waits for the CA. Everything that the CA says passes
 * acme_get (client) or acme_post, which keep its nonces and file its problem documents; every URL
 * passes acme_check_url before it is used or handed out.
 *
 * The files are a staircase, each on those before it: problem, time, nonce; client, which sends;
 * directory; post, which signs; account; order and challenge.
 */
#pragma once

#include <pthread.h>

#include "acme/acme.h"

#define ACME_JSON_BYTES_MAX   ((size_t)256 * 1024)
#define ACME_NONCES_MAX	      32
#define ACME_NONCE_LENGTH_MAX 255

struct acme_directory {
	const char *new_nonce, *new_account, *new_order;
	const char **caa_identities;
	size_t caa_count;
};

struct acme_nonce {
	char text[ACME_NONCE_LENGTH_MAX + 1];
	msec_t received; /* mono */
};

struct acme {
	/* immutable after new */
	char *directory_url;
	pthread_mutex_t lock;
	/* guarded by lock */
	struct acme_directory directory;
	struct arena *directory_memory;		    /* NULL: none fetched yet */
	msec_t directory_due;			    /* mono: when to fetch it again */
	bool directory_is_coming, directory_failed; /* somebody fetches it; the last fetch failed */
	msec_t directory_asked;			    /* mono: when that fetch began */
	struct acme_nonce nonces[ACME_NONCES_MAX];  /* oldest first */
	size_t nonce_count;
	char account_thumbprint[64]; /* base64url of a SHA-256; "" while no account is known */
	char *account_url;
	msec_t ca_wall, ca_mono; /* the CA's last Date (0: none), and when it came */
};

/* "The CA (host)": how every text of ours names the peer. */
const char *acme_who(struct ctx *ctx, const struct acme *acme);

/* E_REFUSED, reason ForeignUrl: not of the directory's origin. */
enum err acme_check_url(struct ctx *ctx, const struct acme *acme, const char *url);

/* The word of RFC 8555 7.1.6. */
enum acme_status acme_status_parse(const char *word);

/* RFC 3339 time of a member, 0 when absent or unreadable. */
msec_t acme_time(const struct json *object, const char *member);
