#include "hostname/issue.h"

#include "acme/time.h"
#include "api/validity.h"
#include "base/log.h"
#include "base/text.h"
#include "hostname/certificate.h"
#include "hostname/order.h"
#include "hostname/pending.h"

#define SKEW_ALLOWED	  (5 * MSEC_PER_MIN)
#define PENDING_OPERATION "the pending operation" /* may be missing */

static enum err finalize(struct ctx *ctx, struct pass *pass)
{
	struct bytes csr;

	if (!pass_issuance(pass)->csr) {
		TRY(pending_csr(ctx, pass));
		if (pass->wait)
			return E_OK;
	}
	TRY(base64_decode(ctx, pass_issuance(pass)->csr, &csr));
	pass->has_order = false;
	TRY(acme_order_finalize(ctx, &pass->acme, pass_issuance(pass)->order_url,
				pass->order.finalize, csr.data, csr.size, &pass->order));
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
		return order_missing_is_over(ctx, pass, url);
	}
	TRY(err);
	order_missing_found(pass, url);
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
	if (validity_renewal_time(leaf->not_before, leaf->not_after) <= now)
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

	TRY(base64_decode(ctx, pass_issuance(pass)->csr, &der));
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
		  pass_vault_name(pass));
	err = has_other_key ? order_is_over(ctx, pass)
			    : order_missing_is_over(ctx, pass, PENDING_OPERATION);
	if (err == E_REFUSED)
		pass_issuance(pass)->create_intended = false;
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
	pass_issuance(pass)->merge_intended = true;
	TRY(pass_commit(ctx, pass));
	err = keyvault_certificate_merge(ctx, &pass->world->vault, pass_vault_name(pass), &chain,
					 &ours, &merged);
	if (err != E_OK)
		return merge_failed(ctx, pass, err);
	certificate_close(ctx, pass, &merged);
	log_info(ctx, "certificate issued", "issuer", merged.cert.issuer, "serial",
		 merged.cert.serial, "vault_certificate", pass_vault_name(pass), NULL);
	return pass_commit(ctx, pass);
}

enum err issue_climb(struct ctx *ctx, struct pass *pass)
{
	TRY(order_observe(ctx, pass));
	switch (pass->order.status) {
	case ACME_READY: return finalize(ctx, pass);
	case ACME_VALID:
		if (pass_issuance(pass)->csr && pass->order.certificate)
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
