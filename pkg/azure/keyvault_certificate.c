#include "azure/keyvault_certificate.h"

#include <string.h>

#include "azure/vault.h"
#include "base/text.h"
#include "entra/said.h"

#define CONTENT_TYPE	"application/x-pkcs12" /* what the gateway reads */
#define ROLE		"Key Vault Certificates Officer"
#define COMMON_NAME_MAX 64 /* X.520 ub-common-name */
#define SERVER_AUTH	"1.3.6.1.5.5.7.3.1"
#define OUR_ISSUER	"Unknown" /* the vault's word for: the CSR is signed elsewhere, then merged */

static const char *certificate_path(struct ctx *ctx, const char *name, const char *rest)
{
	return arena_printf(ctx->arena, "/certificates/%s%s", name, rest);
}

static enum err call_for(struct ctx *ctx, struct keyvault *vault, struct vault_call *call,
			 const char *name, const char *rest, struct json **reply)
{
	TRY(vault_check_name(ctx, name));
	call->path = certificate_path(ctx, name, rest);
	call->role = ROLE;
	return vault_send(ctx, vault, call, reply);
}

/* A ONE_SHOT whose answer makes no sense may have happened all the same. */
static enum err judge_parsed(const struct vault_call *call, enum err kind)
{
	return kind != E_OK && call->kind == HTTP_ONE_SHOT ? E_CONFLICT : kind;
}

/* All but the certificate itself, which the first version does not have while it waits for its
 * merge. */
static void read_head(struct ctx *ctx, const struct json *bundle, struct vault_certificate *out)
{
	*out = (struct vault_certificate){
		.id = json_get_text(bundle, "id"),
		.secret_id = json_get_text(bundle, "sid"),
		.is_enabled = json_get_bool(json_get(bundle, "attributes"), "enabled", true),
		.has_pending = json_is_object(json_get(bundle, "pending")),
	};
	vault_tags_read(ctx, json_get(bundle, "tags"), &out->tags);
}

static enum err read_cer(struct ctx *ctx, const struct vault_call *call, const char *cer,
			 struct vault_certificate *out)
{
	struct bytes der;

	if (base64_decode(ctx, cer, &der) != E_OK)
		return vault_malformed(ctx, call, "a certificate in base64");
	return judge_parsed(call, cert_from_der(ctx, der.data, der.size, &out->cert));
}

static enum err read_certificate(struct ctx *ctx, const struct vault_call *call,
				 const struct json *bundle, struct vault_certificate *out)
{
	const char *cer = json_get_text(bundle, "cer");

	read_head(ctx, bundle, out);
	if (!out->id || !out->secret_id || !cer)
		return vault_malformed(ctx, call, "a certificate");
	return read_cer(ctx, call, cer, out);
}

static enum err get(struct ctx *ctx, struct keyvault *vault, const char *name,
		    struct vault_certificate *out)
{
	struct vault_call call = {.kind = HTTP_READ, .method = "GET"};
	struct json *bundle;

	*out = (struct vault_certificate){0};
	TRY(call_for(ctx, vault, &call, name, "", &bundle));
	if (json_get_text(bundle, "id") && !json_get_text(bundle, "cer")) {
		read_head(ctx, bundle, out);
		return fault_set(ctx, E_NOTFOUND, "CertificateNotFound", "has no version yet");
	}
	return read_certificate(ctx, &call, bundle, out);
}

enum err keyvault_certificate_get(struct ctx *ctx, struct keyvault *vault, const char *name,
				  struct vault_certificate *out)
{
	enum err kind = get(ctx, vault, name, out);

	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "certificate %s", name);
}

static enum vault_operation_status status_of(const char *text)
{
	static const struct {
		const char *text;
		enum vault_operation_status status;
	} statuses[] = {
		{"inProgress", VAULT_IN_PROGRESS}, {"completed", VAULT_COMPLETED},
		{"canceled", VAULT_CANCELED},	   {"cancelled", VAULT_CANCELED},
		{"failed", VAULT_FAILED},
	};

	for (size_t i = 0; text && i < ARRAY_SIZE(statuses); i++)
		if (text_equals_nocase(statuses[i].text, text))
			return statuses[i].status;
	return VAULT_STATUS_UNKNOWN;
}

static const char *operation_error(struct ctx *ctx, const struct json *operation)
{
	const struct json *error = json_get(operation, "error");
	const char *code = json_get_text(error, "code");
	const char *words = said_clean(ctx, json_get_text(error, "message"));

	if (!code)
		return NULL;
	code = said_clean(ctx, code);
	return *words ? arena_printf(ctx->arena, "%s: %s", code, words) : code;
}

static enum err read_operation(struct ctx *ctx, const struct vault_call *call,
			       const struct json *operation, struct vault_operation *out)
{
	const char *issuer = json_get_text(json_get(operation, "issuer"), "name");
	const char *csr = json_get_text(operation, "csr");
	struct bytes der;

	if (!json_is_object(operation) || !json_get_text(operation, "status"))
		return vault_malformed(ctx, call, "the status of the pending certificate");
	*out = (struct vault_operation){
		.status = status_of(json_get_text(operation, "status")),
		.request_id = json_get_text(operation, "request_id"),
		.is_foreign_issuer = issuer && !text_equals_nocase(issuer, OUR_ISSUER),
		.error = operation_error(ctx, operation),
	};
	if (!csr || !*csr || out->is_foreign_issuer)
		return E_OK;
	if (base64_decode(ctx, csr, &der) != E_OK)
		return vault_malformed(ctx, call, "a CSR in base64");
	TRY(judge_parsed(call, csr_from_der(ctx, der.data, der.size, &out->csr)));
	out->has_csr = true;
	return E_OK;
}

static struct json *json_texts(struct ctx *ctx, const char *const *items, size_t count)
{
	struct json *array = json_array(ctx);

	for (size_t i = 0; i < count; i++)
		json_append(ctx, array, json_string(ctx, items[i]));
	return array;
}

/* The gateway reads the secret, so the key must be exportable, in software, and stored as PFX. */
static struct json *key_properties(struct ctx *ctx, enum vault_key_type type)
{
	struct json *properties = json_object(ctx);

	json_set_bool(ctx, properties, "exportable", true);
	json_set_text(ctx, properties, "kty", type == VAULT_EC_P256 ? "EC" : "RSA");
	if (type == VAULT_EC_P256)
		json_set_text(ctx, properties, "crv", "P-256");
	else
		json_set_int(ctx, properties, "key_size", 2048);
	json_set_bool(ctx, properties, "reuse_key", false);
	return properties;
}

static struct json *x509_properties(struct ctx *ctx,
				    const struct vault_certificate_request *request)
{
	/* an EC key cannot encipher a key */
	static const char *const usages[] = {"digitalSignature", "keyEncipherment"};
	static const char *const extended[] = {SERVER_AUTH};
	size_t usage_count = request->key_type == VAULT_EC_P256 ? 1 : 2;
	struct json *properties = json_object(ctx), *sans = json_object(ctx);

	if (strlen(request->hostnames[0]) <= COMMON_NAME_MAX)
		json_set_text(ctx, properties, "subject",
			      arena_printf(ctx->arena, "CN=%s", request->hostnames[0]));
	json_set(ctx, sans, "dns_names",
		 json_texts(ctx, request->hostnames, request->hostname_count));
	json_set(ctx, properties, "sans", sans);
	json_set(ctx, properties, "key_usage", json_texts(ctx, usages, usage_count));
	json_set(ctx, properties, "ekus", json_texts(ctx, extended, ARRAY_SIZE(extended)));
	return properties;
}

static struct json *create_body(struct ctx *ctx, const struct vault_certificate_request *request)
{
	struct json *body = json_object(ctx), *policy = json_object(ctx);
	struct json *issuer = json_object(ctx), *secret = json_object(ctx);

	json_set_text(ctx, issuer, "name", OUR_ISSUER);
	json_set_text(ctx, secret, "contentType", CONTENT_TYPE);
	json_set(ctx, policy, "issuer", issuer);
	json_set(ctx, policy, "key_props", key_properties(ctx, request->key_type));
	json_set(ctx, policy, "secret_props", secret);
	json_set(ctx, policy, "x509_props", x509_properties(ctx, request));
	/* or the vault mails its contacts about what we renew anyway */
	json_set(ctx, policy, "lifetime_actions", json_array(ctx));
	json_set(ctx, body, "policy", policy);
	json_set(ctx, body, "tags", vault_tags_to_json(ctx, request->tags));
	return body;
}

static enum err create(struct ctx *ctx, struct keyvault *vault,
		       const struct vault_certificate_request *request, struct vault_operation *out)
{
	struct vault_call call = {.kind = HTTP_ONE_SHOT, .method = "POST"};
	struct json *operation;

	if (!request->hostname_count)
		return fault_set(ctx, E_REFUSED, "NoHostname", "needs at least one hostname");
	call.body = create_body(ctx, request);
	TRY(call_for(ctx, vault, &call, request->name, "/create", &operation));
	TRY(read_operation(ctx, &call, operation, out));
	return out->has_csr ? E_OK : vault_malformed(ctx, &call, "a CSR");
}

enum err keyvault_certificate_create(struct ctx *ctx, struct keyvault *vault,
				     const struct vault_certificate_request *request,
				     struct vault_operation *out)
{
	enum err kind = create(ctx, vault, request, out);

	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "create certificate %s", request->name);
}

enum err keyvault_pending_get(struct ctx *ctx, struct keyvault *vault, const char *name,
			      struct vault_operation *out)
{
	struct vault_call call = {.kind = HTTP_READ, .method = "GET"};
	struct json *operation;
	enum err kind = call_for(ctx, vault, &call, name, "/pending", &operation);

	if (kind == E_OK)
		kind = read_operation(ctx, &call, operation, out);
	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "pending certificate %s", name);
}

enum err keyvault_pending_delete(struct ctx *ctx, struct keyvault *vault, const char *name)
{
	struct vault_call call = {.kind = HTTP_IDEMPOTENT, .method = "DELETE"};
	struct json *operation;
	enum err kind = call_for(ctx, vault, &call, name, "/pending", &operation);

	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "delete pending certificate %s", name);
}

static struct json *merge_body(struct ctx *ctx, const struct chain *chain,
			       const struct text_map *tags)
{
	struct json *body = json_object(ctx), *x5c = json_array(ctx);

	for (size_t i = 0; i < chain->count; i++) {
		const struct bytes *der = &chain->items[i].der;

		json_append(ctx, x5c, json_string(ctx, base64_encode(ctx, der->data, der->size)));
	}
	json_set(ctx, body, "x5c", x5c);
	if (tags && tags->count)
		json_set(ctx, body, "tags", vault_tags_to_json(ctx, tags));
	return body;
}

/* The vault refused the merge for what it says or for what is pending. Its words are not
 * documented, so the keys themselves decide: only a CSR of another key makes the certificate
 * useless. */
static enum err judge_refused_merge(struct ctx *ctx, struct keyvault *vault, const char *name,
				    const struct cert *leaf)
{
	struct fault refused = ctx->fault;
	struct vault_operation pending;
	enum err kind = keyvault_pending_get(ctx, vault, name, &pending);

	ctx->fault = refused;
	if (kind == E_NOTFOUND || (kind == E_OK && pending.status == VAULT_COMPLETED))
		return E_CONFLICT;
	if (kind == E_OK && pending.has_csr && !cert_has_key(leaf, &pending.csr.public_key))
		said_reason(ctx, "KeyMismatch");
	return E_REFUSED;
}

static bool may_be_merged_already(const struct fault *fault)
{
	return fault->http_status == 400 ||
	       (fault->http_status == 403 && text_equals(fault->reason, "Forbidden"));
}

static enum err merge(struct ctx *ctx, struct keyvault *vault, const char *name,
		      const struct chain *chain, const struct text_map *tags,
		      struct vault_certificate *out)
{
	struct vault_call call = {.kind = HTTP_ONE_SHOT, .method = "POST"};
	struct json *bundle;
	enum err kind;

	if (!chain->count)
		return fault_set(ctx, E_REFUSED, "InvalidCertificate", "the chain is empty");
	call.body = merge_body(ctx, chain, tags);
	kind = call_for(ctx, vault, &call, name, "/pending/merge", &bundle);
	if (kind == E_REFUSED && may_be_merged_already(&ctx->fault))
		return judge_refused_merge(ctx, vault, name, &chain->items[0]);
	TRY(kind);
	return read_certificate(ctx, &call, bundle, out);
}

enum err keyvault_certificate_merge(struct ctx *ctx, struct keyvault *vault, const char *name,
				    const struct chain *chain, const struct text_map *tags,
				    struct vault_certificate *out)
{
	enum err kind = merge(ctx, vault, name, chain, tags, out);

	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "merge certificate %s", name);
}

static struct json *import_body(struct ctx *ctx, const struct bytes *pfx, const char *password,
				const struct text_map *tags)
{
	struct json *body = json_object(ctx), *policy = json_object(ctx), *part = json_object(ctx);

	json_set_text(ctx, body, "value", base64_encode(ctx, pfx->data, pfx->size));
	json_set_text(ctx, body, "pwd", password);
	json_set_bool(ctx, part, "exportable", true); /* or the gateway cannot read it */
	json_set(ctx, policy, "key_props", part);
	part = json_object(ctx);
	json_set_text(ctx, part, "contentType", CONTENT_TYPE);
	json_set(ctx, policy, "secret_props", part);
	part = json_object(ctx);
	json_set_text(ctx, part, "name", "Unknown");
	json_set(ctx, policy, "issuer", part);
	json_set(ctx, body, "policy", policy);
	if (tags && tags->count)
		json_set(ctx, body, "tags", vault_tags_to_json(ctx, tags));
	return body;
}

enum err keyvault_certificate_import(struct ctx *ctx, struct keyvault *vault, const char *name,
				     const struct bytes *pfx, const char *password,
				     const struct text_map *tags, struct vault_certificate *out)
{
	struct vault_call call = {.kind = HTTP_ONE_SHOT, .method = "POST"};
	struct json *bundle;
	enum err kind;

	call.body = import_body(ctx, pfx, password, tags);
	kind = call_for(ctx, vault, &call, name, "/import", &bundle);
	if (kind == E_OK)
		kind = read_certificate(ctx, &call, bundle, out);
	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "import certificate %s", name);
}

static enum err call_deleted(struct ctx *ctx, struct keyvault *vault, struct vault_call *call,
			     const char *name, const char *rest, struct json **reply)
{
	TRY(vault_check_name(ctx, name));
	call->path = arena_printf(ctx->arena, "/deletedcertificates/%s%s", name, rest);
	call->role = ROLE;
	return vault_send(ctx, vault, call, reply);
}

static enum err get_deleted(struct ctx *ctx, struct keyvault *vault, const char *name,
			    struct vault_certificate *out)
{
	struct vault_call call = {.kind = HTTP_READ, .method = "GET"};
	struct json *bundle;
	const char *cer;

	TRY(call_deleted(ctx, vault, &call, name, "", &bundle));
	read_head(ctx, bundle, out);
	cer = json_get_text(bundle, "cer");
	if (!out->id)
		return vault_malformed(ctx, &call, "a certificate");
	return cer ? read_cer(ctx, &call, cer, out) : E_OK;
}

enum err keyvault_certificate_get_deleted(struct ctx *ctx, struct keyvault *vault, const char *name,
					  struct vault_certificate *out)
{
	enum err kind = get_deleted(ctx, vault, name, out);

	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "deleted certificate %s", name);
}

enum err keyvault_certificate_recover(struct ctx *ctx, struct keyvault *vault, const char *name)
{
	struct vault_call call = {.kind = HTTP_IDEMPOTENT, .method = "POST"};
	struct json *bundle;
	enum err kind = call_deleted(ctx, vault, &call, name, "/recover", &bundle);

	return kind == E_OK ? E_OK : fault_wrap(ctx, kind, "recover certificate %s", name);
}
