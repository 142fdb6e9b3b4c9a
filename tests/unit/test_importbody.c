/* What an import request brings, from its JSON to the PKCS#12 that the gateway reads. */
#include "check.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include "durable/importbody.h"
#include "pki/bundle.h"
#include "pki_forge.h"

#define HOST "shop.example.com"

struct brought {
	EVP_PKEY *pair;
	const char *key, *certificate; /* PEM */
};

static void bring(struct ctx *ctx, struct brought *out)
{
	struct forged forged = {.cn = HOST, .issuer_cn = HOST, .san = "DNS:" HOST};
	BIO *bio = BIO_new(BIO_s_mem());
	struct bytes der;
	char *data;
	long size;

	out->pair = EVP_EC_gen("P-256");
	forged.key = forged.issuer_key = out->pair;
	forged.not_before = ctx_wall(ctx) - MSEC_PER_HOUR;
	forged.not_after = ctx_wall(ctx) + MSEC_PER_DAY;
	der = forge_cert(ctx, &forged);
	out->certificate = forge_pem(ctx, "CERTIFICATE", &der);
	PEM_write_bio_PKCS8PrivateKey(bio, out->pair, NULL, NULL, 0, NULL, NULL);
	size = BIO_get_mem_data(bio, &data);
	out->key = arena_strndup(ctx->arena, data, (size_t)size);
	BIO_free(bio);
}

/* `more`: further members of the entry, each with a comma in front. */
static void parse(struct ctx *ctx, const struct brought *brought, const char *more,
		  struct startbody *start, struct importbody *out)
{
	static const struct startbody_rules rules = {.endpoint = "Import", .instead = "send two"};
	struct json *text = json_object(ctx);
	struct request request = {.method = "POST"};
	const char *members;

	json_set_text(ctx, text, "hostname", HOST);
	json_set_text(ctx, text, "PrivateKey", brought->key);
	json_set_text(ctx, text, "certificate", brought->certificate);
	members = json_print(ctx, text);
	request.body = arena_printf(ctx->arena, "{\"hostnames\":[%.*s%s}]}",
				    (int)strlen(members) - 1, members, more);
	request.body_size = strlen(request.body);
	startbody_parse(ctx, &request, &rules, start);
	importbody_parse(ctx, start, out);
}

static const struct {
	const char *sentence, *more;
	bool skips_dns;
	const char *field; /* NULL: taken */
} bodies[] = {
	{"nothing more", "", false, NULL},
	{"an empty password is none", ",\"password\":\"\"", false, NULL},
	{"a null password is none", ",\"password\":null", false, NULL},
	{"a password nobody needs", ",\"password\":\"x\"", false, NULL},
	{"a password that is a number", ",\"password\":1", false, "hostnames[0].password"},
	{"no DNS check", ",\"requireDns\":false", true, NULL},
	{"no DNS check, in the spec", ",\"spec\":{\"requireDns\":false}", true, NULL},
	{"in any case of letters", ",\"Spec\":{\"RequireDNS\":false}", true, NULL},
	{"the DNS check as ever", ",\"spec\":{\"requireDns\":true}", false, NULL},
	{"a spec that says nothing of it", ",\"requireDns\":false,\"spec\":{}", true, NULL},
	{"the spec decides", ",\"requireDns\":false,\"spec\":{\"requireDns\":true}", false, NULL},
	{"a null spec is none", ",\"requireDns\":false,\"spec\":null", true, NULL},
	{"a DNS check that is no truth value", ",\"requireDns\":\"false\"", false,
	 "hostnames[0].requireDns"},
	{"in the spec neither", ",\"spec\":{\"requireDns\":0}", false,
	 "hostnames[0].spec.requireDns"},
	{"a member of the spec that nobody knows", ",\"spec\":{\"requiredns\":false,\"dns\":false}",
	 true, "hostnames[0].spec.dns"},
	{"a spec that is none", ",\"spec\":\"requireDns\"", false, "hostnames[0].spec"},
	{"a member of the entry that nobody knows", ",\"dns\":false", false, NULL},
};

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		cleanup_ctx struct ctx ctx;
		struct importbody import;
		struct startbody start;
		struct brought brought;
		const char *sentence = bodies[i].sentence;

		check_begin(&ctx);
		bring(&ctx, &brought);
		parse(&ctx, &brought, bodies[i].more, &start, &import);
		check_row(sentence, (start.problems.errors > 0) == (bodies[i].field != NULL));
		if (bodies[i].field)
			check_row(sentence, strstr(problems_print(&ctx, &start.problems, "\n"),
						   bodies[i].field));
		check_row_int(sentence, import.skip_dns, bodies[i].skips_dns);
		check_row(sentence,
			  strlen(import.leaf_sha256) == 64 && import.not_after > ctx_wall(&ctx));
		EVP_PKEY_free(brought.pair);
	}
}

static void test_no_complaint_tells_the_key(void **state)
{
	cleanup_ctx struct ctx ctx;
	struct importbody import;
	struct startbody start;
	struct brought brought, other;

	(void)state;
	check_begin(&ctx);
	bring(&ctx, &brought);
	bring(&ctx, &other);
	EVP_PKEY_free(other.pair);
	other.certificate = brought.certificate;
	parse(&ctx, &other, "", &start, &import);
	assert_int_equal(start.problems.errors, 1);
	assert_string_equal(start.code, "KeyMismatch");
	assert_null(strstr(problems_print(&ctx, &start.problems, "\n"), "PRIVATE"));
	EVP_PKEY_free(brought.pair);
}

static int algorithm_of(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;

	X509_ALGOR_get0(&object, NULL, NULL, algorithm);
	return OBJ_obj2nid(object);
}

static void check_safe(PKCS7 *safe)
{
	STACK_OF(PKCS12_SAFEBAG) * bags;

	if (PKCS7_type_is_encrypted(safe)) {
		assert_int_equal(algorithm_of(safe->d.encrypted->enc_data->algorithm),
				 NID_pbe_WithSHA1And3_Key_TripleDES_CBC);
		return;
	}
	bags = PKCS12_unpack_p7data(safe);
	for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++) {
		const X509_ALGOR *algorithm;
		const X509_SIG *shrouded =
			PKCS12_SAFEBAG_get0_pkcs8(sk_PKCS12_SAFEBAG_value(bags, i));

		assert_non_null(shrouded);
		X509_SIG_get0(shrouded, &algorithm, NULL);
		assert_int_equal(algorithm_of(algorithm), NID_pbe_WithSHA1And3_Key_TripleDES_CBC);
	}
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}

/* The gateway reads no other encryption. */
static void test_the_pkcs12_is_triple_des(void **state)
{
	cleanup_ctx struct ctx ctx;
	const unsigned char *at;
	const X509_ALGOR *mac;
	struct brought brought;
	struct chain chain;
	struct bytes pfx;
	struct key *key;
	STACK_OF(PKCS7) * safes;
	PKCS12 *pkcs12;

	(void)state;
	check_begin(&ctx);
	bring(&ctx, &brought);
	assert_int_equal(bundle_read_key(&ctx, brought.key, NULL, &key), E_OK);
	assert_int_equal(bundle_read_chain(&ctx, brought.certificate, &chain), E_OK);
	assert_int_equal(bundle_to_pkcs12(&ctx, key, &chain, "pass", &pfx), E_OK);
	at = pfx.data;
	pkcs12 = d2i_PKCS12(NULL, &at, (long)pfx.size);
	safes = PKCS12_unpack_authsafes(pkcs12);
	assert_int_equal(sk_PKCS7_num(safes), 2);
	for (int i = 0; i < sk_PKCS7_num(safes); i++)
		check_safe(sk_PKCS7_value(safes, i));
	PKCS12_get0_mac(NULL, &mac, NULL, NULL, pkcs12);
	assert_int_equal(algorithm_of(mac), NID_sha1);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	PKCS12_free(pkcs12);
	EVP_PKEY_free(brought.pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_no_complaint_tells_the_key),
		cmocka_unit_test(test_the_pkcs12_is_triple_des),
	};

	return cmocka_run_group_tests_name("importbody", tests, NULL, NULL);
}
