/*
 * The rung that makes the certificate: finalize with the CSR of the vault's pending operation,
 * download, judge, merge. A ladder of its own, on the order's status. Every ONE_SHOT has its intent
 * recorded before, and is never sent again before the world was looked at.
 */
#include "hostname/pass.h"

#include <string.h>

#include "acme/order.h"
#include "acme/time.h"
#include "api/names.h"
#include "base/log.h"
#include "base/text.h"

#define VAULT_FRESH	  MSEC_PER_HOUR
#define LOOK_BEFORE_WRITE MSEC_PER_MIN
#define MISSED_FOR	  (2 * MSEC_PER_MIN)
#define SKEW_ALLOWED	  (5 * MSEC_PER_MIN)
#define PENDING_OPERATION "the pending operation" /* may be missing */

static struct issuance *issuance(struct pass *pass)
{
	return &pass->host.status.issuance;
}

static const char *vault_name(struct pass *pass)
{
	return pass->host.status.certificate.vault_name;
}

static void judge(struct ctx *ctx, struct pass *pass)
{
	pass->verdict = policy_judge(&pass->host, ctx_wall(ctx), &pass->why);
}

static bool has_import_tag(const struct vault_certificate *found)
{
	for (size_t i = 0; i < found->tags.count; i++)
		if (text_equals(found->tags.items[i].key, TAG_SOURCE))
			return text_equals(found->tags.items[i].value, TAG_SOURCE_IMPORT);
	return false;
}

void certificate_record(struct ctx *ctx, struct pass *pass, const struct vault_certificate *found)
{
	struct hostname_status *status = &pass->host.status;
	struct certificate_status before = status->certificate;

	status->certificate = (struct certificate_status){
		.issuer = found->cert.issuer,
		.serial = found->cert.serial,
		.not_before = found->cert.not_before,
		.not_after = found->cert.not_after,
		.key_type = found->cert.key_type,
		.secret_id = found->is_enabled ? found->secret_id : NULL,
		.vault_name = vault_name(pass),
		.sha256 = hex_encode(ctx, found->cert.sha256, sizeof(found->cert.sha256)),
		.is_imported = has_import_tag(found),
	};
	if (text_equals(before.sha256, status->certificate.sha256))
		status->certificate.merged = before.merged;
	status->renewal_time = status->certificate.is_imported
				       ? 0
				       : policy_renewal_time(found->cert.not_before,
							     found->cert.not_after);
	judge(ctx, pass);
}

static void record_none(struct ctx *ctx, struct pass *pass)
{
	pass->host.status.certificate = (struct certificate_status){.vault_name = vault_name(pass)};
	pass->host.status.renewal_time = 0;
	judge(ctx, pass);
}

enum err certificate_rename(struct ctx *ctx, struct pass *pass)
{
	const char *hashed = name_hashed(ctx, pass->name);

	if (text_equals(vault_name(pass), hashed))
		return fault_set(ctx, E_REFUSED, "NameConflict",
				 "the Key Vault certificate %s belongs to another hostname. Rename "
				 "or delete "
				 "it, or correct its tag Hostname",
				 hashed);
	pass->host.status.certificate.vault_name = hashed;
	pass->note.vault_seen = 0;
	return E_OK;
}

static bool is_older(const struct hostname *a, const struct hostname *b)
{
	return a->meta.created != b->meta.created ? a->meta.created < b->meta.created
						  : strcmp(a->meta.name, b->meta.name) < 0;
}

/*
 * Of several hostnames with the same plain name the one that has it keeps it, else the oldest takes
 * it. Decided from the store, before the vault is asked: two workers that both find the name free
 * there must not both take it.
 */
static enum err choose_name(struct ctx *ctx, struct pass *pass)
{
	const char *plain = name_plain(ctx, pass->name);
	const void **hostnames;
	size_t count;

	TRY(store_list(ctx, pass->world->store, KIND_HOSTNAME, &hostnames, &count));
	pass->host.status.certificate.vault_name = plain;
	for (size_t i = 0; i < count; i++) {
		const struct hostname *other = hostnames[i];
		const char *has = other->status.certificate.vault_name;

		if (text_equals(other->meta.name, pass->name) ||
		    !text_equals(name_plain(ctx, other->meta.name), plain))
			continue;
		if (has ? text_equals(has, plain) : is_older(other, &pass->host))
			pass->host.status.certificate.vault_name = name_hashed(ctx, pass->name);
	}
	return E_OK;
}

/* The order is done with when its certificate is in the vault. */
static void close_issuance(struct ctx *ctx, struct pass *pass,
			   const struct vault_certificate *merged)
{
	order_drop(pass);
	issuance(pass)->create_intended = false;
	issuance(pass)->merge_intended = false;
	certificate_record(ctx, pass, merged);
	pass->host.status.certificate.merged = ctx_wall(ctx);
	judge(ctx, pass);
}

static bool is_merged(struct ctx *ctx, struct pass *pass, const struct vault_certificate *found)
{
	struct bytes der;
	struct csr csr;

	return issuance(pass)->csr && base64_decode(ctx, issuance(pass)->csr, &der) == E_OK &&
	       csr_from_der(ctx, der.data, der.size, &csr) == E_OK &&
	       cert_has_key(&found->cert, &csr.public_key);
}

/* The plain name may belong to another hostname: ours is the hashed one. */
static enum err find_ours(struct ctx *ctx, struct pass *pass, struct vault_certificate *found)
{
	struct keyvault *vault = &pass->world->vault;

	TRY(keyvault_certificate_get(ctx, vault, vault_name(pass), found));
	if (policy_is_ours(found, pass->name))
		return E_OK;
	TRY(certificate_rename(ctx, pass));
	TRY(keyvault_certificate_get(ctx, vault, vault_name(pass), found));
	return policy_is_ours(found, pass->name) ? E_OK : certificate_rename(ctx, pass);
}

/* One "not found" about a certificate that was there would cost another one. */
static bool is_gone(struct ctx *ctx, struct pass *pass)
{
	msec_t now = ctx_mono(ctx), *since = &pass->note.missed_since;

	if (!*since)
		*since = now ? now : 1;
	return !pass->host.status.certificate.secret_id || now - *since >= MISSED_FOR;
}

static enum err read_current(struct ctx *ctx, struct pass *pass)
{
	struct vault_certificate found;
	msec_t now = ctx_mono(ctx);
	enum err err;

	if (!vault_name(pass))
		TRY(choose_name(ctx, pass));
	err = find_ours(ctx, pass, &found);
	if (err == E_NOTFOUND && !is_gone(ctx, pass))
		return E_AGAIN;
	if (err != E_OK && err != E_NOTFOUND)
		return err;
	pass->note.vault_seen = now ? now : 1;
	pass->note.pending_seen = found.has_pending;
	pass->note.missed_since = 0;
	if (err == E_NOTFOUND) {
		fault_clear(ctx);
		record_none(ctx, pass);
		return E_OK;
	}
	if (is_merged(ctx, pass, &found))
		close_issuance(ctx, pass, &found);
	else
		certificate_record(ctx, pass, &found);
	return E_OK;
}

/* An order that was begun, and that nobody needs: the spec was changed back, or a certificate
 * appeared. One that was finalized is a reason to go on. */
static void leave_needless_order(struct ctx *ctx, struct pass *pass)
{
	if (pass_wants_certificate(pass) || !pass_has_issuance(pass) || issuance(pass)->csr)
		return;
	if (withdraw_order(ctx, pass) != E_OK)
		log_debug(ctx, "needless order not left yet", "text", ctx->fault.text, NULL);
	fault_clear(ctx);
}

enum err certificate_observe(struct ctx *ctx, struct pass *pass)
{
	const struct note *note = &pass->note;

	judge(ctx, pass);
	if (!note->vault_seen || ctx_mono(ctx) - note->vault_seen >= VAULT_FRESH ||
	    issuance(pass)->merge_intended) {
		TRY(read_current(ctx, pass));
		issuance(pass)->merge_intended = false;
	}
	leave_needless_order(ctx, pass);
	return E_OK;
}

enum err certificate_look(struct ctx *ctx, struct pass *pass)
{
	const struct note *note = &pass->note;

	if (note->vault_seen && ctx_mono(ctx) - note->vault_seen < LOOK_BEFORE_WRITE)
		return E_OK;
	TRY(read_current(ctx, pass));
	if (pass_wants_certificate(pass))
		return E_OK;
	return fault_set(ctx, E_CONFLICT, "CertificateAppeared",
			 "the vault has an acceptable certificate meanwhile");
}

struct text_map certificate_tags(struct ctx *ctx, const struct pass *pass)
{
	struct text_pair *pairs = arena_new_array(ctx->arena, struct text_pair, 2);

	pairs[0] = (struct text_pair){"Hostname", pass->name};
	pairs[1] = (struct text_pair){"Issuer", pass->world->settings->acme_endpoint};
	return (struct text_map){pairs, 2};
}

static enum err finalize(struct ctx *ctx, struct pass *pass)
{
	struct bytes csr;

	if (!issuance(pass)->csr) {
		TRY(pending_csr(ctx, pass));
		if (pass->wait)
			return E_OK;
	}
	TRY(base64_decode(ctx, issuance(pass)->csr, &csr));
	pass->has_order = false;
	TRY(acme_order_finalize(ctx, &pass->acme, issuance(pass)->order_url, pass->order.finalize,
				csr.data, csr.size, &pass->order));
	pass->has_order = true;
	pass->note.polls = 0;
	if (pass->order.status == ACME_PROCESSING)
		pass->wait = policy_poll_wait(0, pass->order.retry_after);
	return E_OK;
}

/* As often as need be: what cannot be read says nothing about the certificate. */
static enum err download(struct ctx *ctx, struct pass *pass, struct chain *chain)
{
	const char *url = pass->order.certificate, *pem;
	size_t size;
	enum err err = acme_certificate_get(ctx, &pass->acme, url, &pem, &size);

	if (err == E_NOTFOUND) {
		fault_set(ctx, E_REFUSED, "CertificateGone",
			  "the CA does not know the certificate that its order led to");
		return missing_is_over(ctx, pass, url);
	}
	TRY(err);
	missing_found(pass, url);
	if (chain_from_pem(ctx, pem, size, chain) != E_OK)
		return fault_wrap(ctx, E_AGAIN, "the CA's answer");
	return E_OK;
}

/* What a certificate says of time is compared with the clock of who issued it. Ours may be wrong,
 * and what was paid for is lost by that. */
static enum err judge_dates(struct ctx *ctx, struct pass *pass, const struct cert *leaf)
{
	struct acme *ca = pass->world->acme;
	msec_t now = acme_wall(ctx, ca);

	if (!acme_tells_time(ca))
		return E_OK;
	if (leaf->not_before > msec_add(now, SKEW_ALLOWED))
		return fault_set(ctx, E_REFUSED, "CertificateRejected",
				 "the CA's new certificate is not valid yet, by the CA's own "
				 "clock; it was not taken");
	if (policy_renewal_time(leaf->not_before, leaf->not_after) <= now)
		return fault_set(ctx, E_REFUSED, "CertificateRejected",
				 "the CA's new certificate is due for renewal already, by the CA's "
				 "own clock; it was not taken");
	return E_OK;
}

/* Before anything is replaced by it. */
static enum err judge_chain(struct ctx *ctx, struct pass *pass, const struct chain *chain)
{
	struct bytes der;
	struct csr csr;

	TRY(base64_decode(ctx, issuance(pass)->csr, &der));
	TRY(csr_from_der(ctx, der.data, der.size, &csr));
	TRY(chain_check(ctx, chain, &csr));
	return judge_dates(ctx, pass, &chain->items[0]);
}

/* Nothing is pending, or it has another key. Nothing is what a merge leaves behind whose answer was
 * lost: the vault is read again first. */
static enum err merge_failed(struct ctx *ctx, struct pass *pass, enum err err)
{
	bool has_other_key = err == E_REFUSED && text_equals(ctx->fault.reason, "KeyMismatch");

	if (err != E_NOTFOUND && !has_other_key)
		return err;
	fault_set(ctx, E_REFUSED, "KeyLost",
		  "the pending operation of Key Vault certificate %s whose CSR was finalized is "
		  "gone: "
		  "somebody deleted or replaced it. A new certificate will be ordered",
		  vault_name(pass));
	err = has_other_key ? order_is_over(ctx, pass)
			    : missing_is_over(ctx, pass, PENDING_OPERATION);
	if (err == E_REFUSED)
		issuance(pass)->create_intended = false;
	return err;
}

static enum err merge(struct ctx *ctx, struct pass *pass)
{
	struct text_map ours = certificate_tags(ctx, pass);
	struct vault_certificate merged;
	struct chain chain;
	enum err err;

	TRY(download(ctx, pass, &chain));
	if (judge_chain(ctx, pass, &chain) != E_OK)
		return order_is_over(ctx, pass);
	issuance(pass)->merge_intended = true;
	TRY(pass_commit(ctx, pass));
	err = keyvault_certificate_merge(ctx, &pass->world->vault, vault_name(pass), &chain, &ours,
					 &merged);
	if (err != E_OK)
		return merge_failed(ctx, pass, err);
	close_issuance(ctx, pass, &merged);
	log_info(ctx, "certificate issued", "issuer", merged.cert.issuer, "serial",
		 merged.cert.serial, "vault_certificate", vault_name(pass), NULL);
	return pass_commit(ctx, pass);
}

bool certificate_is_current(const struct pass *pass)
{
	return !pass_wants_certificate(pass);
}

enum err certificate_climb(struct ctx *ctx, struct pass *pass)
{
	TRY(order_observe(ctx, pass));
	switch (pass->order.status) {
	case ACME_READY: return finalize(ctx, pass);
	case ACME_VALID:
		if (issuance(pass)->csr && pass->order.certificate)
			return merge(ctx, pass);
		fault_set(ctx, E_REFUSED, "OrderUnusable",
			  "the CA's order is valid already, for a CSR that is not ours");
		return order_is_over(ctx, pass);
	case ACME_PROCESSING:
	case ACME_PENDING:
	case ACME_UNKNOWN:
		pass->wait = policy_poll_wait(pass->note.polls++, pass->order.retry_after);
		return E_OK;
	case ACME_INVALID:
	case ACME_DEACTIVATED:
	case ACME_EXPIRED:
	case ACME_REVOKED: break;
	}
	return fault_set(ctx, E_CONFLICT, "OrderGone", "the order is no longer usable");
}
