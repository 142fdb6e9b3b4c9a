#include "world/crypto.h"

#include <assert.h>
#include <ctype.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"

#define NAMES_MAX 128

static struct bytes keep(struct ctx *ctx, unsigned char *data, int size)
{
	struct bytes bytes;

	assert(size > 0);
	bytes.data = arena_copy(ctx->arena, data, (size_t)size);
	bytes.size = (size_t)size;
	OPENSSL_free(data);
	return bytes;
}

/* "CN=a, O=b" as Key Vault takes it; unknown attributes fail. */
static bool add_subject(struct ctx *ctx, X509_NAME *name, const char *subject)
{
	char *text = arena_strdup(ctx->arena, subject), *at = NULL, *part, *equals;

	for (part = strtok_r(text, ",", &at); part; part = strtok_r(NULL, ",", &at)) {
		part += strspn(part, " ");
		equals = strchr(part, '=');
		if (!equals)
			return false;
		*equals = '\0';
		if (!X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8,
						(const unsigned char *)equals + 1, -1, -1, 0))
			return false;
	}
	return true;
}

static bool push_extension(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	return extension && sk_X509_EXTENSION_push(list, extension) > 0;
}

static char *join(struct ctx *ctx, const char *first, const char *prefix, const char *const *items,
		  size_t count)
{
	char *text = arena_strdup(ctx->arena, first);
	size_t i;

	for (i = 0; i < count; i++)
		text = arena_printf(ctx->arena, "%s%s%s%s", text, *text ? "," : "", prefix,
				    items[i]);
	return text;
}

bool crypto_csr(struct ctx *ctx, EVP_PKEY *key, const struct crypto_request *request,
		struct bytes *der)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	X509_REQ *csr = X509_REQ_new();
	unsigned char *data = NULL;
	bool is_good = true;
	int size;

	assert(list && csr);
	if (request->subject && *request->subject)
		is_good = add_subject(ctx, X509_REQ_get_subject_name(csr), request->subject);
	if (request->dns_name_count)
		is_good &= push_extension(
			list, NID_subject_alt_name,
			join(ctx, "", "DNS:", request->dns_names, request->dns_name_count));
	if (request->key_usage_count)
		is_good &= push_extension(
			list, NID_key_usage,
			join(ctx, "critical", "", request->key_usage, request->key_usage_count));
	if (request->eku_count)
		is_good &= push_extension(list, NID_ext_key_usage,
					  join(ctx, "", "", request->ekus, request->eku_count));
	if (is_good) {
		if (sk_X509_EXTENSION_num(list))
			X509_REQ_add_extensions(csr, list);
		X509_REQ_set_pubkey(csr, key);
		assert(X509_REQ_sign(csr, key, EVP_sha256()));
		size = i2d_X509_REQ(csr, &data);
		*der = keep(ctx, data, size);
	}
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	X509_REQ_free(csr);
	return is_good;
}

X509_REQ *crypto_parse_csr(const struct bytes *der)
{
	const unsigned char *at = der->data;
	X509_REQ *csr = d2i_X509_REQ(NULL, &at, (long)der->size);

	if (csr && at == der->data + der->size &&
	    X509_REQ_verify(csr, X509_REQ_get0_pubkey(csr)) == 1)
		return csr;
	X509_REQ_free(csr);
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_name(struct ctx *ctx, char **names, size_t *count, const ASN1_STRING *string)
{
	char *name = arena_strndup(ctx->arena, (const char *)ASN1_STRING_get0_data(string),
				   (size_t)ASN1_STRING_length(string));
	size_t i;
	char *c;

	for (c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	for (i = 0; i < *count; i++)
		if (strcmp(names[i], name) == 0)
			return;
	if (*count < NAMES_MAX)
		names[(*count)++] = name;
}

static char **collect(struct ctx *ctx, GENERAL_NAMES *sans, X509_NAME *subject, size_t *count)
{
	char **names = arena_new_array(ctx->arena, char *, NAMES_MAX);
	int i, at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	*count = 0;
	for (i = 0; i < sk_GENERAL_NAME_num(sans); i++) {
		GENERAL_NAME *san = sk_GENERAL_NAME_value(sans, i);

		if (san->type == GEN_DNS)
			add_name(ctx, names, count, san->d.dNSName);
	}
	if (at >= 0)
		add_name(ctx, names, count,
			 X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	qsort(names, *count, sizeof(*names), compare_names);
	return names;
}

char **crypto_csr_names(struct ctx *ctx, X509_REQ *csr, size_t *count)
{
	STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(csr);
	GENERAL_NAMES *sans = X509V3_get_d2i(list, NID_subject_alt_name, NULL, NULL);
	char **names = collect(ctx, sans, X509_REQ_get_subject_name(csr), count);

	GENERAL_NAMES_free(sans);
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return names;
}

X509 *crypto_parse_cert(const struct bytes *der)
{
	const unsigned char *at = der->data;
	X509 *cert = d2i_X509(NULL, &at, (long)der->size);

	if (cert && at == der->data + der->size)
		return cert;
	X509_free(cert);
	return NULL;
}

struct bytes crypto_cert_der(struct ctx *ctx, X509 *cert)
{
	unsigned char *data = NULL;
	int size = i2d_X509(cert, &data);

	return keep(ctx, data, size);
}

char **crypto_cert_names(struct ctx *ctx, X509 *cert, size_t *count)
{
	GENERAL_NAMES *sans = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	char **names = collect(ctx, sans, X509_get_subject_name(cert), count);

	GENERAL_NAMES_free(sans);
	return names;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm parts = {0};

	assert(ASN1_TIME_to_tm(time, &parts));
	return (int64_t)timegm(&parts);
}

int64_t crypto_not_before(X509 *cert)
{
	return seconds_of(X509_get0_notBefore(cert));
}

int64_t crypto_not_after(X509 *cert)
{
	return seconds_of(X509_get0_notAfter(cert));
}

static char *thumbprint(struct ctx *ctx, X509 *cert, const EVP_MD *kind)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	assert(X509_digest(cert, kind, digest, &size));
	return base64url_encode(ctx, digest, size);
}

char *crypto_x5t(struct ctx *ctx, X509 *cert)
{
	return thumbprint(ctx, cert, EVP_sha1());
}

char *crypto_x5t_s256(struct ctx *ctx, X509 *cert)
{
	return thumbprint(ctx, cert, EVP_sha256());
}

char *crypto_serial(struct ctx *ctx, X509 *cert)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = BN_bn2hex(number), *text = arena_strdup(ctx->arena, hex), *c;

	for (c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	OPENSSL_free(hex);
	BN_free(number);
	return text;
}

static void add_cert_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	assert(extension);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

static void add_cert_names(X509 *cert, const struct crypto_issue *issue)
{
	GENERAL_NAMES *sans = GENERAL_NAMES_new();
	size_t i;

	for (i = 0; i < issue->dns_name_count; i++) {
		GENERAL_NAME *san = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();

		ASN1_STRING_set(text, issue->dns_names[i], -1);
		GENERAL_NAME_set0_value(san, GEN_DNS, text);
		sk_GENERAL_NAME_push(sans, san);
	}
	assert(X509_add1_ext_i2d(cert, NID_subject_alt_name, sans, 0, 0) == 1);
	GENERAL_NAMES_free(sans);
}

X509 *crypto_issue(const struct crypto_issue *issue)
{
	unsigned char serial[16];
	X509 *cert = X509_new(), *issuer;
	BIGNUM *number;

	assert(cert);
	issuer = issue->issuer ? issue->issuer : cert;
	issue->rng->fill(issue->rng, serial, sizeof(serial));
	serial[0] &= 0x7f;
	number = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert));
	BN_free(number);
	X509_set_version(cert, X509_VERSION_3);
	X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &(time_t){(time_t)issue->not_before});
	X509_time_adj_ex(X509_getm_notAfter(cert), 0, 0, &(time_t){(time_t)issue->not_after});
	if (issue->common_name)
		X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
					   (const unsigned char *)issue->common_name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(issuer));
	X509_set_pubkey(cert, issue->key);
	add_cert_extension(cert, issuer, NID_basic_constraints,
			   issue->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_cert_extension(cert, issuer, NID_key_usage,
			   issue->is_ca ? "critical,keyCertSign,cRLSign"
					: "critical,digitalSignature");
	add_cert_extension(cert, issuer, NID_subject_key_identifier, "hash");
	if (issue->issuer)
		add_cert_extension(cert, issuer, NID_authority_key_identifier, "keyid");
	if (!issue->is_ca)
		add_cert_extension(cert, issuer, NID_ext_key_usage, "serverAuth");
	if (issue->dns_name_count)
		add_cert_names(cert, issue);
	assert(X509_sign(cert, issue->issuer_key, EVP_sha256()));
	return cert;
}
