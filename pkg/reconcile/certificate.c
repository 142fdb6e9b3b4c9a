/*
 * The rung that makes the certificate: key and CSR born in the vault, finalize with that CSR,
 * download, judge, merge. A ladder of its own, on the order's status. Every ONE_SHOT has its intent
 * recorded before, and is never sent again before the world was looked at.
 */
#include "reconcile/pass.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "reconcile/names.h"

#define VAULT_FRESH	   MSEC_PER_HOUR
#define LOOK_BEFORE_CREATE MSEC_PER_MIN
#define RECOVER_WAIT	   (2 * MSEC_PER_SEC)

static struct issuance *issuance(struct pass *pass)
{
	return &pass->host.status.issuance;
}

static const char *vault_name(struct pass *pass)
{
	return pass->host.status.certificate.vault_name;
}

static int wanted_key_type(const struct pass *pass)
{
	return pass->host.spec.key_type == KEY_TYPE_DEFAULT ? pass->world->settings->key_type
							    : pass->host.spec.key_type;
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

/* The plain name belongs to another hostname: ours is the hashed one. */
static enum err take_hashed_name(struct ctx *ctx, struct pass *pass)
{
	const char *hashed = name_hashed(ctx, pass->name);

	if (text_equals(vault_name(pass), hashed))
		return fault_set(ctx, E_REFUSED, "NameConflict",
				 "the Key Vault certificate %s belongs to another hostname. Rename "
				 "or delete "
				 "it, or correct its tag Hostname",
				 hashed);
	pass->host.status.certificate.vault_name = hashed;
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
static void close_issuance(struct pass *pass)
{
	order_drop(pass);
	issuance(pass)->create_intended = false;
	issuance(pass)->merge_intended = false;
}

static bool is_merged(struct ctx *ctx, struct pass *pass, const struct vault_certificate *found)
{
	struct bytes der;
	struct csr csr;

	return issuance(pass)->csr && base64_decode(ctx, issuance(pass)->csr, &der) == E_OK &&
	       csr_from_der(ctx, der.data, der.size, &csr) == E_OK &&
	       cert_has_key(&found->cert, &csr.public_key);
}

static enum err read_current(struct ctx *ctx, struct pass *pass)
{
	struct vault_certificate found;
	enum err err;

	if (!vault_name(pass))
		TRY(choose_name(ctx, pass));
	err = keyvault_certificate_get(ctx, &pass->world->vault, vault_name(pass), &found);
	if (err == E_OK && !policy_is_ours(&found, pass->name)) {
		TRY(take_hashed_name(ctx, pass));
		err = keyvault_certificate_get(ctx, &pass->world->vault, vault_name(pass), &found);
		if (err == E_OK && !policy_is_ours(&found, pass->name))
			return take_hashed_name(ctx, pass);
	}
	if (err == E_NOTFOUND) {
		fault_clear(ctx);
		record_none(ctx, pass);
		return E_OK;
	}
	TRY(err);
	certificate_record(ctx, pass, &found);
	if (is_merged(ctx, pass, &found))
		close_issuance(pass);
	return E_OK;
}

enum err certificate_observe(struct ctx *ctx, struct pass *pass)
{
	msec_t now = ctx_mono(ctx);

	judge(ctx, pass);
	if (pass->note.vault_seen && now - pass->note.vault_seen < VAULT_FRESH &&
	    !issuance(pass)->merge_intended)
		return E_OK;
	TRY(read_current(ctx, pass));
	issuance(pass)->merge_intended = false;
	pass->note.vault_seen = now ? now : 1;
	return E_OK;
}

struct text_map certificate_tags(struct ctx *ctx, const struct pass *pass)
{
	struct text_pair *pairs = arena_new_array(ctx->arena, struct text_pair, 2);

	pairs[0] = (struct text_pair){"Hostname", pass->name};
	pairs[1] = (struct text_pair){"Issuer", pass->world->settings->acme_endpoint};
	return (struct text_map){pairs, 2};
}

static bool csr_fits(const struct pass *pass, const struct vault_operation *pending)
{
	return pending->has_csr && !pending->is_foreign_issuer &&
	       names_are(&pending->csr.names, &pass->name, 1) &&
	       text_equals(pending->csr.key_type, key_type_names[wanted_key_type(pass)]);
}

/*
 * Something is pending under our name. Ours (we recorded the intent, or the certificate carries our
 * tag) and fitting: go on with it. Ours and not fitting, and never sent to the CA: start over.
 * Another hostname's: ours gets another name. Else: hands off.
 */
static enum err adopt_pending(struct ctx *ctx, struct pass *pass, struct vault_operation *pending)
{
	struct keyvault *vault = &pass->world->vault;
	bool is_ours = issuance(pass)->create_intended || pass->host.status.certificate.secret_id;

	TRY(keyvault_pending_get(ctx, vault, vault_name(pass), pending));
	if (is_ours && pending->status == VAULT_IN_PROGRESS && csr_fits(pass, pending))
		return E_OK;
	if (pending->status == VAULT_IN_PROGRESS && pending->has_csr &&
	    !names_are(&pending->csr.names, &pass->name, 1)) {
		TRY(take_hashed_name(ctx, pass));
		issuance(pass)->create_intended = false;
		return fault_set(ctx, E_CONFLICT, "NameTaken",
				 "the vault name is in use for another hostname");
	}
	if (is_ours && !issuance(pass)->csr) {
		TRY(keyvault_pending_delete(ctx, vault, vault_name(pass)));
		return fault_set(
			ctx, E_CONFLICT, "PendingReplaced",
			"a pending certificate operation of ours did not fit and was deleted");
	}
	return fault_set(
		ctx, E_REFUSED, "PendingConflict",
		"Key Vault certificate %s has a pending operation that this daemon did not "
		"start. Complete or delete it",
		vault_name(pass));
}

bool certificate_is_deleted(const struct ctx *ctx, enum err err)
{
	return err == E_CONFLICT && text_equals(ctx->fault.reason, "SoftDeleted");
}

enum err certificate_recover(struct ctx *ctx, struct pass *pass)
{
	TRY(keyvault_certificate_recover(ctx, &pass->world->vault, vault_name(pass)));
	pass->note.vault_seen = 0;
	pass->wait = RECOVER_WAIT;
	return E_OK;
}

static enum err create(struct ctx *ctx, struct pass *pass, struct vault_operation *pending)
{
	struct text_map ours = certificate_tags(ctx, pass);
	struct vault_certificate_request request = {
		.name = vault_name(pass),
		.hostnames = &pass->name,
		.hostname_count = 1,
		.key_type = wanted_key_type(pass) == KEY_TYPE_EC_P256 ? VAULT_EC_P256
								      : VAULT_RSA_2048,
		.tags = &ours,
	};
	enum err err;

	issuance(pass)->create_intended = true;
	TRY(pass_commit(ctx, pass));
	err = keyvault_certificate_create(ctx, &pass->world->vault, &request, pending);
	if (certificate_is_deleted(ctx, err))
		return certificate_recover(ctx, pass);
	if (err == E_CONFLICT && text_equals(ctx->fault.reason, "PendingExists")) {
		/* A clear no to the first create since the vault was looked at: what is pending is
		 * somebody else's. */
		issuance(pass)->create_intended = false;
		return adopt_pending(ctx, pass, pending);
	}
	return err;
}

/* A create would add a version to whatever stands under the name: not without having looked a
 * moment ago. */
static enum err look_before_create(struct ctx *ctx, struct pass *pass)
{
	if (ctx_mono(ctx) - pass->note.vault_seen < LOOK_BEFORE_CREATE)
		return E_OK;
	TRY(read_current(ctx, pass));
	pass->note.vault_seen = ctx_mono(ctx);
	if (pass_wants_certificate(pass))
		return E_OK;
	return fault_set(ctx, E_CONFLICT, "CertificateAppeared",
			 "the vault has an acceptable certificate meanwhile");
}

/* After a create whose answer was lost, what is pending is read first. */
static enum err get_csr(struct ctx *ctx, struct pass *pass)
{
	struct vault_operation pending = {0};
	enum err err = E_NOTFOUND;

	TRY(look_before_create(ctx, pass));
	if (issuance(pass)->create_intended)
		err = adopt_pending(ctx, pass, &pending);
	if (err == E_NOTFOUND) {
		fault_clear(ctx);
		err = create(ctx, pass, &pending);
	}
	TRY(err);
	if (pass->wait)
		return E_OK;
	if (!csr_fits(pass, &pending))
		return fault_set(
			ctx, E_CONFLICT, "PendingUnfit",
			"the vault's certificate operation does not carry the CSR asked for");
	issuance(pass)->csr = base64_encode(ctx, pending.csr.der.data, pending.csr.der.size);
	return pass_commit(ctx, pass);
}

static enum err finalize(struct ctx *ctx, struct pass *pass)
{
	struct bytes csr;

	if (!issuance(pass)->csr) {
		TRY(get_csr(ctx, pass));
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

/* Before anything is replaced by it. */
static enum err judge_chain(struct ctx *ctx, struct pass *pass, const char *pem, size_t size,
			    struct chain *chain)
{
	struct bytes der;
	struct csr csr;

	TRY(base64_decode(ctx, issuance(pass)->csr, &der));
	TRY(csr_from_der(ctx, der.data, der.size, &csr));
	TRY(chain_from_pem(ctx, pem, size, chain));
	TRY(chain_check(ctx, chain, &csr, ctx_wall(ctx)));
	if (policy_renewal_time(chain->items[0].not_before, chain->items[0].not_after) <=
	    ctx_wall(ctx))
		return fault_set(
			ctx, E_REFUSED, "CertificateRejected",
			"the CA's new certificate is due for renewal already; it was not taken");
	return E_OK;
}

static enum err merge(struct ctx *ctx, struct pass *pass)
{
	struct text_map ours = certificate_tags(ctx, pass);
	struct vault_certificate merged;
	struct chain chain;
	const char *pem;
	size_t size;
	enum err err;

	err = acme_certificate_get(ctx, &pass->acme, pass->order.certificate, &pem, &size);
	if (err != E_OK && err != E_NOTFOUND)
		return err;
	if (err == E_OK)
		err = judge_chain(ctx, pass, pem, size, &chain);
	if (err != E_OK) {
		order_drop(pass);
		ctx->fault.by_ca = true;
		return E_REFUSED;
	}
	issuance(pass)->merge_intended = true;
	TRY(pass_commit(ctx, pass));
	err = keyvault_certificate_merge(ctx, &pass->world->vault, vault_name(pass), &chain, &ours,
					 &merged);
	if (err == E_NOTFOUND ||
	    (err == E_REFUSED && text_equals(ctx->fault.reason, "KeyMismatch"))) {
		order_drop(pass);
		fault_set(ctx, E_REFUSED, "KeyLost",
			  "the pending operation of Key Vault certificate %s is not the one whose "
			  "CSR was "
			  "finalized: somebody replaced it. A new certificate will be ordered",
			  vault_name(pass));
		ctx->fault.by_ca = true;
		return E_REFUSED;
	}
	TRY(err);
	certificate_record(ctx, pass, &merged);
	close_issuance(pass);
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
		order_drop(pass);
		return fault_set(ctx, E_CONFLICT, "OrderUnusable",
				 "the order is valid for a CSR that is not ours");
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
