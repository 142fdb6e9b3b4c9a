#include "hostname/import.h"

#include <string.h>

#include "acme/time.h"
#include "azure/keyvault_key.h"
#include "base/log.h"
#include "base/text.h"
#include "hostname/certificate.h"
#include "hostname/issue.h"
#include "hostname/pending.h"
#include "hostname/withdraw.h"
#include "pki/bundle.h"

#define PASSWORD_BYTES 16

/* The sealed text is the JSON {privatekey, certificate, password} of the request. */
static enum err unseal(struct ctx *ctx, struct pass *pass, struct json **request)
{
	const struct certificate_wish *wish = &pass->host.wish;
	struct sealed sealed;
	struct bytes key, plain;
	const char *associated;

	TRY(sealed_get(ctx, pass->world->sealed, wish->instance, pass->name, &sealed, &associated));
	TRY(keyvault_key_unwrap(ctx, &pass->world->vault, sealed.kid, &sealed.wrapped_key, &key));
	TRY(seal_open(ctx, &sealed, associated, &key, &plain));
	return json_parse(ctx, (const char *)plain.data, plain.size, request);
}

static enum err make_pfx(struct ctx *ctx, struct pass *pass, const struct json *request,
			 const char *password, struct bytes *pfx)
{
	const char *key_text = json_get_text(request, "privatekey");
	const char *chain_text = json_get_text(request, "certificate");
	struct chain chain;
	struct key *key;

	if (!key_text || !chain_text)
		return fault_set(ctx, E_REFUSED, "SealBroken", "the sealed request has no key");
	TRY(bundle_read_key(ctx, key_text, json_get_text(request, "password"), &key));
	TRY(bundle_read_chain(ctx, chain_text, &chain));
	TRY(bundle_check(ctx, key, &chain, pass->name, ctx_wall(ctx)));
	return bundle_to_pkcs12(ctx, key, &chain, password, pfx);
}

static struct text_map import_tags(struct ctx *ctx, const struct pass *pass)
{
	struct text_map tags = certificate_tags(ctx, pass);
	struct text_pair *pairs = arena_new_array(ctx->arena, struct text_pair, tags.count + 1);

	memcpy(pairs, tags.items, tags.count * sizeof(*pairs));
	pairs[tags.count] = (struct text_pair){TAG_SOURCE, TAG_SOURCE_IMPORT};
	return (struct text_map){pairs, tags.count + 1};
}

static enum err send(struct ctx *ctx, struct pass *pass, struct vault_certificate *imported)
{
	struct text_map tags = import_tags(ctx, pass);
	char password[2 * PASSWORD_BYTES + 1];
	struct json *request;
	struct bytes pfx;

	arena_wipe_all_at_end(ctx->arena);
	rng_hex(ctx->doors->rng, password, PASSWORD_BYTES);
	TRY(unseal(ctx, pass, &request));
	TRY(make_pfx(ctx, pass, request, password, &pfx));
	pass->host.status.issuance.merge_intended = true;
	TRY(pass_commit(ctx, pass));
	return keyvault_certificate_import(ctx, &pass->world->vault,
					   pass->host.status.certificate.vault_name, &pfx, password,
					   &tags, imported);
}

/* The vault takes no import while an operation is pending. A finalized order is followed to its
 * end, so that no certificate is lost on the way; what the CA refuses then concerns nobody. */
static enum err end_issuance(struct ctx *ctx, struct pass *pass)
{
	enum err err;

	if (!pass->host.status.issuance.csr)
		return withdraw_order(ctx, pass);
	err = issue_climb(ctx, pass);
	if (err != E_REFUSED || pass->host.status.issuance.csr)
		return err;
	fault_clear(ctx);
	return pass_commit(ctx, pass);
}

/* With its key went the wish that this pass began with: the next one has another. */
static enum err key_is_gone(struct ctx *ctx, struct pass *pass)
{
	const void *now;

	if (store_get_any(ctx, pass->world->store, KIND_HOSTNAME, pass->name, &now) == E_OK &&
	    !text_equals(((const struct hostname *)now)->wish.instance, pass->host.wish.instance))
		return fault_set(ctx, E_CONFLICT, "Overtaken",
				 "a later request brings another certificate");
	return fault_set(ctx, E_REFUSED, "ImportNeeded",
			 "the key of this import is no longer here. Send the import again");
}

/* It would be awaited, were it earlier; and the clock that says how late it is was set, or differs
 * from the CA's. */
static bool is_lateness_in_doubt(struct ctx *ctx, struct pass *pass)
{
	if (hostname_awaits_import(&pass->host, ctx_wall(ctx)) ||
	    !hostname_awaits_import(&pass->host, 0))
		return false;
	return clock_has_jumped(&pass->world->clock, ctx->doors->clock) ||
	       acme_clock_differs(ctx, pass->world->acme, CLOCK_TOLERANCE);
}

enum err import_climb(struct ctx *ctx, struct pass *pass)
{
	struct vault_certificate imported;
	enum err err;

	if (is_lateness_in_doubt(ctx, pass))
		return fault_set(ctx, E_REFUSED, "ClockNotSane",
				 "by the clock of this machine, which was set, the certificate of "
				 "this import has expired. Set it right (timedatectl)");
	if (!hostname_awaits_import(&pass->host, ctx_wall(ctx)))
		return fault_set(ctx, E_REFUSED, "ImportNeeded",
				 "the imported certificate has expired or is gone from Key Vault, "
				 "and cannot "
				 "be renewed here. Import a new one, or POST the hostname to "
				 "AddCertificate");
	if (pass_has_issuance(pass))
		return end_issuance(ctx, pass);
	TRY(certificate_look(ctx, pass));
	err = send(ctx, pass, &imported);
	if (err == E_NOTFOUND)
		return key_is_gone(ctx, pass);
	if (err == E_CONFLICT && text_equals(ctx->fault.reason, "SoftDeleted"))
		return certificate_recover(ctx, pass);
	if (err == E_CONFLICT && text_equals(ctx->fault.reason, "PendingExists"))
		return pending_conflict(ctx, pass);
	TRY(err);
	certificate_record(ctx, pass, &imported);
	pass->host.status.issuance.merge_intended = false;
	log_info(ctx, "certificate imported", "issuer", imported.cert.issuer, "serial",
		 imported.cert.serial, "vault_certificate",
		 pass->host.status.certificate.vault_name, NULL);
	return pass_commit(ctx, pass);
}

enum err import_tidy(struct ctx *ctx, struct pass *pass)
{
	const char *instance = pass->host.wish.instance;

	if (!instance || hostname_awaits_import(&pass->host, ctx_wall(ctx)) ||
	    is_lateness_in_doubt(ctx, pass))
		return sealed_purge(ctx, pass->world->sealed);
	return sealed_remove(ctx, pass->world->sealed, instance);
}
