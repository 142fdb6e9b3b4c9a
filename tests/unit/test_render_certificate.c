/* Versions in secret ids: whose entry loses them, and whose stays as it is. */
#include "gwdoc/faithful.h"
#include "unit/render_scene.h"

#define VERSIONED SECRET "/0123456789abcdef"

static const struct {
	const char *sentence;
	const char *changes[CHANGES_MAX];
	bool keeps_version;
	enum render_verdict verdict;
	const char *listener, *certificate; /* what it shows then */
	const char *secret_id;		    /* of that */
	const char *entry;		    /* the one that had the version has this then */
	bool is_pinned;
} pins[] = {
	{"our own entry loses it",
	 {OURS, OUR_RULE, PINNED},
	 false,
	 RENDER_UNPINNED,
	 "shop-example-com-listener",
	 "shop-example-com",
	 SECRET,
	 SECRET,
	 true},
	{"what came back with one is no reason for an update, but no update sends it",
	 {OURS, OUR_RULE, PINNED},
	 true,
	 RENDER_STANDS,
	 "shop-example-com-listener",
	 "shop-example-com",
	 SECRET,
	 SECRET,
	 true},
	{"with another reason for an update it goes too",
	 {OURS, PINNED},
	 true,
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com",
	 SECRET,
	 SECRET,
	 true},
	{"an entry that a foreign listener shows too stays, and ours shows another",
	 {OURS, OUR_RULE, PINNED, LISTENER("more", HOST("x.example"), "shop-example-com")},
	 false,
	 RENDER_UNPINNED,
	 "shop-example-com-listener",
	 "shop-example-com-951623a26f",
	 SECRET,
	 VERSIONED,
	 true},
	{"once: what came back with a version stays shared",
	 {OURS, OUR_RULE, PINNED, LISTENER("more", HOST("x.example"), "shop-example-com")},
	 true,
	 RENDER_STANDS,
	 "shop-example-com-listener",
	 "shop-example-com",
	 VERSIONED,
	 VERSIONED,
	 true},
	{"so does one that something else refers to",
	 {OURS, OUR_RULE, PINNED,
	  "*listeners [{\"name\":\"tls\",\"properties\":{\"sslCertificate\":" REF(
		  "sslCertificates", "SHOP-example-com") "}}]"},
	 false,
	 RENDER_UNPINNED,
	 "shop-example-com-listener",
	 "shop-example-com-951623a26f",
	 SECRET,
	 VERSIONED,
	 true},
	{"the entry of a listener that is not ours stays",
	 {LISTENER("by-hand", HOST(SHOP), "shop-example-com"), RULE("by-hand", "by-hand", "50"),
	  PINNED},
	 false,
	 RENDER_STANDS,
	 "by-hand",
	 "shop-example-com",
	 VERSIONED,
	 VERSIONED,
	 true},
	{"an entry that nobody refers to is not used and stays",
	 {PINNED},
	 false,
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-951623a26f",
	 SECRET,
	 VERSIONED,
	 false},
};

static const char *secret_of(const struct json *document, const char *certificate)
{
	return json_get_text(
		json_get(gateway_child(document, "sslCertificates", certificate), "properties"),
		"keyVaultSecretId");
}

static void test_versions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
		const char *sentence = pins[i].sentence;
		struct ctx ctx cleanup_ctx;
		struct wanted_hostname wanted;
		struct rendering rendering;
		struct json *document;

		check_begin(&ctx);
		document = document_with(&ctx, pins[i].changes);
		wanted = want(&ctx, SHOP);
		wanted.keeps_version = pins[i].keeps_version;
		assert_int_equal(render(&ctx, document, &target, &wanted, 1, &rendering), E_OK);
		check_row_int(sentence, rendering.items[0].verdict, pins[i].verdict);
		check_row(sentence, rendering.changed == (pins[i].verdict != RENDER_STANDS));
		check_row(sentence, rendering.items[0].is_pinned == pins[i].is_pinned);
		check_row_text(sentence, shown_certificate(rendering.document, pins[i].listener),
			       pins[i].certificate);
		check_row_text(sentence, secret_of(rendering.document, pins[i].certificate),
			       pins[i].secret_id);
		check_row_text(sentence, secret_of(rendering.document, "shop-example-com"),
			       pins[i].entry);
		check_row(sentence,
			  render_is_faithful(&ctx, document, rendering.document, &rendering, 1));
	}
}

static void test_a_version_stays_where_there_is_no_room(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct wanted_hostname wanted;
	struct rendering rendering;
	struct json *document;

	(void)state;
	check_begin(&ctx);
	document = crowded(&ctx, CERTIFICATE("c#", VAULT "c#"), 98);
	gateway_change(&ctx, document, OURS);
	gateway_change(&ctx, document, OUR_RULE);
	gateway_change(&ctx, document, PINNED);
	gateway_change(&ctx, document, LISTENER("more", HOST("x.example"), "shop-example-com"));
	wanted = want(&ctx, SHOP);
	assert_int_equal(render(&ctx, document, &target, &wanted, 1, &rendering), E_OK);
	assert_int_equal(rendering.items[0].verdict, RENDER_STANDS);
	assert_string_equal(secret_of(rendering.document, "shop-example-com"), VERSIONED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_a_version_stays_where_there_is_no_room),
	};

	return cmocka_run_group_tests_name("render_certificate", tests, NULL, NULL);
}
