#include "azure/keyvault_key.h"
#include "vault_rig.h"

#define KEY   VAULT "/keys/gatecert-acme-account"
#define KEY_X "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define KEY_Y "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
#define KEY_BUNDLE(version)                    \
	"{\"key\":{\"kid\":\"" KEY "/" version \
	"\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" KEY_X "\",\"y\":\"" KEY_Y "\"}}"
#define RSA_KEY_BUNDLE \
	"{\"key\":{\"kid\":\"" KEY "/v1\",\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}}"
#define NOT_FOUND ERROR("KeyNotFound", "A key with (name/id) x was not found in this key vault.")
#define SIGNATURE \
	"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-Pw"

/* ---- acts */

static enum err key_get(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return keyvault_key_get(ctx, vault, "gatecert-acme-account", "v7", &found->key);
}

static enum err key_ensure(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return keyvault_key_ensure(ctx, vault, "gatecert-acme-account", VAULT_KEY_SIGN,
				   &found->key);
}

static enum err key_versions(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	return keyvault_key_versions(ctx, vault, "gatecert-acme-account", &found->versions);
}

static enum err key_sign(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	const unsigned char digest[32] = {1, 2, 3};

	/* an id of another host: only its parts count */
	return keyvault_key_sign(ctx, vault, "https://evil.example/keys/gatecert-acme-account/v7",
				 digest, found->signature);
}

static enum err sign_without_version(struct ctx *ctx, struct keyvault *vault, struct found *found)
{
	const unsigned char digest[32] = {0};

	return keyvault_key_sign(ctx, vault, KEY, digest, found->signature);
}

/* ---- what holds afterwards */

static bool is_version_7(const struct found *found)
{
	return text_equals(found->key.version, "v7") && text_equals(found->key.x, KEY_X);
}

static bool is_newest_first(const struct found *found)
{
	return found->versions.count == 3 && text_equals(found->versions.items[0], "v4") &&
	       text_equals(found->versions.items[1], "v2") &&
	       text_equals(found->versions.items[2], "v1");
}

static bool is_signature(const struct found *found)
{
	for (unsigned i = 0; i < 64; i++)
		if (found->signature[i] != i)
			return false;
	return true;
}

/* ---- the table */

#define PAGE(items, next) "{\"value\":[" items "],\"nextLink\":" next "}"
#define VERSION(v, created, enabled)                                                              \
	"{\"kid\":\"" KEY "/" v "\",\"attributes\":{\"enabled\":" enabled ",\"created\":" created \
	"}}"

static const struct row keys[] = {
	{"a version of a key is read",
	 key_get,
	 {{.request = "GET " KEY "/v7" V, .status = 200, .body = KEY_BUNDLE("v7")}},
	 {.err = E_OK},
	 is_version_7},
	{"a key that is there is taken",
	 key_ensure,
	 {{.request = "GET " KEY V, .status = 200, .body = KEY_BUNDLE("v7")}},
	 {.err = E_OK},
	 is_version_7},
	{"a key that is missing is made to sign",
	 key_ensure,
	 {{.request = "GET " KEY V, .status = 404, .body = NOT_FOUND},
	  {.request = "POST " KEY "/create" V,
	   .kind = HTTP_ONE_SHOT,
	   .status = 200,
	   .sends = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"key_ops\":[\"sign\","
		    "\"verify\"]}",
	   .body = KEY_BUNDLE("v7")}},
	 {.err = E_OK},
	 is_version_7},
	{"a soft-deleted key is recovered, which takes a while",
	 key_ensure,
	 {{.request = "GET " KEY V, .status = 404, .body = NOT_FOUND},
	  {.request = "POST " KEY "/create" V,
	   .status = 409,
	   .body = INNER("Conflict", "ObjectIsDeletedButRecoverable", "x")},
	  {.request = "POST " VAULT "/deletedkeys/gatecert-acme-account/recover" V,
	   .status = 200,
	   .body = KEY_BUNDLE("v7")}},
	 {.err = E_AGAIN, .reason = "Recovering"},
	 NULL},
	{"a key of another type is never used",
	 key_ensure,
	 {{.request = "GET " KEY V, .status = 200, .body = RSA_KEY_BUNDLE}},
	 {.err = E_REFUSED,
	  .reason = "WrongKeyType",
	  .says = "az keyvault key create --kty EC --curve P-256",
	  .not_says = "another name"},
	 NULL},
	{"an unclear answer to its making means: look",
	 key_ensure,
	 {{.request = "GET " KEY V, .status = 404, .body = NOT_FOUND},
	  {.request = "POST " KEY "/create" V, .status = 500}},
	 {.err = E_CONFLICT},
	 NULL},
	{"a missing role for keys is named",
	 key_ensure,
	 {{.request = "GET " KEY V, .status = 404, .body = NOT_FOUND},
	  {.request = "POST " KEY "/create" V,
	   .status = 403,
	   .body = INNER("Forbidden", "ForbiddenByRbac", "no")}},
	 {.err = E_REFUSED, .reason = "ForbiddenByRbac", .says = "Key Vault Crypto Officer"},
	 NULL},
	{"enabled versions of all pages come newest first",
	 key_versions,
	 {{.request = "GET " KEY "/versions?maxresults=25&api-version=7.4",
	   .status = 200,
	   .body = PAGE(VERSION("v1", "100", "true") "," VERSION("v3", "300", "false"),
			"\"" KEY "/versions?$skiptoken=A%2Bb\"")},
	  {.request = "GET " KEY "/versions?$skiptoken=A%2Bb&api-version=7.4",
	   .status = 200,
	   .body = PAGE("", "\"" KEY "/versions?api-version=7.4&s=2\"")},
	  {.request = "GET " KEY "/versions?api-version=7.4&s=2",
	   .status = 200,
	   .body = PAGE(VERSION("v2", "200", "true") "," VERSION("v4", "400", "true"), "null")}},
	 {.err = E_OK},
	 is_newest_first},
	{"a next page on another host is never asked for",
	 key_versions,
	 {{.request = "GET " KEY "/versions?maxresults=25&api-version=7.4",
	   .status = 200,
	   .body = PAGE("", "\"https://evil.example/keys\"")}},
	 {.err = E_REFUSED, .reason = "ForeignUrl"},
	 NULL},
	{"a digest is signed by the vault that we know",
	 key_sign,
	 {{.request = "POST " KEY "/v7/sign" V,
	   .status = 200,
	   .sends = "{\"alg\":\"ES256\",\"value\":"
		    "\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		    "AAAA\"}",
	   .body = "{\"kid\":\"x\",\"value\":\"" SIGNATURE "\"}"}},
	 {.err = E_OK},
	 is_signature},
	{"a signature of another length is none",
	 key_sign,
	 {{.request = "POST " KEY "/v7/sign" V, .status = 200, .body = "{\"value\":\"AAEC\"}"}},
	 {.err = E_AGAIN, .reason = "MalformedReply"},
	 NULL},
	{"signing needs a version",
	 sign_without_version,
	 {{.request = NULL}},
	 {.err = E_REFUSED, .reason = "InvalidVaultName"},
	 NULL},
};

static void test_keys(void **state)
{
	(void)state;
	run(keys, ARRAY_SIZE(keys));
}

static void a_signer_stands_on_a_key_of_the_vault(void **state)
{
	static const struct exchange exchanges[] = {
		{.request = "POST " KEY "/v7/sign" V,
		 .status = 200,
		 .body = "{\"value\":\"" SIGNATURE "\"}"},
		{.request = NULL},
	};
	const struct vault_key key = {.id = KEY "/v7",
				      .version = "v7",
				      .kty = "EC",
				      .crv = "P-256",
				      .x = KEY_X,
				      .y = KEY_Y};
	const unsigned char digest[32] = {0};
	struct script script;
	struct keyvault vault = {.base = VAULT};
	struct signer *signer;
	struct jwk jwk;
	unsigned char signature[64];

	(void)state;
	script_begin(&script, __func__, exchanges);
	vault.http = &script.http;
	signer = keyvault_signer(&script.ctx, &vault, &key);
	assert_int_equal(signer->public_key(&script.ctx, signer, &jwk), E_OK);
	assert_string_equal(jwk.x, KEY_X);
	assert_int_equal(signer->sign(&script.ctx, signer, digest, signature), E_OK);
	assert_int_equal(signature[63], 63);
	script_end(&script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(a_signer_stands_on_a_key_of_the_vault),
	};

	return cmocka_run_group_tests_name("vault_keys", tests, NULL, NULL);
}
