#include "pki/csr.h"

#include "unit/mutate.h"
#include "unit/pki_forge.h"
#include "unit/ctx_fixture.h" /* last: it declares ctx */

static EVP_PKEY *p256, *rsa;

static const char *join(const struct names *names)
{
	const char *out = "";
	size_t i;

	for (i = 0; i < names->count; i++)
		out = arena_printf(ctx.arena, "%s%s%s", out, i ? " " : "", names->items[i]);
	return out;
}

struct read {
	const char *sentence, *cn, *san, *names;
};

static const struct read readable[] = {
	{"one name", "shop.example.com", "DNS:shop.example.com", "shop.example.com"},
	{"the common name counts too", "a.example.com", "DNS:b.example.com",
	 "a.example.com b.example.com"},
	{"without alternative names the common name stands alone", "a.example.com", NULL,
	 "a.example.com"},
	{"a common name that is no DNS name does not count", "My Shop", "DNS:b.example.com",
	 "b.example.com"},
	{"a single label is no DNS name of ours", "localhost", NULL, ""},
	{"sorted, in lower case, each once", NULL,
	 "DNS:B.example.com,DNS:a.example.com,DNS:b.example.com", "a.example.com b.example.com"},
	{"a wildcard", "*.example.com", "DNS:*.example.com,DNS:example.com",
	 "*.example.com example.com"},
	{"no name at all", NULL, NULL, ""},
};

static void test_names_of_a_request(void **state)
{
	const struct read *row;
	struct bytes der;
	struct csr csr;

	(void)state;
	for (row = readable; row < readable + ARRAY_SIZE(readable); row++) {
		der = forge_csr(&ctx, p256, row->cn, row->san);
		if (csr_from_der(&ctx, der.data, der.size, &csr) != E_OK)
			fail_msg("%s: %s", row->sentence, ctx.fault.text);
		check_row_text(row->sentence, join(&csr.names), row->names);
		check_row_text(row->sentence, csr.key_type, "EC-P256");
		check_row_int(row->sentence, (long long)strlen(csr.sha256), 64);
		check_row_int(row->sentence, (long long)csr.der.size, (long long)der.size);
	}
}

static void test_the_key_of_a_request(void **state)
{
	struct bytes der = forge_csr(&ctx, rsa, "a.example.com", NULL);
	unsigned char *spki = NULL;
	struct csr csr;
	int size;

	(void)state;
	assert_int_equal(csr_from_der(&ctx, der.data, der.size, &csr), E_OK);
	assert_string_equal(csr.key_type, "RSA-2048");
	size = i2d_PUBKEY(rsa, &spki);
	assert_int_equal(csr.public_key.size, size);
	assert_memory_equal(csr.public_key.data, spki, (size_t)size);
	OPENSSL_free(spki);
}

static void refuses(const char *sentence, const void *der, size_t size, const char *text)
{
	struct csr csr;

	check_row_int(sentence, csr_from_der(&ctx, der, size, &csr), E_REFUSED);
	check_row_text(sentence, ctx.fault.reason, "InvalidCsr");
	check_row_text(sentence, ctx.fault.text,
		       arena_printf(ctx.arena, "the certificate signing request %s", text));
}

static struct bytes names_beyond_count(void)
{
	const char *san = "DNS:0.example.com";
	unsigned i;

	for (i = 1; i <= 100; i++)
		san = arena_printf(ctx.arena, "%s,DNS:%u.example.com", san, i);
	return forge_csr(&ctx, p256, NULL, san);
}

static void test_what_is_refused(void **state)
{
	struct bytes der = forge_csr(&ctx, p256, NULL, "DNS:a.example.com");
	struct bytes other = forge_csr(&ctx, p256, NULL, "DNS:a.example.com,email:a@example.com");
	struct bytes odd = forge_csr(&ctx, p256, NULL, "DNS:a example.com");
	struct bytes many = names_beyond_count();
	unsigned char *longer = arena_alloc(ctx.arena, der.size + 1);
	unsigned char *forged = arena_copy(ctx.arena, der.data, der.size);
	unsigned char *large = arena_alloc(ctx.arena, 64 * 1024 + 1);

	(void)state;
	memcpy(longer, der.data, der.size);
	forged[der.size - 1] ^= 1;
	refuses("nothing", der.data, 0, "is empty");
	refuses("too much", large, 64 * 1024 + 1, "is larger than 64 KiB");
	refuses("zeros", large, 100, "is no PKCS#10 in DER");
	refuses("a byte too many", longer, der.size + 1, "has bytes behind its end");
	refuses("a wrong signature", forged, der.size, "is not signed by its own key");
	refuses("a mail address", other.data, other.size,
		"asks for alternative names other than DNS names");
	refuses("a name with a space", odd.data, odd.size,
		"has a DNS name with characters that no DNS name has");
	refuses("101 names", many.data, many.size, "has more than 100 names");
}

struct same {
	const char *sentence, *wanted[3];
	bool are_same;
};

static const struct same sames[] = {
	{"in order", {"a.example", "b.example"}, true},
	{"in another order and case", {"B.EXAMPLE", "a.example"}, true},
	{"one repeated", {"b.example", "a.example", "a.example"}, true},
	{"one missing", {"a.example"}, false},
	{"one more", {"a.example", "b.example", "c.example"}, false},
	{"none", {NULL}, false},
};

static void test_comparing_names(void **state)
{
	const char *items[] = {"a.example", "b.example"};
	struct names names = {items, 2}, none = {items, 0};
	const struct same *row;
	size_t count;

	(void)state;
	for (row = sames; row < sames + ARRAY_SIZE(sames); row++) {
		for (count = 0; count < 3 && row->wanted[count]; count++)
			;
		check_row_int(row->sentence, names_are(&names, row->wanted, count), row->are_same);
	}
	assert_true(names_are(&none, NULL, 0));
}

static void visit_damaged(const char *text, size_t size, void *data)
{
	const struct bytes *seed = data;
	struct csr csr;

	ctx_fini(&ctx);
	check_begin(&ctx);
	if (csr_from_der(&ctx, text, size, &csr) != E_OK)
		return;
	/* What is signed cannot be damaged without notice. */
	assert_int_equal(size, seed->size);
	assert_memory_equal(text, seed->data, size);
}

static void test_a_damaged_request_is_refused(void **state)
{
	struct bytes seed = forge_csr(&ctx, p256, "a.example.com", "DNS:a.example.com");
	struct mutate mutate = {.visit = visit_damaged, .data = &seed};

	(void)state;
	seed.data = memcpy(malloc(seed.size), seed.data, seed.size);
	mutate_seed(&mutate, (const char *)seed.data, seed.size);
	free(seed.data);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_names_of_a_request),
		T(test_the_key_of_a_request),
		T(test_what_is_refused),
		T(test_comparing_names),
		T(test_a_damaged_request_is_refused),
	};
	int failed;

	p256 = EVP_EC_gen("P-256");
	rsa = EVP_RSA_gen(2048);
	failed = cmocka_run_group_tests_name("csr", tests, NULL, NULL);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(rsa);
	return failed;
}
