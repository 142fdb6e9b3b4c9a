/*
 * acme_internal - what the files of this package share: struct acme, and one exchange with the CA.
 *
 * The lock is never held while somebody waits for the CA. Everything that the CA says passes
 * acme_get or acme_post, which keep its nonces and file its problem documents; every URL passes
 * acme_check_url before it is used or handed out.
 */
#pragma once

#include <pthread.h>

#include "acme/acme.h"

#define ACME_GET_TIMEOUT      (30 * MSEC_PER_SEC)
#define ACME_POST_TIMEOUT     (90 * MSEC_PER_SEC)
#define ACME_JSON_BYTES_MAX   ((size_t)256 * 1024)
#define ACME_CHAIN_BYTES_MAX  ((size_t)64 * 1024)
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

/* One signed request. */
struct acme_post {
	enum http_kind kind;
	const char *url;
	const char *payload; /* "": POST-as-GET (RFC 8555 6.3) */
	const char *accept;  /* NULL: JSON, and its limit */
	size_t reply_bytes_max;
	bool is_account_request; /* signed with the key itself, not in the account's name */
};

struct acme_answer {
	struct http_reply reply;
	struct acme_problem problem; /* the type is NULL unless the CA sent one */
};

/* "The CA (host)": how every text of ours names the peer. */
const char *acme_who(struct ctx *ctx, const struct acme *acme);

/* E_REFUSED, reason ForeignUrl: not of the directory's origin. */
enum err acme_check_url(struct ctx *ctx, const struct acme *acme, const char *url);

/* E_OK for 2xx only. E_NOTFOUND is the CA's 404. */
enum err acme_get(struct ctx *ctx, struct acme_session *session, const char *method,
		  const char *url, struct http_reply *reply);
enum err acme_post(struct ctx *ctx, struct acme_session *session, const struct acme_post *post,
		   struct acme_answer *answer);

/* The answer is not what it must be: E_CONFLICT for a ONE_SHOT, else E_AGAIN. */
enum err acme_garbled(struct ctx *ctx, const struct acme *acme, enum http_kind kind,
		      const char *what, const char *wrong);

/* The answer as a JSON object, or acme_garbled. */
enum err acme_reply_object(struct ctx *ctx, const struct acme *acme, enum http_kind kind,
			   const char *what, const struct http_reply *reply, struct json **out);

/* The word of RFC 8555 7.1.6. */
enum acme_status acme_status_parse(const char *word);

/* RFC 3339 time of a member, 0 when absent or unreadable. */
msec_t acme_time(const struct json *object, const char *member);

/* directory.c: cached 24 h; a stale one is served when the CA is away. Fetched by one at a time:
 * the others get the stale one, or E_AGAIN with fault.is_untried. */
enum err acme_directory_get(struct ctx *ctx, struct acme_session *session,
			    struct acme_directory *out);
/* Fetch it afresh next time: one of its URLs was not found. */
void acme_directory_expire(struct acme *acme);

/* nonce.c: a pooled nonce or a new one. */
enum err acme_nonce_take(struct ctx *ctx, struct acme_session *session, const char **out);
/* The nonce of an answer, or NULL. */
const char *acme_nonce_of(const struct http_reply *reply);
void acme_nonce_keep(struct ctx *ctx, struct acme *acme, const char *nonce); /* NULL is fine */
void acme_nonces_drop(struct acme *acme);

/* time.c: remembers the Date of an answer. */
void acme_time_note(struct ctx *ctx, struct acme *acme, const struct http_reply *reply);

/* account.c: the URL to sign with. E_AGAIN when the CA knows no account of this key: the caller
 * makes one first. */
enum err acme_account_url(struct ctx *ctx, struct acme_session *session, const char **url);

/* problem.c: what a problem document (RFC 7807, RFC 8555 6.7) says; both members empty when it
 * is none. */
void acme_problem_read(struct ctx *ctx, const struct http_reply *reply, struct acme_problem *out);
void acme_problem_from_json(struct ctx *ctx, const struct json *json, struct acme_problem *out);
/* Marks the fault as the CA's own, which is left alone for longer than others, and over restarts
 * where it asks for it. */
enum err acme_by_ca(struct ctx *ctx, enum err err);
/* Files an answer that is no success. */
enum err acme_problem_fault(struct ctx *ctx, const struct acme *acme,
			    const struct http_request *request, const struct http_reply *reply,
			    const struct acme_problem *problem);
