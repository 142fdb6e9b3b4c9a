#include "pki/key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "pki/jws.h"
#include "unit/mutate.h"
#include "unit/pki_forge.h"
#include "unit/ctx_fixture.h" /* last: it declares ctx */

static EVP_PKEY *p256, *p384, *rsa, *small_rsa;

static const char *hex(const unsigned char *data, size_t size)
{
	const char *out = "";
	size_t i;

	for (i = 0; i < size; i++)
		out = arena_printf(ctx.arena, "%s%02x", out, data[i]);
	return out;
}

/* --- hashes --- */

static void test_sha256_vectors(void **state)
{
	unsigned char out[32];

	(void)state;
	sha256("abc", 3, out); /* FIPS 180-2 B.1 */
	assert_string_equal(hex(out, 32),
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256(NULL, 0, out);
	assert_string_equal(hex(out, 32),
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hmac_vectors(void **state)
{
	unsigned char out[32];

	(void)state;
	hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out); /* RFC 4231 4.3 */
	assert_string_equal(hex(out, 32),
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hmac_sha256(NULL, 0, NULL, 0, out);
	assert_string_equal(hex(out, 32),
			    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_comparing_in_constant_time(void **state)
{
	(void)state;
	assert_true(bytes_equal_const_time("abc", "abd", 2));
	assert_false(bytes_equal_const_time("abc", "abd", 3));
	assert_true(bytes_equal_const_time("a", "b", 0));
}

/* --- reading --- */

enum form { PKCS8, TRADITIONAL, ENCRYPTED };

static char *print_key(EVP_PKEY *key, enum form form)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *out;
	long size;

	if (form == TRADITIONAL)
		PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
	else
		PEM_write_bio_PKCS8PrivateKey(bio, key,
					      form == ENCRYPTED ? EVP_aes_256_cbc() : NULL, NULL, 0,
					      NULL, form == ENCRYPTED ? "sesame" : NULL);
	size = BIO_get_mem_data(bio, &data);
	out = arena_strndup(ctx.arena, data, (size_t)size);
	BIO_free(bio);
	return out;
}

static char *certificate_pem(void)
{
	struct forged forged = {.key = p256,
				.issuer_key = p256,
				.cn = "x",
				.issuer_cn = "x",
				.not_before = FORGE_NOW,
				.not_after = FORGE_NOW};
	struct bytes der = forge_cert(&ctx, &forged);

	return forge_pem(&ctx, "CERTIFICATE", &der);
}

static void test_every_form_of_a_key_is_read(void **state)
{
	const char *parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
				 "-----END EC PARAMETERS-----\n";
	struct {
		const char *sentence;
		EVP_PKEY *key;
		const char *pem, *password, *head;
	} rows[] = {
		{"EC as PKCS#8", p256, print_key(p256, PKCS8), NULL, "-----BEGIN PRIVATE KEY"},
		{"EC as SEC1", p256, print_key(p256, TRADITIONAL), NULL,
		 "-----BEGIN EC PRIVATE KEY"},
		{"RSA as PKCS#8", rsa, print_key(rsa, PKCS8), NULL, "-----BEGIN PRIVATE KEY"},
		{"RSA as PKCS#1", rsa, print_key(rsa, TRADITIONAL), NULL,
		 "-----BEGIN RSA PRIVATE KEY"},
		{"RSA encrypted", rsa, print_key(rsa, ENCRYPTED), "sesame", "-----BEGIN ENCRYPTED"},
		{"a password that is not needed", p256, print_key(p256, PKCS8), "sesame",
		 "-----BEGIN PRIV"},
		{"a certificate in front", rsa,
		 arena_printf(ctx.arena, "%s%s", certificate_pem(), print_key(rsa, PKCS8)), NULL,
		 ""},
		{"a certificate behind", rsa,
		 arena_printf(ctx.arena, "%s%s", print_key(rsa, PKCS8), certificate_pem()), NULL,
		 ""},
		{"EC parameters in front", p256,
		 arena_printf(ctx.arena, "%s%s", parameters, print_key(p256, TRADITIONAL)), NULL,
		 ""},
	};
	struct key *key;
	char *pem;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		check_row(rows[i].sentence, text_starts_with(rows[i].pem, rows[i].head));
		if (key_from_pem(&ctx, rows[i].pem, strlen(rows[i].pem), rows[i].password, &key) !=
		    E_OK)
			fail_msg("%s: %s", rows[i].sentence, ctx.fault.text);
		check_row_int(rows[i].sentence, key_to_pem(&ctx, key, &pem), E_OK);
		check_row_text(rows[i].sentence, pem, print_key(rows[i].key, PKCS8));
	}
}

static void test_what_is_no_key_is_refused(void **state)
{
	char *large = memset(arena_alloc(ctx.arena, 64 * 1024 + 2), '\n', 64 * 1024 + 1);
	struct {
		const char *sentence, *pem, *password, *text;
	} rows[] = {
		{"nothing", "", NULL, "the private key is empty"},
		{"too much", large, NULL, "the private key is larger than 64 KiB"},
		{"no PEM", "hello", NULL,
		 "the private key cannot be read: expected PEM with PKCS#8, "
		 "SEC1 or PKCS#1"},
		{"a certificate", certificate_pem(), NULL,
		 "the private key cannot be read: expected "
		 "PEM with PKCS#8, SEC1 or PKCS#1"},
		{"encrypted and no password", print_key(rsa, ENCRYPTED), NULL,
		 "the private key is encrypted and no password was given"},
		{"encrypted and a wrong password", print_key(rsa, ENCRYPTED), "sesam",
		 "the private key cannot be decrypted with the password given"},
		{"encrypted and an empty password", print_key(rsa, ENCRYPTED), "",
		 "the private key cannot be decrypted with the password given"},
	};
	struct key *key;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		check_row_int(rows[i].sentence,
			      key_from_pem(&ctx, rows[i].pem, strlen(rows[i].pem), rows[i].password,
					   &key),
			      E_REFUSED);
		check_row_text(rows[i].sentence, ctx.fault.reason, "InvalidKey");
		check_row_text(rows[i].sentence, ctx.fault.text, rows[i].text);
	}
}

/* --- signing --- */

static bool verify_rsa(int padding, const struct bytes *signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	bool is_good;

	EVP_DigestVerifyInit(md, &pctx, EVP_sha256(), NULL, rsa);
	EVP_PKEY_CTX_set_rsa_padding(pctx, padding);
	if (padding == RSA_PKCS1_PSS_PADDING)
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, 32);
	is_good = EVP_DigestVerify(md, signature->data, signature->size,
				   (const unsigned char *)"hello", 5) == 1;
	EVP_MD_CTX_free(md);
	return is_good;
}

static bool verify_ec(const unsigned char *raw, const void *data, size_t size)
{
	ECDSA_SIG *parts = ECDSA_SIG_new();
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	int der_size;
	bool is_good;

	ECDSA_SIG_set0(parts, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL));
	der_size = i2d_ECDSA_SIG(parts, &der);
	EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, p256);
	is_good = EVP_DigestVerify(md, der, (size_t)der_size, data, size) == 1;
	EVP_MD_CTX_free(md);
	ECDSA_SIG_free(parts);
	OPENSSL_free(der);
	return is_good;
}

static struct key *load(EVP_PKEY *pkey)
{
	char *pem = print_key(pkey, PKCS8);
	struct key *key;

	assert_int_equal(key_from_pem(&ctx, pem, strlen(pem), NULL, &key), E_OK);
	return key;
}

static void test_rsa_signatures_verify(void **state)
{
	struct bytes signature;

	(void)state;
	assert_int_equal(key_sign(&ctx, load(rsa), "PS256", "hello", 5, &signature), E_OK);
	assert_int_equal(signature.size, 256);
	assert_true(verify_rsa(RSA_PKCS1_PSS_PADDING, &signature));
	assert_false(verify_rsa(RSA_PKCS1_PADDING, &signature));
	assert_int_equal(key_sign(&ctx, load(rsa), "RS256", "hello", 5, &signature), E_OK);
	assert_true(verify_rsa(RSA_PKCS1_PADDING, &signature));
	signature.data[7] ^= 1;
	assert_false(verify_rsa(RSA_PKCS1_PADDING, &signature));
}

/* One in 128 has a leading zero in R or S, which DER leaves out. */
static void test_ec_signatures_always_have_64_octets(void **state)
{
	struct key *key = load(p256);
	struct bytes signature;
	unsigned i, padded = 0;

	(void)state;
	for (i = 0; i < 2000; i++) {
		assert_int_equal(key_sign(&ctx, key, "ES256", &i, sizeof(i), &signature), E_OK);
		assert_int_equal(signature.size, 64);
		padded += signature.data[0] == 0 || signature.data[32] == 0;
		if (signature.data[0] == 0 || signature.data[32] == 0 || i < 10)
			assert_true(verify_ec(signature.data, &i, sizeof(i)));
	}
	assert_in_range(padded, 1, 100);
}

static void test_a_key_signs_only_what_it_can(void **state)
{
	struct {
		const char *sentence, *alg;
		EVP_PKEY *key;
	} rows[] = {
		{"ES256 with RSA", "ES256", rsa},
		{"ES256 with P-384", "ES256", p384},
		{"PS256 with EC", "PS256", p256},
		{"RS256 with EC", "RS256", p256},
		{"PS256 with 1024 bits", "PS256", small_rsa},
	};
	struct bytes signature;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		check_row_int(rows[i].sentence,
			      key_sign(&ctx, load(rows[i].key), rows[i].alg, "x", 1, &signature),
			      E_REFUSED);
		check_row_text(rows[i].sentence, ctx.fault.reason, "InvalidKey");
	}
}

static void test_a_signer_tells_its_key_and_signs(void **state)
{
	struct arena *arena = arena_new();
	char *pem = print_key(p256, TRADITIONAL);
	unsigned char digest[32], signature[64];
	struct signer *signer;
	struct bytes octets;
	struct jwk jwk;

	(void)state;
	assert_int_equal(key_signer(&ctx, arena, pem, strlen(pem), &signer), E_OK);
	/* It outlives the pass that made it. */
	ctx_fini(&ctx);
	check_begin(&ctx);
	assert_int_equal(signer->public_key(&ctx, signer, &jwk), E_OK);
	assert_int_equal(base64url_decode(&ctx, jwk.x, &octets), E_OK);
	assert_int_equal(octets.size, 32);
	assert_int_equal(base64url_decode(&ctx, jwk.y, &octets), E_OK);
	assert_int_equal(octets.size, 32);
	sha256("hello", 5, digest);
	assert_int_equal(signer->sign(&ctx, signer, digest, signature), E_OK);
	assert_true(verify_ec(signature, "hello", 5));
	arena_free(arena);
}

static void test_a_signer_needs_p256(void **state)
{
	char *pem = print_key(p384, PKCS8);
	struct signer *signer;

	(void)state;
	assert_int_equal(key_signer(&ctx, ctx.arena, pem, strlen(pem), &signer), E_REFUSED);
	assert_string_equal(ctx.fault.text, "the private key is no EC P-256 key");
}

static void test_new_keys_differ(void **state)
{
	struct key *one, *two;
	char *pem_one, *pem_two;
	struct bytes signature;

	(void)state;
	assert_int_equal(key_generate_p256(&ctx, &one), E_OK);
	assert_int_equal(key_generate_p256(&ctx, &two), E_OK);
	assert_int_equal(key_to_pem(&ctx, one, &pem_one), E_OK);
	assert_int_equal(key_to_pem(&ctx, two, &pem_two), E_OK);
	assert_string_not_equal(pem_one, pem_two);
	assert_int_equal(key_sign(&ctx, one, "ES256", "x", 1, &signature), E_OK);
}

/* --- damage --- */

static void visit_damaged(const char *text, size_t size, void *data)
{
	struct signer *signer;
	struct jwk jwk;

	(void)data;
	ctx_fini(&ctx);
	check_begin(&ctx);
	if (key_signer(&ctx, ctx.arena, text, size, &signer) == E_OK)
		assert_int_equal(signer->public_key(&ctx, signer, &jwk), E_OK);
	else
		assert_string_equal(ctx.fault.reason, "InvalidKey");
}

static void test_damaged_keys_stay_harmless(void **state)
{
	struct mutate mutate = {.visit = visit_damaged};
	char *text = strdup(print_key(p256, TRADITIONAL));

	(void)state;
	mutate_seed(&mutate, text, strlen(text));
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_sha256_vectors),
		T(test_hmac_vectors),
		T(test_comparing_in_constant_time),
		T(test_every_form_of_a_key_is_read),
		T(test_what_is_no_key_is_refused),
		T(test_rsa_signatures_verify),
		T(test_ec_signatures_always_have_64_octets),
		T(test_a_key_signs_only_what_it_can),
		T(test_a_signer_tells_its_key_and_signs),
		T(test_a_signer_needs_p256),
		T(test_new_keys_differ),
		T(test_damaged_keys_stay_harmless),
	};
	int failed;

	p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	rsa = EVP_RSA_gen(2048);
	small_rsa = EVP_RSA_gen(1024);
	failed = cmocka_run_group_tests_name("key", tests, NULL, NULL);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(small_rsa);
	return failed;
}
