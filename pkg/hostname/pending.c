#include "hostname/pending.h"

#include "base/text.h"
#include "hostname/certificate.h"

static int wanted_key_type(const struct pass *pass)
{
	return pass->host.spec.key_type == KEY_TYPE_DEFAULT ? pass->world->settings->key_type
							    : pass->host.spec.key_type;
}

static bool is_about_us(const struct pass *pass, const struct vault_operation *pending)
{
	return pending->has_csr && names_are(&pending->csr.names, &pass->name, 1);
}

static bool csr_fits(const struct pass *pass, const struct vault_operation *pending)
{
	return pending->status == VAULT_IN_PROGRESS && !pending->is_foreign_issuer &&
	       is_about_us(pass, pending) &&
	       text_equals(pending->csr.key_type, key_type_names[wanted_key_type(pass)]);
}

static bool has_ended(const struct vault_operation *pending)
{
	return pending->status == VAULT_COMPLETED || pending->status == VAULT_CANCELED ||
	       pending->status == VAULT_FAILED;
}

enum err pending_conflict(struct ctx *ctx, struct pass *pass)
{
	return fault_set(
		ctx, E_REFUSED, "PendingConflict",
		"Key Vault certificate %s has a pending operation that this daemon did not "
		"start. Complete or delete it",
		pass_vault_name(pass));
}

/* Read afresh: this is rare, and what was begun first shows its tag before it is a certificate. */
static enum err read_tag(struct ctx *ctx, struct pass *pass, bool *is_tagged)
{
	struct vault_certificate found;
	enum err err = keyvault_certificate_get(ctx, &pass->world->vault, pass_vault_name(pass),
						&found);

	if (err != E_OK && err != E_NOTFOUND)
		return err;
	fault_clear(ctx);
	*is_tagged = policy_is_tagged(&found, pass->name);
	return E_OK;
}

/* Somebody else begins a certificate for other names, under a name where we have nothing. */
static bool is_name_taken(struct pass *pass, const struct vault_operation *pending)
{
	return pending->has_csr && !is_about_us(pass, pending) &&
	       !pass->host.status.certificate.secret_id;
}

static enum err resolve_unfit(struct ctx *ctx, struct pass *pass,
			      const struct vault_operation *pending)
{
	if (is_name_taken(pass, pending)) {
		TRY(certificate_rename(ctx, pass));
		pass_issuance(pass)->create_intended = false;
		return fault_set(ctx, E_CONFLICT, "NameTaken",
				 "the vault name is in use for another hostname");
	}
	if (pass_issuance(pass)->create_intended && is_about_us(pass, pending) &&
	    !pending->is_foreign_issuer && pending->status == VAULT_IN_PROGRESS) {
		TRY(keyvault_pending_delete(ctx, &pass->world->vault, pass_vault_name(pass)));
		return fault_set(
			ctx, E_CONFLICT, "PendingReplaced",
			"a pending certificate operation of ours did not fit and was deleted");
	}
	return pending_conflict(ctx, pass);
}

/* Goes on with what is pending when it is ours and fits. E_NOTFOUND: nothing is. */
static enum err adopt(struct ctx *ctx, struct pass *pass, struct vault_operation *pending)
{
	bool is_ours = pass_issuance(pass)->create_intended;

	TRY(keyvault_pending_get(ctx, &pass->world->vault, pass_vault_name(pass), pending));
	if (has_ended(pending))
		return E_NOTFOUND;
	if (!is_ours)
		TRY(read_tag(ctx, pass, &is_ours));
	if (is_ours && csr_fits(pass, pending))
		return E_OK;
	return resolve_unfit(ctx, pass, pending);
}

static bool is_conflict(const struct ctx *ctx, enum err err, const char *reason)
{
	return err == E_CONFLICT && text_equals(ctx->fault.reason, reason);
}

/* Not carried out, and nothing of ours was there before: what will be pending is somebody else's.
 * Only what is pending by now may be of an earlier create that had no answer. */
static void note_refusal(struct ctx *ctx, struct pass *pass, enum err err, bool was_intended)
{
	if (err == E_REFUSED || err == E_AGAIN || is_conflict(ctx, err, "SoftDeleted"))
		pass_issuance(pass)->create_intended = false;
	if (is_conflict(ctx, err, "PendingExists")) {
		pass_issuance(pass)->create_intended = was_intended;
		pass->note.pending_seen = true;
	}
}

static enum err create(struct ctx *ctx, struct pass *pass, struct vault_operation *pending)
{
	struct text_map ours = certificate_tags(ctx, pass);
	struct vault_certificate_request request = {
		.name = pass_vault_name(pass),
		.hostnames = &pass->name,
		.hostname_count = 1,
		.key_type = wanted_key_type(pass) == KEY_TYPE_EC_P256 ? VAULT_EC_P256
								      : VAULT_RSA_2048,
		.tags = &ours,
	};
	bool was_intended = pass_issuance(pass)->create_intended;
	enum err err;

	pass_issuance(pass)->create_intended = true;
	TRY(pass_commit(ctx, pass));
	err = keyvault_certificate_create(ctx, &pass->world->vault, &request, pending);
	note_refusal(ctx, pass, err, was_intended);
	return is_conflict(ctx, err, "SoftDeleted") ? certificate_recover(ctx, pass) : err;
}

/* What is pending is read before anything is begun: it may be ours, of a create whose answer was
 * lost. And once the intent is written, what somebody else has begun would look like ours. */
static enum err find_or_create(struct ctx *ctx, struct pass *pass, struct vault_operation *pending)
{
	enum err err = E_NOTFOUND;

	TRY(certificate_look(ctx, pass));
	if (pass_issuance(pass)->create_intended || pass->note.pending_seen)
		err = adopt(ctx, pass, pending);
	if (err != E_NOTFOUND)
		return err;
	fault_clear(ctx);
	return create(ctx, pass, pending);
}

enum err pending_csr(struct ctx *ctx, struct pass *pass)
{
	struct vault_operation pending = {0};

	TRY(find_or_create(ctx, pass, &pending));
	if (pass->wait)
		return E_OK;
	if (!csr_fits(pass, &pending))
		return fault_set(
			ctx, E_CONFLICT, "PendingUnfit",
			"the vault's certificate operation does not carry the CSR asked for");
	pass_issuance(pass)->csr = base64_encode(ctx, pending.csr.der.data, pending.csr.der.size);
	return pass_commit(ctx, pass);
}
