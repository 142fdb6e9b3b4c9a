#include "azure/keyvault_certificate.h"
#include "vault_rig.h"

#define CERT	VAULT "/certificates/shop-example-com"
#define DELETED VAULT "/deletedcertificates/shop-example-com"

/* Key A's CSR and certificate, and the CSR of another key; all for shop.example.com. */
#define CSR_A                                                                          \
	"MIIBBDCBqwIBADAbMRkwFwYDVQQDDBBzaG9wLmV4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZI" \
	"zj0DAQcDQgAEQSEu5X4Rp3hS5tNv4rbeW+sObJLOGEUiGq1b+BXcxNrDffodQA9PmjsVfwdJggxX" \
	"V+mDupiTU4Cj20ZXndGiCKAuMCwGCSqGSIb3DQEJDjEfMB0wGwYDVR0RBBQwEoIQc2hvcC5leGFt" \
	"cGxlLmNvbTAKBggqhkjOPQQDAgNIADBFAiEAkX/2rcA9+PlMRlrOjYJdl2FvPfTKvyQNSXWu5JJy" \
	"O14CICZYG6fvHuux/+FuvCyXrnzdAwO1k2E1XfLD8wFqTlGf"
#define CSR_B                                                                          \
	"MIIBBDCBqwIBADAbMRkwFwYDVQQDDBBzaG9wLmV4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZI" \
	"zj0DAQcDQgAEvVA2ylbPrrP9IA5nHkw3A96ZuepVY3dYMdX9CO82BJngUpeg1IjSrFRO8OtjFJ/E" \
	"V0DKC3QWRUs2R+vjLHlmcqAuMCwGCSqGSIb3DQEJDjEfMB0wGwYDVR0RBBQwEoIQc2hvcC5leGFt" \
	"cGxlLmNvbTAKBggqhkjOPQQDAgNIADBFAiEA7+Igzaukw1NfUrrqfvq3jPFGExhyVEQdKAmuuG5L" \
	"ZPICIBB1h0j3tBlV48zezwm0n0Z+QuDncOOKBpajk9gTqcsM"
#define CERT_A                                                                         \
	"MIIBqjCCAVCgAwIBAgIUAfZazLrh5xpYwEO4NPznZfANk+owCgYIKoZIzj0EAwIwGzEZMBcGA1UE" \
	"AwwQc2hvcC5leGFtcGxlLmNvbTAgFw0yNjExMjMxNjAwNTFaGA8yMTI2MTAzMDE2MDA1MVowGzEZ" \
	"MBcGA1UEAwwQc2hvcC5leGFtcGxlLmNvbTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABEEhLuV+" \
	"Ead4UubTb+K23lvrDmySzhhFIhqtW/gV3MTaw336HUAPT5o7FX8HSYIMV1fpg7qYk1OAo9tGV53R" \
	"ogijcDBuMB0GA1UdDgQWBBTyAAeO4hi90vbbM+2E2gLLTsgZUDAfBgNVHSMEGDAWgBTyAAeO4hi9" \
	"0vbbM+2E2gLLTsgZUDAPBgNVHRMBAf8EBTADAQH/MBsGA1UdEQQUMBKCEHNob3AuZXhhbXBsZS5j" \
	"b20wCgYIKoZIzj0EAwIDSAAwRQIgRi2QUhHCEvFutlfneU6VOrgnCEHJgYYYlVHsrNG0XCUCIQDC" \
	"eg8RAlw2SivtXnoMKosNF1s2P4fkiIUXPx7r0cOZtw=="

#define BUNDLE                                                                       \
	"{\"id\":\"" CERT "/v1\",\"sid\":\"" VAULT "/secrets/shop-example-com/v1\"," \
	"\"cer\":\"" CERT_A "\",\"attributes\":{\"enabled\":true},"                  \
	"\"tags\":{\"Hostname\":\"shop.example.com\"},\"pending\":{\"id\":\"" CERT "/pending\"}}"
#define OPERATION(status, issuer, csr)                                                           \
	"{\"id\":\"" CERT "/pending\",\"issuer\":{\"name\":\"" issuer "\"},\"csr\":\"" csr "\"," \
	"\"status\":\"" status "\",\"request_id\":\"r1\"}"

static struct text_pair tag_pairs[] = {{"Hostname", "shop.example.com"}};
static const struct text_map tags = {tag_pairs, ARRAY_SIZE(tag_pairs)};

/* ---- acts */

static enum err get(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return keyvault_certificate_get(ctx, vault, "shop-example-com", &found->certificate);
}

static enum err get_deleted(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return keyvault_certificate_get_deleted(ctx, vault, "shop-example-com",
						&found->certificate);
}

static enum err get_strange_name(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return keyvault_certificate_get(ctx, vault, "shop/../x", &found->certificate);
}

static enum err create_as(struct ctx *ctx, struct keyvault *vault, struct found *found,
			  enum vault_key_type type, const char *hostname)
{
	const char *const hostnames[] = {hostname};
	const struct vault_certificate_request request = {
		.name = "shop-example-com",
		.hostnames = hostnames,
		.hostname_count = ARRAY_SIZE(hostnames),
		.key_type = type,
		.tags = &tags,
	};

	return keyvault_certificate_create(ctx, vault, &request, &found->operation);
}

static enum err create(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return create_as(ctx, vault, found, VAULT_RSA_2048, "shop.example.com");
}

static enum err create_ec(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return create_as(ctx, vault, found, VAULT_EC_P256, "shop.example.com");
}

static enum err create_long(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return create_as(
		ctx, vault, found, VAULT_RSA_2048,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.example.com");
}

static enum err pending_get(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return keyvault_pending_get(ctx, vault, "shop-example-com", &found->operation);
}

static enum err pending_delete(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	(void)found;
	return keyvault_pending_delete(ctx, vault, "shop-example-com");
}

static enum err merge(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	struct cert *leaf = arena_new_one(ctx->arena, struct cert);
	struct bytes der;

	assert_int_equal(base64_decode(ctx, CERT_A, &der), E_OK);
	assert_int_equal(cert_from_der(ctx, der.data, der.size, leaf), E_OK);
	return keyvault_certificate_merge(ctx, vault, "shop-example-com",
					  &(struct chain){.items = leaf, .count = 1}, &tags,
					  &found->certificate);
}

static enum err recover(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	(void)found;
	return keyvault_certificate_recover(ctx, vault, "shop-example-com");
}

/* ---- what holds afterwards */

static bool is_pending_alone(const struct found *found)
{
	const struct vault_certificate *c = &found->certificate;

	return c->has_pending && c->tags.count == 1 && !c->secret_id && !c->cert.names.count;
}

static bool is_nothing(const struct found *found)
{
	return !found->certificate.id && !found->certificate.has_pending &&
	       !found->certificate.tags.count;
}

static bool is_tagged_alone(const struct found *found)
{
	return found->certificate.tags.count == 1 && !found->certificate.cert.names.count;
}

static bool is_complete(const struct found *found)
{
	const struct vault_certificate *c = &found->certificate;

	return text_equals(c->id, CERT "/v1") &&
	       text_equals(c->secret_id, VAULT "/secrets/shop-example-com/v1") && c->is_enabled &&
	       c->has_pending && c->tags.count == 1 &&
	       text_equals(c->tags.items[0].value, "shop.example.com") && c->cert.names.count == 1;
}

static bool is_disabled(const struct found *found)
{
	return !found->certificate.is_enabled && !found->certificate.has_pending;
}

static bool has_our_csr(const struct found *found)
{
	return found->operation.status == VAULT_IN_PROGRESS && found->operation.has_csr &&
	       !found->operation.is_foreign_issuer && found->operation.csr.names.count == 1 &&
	       !found->operation.error && text_equals(found->operation.request_id, "r1");
}

static bool is_foreign(const struct found *found)
{
	return found->operation.is_foreign_issuer && !found->operation.has_csr;
}

static bool is_completed(const struct found *found)
{
	return found->operation.status == VAULT_COMPLETED;
}

static bool is_unknown(const struct found *found)
{
	return found->operation.status == VAULT_STATUS_UNKNOWN;
}

static bool has_failed(const struct found *found)
{
	return found->operation.status == VAULT_FAILED &&
	       text_equals(found->operation.error, "BadIssuer: the issuer said no");
}

/* ---- the tables */

static const struct row certificates[] = {
	{"the current version is read with its tags and both ids",
	 get,
	 {{.request = "GET " CERT V, .status = 200, .body = BUNDLE, .kind = HTTP_READ}},
	 {.err = E_OK},
	 is_complete},
	{"a disabled version says so",
	 get,
	 {{.request = "GET " CERT V,
	   .status = 200,
	   .body = "{\"id\":\"i\",\"sid\":\"s\",\"cer\":\"" CERT_A
		   "\",\"attributes\":{\"enabled\":false}}"}},
	 {.err = E_OK},
	 is_disabled},
	{"a certificate that is not there is not found",
	 get,
	 {{.request = "GET " CERT V,
	   .status = 404,
	   .body = ERROR("CertificateNotFound", "not here")}},
	 {.err = E_NOTFOUND, .reason = "CertificateNotFound"},
	 is_nothing},
	{"a first version that waits for its merge is not there yet, but its tags are",
	 get,
	 {{.request = "GET " CERT V,
	   .status = 200,
	   .body = "{\"id\":\"" CERT "/v1\",\"tags\":{\"Hostname\":\"shop.example.com\"},"
		   "\"pending\":{\"id\":\"" CERT "/pending\"}}"}},
	 {.err = E_NOTFOUND},
	 is_pending_alone},
	{"a deleted one is read with its tags",
	 get_deleted,
	 {{.request = "GET " DELETED V, .status = 200, .body = BUNDLE, .kind = HTTP_READ}},
	 {.err = E_OK},
	 is_complete},
	{"a deleted one that never had a version has tags alone",
	 get_deleted,
	 {{.request = "GET " DELETED V,
	   .status = 200,
	   .body = "{\"id\":\"" CERT "/v1\",\"tags\":{\"Hostname\":\"shop.example.com\"}}"}},
	 {.err = E_OK},
	 is_tagged_alone},
	{"one that is not deleted, or not yet, is not found",
	 get_deleted,
	 {{.request = "GET " DELETED V, .status = 404, .body = ERROR("CertificateNotFound", "")}},
	 {.err = E_NOTFOUND},
	 NULL},
	{"a garbled deleted one is tried again",
	 get_deleted,
	 {{.request = "GET " DELETED V, .status = 200, .body = "[]"}},
	 {.err = E_AGAIN, .reason = "MalformedReply", .says = "deleted certificate shop-example"},
	 NULL},
	{"who may not read what is deleted is told the role",
	 get_deleted,
	 {{.request = "GET " DELETED V,
	   .status = 403,
	   .body = INNER("Forbidden", "ForbiddenByRbac", "Caller is not authorized.")}},
	 {.err = E_REFUSED, .says = "grant the role Key Vault Certificates Officer"},
	 NULL},
	{"a garbled answer is tried again and not quoted",
	 get,
	 {{.request = "GET " CERT V, .status = 200, .body = "{\"id\":"}},
	 {.err = E_AGAIN, .says = "certificate shop-example-com: ", .not_says = "{\"id"},
	 NULL},
	{"an answer of another shape is tried again",
	 get,
	 {{.request = "GET " CERT V, .status = 200, .body = "[]"}},
	 {.err = E_AGAIN, .reason = "MalformedReply"},
	 NULL},
	{"a name that is none is never sent",
	 get_strange_name,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidVaultName"},
	 NULL},
	{"a missing role is named, on one line",
	 get,
	 {{.request = "GET " CERT V,
	   .status = 403,
	   .body = INNER("Forbidden", "ForbiddenByRbac",
			 "Caller is not authorized to perform action on "
			 "resource.\\r\\nCaller: "
			 "appid=1b0f6b0f-aaaa-bbbb-cccc-1b0f6b0faaaa")}},
	 {.err = E_REFUSED,
	  .reason = "ForbiddenByRbac",
	  .says = "resource. Caller: appid=1b0f6b0f-aaaa-bbbb-cccc-1b0f6b0faaaa; "
		  "grant the role "
		  "Key Vault Certificates Officer on the vault"},
	 NULL},
	{"a firewall is told apart from a role",
	 get,
	 {{.request = "GET " CERT V,
	   .status = 403,
	   .body = INNER("Forbidden", "ForbiddenByFirewall",
			 "Client address is not authorized and caller is not a trusted "
			 "service.")}},
	 {.err = E_REFUSED, .reason = "ForbiddenByFirewall", .says = "vault's firewall"},
	 NULL},
	{"a throttled vault without Retry-After is throttled all the same",
	 get,
	 {{.request = "GET " CERT V, .status = 429, .body = ERROR("Throttled", "slow down")}},
	 {.err = E_THROTTLED, .reason = "Throttled"},
	 NULL},
	{"a broken vault is tried again",
	 get,
	 {{.request = "GET " CERT V, .status = 503}},
	 {.err = E_AGAIN, .reason = "Http503"},
	 NULL},
};

static const struct row creations[] = {
	{"a key that can be exported to the gateway is asked for",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .kind = HTTP_ONE_SHOT,
	   .status = 202,
	   .header = "Content-Type: application/json",
	   .sends = "\"key_props\":{\"exportable\":true,\"kty\":\"RSA\",\"key_size\":"
		    "2048,"
		    "\"reuse_key\":false},\"secret_props\":{\"contentType\":"
		    "\"application/x-pkcs12\"}",
	   .body = OPERATION("inProgress", "Unknown", CSR_A)}},
	 {.err = E_OK},
	 has_our_csr},
	{"the names, the usages and the tags are asked for",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .status = 202,
	   .sends = "\"x509_props\":{\"subject\":\"CN=shop.example.com\",\"sans\":"
		    "{\"dns_names\":[\"shop.example.com\"]},\"key_usage\":"
		    "[\"digitalSignature\",\"keyEncipherment\"],\"ekus\":"
		    "[\"1.3.6.1.5.5.7.3.1\"]},\"lifetime_actions\":[]},\"tags\":"
		    "{\"Hostname\":\"shop.example.com\"}",
	   .body = OPERATION("inProgress", "Unknown", CSR_A)}},
	 {.err = E_OK},
	 has_our_csr},
	{"an EC key signs and enciphers nothing",
	 create_ec,
	 {{.request = "POST " CERT "/create" V,
	   .status = 202,
	   .sends = "\"key_usage\":[\"digitalSignature\"]",
	   .body = OPERATION("inProgress", "Unknown", CSR_A)}},
	 {.err = E_OK},
	 has_our_csr},
	{"a name over 64 octets has no place in the subject",
	 create_long,
	 {{.request = "POST " CERT "/create" V,
	   .status = 202,
	   .sends = "\"x509_props\":{\"sans\"",
	   .body = OPERATION("InProgress", "unknown", CSR_A)}},
	 {.err = E_OK},
	 has_our_csr},
	{"a pending one in the documented form is PendingExists",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .status = 409,
	   .body = ERROR("Forbidden",
			 "A new key vault certificate can not be created or imported while "
			 "a "
			 "pending key vault certificate's status is inProgress.")}},
	 {.err = E_CONFLICT, .reason = "PendingExists"},
	 NULL},
	{"the same under 403 is PendingExists as well",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .status = 403,
	   .body = ERROR("Forbidden",
			 "A new key vault certificate can not be created or imported while "
			 "a "
			 "pending key vault certificate's status is inProgress.")}},
	 {.err = E_CONFLICT, .reason = "PendingExists"},
	 NULL},
	{"a soft-deleted one is told by its inner code",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .status = 409,
	   .body = INNER("Conflict", "ObjectIsDeletedButRecoverable",
			 "Certificate is currently in a deleted but recoverable state")}},
	 {.err = E_CONFLICT, .reason = "SoftDeleted"},
	 NULL},
	{"parallel operations on the pending object are Busy",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .status = 409,
	   .body = ERROR("Conflict", "There was a conflict while deleting the pending "
				     "certificate. This can "
				     "occur if several operations run in parallel.")}},
	 {.err = E_CONFLICT, .reason = "Busy"},
	 NULL},
	{"an object that is being deleted is Busy",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .status = 409,
	   .body = INNER("conflict", "objectisbeingdeleted", "")}},
	 {.err = E_CONFLICT, .reason = "Busy"},
	 NULL},
	{"a secret of that name is a conflict under the vault's own code",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .status = 409,
	   .body = ERROR("Conflict", "A secret of that name stands here.")}},
	 {.err = E_CONFLICT, .reason = "Conflict"},
	 NULL},
	{"no answer means: look",
	 create,
	 {{.request = "POST " CERT "/create" V, .err = E_CONFLICT}},
	 {.err = E_CONFLICT},
	 NULL},
	{"an answer that cannot be read means: look",
	 create,
	 {{.request = "POST " CERT "/create" V, .status = 202, .body = "<html>"}},
	 {.err = E_CONFLICT},
	 NULL},
	{"an answer without a CSR means: look",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .status = 202,
	   .body = OPERATION("inProgress", "Unknown", "")}},
	 {.err = E_CONFLICT, .reason = "MalformedReply"},
	 NULL},
	{"a broken vault means: look",
	 create,
	 {{.request = "POST " CERT "/create" V, .status = 500}},
	 {.err = E_CONFLICT},
	 NULL},
	{"a policy that the vault does not like is refused",
	 create,
	 {{.request = "POST " CERT "/create" V,
	   .status = 400,
	   .body = ERROR("BadParameter", "Property policy has invalid value")}},
	 {.err = E_REFUSED,
	  .reason = "BadParameter",
	  .says = "create certificate shop-example-com: "},
	 NULL},
};

static const struct row pendings[] = {
	{"our own pending operation has its CSR",
	 pending_get,
	 {{.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("INPROGRESS", "Unknown", CSR_A)}},
	 {.err = E_OK},
	 has_our_csr},
	{"another issuer's operation is not ours to merge",
	 pending_get,
	 {{.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("inProgress", "DigiCert", CSR_A)}},
	 {.err = E_OK},
	 is_foreign},
	{"a completed operation is completed in any case",
	 pending_get,
	 {{.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("Completed", "Unknown", CSR_A)}},
	 {.err = E_OK},
	 is_completed},
	{"a status that nobody knows is unknown",
	 pending_get,
	 {{.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("dreaming", "Unknown", CSR_A)}},
	 {.err = E_OK},
	 is_unknown},
	{"a failed operation says why",
	 pending_get,
	 {{.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = "{\"status\":\"failed\",\"error\":{\"code\":\"BadIssuer\","
		   "\"message\":"
		   "\"the issuer said no\\n\"}}"}},
	 {.err = E_OK},
	 has_failed},
	{"a CSR that is none is refused",
	 pending_get,
	 {{.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("inProgress", "Unknown", "AAAA")}},
	 {.err = E_REFUSED, .reason = "InvalidCsr"},
	 NULL},
	{"nothing pending is not found",
	 pending_get,
	 {{.request = "GET " CERT "/pending" V,
	   .status = 404,
	   .body = ERROR("PendingCertificateNotFound", "none")}},
	 {.err = E_NOTFOUND, .reason = "PendingCertificateNotFound"},
	 NULL},
	{"a pending operation is deleted",
	 pending_delete,
	 {{.request = "DELETE " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("inProgress", "Unknown", CSR_A)}},
	 {.err = E_OK},
	 NULL},
	{"a soft-deleted certificate is recovered",
	 recover,
	 {{.request = "POST " VAULT "/deletedcertificates/shop-example-com/recover" V,
	   .sends = "",
	   .status = 200,
	   .body = BUNDLE}},
	 {.err = E_OK},
	 NULL},
	{"a certificate that is being recovered already is Busy",
	 recover,
	 {{.request = "POST " VAULT "/deletedcertificates/shop-example-com/recover" V,
	   .status = 409,
	   .body = INNER("Conflict", "ObjectIsBeingRecovered", "")}},
	 {.err = E_CONFLICT, .reason = "Busy"},
	 NULL},
};

#define MERGE "POST " CERT "/pending/merge" V

static const struct row merges[] = {
	{"the chain goes in as standard base64 with the tags",
	 merge,
	 {{.request = MERGE,
	   .kind = HTTP_ONE_SHOT,
	   .status = 201,
	   .body = BUNDLE,
	   .sends = "{\"x5c\":[\"" CERT_A "\"],\"tags\":{\"Hostname\":"
		    "\"shop.example.com\"}}"}},
	 {.err = E_OK},
	 is_complete},
	{"a refusal while another key is pending is KeyMismatch",
	 merge,
	 {{.request = MERGE,
	   .status = 400,
	   .body = ERROR("BadParameter", "Property x5c has invalid value")},
	  {.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("inProgress", "Unknown", CSR_B)}},
	 {.err = E_REFUSED, .reason = "KeyMismatch", .says = "Property x5c has invalid value"},
	 NULL},
	{"a refusal while our key is pending keeps the vault's words",
	 merge,
	 {{.request = MERGE,
	   .status = 400,
	   .body = ERROR("BadParameter", "Property x5c has invalid value")},
	  {.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("inProgress", "Unknown", CSR_A)}},
	 {.err = E_REFUSED, .reason = "BadParameter", .says = "Property x5c has invalid value"},
	 NULL},
	{"a refusal after somebody merged means: look",
	 merge,
	 {{.request = MERGE, .status = 400, .body = ERROR("BadParameter", "no")},
	  {.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("completed", "Unknown", CSR_A)}},
	 {.err = E_CONFLICT},
	 NULL},
	{"a refusal after the operation went away means: look",
	 merge,
	 {{.request = MERGE, .status = 400, .body = ERROR("BadParameter", "no")},
	  {.request = "GET " CERT "/pending" V, .status = 404}},
	 {.err = E_CONFLICT},
	 NULL},
	{"a refusal without a second look is no KeyMismatch",
	 merge,
	 {{.request = MERGE, .status = 400, .body = ERROR("BadParameter", "no")},
	  {.request = "GET " CERT "/pending" V, .status = 503}},
	 {.err = E_REFUSED, .reason = "BadParameter"},
	 NULL},
	{"nothing to merge into is not found",
	 merge,
	 {{.request = MERGE, .status = 404, .body = ERROR("PendingCertificateNotFound", "none")}},
	 {.err = E_NOTFOUND},
	 NULL},
	{"a pending operation of another issuer is refused",
	 merge,
	 {{.request = MERGE,
	   .status = 403,
	   .body = ERROR("Forbidden", "merge is forbidden on pending object created with "
				      "issuer : Self")},
	  {.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("inProgress", "Self", "")}},
	 {.err = E_REFUSED, .reason = "Forbidden"},
	 NULL},
	{"a merge that was done already means: look",
	 merge,
	 {{.request = MERGE,
	   .status = 403,
	   .body = ERROR("Forbidden", "The pending certificate's status is not inProgress.")},
	  {.request = "GET " CERT "/pending" V,
	   .status = 200,
	   .body = OPERATION("completed", "Unknown", CSR_A)}},
	 {.err = E_CONFLICT, .reason = "Forbidden"},
	 NULL},
	{"a missing role needs no second look",
	 merge,
	 {{.request = MERGE, .status = 403, .body = INNER("Forbidden", "ForbiddenByRbac", "")}},
	 {.err = E_REFUSED, .reason = "ForbiddenByRbac"},
	 NULL},
	{"parallel operations are Busy",
	 merge,
	 {{.request = MERGE,
	   .status = 409,
	   .body = ERROR("Conflict", "There was a conflict while updating the pending "
				     "certificate.")}},
	 {.err = E_CONFLICT, .reason = "Busy"},
	 NULL},
	{"no answer means: look",
	 merge,
	 {{.request = MERGE, .err = E_CONFLICT}},
	 {.err = E_CONFLICT},
	 NULL},
	{"half an answer means: look",
	 merge,
	 {{.request = MERGE, .status = 201, .body = "{\"id\":\"x\"}"}},
	 {.err = E_CONFLICT, .reason = "MalformedReply"},
	 NULL},
};

static void test_certificates(void **state)
{
	(void)state;
	run(certificates, ARRAY_SIZE(certificates));
}

static void test_creations(void **state)
{
	(void)state;
	run(creations, ARRAY_SIZE(creations));
}

static void test_pendings(void **state)
{
	(void)state;
	run(pendings, ARRAY_SIZE(pendings));
}

static void test_merges(void **state)
{
	(void)state;
	run(merges, ARRAY_SIZE(merges));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_creations),
		cmocka_unit_test(test_pendings),
		cmocka_unit_test(test_merges),
	};

	return cmocka_run_group_tests_name("keyvault", tests, NULL, NULL);
}
