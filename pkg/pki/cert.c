#include "pki/cert.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/heap.h"
#include "base/text.h"
#include "pki/key.h"
#include "pki/ossl.h"

static enum err refuse_certificate(struct ctx *ctx, const char *what)
{
	ERR_clear_error();
	return fault_set(ctx, E_REFUSED, "InvalidCertificate", "the certificate %s", what);
}

static void release_certificate(void *certificate)
{
	X509_free(certificate);
}

static void release_names(void *names)
{
	GENERAL_NAMES_free(names);
}

static enum err parse(struct ctx *ctx, const void *der, size_t size, X509 **out)
{
	const unsigned char *at = der;
	X509 *certificate;

	if (size == 0 || size > OSSL_INPUT_MAX)
		return refuse_certificate(ctx, size ? "is larger than 64 KiB" : "is empty");
	certificate = d2i_X509(NULL, &at, (long)size);
	if (!certificate)
		return refuse_certificate(ctx, "is no X.509 in DER");
	arena_defer(ctx->arena, release_certificate, certificate);
	if (at != (const unsigned char *)der + size)
		return refuse_certificate(ctx, "has bytes behind its end");
	*out = certificate;
	return E_OK;
}

/* RFC 2253 escapes keep it printable ASCII on one line. */
static const char *one_line(struct ctx *ctx, const X509_NAME *name)
{
	BIO *bio = heap_have(BIO_new(BIO_s_mem()));
	char *data = NULL, *text = NULL;
	long size;

	if (X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		size = BIO_get_mem_data(bio, &data);
		text = arena_strndup(ctx->arena, size > 0 ? data : "", size > 0 ? (size_t)size : 0);
	}
	BIO_free(bio);
	return text ? text : "";
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return false;
	return true;
}

static const char *issuer_name(struct ctx *ctx, const X509 *certificate)
{
	const char *cn = ossl_common_name(ctx, X509_get_issuer_name(certificate));

	return cn && *cn && is_printable(cn) ? cn
					     : one_line(ctx, X509_get_issuer_name(certificate));
}

static const char *serial_hex(struct ctx *ctx, const X509 *certificate)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *digits = number ? BN_bn2hex(number) : NULL;
	char *copy = digits ? arena_strdup(ctx->arena, digits) : NULL;
	char *at;

	OPENSSL_free(digits);
	BN_free(number);
	for (at = copy; at && *at; at++)
		if (*at >= 'A' && *at <= 'F')
			*at = (char)(*at - 'A' + 'a');
	return copy;
}

static bool read_time(const ASN1_TIME *time, msec_t *out)
{
	struct tm tm;

	if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
		return false;
	*out = (msec_t)timegm(&tm) * MSEC_PER_SEC;
	return true;
}

/* RFC 6125 6.4.4: the common name counts only where there are no alternative names. */
static enum err read_names(struct ctx *ctx, const X509 *certificate, struct names *out)
{
	int critical = -1;
	GENERAL_NAMES *san = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
	const char *wrong;

	if (san)
		arena_defer(ctx->arena, release_names, san);
	else if (critical != -1)
		return refuse_certificate(ctx, "has a malformed or repeated list of names");
	wrong = ossl_names(ctx, san, X509_get_subject_name(certificate), !san, out);
	return wrong ? refuse_certificate(ctx, arena_printf(ctx->arena, "has %s", wrong)) : E_OK;
}

static enum err read_certificate(struct ctx *ctx, const X509 *certificate, struct cert *out)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);

	if (!key || !ossl_public_key(ctx, key, &out->public_key))
		return refuse_certificate(ctx, "has a public key that cannot be read");
	if (!read_time(X509_get0_notBefore(certificate), &out->not_before) ||
	    !read_time(X509_get0_notAfter(certificate), &out->not_after))
		return refuse_certificate(ctx, "has a malformed validity");
	out->serial = serial_hex(ctx, certificate);
	if (!out->serial)
		return refuse_certificate(ctx, "has a malformed serial number");
	TRY(read_names(ctx, certificate, &out->names));
	out->subject = one_line(ctx, X509_get_subject_name(certificate));
	out->issuer = issuer_name(ctx, certificate);
	out->key_type = ossl_key_type(ctx, key);
	return E_OK;
}

enum err cert_from_der(struct ctx *ctx, const void *der, size_t size, struct cert *out)
{
	X509 *certificate = NULL;

	memset(out, 0, sizeof(*out));
	TRY(parse(ctx, der, size, &certificate));
	TRY(read_certificate(ctx, certificate, out));
	out->der.data = arena_copy(ctx->arena, der, size);
	out->der.size = size;
	sha256(der, size, out->sha256);
	ERR_clear_error();
	return E_OK;
}

/* One PEM block that can only be a certificate. `out` stays empty at the end of the input. */
static enum err next_block(struct ctx *ctx, BIO *bio, struct bytes *out)
{
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	bool is_certificate;
	long size = 0;

	memset(out, 0, sizeof(*out));
	if (PEM_read_bio(bio, &name, &header, &data, &size) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
			return refuse_certificate(ctx, "is malformed PEM");
		ERR_clear_error();
		return E_OK;
	}
	is_certificate = strcmp(name, PEM_STRING_X509) == 0 && *header == '\0' && size > 0;
	if (is_certificate) {
		out->data = arena_copy(ctx->arena, data, (size_t)size);
		out->size = (size_t)size;
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(data, (size_t)size);
	return is_certificate ? E_OK : refuse_certificate(ctx, "comes with PEM that is none");
}

static void release_bio(void *bio)
{
	BIO_free(bio);
}

enum err chain_from_pem(struct ctx *ctx, const char *pem, size_t size, struct chain *out)
{
	struct bytes der;
	BIO *bio;

	out->items = arena_new_array(ctx->arena, struct cert, CHAIN_LENGTH_MAX);
	out->count = 0;
	if (size == 0 || size > OSSL_INPUT_MAX)
		return refuse_certificate(ctx, size ? "chain is larger than 64 KiB" : "is empty");
	bio = heap_have(BIO_new_mem_buf(pem, (int)size));
	arena_defer(ctx->arena, release_bio, bio);
	for (;;) {
		TRY(next_block(ctx, bio, &der));
		if (!der.data)
			break;
		if (out->count == CHAIN_LENGTH_MAX)
			return refuse_certificate(ctx, "chain has more than 10 certificates");
		TRY(cert_from_der(ctx, der.data, der.size, &out->items[out->count]));
		out->count++;
	}
	return out->count ? E_OK : refuse_certificate(ctx, "is missing: there is no PEM block");
}

enum err certs_count_pem(struct ctx *ctx, const char *pem, size_t size, size_t *count)
{
	STACK_OF(X509_INFO) * all;
	BIO *bio;

	*count = 0;
	assert(size <= INT_MAX);
	bio = heap_have(BIO_new_mem_buf(pem, (int)size));
	arena_defer(ctx->arena, release_bio, bio);
	all = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
	if (!all)
		return refuse_certificate(ctx, "is malformed PEM");
	for (int i = 0; i < sk_X509_INFO_num(all); i++)
		*count += sk_X509_INFO_value(all, i)->x509 != NULL;
	sk_X509_INFO_pop_free(all, X509_INFO_free);
	ERR_clear_error();
	return E_OK;
}

bool cert_has_key(const struct cert *cert, const struct bytes *public_key)
{
	unsigned char ours[32], theirs[32];

	sha256(cert->public_key.data, cert->public_key.size, ours);
	sha256(public_key->data, public_key->size, theirs);
	return memcmp(ours, theirs, sizeof(ours)) == 0;
}

static enum err reject(struct ctx *ctx, const char *why)
{
	ERR_clear_error();
	return fault_set(ctx, E_REFUSED, "CertificateRejected", "the new certificate %s", why);
}

/* struct names holds DNS names alone: an address or a mail address would go unseen. */
static enum err check_alternative_names(struct ctx *ctx, const X509 *leaf)
{
	GENERAL_NAMES *san = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	int i;

	if (!san)
		return E_OK;
	arena_defer(ctx->arena, release_names, san);
	for (i = 0; i < sk_GENERAL_NAME_num(san); i++)
		if (sk_GENERAL_NAME_value(san, i)->type != GEN_DNS)
			return reject(ctx, "carries alternative names other than DNS names");
	return E_OK;
}

static enum err check_leaf(struct ctx *ctx, const struct cert *leaf, const struct csr *csr)
{
	if (!cert_has_key(leaf, &csr->public_key))
		return reject(ctx, "has another key than the request");
	if (!names_are(&leaf->names, csr->names.items, csr->names.count))
		return reject(ctx, "does not cover exactly the names of the request");
	return E_OK;
}

static enum err check_link(struct ctx *ctx, X509 *certificate, const X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) != 0)
		return reject(ctx, "comes with a chain that is not in order of issuing");
	if (!key || X509_verify(certificate, key) != 1)
		return reject(ctx, "comes with a chain in which a signature is wrong");
	return E_OK;
}

enum err chain_check_links(struct ctx *ctx, const struct chain *chain)
{
	X509 *certificate = NULL, *issuer = NULL;

	TRY(parse(ctx, chain->items[0].der.data, chain->items[0].der.size, &certificate));
	for (size_t i = 1; i < chain->count; i++) {
		TRY(parse(ctx, chain->items[i].der.data, chain->items[i].der.size, &issuer));
		TRY(check_link(ctx, certificate, issuer));
		certificate = issuer;
	}
	ERR_clear_error();
	return E_OK;
}

enum err chain_check(struct ctx *ctx, const struct chain *chain, const struct csr *csr)
{
	X509 *leaf = NULL;

	if (chain->count == 0)
		return reject(ctx, "is missing");
	TRY(check_leaf(ctx, &chain->items[0], csr));
	TRY(parse(ctx, chain->items[0].der.data, chain->items[0].der.size, &leaf));
	TRY(check_alternative_names(ctx, leaf));
	return chain_check_links(ctx, chain);
}
