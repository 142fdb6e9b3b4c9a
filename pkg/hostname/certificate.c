#include "hostname/certificate.h"

#include <string.h>

#include "api/names.h"
#include "api/validity.h"
#include "base/text.h"
#include "hostname/order.h"

#define RECOVER_WAIT	  (2 * MSEC_PER_SEC)
#define VAULT_FRESH	  MSEC_PER_HOUR
#define LOOK_BEFORE_WRITE MSEC_PER_MIN
#define MISSED_FOR	  (2 * MSEC_PER_MIN)

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
		.vault_name = pass_vault_name(pass),
		.sha256 = hex_encode(ctx, found->cert.sha256, sizeof(found->cert.sha256)),
		.is_imported = has_import_tag(found),
	};
	if (text_equals(before.sha256, status->certificate.sha256))
		status->certificate.merged = before.merged;
	status->renewal_time = status->certificate.is_imported
				       ? 0
				       : validity_renewal_time(found->cert.not_before,
							       found->cert.not_after);
	judge(ctx, pass);
}

static void record_none(struct ctx *ctx, struct pass *pass)
{
	pass->host.status.certificate =
		(struct certificate_status){.vault_name = pass_vault_name(pass)};
	pass->host.status.renewal_time = 0;
	judge(ctx, pass);
}

enum err certificate_rename(struct ctx *ctx, struct pass *pass)
{
	const char *hashed = name_hashed(ctx, pass->name);

	if (text_equals(pass_vault_name(pass), hashed))
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
void certificate_close(struct ctx *ctx, struct pass *pass, const struct vault_certificate *merged)
{
	order_drop(pass);
	pass_issuance(pass)->create_intended = false;
	pass_issuance(pass)->merge_intended = false;
	certificate_record(ctx, pass, merged);
	pass->host.status.certificate.merged = ctx_wall(ctx);
	judge(ctx, pass);
}

static bool is_merged(struct ctx *ctx, struct pass *pass, const struct vault_certificate *found)
{
	struct bytes der;
	struct csr csr;

	return pass_issuance(pass)->csr &&
	       base64_decode(ctx, pass_issuance(pass)->csr, &der) == E_OK &&
	       csr_from_der(ctx, der.data, der.size, &csr) == E_OK &&
	       cert_has_key(&found->cert, &csr.public_key);
}

/* The plain name may belong to another hostname: ours is the hashed one. */
static enum err find_ours(struct ctx *ctx, struct pass *pass, struct vault_certificate *found)
{
	struct keyvault *vault = &pass->world->vault;

	TRY(keyvault_certificate_get(ctx, vault, pass_vault_name(pass), found));
	if (policy_is_ours(found, pass->name))
		return E_OK;
	TRY(certificate_rename(ctx, pass));
	TRY(keyvault_certificate_get(ctx, vault, pass_vault_name(pass), found));
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

	if (!pass_vault_name(pass))
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
		certificate_close(ctx, pass, &found);
	else
		certificate_record(ctx, pass, &found);
	return E_OK;
}

enum err certificate_observe(struct ctx *ctx, struct pass *pass)
{
	const struct note *note = &pass->note;

	judge(ctx, pass);
	if (!note->vault_seen || ctx_mono(ctx) - note->vault_seen >= VAULT_FRESH ||
	    pass_issuance(pass)->merge_intended) {
		TRY(read_current(ctx, pass));
		pass_issuance(pass)->merge_intended = false;
	}
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

enum err certificate_recover(struct ctx *ctx, struct pass *pass)
{
	struct keyvault *vault = &pass->world->vault;
	struct vault_certificate deleted;
	enum err err = keyvault_certificate_get_deleted(ctx, vault, pass_vault_name(pass),
							&deleted);

	if (err == E_NOTFOUND)
		return fault_set(ctx, E_CONFLICT, "BeingDeleted",
				 "Key Vault certificate %s is still being deleted or recovered",
				 pass_vault_name(pass));
	TRY(err);
	if (!policy_is_ours(&deleted, pass->name)) {
		TRY(certificate_rename(ctx, pass));
		return fault_set(ctx, E_CONFLICT, "NameTaken",
				 "a deleted certificate of another hostname has the vault name");
	}
	TRY(keyvault_certificate_recover(ctx, vault, pass_vault_name(pass)));
	pass->note.vault_seen = 0;
	pass->wait = RECOVER_WAIT;
	return E_OK;
}
