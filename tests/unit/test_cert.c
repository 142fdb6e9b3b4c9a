#include "pki/cert.h"

#include "unit/mutate.h"
#include "unit/pki_forge.h"
#include "unit/ctx_fixture.h" /* last: it declares ctx */

#define DAY MSEC_PER_DAY

static EVP_PKEY *leaf_key, *ca_key, *root_key, *rsa;

static struct forged leaf(void)
{
	return (struct forged){.key = leaf_key,
			       .issuer_key = ca_key,
			       .issuer_cn = "Test CA",
			       .san = "DNS:shop.example.com,DNS:a.example.com",
			       .not_before = FORGE_NOW,
			       .not_after = FORGE_NOW + 90 * DAY};
}

static struct forged issuer(void)
{
	return (struct forged){.key = ca_key,
			       .issuer_key = root_key,
			       .cn = "Test CA",
			       .issuer_cn = "Test Root",
			       .not_before = FORGE_NOW - 900 * DAY,
			       .not_after = FORGE_NOW + 900 * DAY};
}

static struct forged root(void)
{
	return (struct forged){.key = root_key,
			       .issuer_key = root_key,
			       .cn = "Test Root",
			       .issuer_cn = "Test Root",
			       .not_before = FORGE_NOW - 900 * DAY,
			       .not_after = FORGE_NOW + 900 * DAY};
}

static char *pem_of(struct forged forged)
{
	struct bytes der = forge_cert(&ctx, &forged);

	return forge_pem(&ctx, "CERTIFICATE", &der);
}

static char *whole_pem(void)
{
	return arena_printf(ctx.arena, "%s%s%s", pem_of(leaf()), pem_of(issuer()), pem_of(root()));
}

/* --- reading --- */

static void test_what_a_certificate_says(void **state)
{
	struct forged forged = leaf();
	struct bytes der;
	struct cert cert;

	(void)state;
	forged.cn = "shop.example.com";
	der = forge_cert(&ctx, &forged);
	assert_int_equal(cert_from_der(&ctx, der.data, der.size, &cert), E_OK);
	assert_string_equal(cert.subject, "CN=shop.example.com");
	assert_string_equal(cert.issuer, "Test CA");
	assert_string_equal(cert.serial, "abcdef0123");
	assert_int_equal(cert.not_before, FORGE_NOW);
	assert_int_equal(cert.not_after, FORGE_NOW + 90 * DAY);
	assert_string_equal(cert.key_type, "EC-P256");
	assert_int_equal(cert.names.count, 2);
	assert_string_equal(cert.names.items[0], "a.example.com");
	assert_string_equal(cert.names.items[1], "shop.example.com");
	assert_memory_equal(cert.der.data, der.data, der.size);
}

static void test_odd_certificates_are_read_all_the_same(void **state)
{
	struct forged forged = leaf();
	struct bytes der;
	struct cert cert;

	(void)state;
	forged.key = rsa;
	forged.cn = "Old.Example.com";
	forged.san = NULL;
	forged.issuer_cn = "Br\xc3\xbc"
			   "cke\n";
	der = forge_cert(&ctx, &forged);
	assert_int_equal(cert_from_der(&ctx, der.data, der.size, &cert), E_OK);
	assert_int_equal(cert.names.count, 1);
	assert_string_equal(cert.names.items[0], "old.example.com");
	assert_string_equal(cert.key_type, "RSA-2048");
	assert_string_equal(cert.issuer, "CN=Br\\C3\\BCcke\\0A");
	forged.cn = NULL;
	forged.issuer_cn = NULL;
	der = forge_cert(&ctx, &forged);
	assert_int_equal(cert_from_der(&ctx, der.data, der.size, &cert), E_OK);
	assert_string_equal(cert.subject, "");
	assert_string_equal(cert.issuer, "");
	assert_int_equal(cert.names.count, 0);
}

static void test_the_common_name_does_not_count_beside_a_san(void **state)
{
	struct forged forged = leaf();
	struct bytes der;
	struct cert cert;

	(void)state;
	forged.cn = "other.example.com";
	der = forge_cert(&ctx, &forged);
	assert_int_equal(cert_from_der(&ctx, der.data, der.size, &cert), E_OK);
	assert_int_equal(cert.names.count, 2);
}

static void refuses(const char *sentence, const char *pem, const char *text)
{
	struct chain chain;

	check_row_int(sentence, chain_from_pem(&ctx, pem, strlen(pem), &chain), E_REFUSED);
	check_row_text(sentence, ctx.fault.reason, "InvalidCertificate");
	check_row_text(sentence, ctx.fault.text,
		       arena_printf(ctx.arena, "the certificate %s", text));
}

static void test_a_chain_is_read(void **state)
{
	const char *pem = whole_pem();
	struct chain chain;

	(void)state;
	assert_int_equal(chain_from_pem(&ctx, pem, strlen(pem), &chain), E_OK);
	assert_int_equal(chain.count, 3);
	assert_string_equal(chain.items[0].issuer, "Test CA");
	assert_string_equal(chain.items[2].subject, "CN=Test Root");
	pem = arena_printf(ctx.arena, "subject: x\r\n\r\n%s\nbye\n", pem_of(leaf()));
	assert_int_equal(chain_from_pem(&ctx, pem, strlen(pem), &chain), E_OK);
	assert_int_equal(chain.count, 1);
}

static void test_what_is_no_chain_is_refused(void **state)
{
	struct forged forged = leaf();
	struct bytes der = forge_cert(&ctx, &forged);
	char *large = arena_alloc(ctx.arena, 64 * 1024 + 2);
	const char *pem = pem_of(leaf()), *many = "";
	unsigned i;

	(void)state;
	memset(large, '\n', 64 * 1024 + 1);
	for (i = 0; i < 11; i++)
		many = arena_printf(ctx.arena, "%s%s", many, pem);
	refuses("nothing", "", "is empty");
	refuses("no PEM", "hello", "is missing: there is no PEM block");
	refuses("too much", large, "chain is larger than 64 KiB");
	refuses("eleven certificates", many, "chain has more than 10 certificates");
	refuses("a key among them",
		arena_printf(ctx.arena, "%s%s", pem, forge_pem(&ctx, "PRIVATE KEY", &der)),
		"comes with PEM that is none");
	refuses("cut short", arena_strndup(ctx.arena, pem, strlen(pem) - 20), "is malformed PEM");
	refuses("cut short behind a good one", arena_printf(ctx.arena, "%s%.100s", pem, pem),
		"is malformed PEM");
	der.size -= 1;
	refuses("damaged within", forge_pem(&ctx, "CERTIFICATE", &der), "is no X.509 in DER");
	der.data[0] = 0x31;
	refuses("something else within", forge_pem(&ctx, "CERTIFICATE", &der),
		"is no X.509 in DER");
}

static void test_the_key_is_compared(void **state)
{
	struct forged forged = leaf();
	struct bytes der = forge_cert(&ctx, &forged);
	struct bytes same = forge_csr(&ctx, leaf_key, "a.example.com", NULL);
	struct bytes other = forge_csr(&ctx, ca_key, "a.example.com", NULL);
	struct cert cert;
	struct csr csr;

	(void)state;
	assert_int_equal(cert_from_der(&ctx, der.data, der.size, &cert), E_OK);
	assert_int_equal(csr_from_der(&ctx, same.data, same.size, &csr), E_OK);
	assert_true(cert_has_key(&cert, &csr.public_key));
	assert_int_equal(csr_from_der(&ctx, other.data, other.size, &csr), E_OK);
	assert_false(cert_has_key(&cert, &csr.public_key));
}

/* --- judging --- */

struct judged {
	const char *sentence, *san;
	msec_t not_before, not_after; /* relative to now */
	bool has_other_key;
	enum { WHOLE, LEAF_ALONE, GAP, BACKWARDS, FORGED } order;
	const char *text; /* NULL: accepted */
};

#define NAMES "DNS:a.example.com,DNS:shop.example.com"

static const struct judged judged[] = {
	{"as it should be", NAMES, 0, 90 * DAY, false, WHOLE, NULL},
	{"the leaf alone", NAMES, 0, 90 * DAY, false, LEAF_ALONE, NULL},
	{"its dates are no matter of this: it begins tomorrow", NAMES, DAY, 90 * DAY, false, WHOLE,
	 NULL},
	{"it ends in a second", NAMES, -DAY, 1000, false, WHOLE, NULL},
	{"it ended yesterday", NAMES, -90 * DAY, -DAY, false, WHOLE, NULL},
	{"another key", NAMES, 0, 90 * DAY, true, WHOLE, "has another key than the request"},
	{"a name is missing", "DNS:shop.example.com", 0, 90 * DAY, false, WHOLE,
	 "does not cover exactly the names of the request"},
	{"a name too many", NAMES ",DNS:evil.example", 0, 90 * DAY, false, WHOLE,
	 "does not cover exactly the names of the request"},
	{"a wildcard in place of the name", "DNS:a.example.com,DNS:*.example.com", 0, 90 * DAY,
	 false, WHOLE, "does not cover exactly the names of the request"},
	{"an address besides", NAMES ",IP:192.0.2.1", 0, 90 * DAY, false, WHOLE,
	 "carries alternative names other than DNS names"},
	{"the issuer is left out", NAMES, 0, 90 * DAY, false, GAP,
	 "comes with a chain that is not in order of issuing"},
	{"root before issuer", NAMES, 0, 90 * DAY, false, BACKWARDS,
	 "comes with a chain that is not in order of issuing"},
	{"signed by another key of that name", NAMES, 0, 90 * DAY, false, FORGED,
	 "comes with a chain in which a signature is wrong"},
};

static const char *chain_pem(const struct judged *row)
{
	struct forged forged = leaf();
	const char *first;

	forged.san = row->san;
	forged.not_before = FORGE_NOW + row->not_before;
	forged.not_after = FORGE_NOW + row->not_after;
	if (row->has_other_key)
		forged.key = rsa;
	if (row->order == FORGED)
		forged.issuer_key = root_key;
	first = pem_of(forged);
	if (row->order == LEAF_ALONE)
		return first;
	if (row->order == GAP)
		return arena_printf(ctx.arena, "%s%s", first, pem_of(root()));
	return arena_printf(ctx.arena, "%s%s%s", first,
			    pem_of(row->order == BACKWARDS ? root() : issuer()),
			    pem_of(row->order == BACKWARDS ? issuer() : root()));
}

static void test_a_fresh_chain_is_judged(void **state)
{
	struct bytes der = forge_csr(&ctx, leaf_key, "shop.example.com", NAMES);
	const struct judged *row;
	struct chain chain;
	struct csr csr;
	const char *pem;
	enum err err;

	(void)state;
	assert_int_equal(csr_from_der(&ctx, der.data, der.size, &csr), E_OK);
	for (row = judged; row < judged + ARRAY_SIZE(judged); row++) {
		pem = chain_pem(row);
		check_row_int(row->sentence, chain_from_pem(&ctx, pem, strlen(pem), &chain), E_OK);
		err = chain_check(&ctx, &chain, &csr);
		check_row_text(row->sentence, err_name(err),
			       err_name(row->text ? E_REFUSED : E_OK));
		if (!row->text)
			continue;
		check_row_text(row->sentence, ctx.fault.reason, "CertificateRejected");
		check_row_text(row->sentence, ctx.fault.text,
			       arena_printf(ctx.arena, "the new certificate %s", row->text));
	}
	chain.count = 0;
	assert_int_equal(chain_check(&ctx, &chain, &csr), E_REFUSED);
}

/* --- damage --- */

static void visit_pem(const char *text, size_t size, void *data)
{
	struct chain chain;

	(void)data;
	ctx_fini(&ctx);
	check_begin(&ctx);
	if (chain_from_pem(&ctx, text, size, &chain) != E_OK)
		assert_string_equal(ctx.fault.reason, "InvalidCertificate");
	else
		assert_in_range(chain.count, 1, 2);
}

static void visit_der(const char *text, size_t size, void *data)
{
	struct cert cert;
	size_t i;

	(void)data;
	ctx_fini(&ctx);
	check_begin(&ctx);
	if (cert_from_der(&ctx, text, size, &cert) != E_OK)
		return;
	for (i = 0; cert.subject[i]; i++)
		assert_in_range(cert.subject[i], ' ', '~');
	for (i = 0; cert.issuer[i]; i++)
		assert_true((unsigned char)cert.issuer[i] >= ' ' && cert.issuer[i] != 127);
}

static void test_damaged_certificates_stay_harmless(void **state)
{
	struct mutate pem = {.visit = visit_pem}, der = {.visit = visit_der};
	struct forged forged = leaf();
	struct bytes seed = forge_cert(&ctx, &forged);
	struct bytes copy = {memcpy(malloc(seed.size), seed.data, seed.size), seed.size};
	char *text = strdup(forge_pem(&ctx, "CERTIFICATE", &seed));

	(void)state;
	mutate_seed(&der, (const char *)copy.data, copy.size);
	mutate_seed(&pem, text, strlen(text));
	free(copy.data);
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_what_a_certificate_says),
		T(test_odd_certificates_are_read_all_the_same),
		T(test_the_common_name_does_not_count_beside_a_san),
		T(test_a_chain_is_read),
		T(test_what_is_no_chain_is_refused),
		T(test_the_key_is_compared),
		T(test_a_fresh_chain_is_judged),
		T(test_damaged_certificates_stay_harmless),
	};
	int failed;

	leaf_key = EVP_EC_gen("P-256");
	ca_key = EVP_EC_gen("P-256");
	root_key = EVP_EC_gen("P-256");
	rsa = EVP_RSA_gen(2048);
	failed = cmocka_run_group_tests_name("cert", tests, NULL, NULL);
	EVP_PKEY_free(leaf_key);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(root_key);
	EVP_PKEY_free(rsa);
	return failed;
}
