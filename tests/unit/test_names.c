/* What things are called: as the documented function called them, and never the same for two
 * hostnames. */
#include "api/names.h"

#include "unit/check.h"

static const struct {
	const char *sentence;
	const char *hostname, *plain;
} plains[] = {
	{"dots become dashes", "shop.example.com", "shop-example-com"},
	{"a dash stays", "my-shop.example.com", "my-shop-example-com"},
	{"a wildcard is spelt", "*.example.com", "wildcard-example-com"},
	{"a name in ASCII form stays", "xn--bcher-kva.example", "xn--bcher-kva-example"},
	{"digits stay", "1.2.example", "1-2-example"},
	{"sixty characters are plain",
	 "a23456789.b23456789.c23456789.d23456789.e23456789.f23456.com",
	 "a23456789-b23456789-c23456789-d23456789-e23456789-f23456-com"},
};

static void test_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plains); i++) {
		struct ctx ctx cleanup_ctx;

		check_begin(&ctx);
		check_row_text(plains[i].sentence, name_plain(&ctx, plains[i].hostname),
			       plains[i].plain);
	}
}

static const char *const hostnames[] = {
	"shop.example.com",
	"a.b",
	"*.example.com",
	"a23456789.b23456789.c23456789.d23456789.e23456789.f234567.com",
	"a23456789.b23456789.c23456789.d23456789.e23456789.f2345678-.more.com",
	"a2345678901234567890123456789012345678901234567890123456789012."
	"b2345678901234567890123456789012345678901234567"
	"89012345678901.c2345678901234567890123456789012345678901234567890123456789012.example.com",
};

static bool is_azure_name(const char *name, size_t longest)
{
	size_t length = strlen(name);

	return length > 0 && length <= longest && name[0] != '-' && name[length - 1] != '-' &&
	       name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* Key Vault takes 127 letters, digits and dashes, the gateway 80. */
static void test_all_names_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hostnames); i++) {
		struct ctx ctx cleanup_ctx;
		const char *plain, *hashed;

		check_begin(&ctx);
		plain = name_plain(&ctx, hostnames[i]);
		hashed = name_hashed(&ctx, hostnames[i]);
		check_row(hostnames[i], is_azure_name(plain, 71) && is_azure_name(hashed, 71));
		check_row(hostnames[i], is_azure_name(name_listener(&ctx, hashed), 80));
		check_row(hostnames[i], is_azure_name(name_rule(&ctx, hashed), 80));
	}
}

static const struct {
	const char *sentence;
	const char *a, *b;
} collisions[] = {
	{"dot and dash", "a.b.example.com", "a-b.example.com"},
	{"dots at other places", "a.b-example.com", "a-b.example-com"},
	{"a wildcard and its spelling", "*.example.com", "wildcard.example.com"},
};

static void test_hashes_tell_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(collisions); i++) {
		struct ctx ctx cleanup_ctx;

		check_begin(&ctx);
		check_row_text(collisions[i].sentence, name_plain(&ctx, collisions[i].a),
			       name_plain(&ctx, collisions[i].b));
		check_row(collisions[i].sentence, strcmp(name_hashed(&ctx, collisions[i].a),
							 name_hashed(&ctx, collisions[i].b)) != 0);
	}
}

static void test_hash_is_of_the_hostname(void **state)
{
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	/* the first five bytes of SHA-256("shop.example.com") */
	assert_string_equal(name_hashed(&ctx, "shop.example.com"), "shop-example-com-951623a26f");
	/* cut where dashes would stand side by side */
	assert_string_equal(
		name_hashed(&ctx,
			    "a23456789.b23456789.c23456789.d23456789.e23456789.f234567--.more.com"),
		"a23456789-b23456789-c23456789-d23456789-e23456789-f234567-05f187bfe5");
	assert_string_equal(name_listener(&ctx, "shop-example-com"), "shop-example-com-listener");
	assert_string_equal(name_rule(&ctx, "shop-example-com"), "shop-example-com-rule");
}

static const struct {
	const char *sentence;
	const char *text, *name;
	bool is_in;
} texts[] = {
	{"the end of an id", "Certificate '/x/sslCertificates/a-com' is bad", "a-com", true},
	{"in another case", "/x/sslCertificates/A-COM", "a-com", true},
	{"alone", "a-com", "a-com", true},
	{"in quotes", "listener \"a-com-listener\" failed", "a-com-listener", true},
	{"at the end of a sentence", "Cannot read a-com. Try again.", "a-com", true},
	{"in brackets", "(a-com)", "a-com", true},
	{"the end of a longer name", "/httpListeners/www-a-com-listener'", "a-com-listener", false},
	{"the end of one with a dot", "/httpListeners/www.a-com'", "a-com", false},
	{"the beginning of a longer name", "/sslCertificates/a-com-2'", "a-com", false},
	{"the beginning of one with a dot", "/sslCertificates/a-com.old'", "a-com", false},
	{"the beginning of a path", "/resourceGroups/a-com/providers/x", "a-com", false},
	{"behind a longer one", "www-a-com and a-com", "a-com", true},
	{"nowhere", "something else", "a-com", false},
};

static void test_names_in_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		check_row(texts[i].sentence,
			  name_is_in(texts[i].text, texts[i].name) == texts[i].is_in);
}

#define SECRET "https://kv.vault.azure.net/secrets/shop"

static const struct {
	const char *sentence;
	const char *a, *b;
	bool is_equal;
} ids[] = {
	{"the same", SECRET, SECRET, true},
	{"a slash behind it", SECRET, SECRET "/", true},
	{"a version", SECRET, SECRET "/0123456789abcdef", true},
	{"two versions", SECRET "/1", SECRET "/2", true},
	{"version and slash", SECRET "/1/", SECRET, true},
	{"another case", SECRET, "HTTPS://KV.vault.azure.net/Secrets/SHOP", true},
	{"a longer name", SECRET, SECRET "2", false},
	{"another vault", SECRET, "https://kv2.vault.azure.net/secrets/shop", false},
	{"a certificate is no secret", SECRET, "https://kv.vault.azure.net/certificates/shop",
	 false},
	{"none", NULL, NULL, false},
	{"none and one", NULL, SECRET, false},
	{"one and none", SECRET, NULL, false},
	{"what has no form is compared whole", "x/y", "X/Y", true},
	{"and differs whole", "x/y", "x/y/z", false},
};

static void test_secret_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		check_row(ids[i].sentence, secret_id_equals(ids[i].a, ids[i].b) == ids[i].is_equal);
}

static void test_secret_id_without_version(void **state)
{
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	assert_string_equal(secret_id_base(&ctx, SECRET "/0123456789abcdef"), SECRET);
	assert_string_equal(secret_id_base(&ctx, SECRET "/"), SECRET);
	assert_string_equal(secret_id_base(&ctx, SECRET), SECRET);
	assert_null(secret_id_base(&ctx, NULL));
	assert_string_equal(secret_id_version(SECRET "/0123456789abcdef"), "0123456789abcdef");
	assert_null(secret_id_version(SECRET "/"));
	assert_null(secret_id_version(SECRET));
	assert_null(secret_id_version(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_all_names_fit),
		cmocka_unit_test(test_hashes_tell_apart),
		cmocka_unit_test(test_hash_is_of_the_hostname),
		cmocka_unit_test(test_names_in_texts),
		cmocka_unit_test(test_secret_ids),
		cmocka_unit_test(test_secret_id_without_version),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
