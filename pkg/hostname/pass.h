/*
 * pass - what one look at one hostname knows; shared by the files that implement the rungs.
 * Internal to reconcile.
 */
#pragma once

#include "hostname/hostname.h"
#include "hostname/policy.h"

#include "api/gateway.h"

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

/* Reads the vault's current version when the last look is too old, and judges it. */
enum err certificate_observe(struct ctx *ctx, struct pass *pass);

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

/* The rungs. Predicates over facts, and what makes them so. */
bool public_ip_is_known(const struct pass *pass);
enum err public_ip_climb(struct ctx *ctx, struct pass *pass);

bool dns_is_checked(const struct pass *pass);
enum err dns_climb(struct ctx *ctx, struct pass *pass);

bool order_is_recorded(const struct pass *pass);
enum err order_climb(struct ctx *ctx, struct pass *pass);

bool challenge_is_known(const struct pass *pass);
enum err challenge_climb(struct ctx *ctx, struct pass *pass);

bool file_is_uploaded(const struct pass *pass);
enum err upload_climb(struct ctx *ctx, struct pass *pass);

bool challenge_is_answered(const struct pass *pass);
enum err answer_climb(struct ctx *ctx, struct pass *pass);

bool order_is_ready(const struct pass *pass);
enum err check_order_climb(struct ctx *ctx, struct pass *pass);

bool file_is_deleted(const struct pass *pass);
enum err delete_file_climb(struct ctx *ctx, struct pass *pass);

bool certificate_is_current(const struct pass *pass);
enum err certificate_climb(struct ctx *ctx, struct pass *pass);

bool import_is_done(const struct pass *pass);
enum err import_climb(struct ctx *ctx, struct pass *pass);

/* Removes the sealed key of an import that is done or can no longer come, and whatever nobody
 * wants; costs nothing when there is none. */
enum err import_tidy(struct ctx *ctx, struct pass *pass);

/* Nobody is served, whatever it was made to show. */
bool gateway_serves_nobody(const struct pass *pass);

bool gateway_is_configured(const struct pass *pass);
enum err configure_climb(struct ctx *ctx, struct pass *pass);

/* What every certificate of ours carries in the vault, and what an imported one does beside. */
#define TAG_SOURCE	  "Source"
#define TAG_SOURCE_IMPORT "Import"
struct text_map certificate_tags(struct ctx *ctx, const struct pass *pass);

/* Before a write that adds a version to whatever stands under the name: not without having looked a
 * moment ago. */
enum err certificate_look(struct ctx *ctx, struct pass *pass);

/* The plain name belongs to somebody else: the hashed one becomes ours. */
enum err certificate_rename(struct ctx *ctx, struct pass *pass);

/* The name stands for a deleted certificate: ours comes back, with pass->wait set; another's makes
 * us take another name, and E_CONFLICT is returned. */
enum err certificate_recover(struct ctx *ctx, struct pass *pass);

/* Records the CSR that the order is to be finalized with, or sets pass->wait. */
enum err pending_csr(struct ctx *ctx, struct pass *pass);

/* E_REFUSED, with what to do about somebody else's operation. */
enum err pending_conflict(struct ctx *ctx, struct pass *pass);

/* `what` is said not to be there, which the fault tells: E_AGAIN, and when that has lasted the
 * order is over. */
enum err missing_is_over(struct ctx *ctx, struct pass *pass, const char *what);
void missing_found(struct pass *pass, const char *what);

/* The vault's answer as the certificate of the hostname. */
void certificate_record(struct ctx *ctx, struct pass *pass, const struct vault_certificate *found);

/* Fetches the recorded order unless this pass has it. One that is final, or that the CA does not
 * know for a while, is dropped, and E_REFUSED returned. */
enum err order_observe(struct ctx *ctx, struct pass *pass);

/* Forgets the order and all that hangs on it but the blob and a pending vault operation, which
 * still want cleaning up. */
void order_drop(struct pass *pass);

/* The CA's last word on the order, which the fault tells: it counts as a failure, and the next try
 * needs a new order. */
enum err order_is_over(struct ctx *ctx, struct pass *pass);

/* A withdrawn hostname: undoes what was begun for it, as far as no finalize was sent. */
enum err withdraw_undo(struct ctx *ctx, struct pass *pass);

/* An order that was not finalized and that nobody wants any more. The CA may be away: it forgets by
 * itself. */
enum err withdraw_order(struct ctx *ctx, struct pass *pass);

/* GETs the challenge file as the CA will, through the gateway's own address. E_REFUSED reasons:
 * ChallengeFileNotFound, ChallengeFileNotValid, SelfCheckUnreachable: then the gateway is looked at
 * too. */
enum err self_check(struct ctx *ctx, struct pass *pass, const char *key_authorization);
