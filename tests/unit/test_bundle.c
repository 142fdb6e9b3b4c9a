#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pkcs12.h>

#include "base/fs.h"
#include "base/text.h"
#include "pki/bundle.h"
#include "pki/seal.h"
#include "pki_forge.h"

#define HOST "shop.example.com"

static const struct doors *doors(void)
{
	static struct doors all;

	all = (struct doors){clock_system(), rng_system(), fs_system(), NULL};
	return &all;
}

static char *take_bio(struct ctx *ctx, BIO *bio)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);
	char *copy = arena_strndup(ctx->arena, data, (size_t)size);

	BIO_free(bio);
	return copy;
}

enum form {
	PKCS8,
	ENCRYPTED_PKCS8,
	TRADITIONAL,
	ENCRYPTED_TRADITIONAL,
	PKCS8_DER,
	ENCRYPTED_DER,
	TRADITIONAL_DER
};

static const char *der_of(struct ctx *ctx, EVP_PKEY *key, enum form form)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	char *data, *text;
	int size;

	if (form == TRADITIONAL_DER) {
		size = i2d_PrivateKey(key, &der);
		text = base64_encode(ctx, der, (size_t)size);
		OPENSSL_free(der);
		BIO_free(bio);
		return text;
	}
	i2d_PKCS8PrivateKey_bio(bio, key, form == ENCRYPTED_DER ? EVP_aes_256_cbc() : NULL, NULL, 0,
				NULL, form == ENCRYPTED_DER ? (char *)(uintptr_t) "secret" : NULL);
	size = (int)BIO_get_mem_data(bio, &data);
	text = base64_encode(ctx, data, (size_t)size);
	BIO_free(bio);
	return text;
}

static const char *key_text(struct ctx *ctx, EVP_PKEY *key, enum form form)
{
	BIO *bio;

	if (form >= PKCS8_DER)
		return der_of(ctx, key, form);
	bio = BIO_new(BIO_s_mem());
	if (form == TRADITIONAL)
		PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
	else if (form == ENCRYPTED_TRADITIONAL)
		PEM_write_bio_PrivateKey_traditional(bio, key, EVP_aes_256_cbc(), NULL, 0, NULL,
						     (char *)(uintptr_t) "secret");
	else if (form == ENCRYPTED_PKCS8)
		PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), NULL, 0, NULL,
					      (char *)(uintptr_t) "secret");
	else
		PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	return take_bio(ctx, bio);
}

static const struct {
	const char *sentence;
	bool is_rsa;
	enum form form;
	const char *password;
	const char *complaint; /* NULL: taken */
} forms[] = {
	{"PKCS#8 in PEM, RSA", true, PKCS8, NULL, NULL},
	{"PKCS#8 in PEM, EC", false, PKCS8, NULL, NULL},
	{"PKCS#1 in PEM", true, TRADITIONAL, NULL, NULL},
	{"SEC1 in PEM", false, TRADITIONAL, NULL, NULL},
	{"encrypted PKCS#8 in PEM", true, ENCRYPTED_PKCS8, "secret", NULL},
	{"encrypted PKCS#1 in PEM", true, ENCRYPTED_TRADITIONAL, "secret", NULL},
	{"encrypted SEC1 in PEM", false, ENCRYPTED_TRADITIONAL, "secret", NULL},
	{"base64 of PKCS#8", true, PKCS8_DER, NULL, NULL},
	{"base64 of encrypted PKCS#8", false, ENCRYPTED_DER, "secret", NULL},
	{"base64 of PKCS#1", true, TRADITIONAL_DER, NULL, NULL},
	{"base64 of SEC1", false, TRADITIONAL_DER, NULL, NULL},
	{"a wrong password", true, ENCRYPTED_PKCS8, "other", "password given"},
	{"no password", true, ENCRYPTED_PKCS8, NULL, "no password was given"},
	{"a wrong password, SEC1", false, ENCRYPTED_TRADITIONAL, "other", "password given"},
	{"no password, PKCS#1", true, ENCRYPTED_TRADITIONAL, NULL, "no password was given"},
	{"a wrong password, DER", true, ENCRYPTED_DER, "other", "password given"},
	{"no password, DER", true, ENCRYPTED_DER, NULL, "no password was given"},
};

static void test_key_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		EVP_PKEY *pkey = forms[i].is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
		cleanup_ctx struct ctx ctx;
		struct key *key;
		enum err err;

		ctx_init(&ctx, doors());
		err = bundle_read_key(&ctx, key_text(&ctx, pkey, forms[i].form), forms[i].password,
				      &key);
		if ((err == E_OK) != !forms[i].complaint ||
		    (err != E_OK && !strstr(ctx.fault.text, forms[i].complaint)))
			fail_msg("%s: %s %s", forms[i].sentence, err_name(err), ctx.fault.text);
		assert_int_equal(ERR_peek_error(), 0);
		EVP_PKEY_free(pkey);
	}
}

static void test_rubbish_keys(void **state)
{
	static const char *const rubbish[] = {"",	  "x",
					      "MIIB",	  "-----BEGIN PRIVATE KEY-----\nAAAA\n",
					      "AAAA====", "-----BEGIN CERTIFICATE-----"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rubbish); i++) {
		cleanup_ctx struct ctx ctx;
		struct key *key;

		ctx_init(&ctx, doors());
		assert_int_equal(bundle_read_key(&ctx, rubbish[i], NULL, &key), E_REFUSED);
		assert_string_equal(ctx.fault.reason, "InvalidKey");
	}
}

static X509_ALGOR *derive_by_pbkdf2(int rounds)
{
	return PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), rounds, NULL, 0, NULL, NID_hmacWithSHA256);
}

static X509_ALGOR *derive_by_pkcs12(int rounds)
{
	return PKCS5_pbe_set(NID_pbe_WithSHA1And3_Key_TripleDES_CBC, rounds, NULL, 0);
}

/* Within the memory that OpenSSL allows itself. */
static X509_ALGOR *derive_by_scrypt(int lanes)
{
	return PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, 0, NULL, 32768, 1, (uint64_t)lanes);
}

static const struct {
	const char *sentence;
	X509_ALGOR *(*encryption)(int work);
	int work;
	bool is_tried; /* then it is the password that does not fit */
} derivations[] = {
	{"PBKDF2, as openssl(1) does it", derive_by_pbkdf2, 2048, true},
	{"PBKDF2 that takes a twentieth of a second", derive_by_pbkdf2, 100000, true},
	{"PBKDF2 with one round too many", derive_by_pbkdf2, 100001, false},
	{"PBKDF2 that takes a quarter of an hour", derive_by_pbkdf2, 2147483647, false},
	{"PKCS#12's own", derive_by_pkcs12, 2048, true},
	{"PKCS#12's own, with one round too many", derive_by_pkcs12, 100001, false},
	{"scrypt, as much as openssl(1) does", derive_by_scrypt, 4, true},
	{"scrypt, one lane more", derive_by_scrypt, 5, false},
	{"scrypt that takes most of an hour", derive_by_scrypt, 131072, false},
};

/* An encrypted PKCS#8 with nothing sensible inside; `encryption` is consumed. */
static void encrypted_der(struct ctx *ctx, X509_ALGOR *encryption, struct bytes *out)
{
	X509_SIG *sig = X509_SIG_new();
	unsigned char *der = NULL;
	ASN1_OCTET_STRING *octets;
	X509_ALGOR *algorithm;
	int size;

	assert_non_null(encryption);
	X509_SIG_getm(sig, &algorithm, &octets);
	X509_ALGOR_copy(algorithm, encryption);
	ASN1_OCTET_STRING_set(octets, (const unsigned char *)"0123456789abcdef", 16);
	size = i2d_X509_SIG(sig, &der);
	*out = (struct bytes){arena_copy(ctx->arena, der, (size_t)size), (size_t)size};
	OPENSSL_free(der);
	X509_ALGOR_free(encryption);
	X509_SIG_free(sig);
}

static void test_costly_keys_are_not_tried(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(derivations); i++) {
		const char *expected = derivations[i].is_tried ? "cannot be decrypted" : "rounds";
		cleanup_ctx struct ctx ctx;
		struct bytes der;
		const char *texts[2];
		struct key *key;

		ctx_init(&ctx, doors());
		encrypted_der(&ctx, derivations[i].encryption(derivations[i].work), &der);
		texts[0] = base64_encode(&ctx, der.data, der.size);
		texts[1] = forge_pem(&ctx, "ENCRYPTED PRIVATE KEY", &der);
		for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
			if (bundle_read_key(&ctx, texts[k], "secret", &key) != E_REFUSED ||
			    !strstr(ctx.fault.text, expected))
				fail_msg("%s: %s", derivations[i].sentence, ctx.fault.text);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

/* Numbers of the right size that are no primes: nobody signs with it. */
static EVP_PKEY *rsa_of(int bits)
{
	static const char *const names[] = {"n",
					    "e",
					    "d",
					    "rsa-factor1",
					    "rsa-factor2",
					    "rsa-exponent1",
					    "rsa-exponent2",
					    "rsa-coefficient1"};
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *params = OSSL_PARAM_BLD_new();
	OSSL_PARAM *made;
	EVP_PKEY *pkey = NULL;
	BIGNUM *number[ARRAY_SIZE(names)];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		number[i] = BN_new();
		assert_int_equal(BN_rand(number[i], i == 0 ? bits : bits / 2 + 1, BN_RAND_TOP_TWO,
					 BN_RAND_BOTTOM_ODD),
				 1);
		if (i == 1)
			BN_set_word(number[i], RSA_F4);
		OSSL_PARAM_BLD_push_BN(params, names[i], number[i]);
	}
	made = OSSL_PARAM_BLD_to_param(params);
	assert_int_equal(EVP_PKEY_fromdata_init(maker), 1);
	assert_int_equal(EVP_PKEY_fromdata(maker, &pkey, EVP_PKEY_KEYPAIR, made), 1);
	OSSL_PARAM_free(made);
	OSSL_PARAM_BLD_free(params);
	EVP_PKEY_CTX_free(maker);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		BN_free(number[i]);
	return pkey;
}

static const struct {
	const char *sentence, *curve;
	int bits;
	const char *said; /* NULL: taken */
} kinds[] = {
	{"half of what is safe", NULL, 1024, "is RSA-1024;"},
	{"a bit less than the least", NULL, 2047, "is RSA-2047;"},
	{"the least", NULL, 2048, NULL},
	{"a length in between", NULL, 2560, "is RSA-2560;"},
	{"the middle one", NULL, 3072, NULL},
	{"a bit less than the most", NULL, 4095, "is RSA-4095;"},
	{"the most", NULL, 4096, NULL},
	{"a bit more than the most", NULL, 4097, "is RSA-4097;"},
	{"twice the most", NULL, 8192, "is RSA-8192;"},
	{"as long as OpenSSL takes", NULL, 16384, "is RSA-16384;"},
	{"P-224", "P-224", 0, "is EC on another curve;"},
	{"P-256", "P-256", 0, NULL},
	{"P-384", "P-384", 0, NULL},
	{"P-521", "P-521", 0, NULL},
	{"P-256K", "secp256k1", 0, NULL},
	{"over a binary field", "sect283k1", 0, "is EC on another curve;"},
	{"brainpool", "brainpoolP256r1", 0, "is EC on another curve;"},
	{"Ed25519", "ED25519", 0, "is ED25519;"},
	{"RSA for PSS alone", "RSA-PSS", 0, "is for RSA-PSS alone;"},
};

static EVP_PKEY *pair_for_pss(void)
{
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *pkey = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(maker), 1);
	EVP_PKEY_generate(maker, &pkey);
	EVP_PKEY_CTX_free(maker);
	return pkey;
}

static EVP_PKEY *pair_of(const char *curve, int bits)
{
	if (!curve)
		return rsa_of(bits);
	return text_equals(curve, "ED25519")   ? EVP_PKEY_Q_keygen(NULL, NULL, curve)
	       : text_equals(curve, "RSA-PSS") ? pair_for_pss()
					       : EVP_EC_gen(curve);
}

static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		EVP_PKEY *pkey = pair_of(kinds[i].curve, kinds[i].bits);
		cleanup_ctx struct ctx ctx;
		struct key *key;
		enum err err;

		ctx_init(&ctx, doors());
		assert_non_null(pkey);
		err = bundle_read_key(&ctx, key_text(&ctx, pkey, PKCS8), NULL, &key);
		if (kinds[i].said ? err != E_REFUSED || !strstr(ctx.fault.text, kinds[i].said) ||
					    !strstr(ctx.fault.text, "2048, 3072 or 4096")
				  : err != E_OK)
			fail_msg("%s: %s, %s", kinds[i].sentence, err_name(err), ctx.fault.text);
		assert_int_equal(ERR_peek_error(), 0);
		EVP_PKEY_free(pkey);
	}
}

static struct bytes forge(struct ctx *ctx, EVP_PKEY *key, const char *san, msec_t not_after)
{
	const struct forged forged = {.key = key,
				      .issuer_key = key,
				      .cn = "leaf",
				      .issuer_cn = "leaf",
				      .san = san,
				      .not_before = FORGE_NOW - MSEC_PER_DAY,
				      .not_after = not_after};

	return forge_cert(ctx, &forged);
}

static const struct {
	const char *sentence;
	bool has_own_key;
	const char *san;
	msec_t not_after;
	const char *reason; /* NULL: fine */
} checks[] = {
	{"it fits", true, "DNS:" HOST, FORGE_NOW + MSEC_PER_DAY, NULL},
	{"a wildcard covers it", true, "DNS:*.example.com", FORGE_NOW + MSEC_PER_DAY, NULL},
	{"the key is another's", false, "DNS:" HOST, FORGE_NOW + MSEC_PER_DAY, "KeyMismatch"},
	{"it has expired", true, "DNS:" HOST, FORGE_NOW - 1000, "CertificateExpired"},
	{"it names another", true, "DNS:other.example.com", FORGE_NOW + MSEC_PER_DAY,
	 "HostnameMismatch"},
};

static void test_checks(void **state)
{
	EVP_PKEY *own = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		cleanup_ctx struct ctx ctx;
		struct chain chain;
		struct bytes der;
		struct key *key;
		enum err err;

		ctx_init(&ctx, doors());
		der = forge(&ctx, checks[i].has_own_key ? own : other, checks[i].san,
			    checks[i].not_after);
		assert_int_equal(bundle_read_key(&ctx, key_text(&ctx, own, PKCS8), NULL, &key),
				 E_OK);
		assert_int_equal(
			bundle_read_chain(&ctx, base64_encode(&ctx, der.data, der.size), &chain),
			E_OK);
		err = bundle_check(&ctx, key, &chain, HOST, FORGE_NOW);
		if ((err == E_OK) != !checks[i].reason ||
		    (err != E_OK && !text_equals(ctx.fault.reason, checks[i].reason)))
			fail_msg("%s: %s %s", checks[i].sentence, err_name(err), ctx.fault.reason);
	}
	EVP_PKEY_free(own);
	EVP_PKEY_free(other);
}

static void test_pkcs12_holds_both(void **state)
{
	EVP_PKEY *pkey = EVP_RSA_gen(2048), *read_key = NULL;
	X509 *read_leaf = NULL;
	cleanup_ctx struct ctx ctx;
	const unsigned char *at;
	struct chain chain;
	struct bytes der, pfx;
	struct key *key;
	PKCS12 *pkcs12;

	(void)state;
	ctx_init(&ctx, doors());
	der = forge(&ctx, pkey, "DNS:" HOST, FORGE_NOW + MSEC_PER_DAY);
	assert_int_equal(bundle_read_key(&ctx, key_text(&ctx, pkey, PKCS8), NULL, &key), E_OK);
	assert_int_equal(bundle_read_chain(&ctx, base64_encode(&ctx, der.data, der.size), &chain),
			 E_OK);
	assert_int_equal(bundle_to_pkcs12(&ctx, key, &chain, "pass", &pfx), E_OK);
	at = pfx.data;
	pkcs12 = d2i_PKCS12(NULL, &at, (long)pfx.size);
	assert_non_null(pkcs12);
	assert_int_equal(PKCS12_parse(pkcs12, "pass", &read_key, &read_leaf, NULL), 1);
	assert_int_equal(EVP_PKEY_eq(read_key, pkey), 1);
	PKCS12_free(pkcs12);
	EVP_PKEY_free(read_key);
	EVP_PKEY_free(pkey);
	X509_free(read_leaf);
}

struct vault {
	EVP_PKEY *key;
	struct seal_key public;
};

static void open_vault(struct ctx *ctx, struct vault *vault)
{
	BIGNUM *n = NULL, *e = NULL;
	unsigned char raw[512];
	int size;

	vault->key = EVP_RSA_gen(2048);
	EVP_PKEY_get_bn_param(vault->key, "n", &n);
	EVP_PKEY_get_bn_param(vault->key, "e", &e);
	vault->public.kid = "https://vault.test/keys/gatecert-seal/1";
	size = BN_bn2bin(n, raw);
	vault->public.n = base64url_encode(ctx, raw, (size_t)size);
	size = BN_bn2bin(e, raw);
	vault->public.e = base64url_encode(ctx, raw, (size_t)size);
	BN_free(n);
	BN_free(e);
}

/* RSA-OAEP-256, as the vault does it. */
static struct bytes unwrap(struct ctx *ctx, const struct vault *vault, const struct bytes *wrapped)
{
	EVP_PKEY_CTX *opener = EVP_PKEY_CTX_new(vault->key, NULL);
	struct bytes key = {arena_alloc(ctx->arena, 512), 512};

	EVP_PKEY_decrypt_init(opener);
	EVP_PKEY_CTX_set_rsa_padding(opener, RSA_PKCS1_OAEP_PADDING);
	EVP_PKEY_CTX_set_rsa_oaep_md(opener, EVP_sha256());
	assert_int_equal(
		EVP_PKEY_decrypt(opener, key.data, &key.size, wrapped->data, wrapped->size), 1);
	EVP_PKEY_CTX_free(opener);
	return key;
}

static void test_sealed_opens_for_its_purpose_only(void **state)
{
	static const char secret[] = "-----BEGIN PRIVATE KEY----- canary";
	cleanup_ctx struct ctx ctx;
	struct sealed sealed, again;
	struct vault vault;
	struct bytes key, plain;

	(void)state;
	ctx_init(&ctx, doors());
	open_vault(&ctx, &vault);
	assert_int_equal(
		seal_close(&ctx, &vault.public, HOST " 1", secret, sizeof(secret), &sealed), E_OK);
	assert_null(memmem(sealed.ciphertext.data, sealed.ciphertext.size, "canary", 6));
	assert_int_equal(sealed_from_json(&ctx, sealed_to_json(&ctx, &sealed), &again), E_OK);
	key = unwrap(&ctx, &vault, &again.wrapped_key);
	assert_int_equal(seal_open(&ctx, &again, HOST " 1", &key, &plain), E_OK);
	assert_int_equal(plain.size, sizeof(secret));
	assert_memory_equal(plain.data, secret, sizeof(secret));
	assert_int_equal(seal_open(&ctx, &again, HOST " 2", &key, &plain), E_REFUSED);
	again.ciphertext.data[3] ^= 1;
	assert_int_equal(seal_open(&ctx, &again, HOST " 1", &key, &plain), E_REFUSED);
	assert_string_equal(ctx.fault.reason, "SealBroken");
	EVP_PKEY_free(vault.key);
}

static void test_every_seal_differs(void **state)
{
	cleanup_ctx struct ctx ctx;
	struct sealed one, two;
	struct vault vault;

	(void)state;
	ctx_init(&ctx, doors());
	open_vault(&ctx, &vault);
	assert_int_equal(seal_close(&ctx, &vault.public, "a", "same", 4, &one), E_OK);
	assert_int_equal(seal_close(&ctx, &vault.public, "a", "same", 4, &two), E_OK);
	assert_memory_not_equal(one.iv.data, two.iv.data, one.iv.size);
	assert_memory_not_equal(one.ciphertext.data, two.ciphertext.data, one.ciphertext.size);
	EVP_PKEY_free(vault.key);
}

static void test_bad_seal_keys(void **state)
{
	static const struct seal_key keys[] = {
		{"k", "", "AQAB"}, {"k", "AQAB", "AQAB"}, {"k", "!", "AQAB"}};
	cleanup_ctx struct ctx ctx;
	struct sealed sealed;

	(void)state;
	ctx_init(&ctx, doors());
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_int_equal(seal_close(&ctx, &keys[i], "a", "x", 1, &sealed), E_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_forms),
		cmocka_unit_test(test_rubbish_keys),
		cmocka_unit_test(test_costly_keys_are_not_tried),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_pkcs12_holds_both),
		cmocka_unit_test(test_sealed_opens_for_its_purpose_only),
		cmocka_unit_test(test_every_seal_differs),
		cmocka_unit_test(test_bad_seal_keys),
	};

	return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
