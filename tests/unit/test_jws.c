#include "pki/jws.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "unit/ctx_fixture.h" /* last: it declares ctx */

/* RFC 7515 A.3: the key as PKCS#8 (its d, x and y), its coordinates, and what it signed. */
#define A3_KEY                                                               \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n" \
	"H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n" \
	"7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"         \
	"-----END PRIVATE KEY-----\n"
#define A3_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define A3_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define A3_INPUT                                                                                \
	"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt" \
	"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define A3_SIGNATURE \
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

/* --- verifying, by OpenSSL alone --- */

static EVP_PKEY *import_public(const struct jwk *jwk)
{
	unsigned char point[65] = {4};
	struct bytes x, y;
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *pctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_end(),
	};

	assert_int_equal(base64url_decode(&ctx, jwk->x, &x), E_OK);
	assert_int_equal(base64url_decode(&ctx, jwk->y, &y), E_OK);
	assert_int_equal(x.size + y.size, 64);
	memcpy(point + 1, x.data, 32);
	memcpy(point + 33, y.data, 32);
	assert_int_equal(EVP_PKEY_fromdata_init(pctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(pctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(pctx);
	return key;
}

static bool verifies(const struct jwk *jwk, const char *input, const char *signature)
{
	EVP_PKEY *key = import_public(jwk);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ECDSA_SIG *parts = ECDSA_SIG_new();
	unsigned char *der = NULL;
	struct bytes raw;
	bool is_good;
	int size;

	assert_int_equal(base64url_decode(&ctx, signature, &raw), E_OK);
	assert_int_equal(raw.size, 64);
	ECDSA_SIG_set0(parts, BN_bin2bn(raw.data, 32, NULL), BN_bin2bn(raw.data + 32, 32, NULL));
	size = i2d_ECDSA_SIG(parts, &der);
	EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key);
	is_good = EVP_DigestVerify(md, der, (size_t)size, (const unsigned char *)input,
				   strlen(input)) == 1;
	ECDSA_SIG_free(parts);
	OPENSSL_free(der);
	EVP_MD_CTX_free(md);
	EVP_PKEY_free(key);
	return is_good;
}

static const char *decoded(const char *text)
{
	struct bytes out;

	assert_int_equal(base64url_decode(&ctx, text, &out), E_OK);
	return arena_strndup(ctx.arena, (const char *)out.data, out.size);
}

static struct signer *a3_signer(void)
{
	struct signer *signer;

	if (key_signer(&ctx, ctx.arena, A3_KEY, strlen(A3_KEY), &signer) != E_OK)
		fail_msg("%s", ctx.fault.text);
	return signer;
}

/* --- tests --- */

static void test_the_verifier_knows_the_rfc_vector(void **state)
{
	struct jwk jwk = {A3_X, A3_Y};

	(void)state;
	assert_true(verifies(&jwk, A3_INPUT, A3_SIGNATURE));
	assert_false(verifies(&jwk, A3_INPUT "x", A3_SIGNATURE));
}

static void test_a_signer_has_the_rfc_coordinates(void **state)
{
	struct signer *signer = a3_signer();
	struct jwk jwk;

	(void)state;
	assert_int_equal(signer->public_key(&ctx, signer, &jwk), E_OK);
	assert_string_equal(jwk.x, A3_X);
	assert_string_equal(jwk.y, A3_Y);
}

/* The input of RFC 7515 A.3, signed anew: ECDSA signatures differ each time. */
static void test_signing_the_rfc_input_verifies(void **state)
{
	struct signer *signer = a3_signer();
	struct jwk jwk = {A3_X, A3_Y};
	unsigned char digest[32], signature[64];

	(void)state;
	sha256(A3_INPUT, strlen(A3_INPUT), digest);
	assert_int_equal(signer->sign(&ctx, signer, digest, signature), E_OK);
	assert_true(verifies(&jwk, A3_INPUT, base64url_encode(&ctx, signature, 64)));
}

struct thumbprint {
	const char *sentence, *x, *y, *expected; /* NULL: refused */
};

static const struct thumbprint thumbprints[] = {
	{"the vector of RFC 9449 6.1", "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
	 "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
	 "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
	{"the key of RFC 7515 A.3", A3_X, A3_Y, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"},
	{"a short coordinate", "AAAA", A3_Y, NULL},
	{"a long coordinate", A3_X, A3_Y "AA", NULL},
	{"no base64url", A3_X, "x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0", NULL},
	{"no coordinate", NULL, A3_Y, NULL},
	{"something that would break out of the JSON", "\",\"kty\":\"RSA\",\"x\":\"", A3_Y, NULL},
};

static void test_thumbprints(void **state)
{
	const struct thumbprint *row;
	char *out;

	(void)state;
	for (row = thumbprints; row < thumbprints + ARRAY_SIZE(thumbprints); row++) {
		struct jwk jwk = {row->x, row->y};
		enum err err = jwk_thumbprint(&ctx, &jwk, &out);

		check_row_int(row->sentence, err, row->expected ? E_OK : E_REFUSED);
		if (row->expected)
			check_row_text(row->sentence, out, row->expected);
		else
			check_row_text(row->sentence, ctx.fault.reason, "InvalidKey");
	}
}

struct signing {
	const char *sentence, *kid, *nonce, *payload, *header;
};

static const struct signing signings[] = {
	{"a new account carries its key", NULL, "n-1", "{\"a\":1}",
	 "{\"alg\":\"ES256\",\"jwk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" A3_X
	 "\",\"y\":\"" A3_Y "\"},\"nonce\":\"n-1\",\"url\":\"https://ca.example/x\"}"},
	{"all else names the account", "https://ca.example/acct/1", "n-2", "{}",
	 "{\"alg\":\"ES256\",\"kid\":\"https://ca.example/acct/"
	 "1\",\"nonce\":\"n-2\",\"url\":"
	 "\"https://ca.example/x\"}"},
	{"POST-as-GET has an empty payload", "https://ca.example/acct/1", "n-3", "",
	 "{\"alg\":\"ES256\",\"kid\":\"https://ca.example/acct/"
	 "1\",\"nonce\":\"n-3\",\"url\":"
	 "\"https://ca.example/x\"}"},
	{"the inner JWS of a key change has no nonce", NULL, NULL, "{}",
	 "{\"alg\":\"ES256\",\"jwk\":{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" A3_X
	 "\",\"y\":\"" A3_Y "\"},\"url\":\"https://ca.example/x\"}"},
};

static void test_a_jws_says_what_it_should_and_verifies(void **state)
{
	struct jwk jwk = {A3_X, A3_Y};
	struct signer *signer = a3_signer();
	const struct signing *row;
	const char *protected, *payload;
	struct json *json;
	char *body;

	(void)state;
	for (row = signings; row < signings + ARRAY_SIZE(signings); row++) {
		struct jws_header header = {"https://ca.example/x", row->nonce, row->kid};

		check_row_int(row->sentence, jws_sign(&ctx, signer, &header, row->payload, &body),
			      E_OK);
		check_row_int(row->sentence, json_parse(&ctx, body, strlen(body), &json), E_OK);
		check_row_int(row->sentence, (long long)json_size(json), 3);
		protected = json_get_text(json, "protected");
		payload = json_get_text(json, "payload");
		check_row_text(row->sentence, decoded(protected), row->header);
		check_row_text(row->sentence, decoded(payload), row->payload);
		check_row(row->sentence,
			  verifies(&jwk, arena_printf(ctx.arena, "%s.%s", protected, payload),
				   json_get_text(json, "signature")));
	}
}

static enum err fail_to_sign(struct ctx *context, struct signer *signer,
			     const unsigned char digest[static 32],
			     unsigned char signature[static 64])
{
	(void)signer;
	(void)digest;
	(void)signature;
	return fault_set(context, E_THROTTLED, "Throttled", "the vault is busy");
}

static enum err tell_nonsense(struct ctx *context, struct signer *signer, struct jwk *out)
{
	(void)context;
	(void)signer;
	*out = (struct jwk){"AAAA", "AAAA"};
	return E_OK;
}

static void test_the_signers_trouble_is_passed_on(void **state)
{
	struct signer signer = {tell_nonsense, fail_to_sign};
	struct jws_header header = {"https://ca.example/x", "n", "https://ca.example/acct/1"};
	char *body;

	(void)state;
	assert_int_equal(jws_sign(&ctx, &signer, &header, "", &body), E_THROTTLED);
	assert_string_equal(ctx.fault.text, "the vault is busy");
	header.kid = NULL;
	assert_int_equal(jws_sign(&ctx, &signer, &header, "", &body), E_REFUSED);
}

static void test_a_compact_jws_has_three_parts(void **state)
{
	struct jwk jwk = {A3_X, A3_Y};
	struct json *header = json_object(&ctx), *claims = json_object(&ctx);
	struct key *key;
	char *out, *last;

	(void)state;
	json_set_text(&ctx, header, "typ", "JWT");
	json_set_text(&ctx, claims, "sub", "me");
	assert_int_equal(key_from_pem(&ctx, A3_KEY, strlen(A3_KEY), NULL, &key), E_OK);
	assert_int_equal(jws_compact(&ctx, key, "ES256", header, claims, &out), E_OK);
	last = strrchr(out, '.');
	*last = '\0';
	assert_true(verifies(&jwk, out, last + 1));
	last = strrchr(out, '.');
	*last = '\0';
	assert_string_equal(decoded(out), "{\"typ\":\"JWT\",\"alg\":\"ES256\"}");
	assert_string_equal(decoded(last + 1), "{\"sub\":\"me\"}");
	assert_int_equal(jws_compact(&ctx, key, "PS256", header, claims, &out), E_REFUSED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_the_verifier_knows_the_rfc_vector),
		T(test_a_signer_has_the_rfc_coordinates),
		T(test_signing_the_rfc_input_verifies),
		T(test_thumbprints),
		T(test_a_jws_says_what_it_should_and_verifies),
		T(test_the_signers_trouble_is_passed_on),
		T(test_a_compact_jws_has_three_parts),
	};

	return cmocka_run_group_tests_name("jws", tests, NULL, NULL);
}
