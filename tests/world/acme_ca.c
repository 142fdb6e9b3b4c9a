#include "world/acme_state.h"

#include <assert.h>
#include <ctype.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"

#define CA_FROM	 ((int64_t)1262304000) /* 2010: older than any clock of a test */
#define CA_UNTIL ((int64_t)4102444800) /* 2100 */

/* One CA per process: its keys and certificates do not depend on a world. */
static struct {
	pthread_once_t once;
	EVP_PKEY *root_key, *issuer_key;
	X509 *root, *issuer;
} ca = {.once = PTHREAD_ONCE_INIT};

static void make_ca(void)
{
	struct crypto_issue root = {.common_name = "Model Root",
				    .is_ca = true,
				    .not_before = CA_FROM,
				    .not_after = CA_UNTIL,
				    .rng = rng_system()};
	struct crypto_issue issuer = root;

	ca.root_key = crypto_ec_new("P-256");
	ca.issuer_key = crypto_ec_new("P-256");
	root.key = root.issuer_key = ca.root_key;
	ca.root = crypto_issue(&root);
	issuer.common_name = "Model Intermediate";
	issuer.issuer = ca.root;
	issuer.issuer_key = ca.root_key;
	issuer.key = ca.issuer_key;
	ca.issuer = crypto_issue(&issuer);
}

char *acme_root_pem(struct ctx *ctx)
{
	pthread_once(&ca.once, make_ca);
	return crypto_cert_pem(ctx, ca.root);
}

struct acme_cert *acme_find_cert(const struct world *world, const char *id)
{
	struct acme_cert *cert;

	for (cert = world->acme->certs; cert; cert = cert->next)
		if (text_equals(cert->id, id))
			return cert;
	return NULL;
}

/* A certificate for the same names that is nowhere near its end makes this one needless. */
static void judge(struct world *world, const struct acme_order *order)
{
	int64_t now = world_seconds(world);
	struct acme_cert *cert;

	for (cert = world->acme->certs; cert; cert = cert->next) {
		int64_t life = cert->not_after - cert->not_before;

		if (!text_equals(cert->names, order->names) || cert->is_revoked ||
		    cert->not_after - now <= life / 2)
			continue;
		world->never.issued_while_valid++;
		(void)snprintf(world->never.last, sizeof(world->never.last),
			       "another certificate while one is valid: %s", cert->names);
		return;
	}
}

struct acme_cert *acme_issue(struct world *world, const struct acme_order *order)
{
	struct acme_cert *cert = arena_new_one(world->keep.arena, struct acme_cert);
	const char *names[ACME_NAMES_MAX];
	X509_REQ *csr = crypto_parse_csr(&order->csr);
	struct crypto_issue issue = {
		.dns_names = names, .dns_name_count = order->authz_count, .rng = world->doors->rng};
	size_t i;

	pthread_once(&ca.once, make_ca);
	assert(csr);
	judge(world, order);
	for (i = 0; i < order->authz_count; i++)
		names[i] = order->authzs[i]->is_wildcard
				   ? arena_printf(world->keep.arena, "*.%s", order->authzs[i]->name)
				   : order->authzs[i]->name;
	issue.issuer = ca.issuer;
	issue.issuer_key = ca.issuer_key;
	issue.key = X509_REQ_get0_pubkey(csr);
	/* Backdated, as real ones are. */
	issue.not_before = world_seconds(world) - 3600;
	issue.not_after = issue.not_before + world->settings.cert_lifetime / MSEC_PER_SEC - 1;
	cert->leaf = crypto_issue(&issue);
	X509_REQ_free(csr);
	acme_id(world, cert->id);
	cert->account = order->account;
	cert->names = order->names;
	cert->not_before = issue.not_before;
	cert->not_after = issue.not_after;
	cert->serial = crypto_serial(&world->keep, cert->leaf);
	cert->pem = arena_printf(world->keep.arena, "%s%s",
				 crypto_cert_pem(&world->keep, cert->leaf),
				 crypto_cert_pem(&world->keep, ca.issuer));
	cert->next = world->acme->certs;
	world->acme->certs = cert;
	return cert;
}

static char *hex(struct ctx *ctx, const struct bytes *bytes)
{
	char *text = arena_alloc(ctx->arena, 2 * bytes->size + 1);
	size_t i, skip = bytes->size > 1 && bytes->data[0] == 0;

	for (i = skip; i < bytes->size; i++)
		(void)snprintf(text + 2 * (i - skip), 3, "%02x", bytes->data[i]);
	return text;
}

/* RFC 9773 4.1: base64url(AKI) "." base64url(serial, with its sign octet). */
struct acme_cert *acme_cert_by_ari(struct world *world, struct ctx *ctx, const char *ari_id)
{
	const char *dot = strchr(ari_id, '.');
	const ASN1_OCTET_STRING *key_id;
	struct acme_cert *cert;
	struct bytes aki, serial;

	if (!dot ||
	    base64url_decode(ctx, arena_strndup(ctx->arena, ari_id, (size_t)(dot - ari_id)),
			     &aki) ||
	    base64url_decode(ctx, dot + 1, &serial) || serial.size == 0 || serial.data[0] & 0x80)
		return NULL;
	pthread_once(&ca.once, make_ca);
	key_id = X509_get0_subject_key_id(ca.issuer);
	if (aki.size != (size_t)ASN1_STRING_length(key_id) ||
	    memcmp(aki.data, ASN1_STRING_get0_data(key_id), aki.size) != 0)
		return NULL;
	for (cert = world->acme->certs; cert; cert = cert->next)
		if (text_equals(cert->serial, hex(ctx, &serial)))
			return cert;
	return NULL;
}

void acme_renewal_info(struct world *world, struct call *call, const char *ari_id)
{
	struct acme_cert *cert = acme_cert_by_ari(world, call->ctx, ari_id);
	struct json *reply = json_object(call->ctx), *window = json_object(call->ctx);
	int64_t life, start;

	if (!cert) {
		call_acme_problem(call, 404, "malformed", "No certificate has this identifier.");
		return;
	}
	life = cert->not_after - cert->not_before;
	start = cert->not_before + life * 2 / 3;
	if (cert->is_revoked)
		start = world_seconds(world) - 7200;
	json_set(call->ctx, window, "start", acme_date(call->ctx, start));
	json_set(call->ctx, window, "end",
		 acme_date(call->ctx, cert->is_revoked ? start + 3600 : start + life / 30));
	json_set(call->ctx, reply, "suggestedWindow", window);
	call_json(call, 200, reply);
	call_set_header(call, "Retry-After", "21600");
}

void acme_revoke(struct world *world, struct call *call, const struct acme_request *request)
{
	const char *text = json_get_text(request->payload, "certificate");
	struct acme_cert *cert;
	struct bytes der;
	X509 *leaf;

	if (!text || base64url_decode(call->ctx, text, &der) != E_OK) {
		call_acme_problem(call, 400, "malformed", "certificate is missing.");
		return;
	}
	leaf = crypto_parse_cert(&der);
	for (cert = leaf ? world->acme->certs : NULL; cert; cert = cert->next)
		if (X509_cmp(cert->leaf, leaf) == 0)
			break;
	X509_free(leaf);
	if (!cert) {
		call_acme_problem(call, 404, "malformed", "No such certificate.");
	} else if (request->account ? request->account != cert->account
				    : X509_check_private_key(cert->leaf, request->jwk_key) != 1) {
		call_acme_problem(call, 403, "unauthorized", "The key may not revoke it.");
	} else if (cert->is_revoked) {
		call_acme_problem(call, 400, "alreadyRevoked", "It is revoked already.");
	} else {
		cert->is_revoked = true;
		call_status(call, 200);
	}
}
