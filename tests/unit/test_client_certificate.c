#include "credential_rig.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "codec/base64.h"

#define AUDIENCE "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"client", -1,
				   -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, key);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static char *pem_file(EVP_PKEY *key, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *copy;
	long size;

	BIO_puts(bio, "Bag Attributes\n    friendlyName: client\n");
	assert_true(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	assert_true(PEM_write_bio_X509(bio, certificate));
	size = BIO_get_mem_data(bio, &data);
	copy = strndup(data, (size_t)size);
	BIO_free(bio);
	return copy;
}

/* Catches the assertion instead of following a script. */
struct catcher {
	struct http http;
	char *form;
};

static enum err catch_form(struct ctx *ctx, struct http *http, const struct http_request *request,
			   struct http_reply *reply)
{
	struct catcher *catcher = (struct catcher *)http;

	catcher->form = arena_strndup(ctx->arena, request->body, request->body_size);
	*reply = (struct http_reply){.status = 200, .body = arena_strdup(ctx->arena, TOKEN("c"))};
	reply->body_size = strlen(reply->body);
	return E_OK;
}

static struct json *decode_part(struct ctx *ctx, const char *part)
{
	struct bytes bytes;
	struct json *json;

	assert_int_equal(
		base64url_decode(ctx, arena_strndup(ctx->arena, part, strcspn(part, ".&")), &bytes),
		E_OK);
	assert_int_equal(json_parse(ctx, (const char *)bytes.data, bytes.size, &json), E_OK);
	return json;
}

static void check_signature(struct ctx *ctx, EVP_PKEY *key, const char *assertion)
{
	const char *second = strchr(strchr(assertion, '.') + 1, '.');
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *padding;
	struct bytes signature;

	assert_int_equal(
		base64url_decode(ctx,
				 arena_strndup(ctx->arena, second + 1, strcspn(second + 1, "&")),
				 &signature),
		E_OK);
	assert_int_equal(EVP_DigestVerifyInit(md, &padding, EVP_sha256(), NULL, key), 1);
	assert_true(EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) > 0);
	assert_true(EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, 32) > 0);
	assert_int_equal(EVP_DigestVerify(md, signature.data, signature.size,
					  (const unsigned char *)assertion,
					  (size_t)(second - assertion)),
			 1);
	EVP_MD_CTX_free(md);
}

static void check_assertion(struct ctx *ctx, const char *assertion, X509 *certificate,
			    bool has_chain)
{
	struct json *header = decode_part(ctx, assertion);
	struct json *claims = decode_part(ctx, strchr(assertion, '.') + 1);
	unsigned char digest[32], *der = NULL;
	int size = i2d_X509(certificate, &der);

	assert_int_equal(EVP_Digest(der, (size_t)size, digest, NULL, EVP_sha256(), NULL), 1);
	assert_string_equal(json_get_text(header, "alg"), "PS256");
	assert_string_equal(json_get_text(header, "x5t#S256"), base64url_encode(ctx, digest, 32));
	if (has_chain)
		assert_string_equal(json_text(json_at(json_get(header, "x5c"), 0)),
				    base64_encode(ctx, der, (size_t)size));
	else
		assert_null(json_get(header, "x5c"));
	assert_string_equal(json_get_text(claims, "aud"), AUDIENCE);
	assert_string_equal(json_get_text(claims, "iss"), "client");
	assert_string_equal(json_get_text(claims, "sub"), "client");
	assert_int_equal(strlen(json_get_text(claims, "jti")), 36);
	assert_int_equal(json_get_int(claims, "nbf", 0), EPOCH / 1000);
	assert_int_equal(json_get_int(claims, "exp", 0), EPOCH / 1000 + 600);
	OPENSSL_free(der);
}

static void sign_in_by_certificate(EVP_PKEY *key, X509 *certificate, const char *send_chain)
{
	static const struct exchange none = {.request = NULL};
	char *pem = pem_file(key, certificate);
	const struct file own[] = {{"/run/client.pem", pem}, {NULL, NULL}};
	const struct credential_options options = {.tenant_id = "tenant",
						   .client_id = "client",
						   .client_certificate_path = "/run/client.pem",
						   .send_certificate_chain = send_chain};
	struct catcher catcher = {.http = {.send = catch_form}};
	struct credential *credential;
	struct script script;
	const char *header, *assertion;

	files = own;
	begin(&script, __func__, &none);
	assert_int_equal(credential_new(&script.ctx, &options, &credential), E_OK);
	assert_int_equal(
		credential_header(&script.ctx, credential, &catcher.http, NULL, ARM, &header),
		E_OK);
	assert_string_equal(header, "Bearer c");
	assertion = strstr(catcher.form, "client_assertion=");
	assert_non_null(assertion);
	assertion += strlen("client_assertion=");
	check_assertion(&script.ctx, assertion, certificate, send_chain != NULL);
	check_signature(&script.ctx, key, assertion);
	script_end(&script);
	credential_free(credential);
	files = NULL;
	free(pem);
}

static void a_certificate_signs_an_assertion(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *certificate = make_certificate(key);

	(void)state;
	sign_in_by_certificate(key, certificate, NULL);
	sign_in_by_certificate(key, certificate, "true");
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static const struct file broken_files[] = {
	{"/run/empty.pem", ""},
	{"/run/half.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
	{"/run/garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
			     "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"},
	{NULL, NULL},
};

#define CERTIFICATE(path) \
	.tenant_id = "tenant", .client_id = "client", .client_certificate_path = path

static const struct row broken_certificates[] = {
	{"a file that is missing is named",
	 {CERTIFICATE("/run/missing.pem")},
	 {{.request = NULL}},
	 {.err = E_REFUSED,
	  .reason = "AzureAuthFailed",
	  .says = "AZURE_CLIENT_CERTIFICATE_PATH: /run/missing.pem"},
	 NULL},
	{"a file without anything is explained",
	 {CERTIFICATE("/run/empty.pem")},
	 {{.request = NULL}},
	 {.err = E_REFUSED,
	  .reason = "AzureAuthFailed",
	  .says = "a certificate and its private key as PEM"},
	 NULL},
	{"a file without a key is explained",
	 {CERTIFICATE("/run/half.pem")},
	 {{.request = NULL}},
	 {.err = E_REFUSED,
	  .reason = "AzureAuthFailed",
	  .says = "a certificate and its private key as PEM"},
	 NULL},
	{"a file with garbage is refused",
	 {CERTIFICATE("/run/garbage.pem")},
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "AzureAuthFailed", .says = "sign-in with client certificate"},
	 NULL},
};

static void test_broken_certificates(void **state)
{
	(void)state;
	files = broken_files;
	run(broken_certificates, ARRAY_SIZE(broken_certificates));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_signs_an_assertion),
		cmocka_unit_test(test_broken_certificates),
	};

	return cmocka_run_group_tests_name("client_certificate", tests, NULL, NULL);
}
