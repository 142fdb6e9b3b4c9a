#include "pki/ossl.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/text.h"

struct curve {
	const char *group, *name;
};

static const struct curve curves[] = {
	{"prime256v1", "EC-P256"}, {"P-256", "EC-P256"},     {"secp384r1", "EC-P384"},
	{"P-384", "EC-P384"},	   {"secp521r1", "EC-P521"}, {"P-521", "EC-P521"},
	{"secp256k1", "EC-P256K"},
};

static const char *curve_name(const EVP_PKEY *key)
{
	char group[64];
	size_t i;

	if (!EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
		return NULL;
	for (i = 0; i < ARRAY_SIZE(curves); i++)
		if (strcmp(group, curves[i].group) == 0)
			return curves[i].name;
	return NULL;
}

const char *ossl_key_type(struct ctx *ctx, const EVP_PKEY *key)
{
	const char *name;

	if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
		return arena_printf(ctx->arena, "RSA-%d", EVP_PKEY_get_bits(key));
	if (EVP_PKEY_is_a(key, "EC")) {
		name = curve_name(key);
		ERR_clear_error();
		return name ? name : "EC";
	}
	name = EVP_PKEY_get0_type_name(key);
	return name ? arena_strdup(ctx->arena, name) : "unknown";
}

bool ossl_is_p256(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "EC") && text_equals(curve_name(key), "EC-P256");
}

bool ossl_public_key(struct ctx *ctx, const EVP_PKEY *key, struct bytes *out)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key, &der);

	if (size <= 0)
		return false;
	out->data = arena_copy(ctx->arena, der, (size_t)size);
	out->size = (size_t)size;
	OPENSSL_free(der);
	return true;
}

/* A name as DNS compares it. NULL: not one that a certificate of ours could carry. */
static const char *dns_name(struct ctx *ctx, const unsigned char *data, int size)
{
	char *name;
	int i;

	if (size <= 0 || size > 255)
		return NULL;
	for (i = 0; i < size; i++)
		if (data[i] <= ' ' || data[i] >= 127)
			return NULL;
	name = arena_strndup(ctx->arena, (const char *)data, (size_t)size);
	for (i = 0; i < size; i++)
		if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] - 'A' + 'a');
	return name;
}

static bool looks_like_dns_name(const char *name)
{
	const char *allowed = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	const char *rest = text_starts_with(name, "*.") ? name + 2 : name;

	return strchr(rest, '.') && rest[strspn(rest, allowed)] == '\0';
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_names(struct names *names)
{
	size_t i, kept = 0;

	qsort(names->items, names->count, sizeof(names->items[0]), compare_names);
	for (i = 0; i < names->count; i++)
		if (kept == 0 || strcmp(names->items[kept - 1], names->items[i]) != 0)
			names->items[kept++] = names->items[i];
	names->count = kept;
}

const char *ossl_common_name(struct ctx *ctx, const X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *text = NULL;
	char *copy;
	int size;

	if (at < 0)
		return NULL;
	size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	if (size < 0) {
		ERR_clear_error();
		return NULL;
	}
	copy = memchr(text, '\0', (size_t)size)
		       ? NULL
		       : arena_strndup(ctx->arena, (const char *)text, (size_t)size);
	OPENSSL_free(text);
	return copy;
}

static void add_common_name(struct ctx *ctx, const X509_NAME *subject, struct names *out)
{
	const char *cn = ossl_common_name(ctx, subject);
	const char *name = cn && strlen(cn) <= 255
				   ? dns_name(ctx, (const unsigned char *)cn, (int)strlen(cn))
				   : NULL;

	if (name && looks_like_dns_name(name))
		out->items[out->count++] = name;
}

const char *ossl_names(struct ctx *ctx, const GENERAL_NAMES *san, const X509_NAME *subject,
		       bool with_cn, struct names *out)
{
	int i, count = san ? sk_GENERAL_NAME_num(san) : 0;
	const GENERAL_NAME *entry;
	const ASN1_STRING *text;
	const char *name;

	if (count > OSSL_NAMES_MAX)
		return "more than 100 names";
	out->items = arena_new_array(ctx->arena, const char *, (size_t)count + 1);
	out->count = 0;
	for (i = 0; i < count; i++) {
		entry = sk_GENERAL_NAME_value(san, i);
		if (entry->type != GEN_DNS)
			continue;
		text = entry->d.dNSName;
		name = dns_name(ctx, ASN1_STRING_get0_data(text), ASN1_STRING_length(text));
		if (!name)
			return "a DNS name with characters that no DNS name has";
		out->items[out->count++] = name;
	}
	if (with_cn)
		add_common_name(ctx, subject, out);
	sort_names(out);
	return NULL;
}

static void release_key(void *key)
{
	EVP_PKEY_free(key);
}

void ossl_defer_key(struct arena *arena, EVP_PKEY *key)
{
	arena_defer(arena, release_key, key);
}
