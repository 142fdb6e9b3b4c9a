/* What render makes of a gateway's document, row by row; fuzz/fuzz_render.c holds it to the same
 * for any document. */
#include "gwdoc/render.h"

#include "gwdoc/faithful.h"
#include "unit/render_scene.h"

#define LONG \
	"a-very-long-hostname-that-does-not-fit.into-sixty-characters.of-a-plain-name.example.com"

/* --- one hostname --- */

struct row {
	const char *sentence;
	const char *changes[CHANGES_MAX];
	enum render_verdict verdict;
	const char *listener; /* of the hostname; of a rejected one: in the message */
	const char *rule;
	const char *certificate; /* the entry that the listener shows then */
	const char *reason;
};

static const struct row rows[] = {
	{"what is missing is added",
	 {NULL},
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"what is there stands",
	 {OURS, OUR_RULE, OUR_CERTIFICATE},
	 RENDER_STANDS,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"a secret id with a slash behind it is the same",
	 {OURS, OUR_RULE, CERTIFICATE("shop-example-com", SECRET "/")},
	 RENDER_STANDS,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"a secret id with a version is the same, and loses it",
	 {OURS, OUR_RULE, PINNED},
	 RENDER_UNPINNED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"a secret id in capitals is the same",
	 {OURS, OUR_RULE,
	  CERTIFICATE("shop-example-com", "HTTPS://VAULT.TEST/Secrets/shop-EXAMPLE-com")},
	 RENDER_STANDS,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"the certificate entry is known by its secret, whatever its name",
	 {CERTIFICATE("by-hand", SECRET)},
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "by-hand",
	 NULL},
	{"a listener of another name that shows our certificate stands",
	 {LISTENER("by-hand", HOST(SHOP), "shop-example-com"), RULE("by-hand", "by-hand", "50"),
	  OUR_CERTIFICATE},
	 RENDER_STANDS,
	 "by-hand",
	 "by-hand",
	 "shop-example-com",
	 NULL},
	{"a listener with several hostnames that shows our certificate stands",
	 {LISTENER("by-hand", "\"hostNames\":[\"x.example\",\"SHOP.example.com\"]",
		   "shop-example-com"),
	  RULE("by-hand", "by-hand", "50"), OUR_CERTIFICATE},
	 RENDER_STANDS,
	 "by-hand",
	 "by-hand",
	 "shop-example-com",
	 NULL},
	{"our listener with another certificate gets ours",
	 {LISTENER("shop-example-com-listener", HOST(SHOP), "theirs"), OUR_RULE},
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"our listener with a list of one hostname is ours",
	 {LISTENER("shop-example-com-listener", "\"hostNames\":[\"" SHOP "\"]", "theirs"),
	  OUR_RULE},
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"our listener under its hashed name is ours",
	 {LISTENER("shop-example-com-951623a26f-listener", HOST(SHOP), "theirs"),
	  RULE("any", "shop-example-com-951623a26f-listener", "50")},
	 RENDER_CHANGED,
	 "shop-example-com-951623a26f-listener",
	 "any",
	 "shop-example-com",
	 NULL},
	{"our listener without a rule gets one",
	 {OURS, OUR_CERTIFICATE},
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"a foreign listener on the hostname is a conflict",
	 {LISTENER("by-hand", HOST(SHOP), "theirs"), RULE("by-hand", "by-hand", "50")},
	 RENDER_REJECTED,
	 "\"by-hand\"",
	 NULL,
	 NULL,
	 "ListenerConflict"},
	{"a listener of our name with further hostnames is not ours",
	 {LISTENER("shop-example-com-listener", "\"hostNames\":[\"" SHOP "\",\"x.example\"]",
		   "theirs"),
	  OUR_RULE},
	 RENDER_REJECTED,
	 "\"shop-example-com-listener\"",
	 NULL,
	 NULL,
	 "ListenerConflict"},
	{"what is no name in a list of hostnames is nobody's",
	 {LISTENER("odd", "\"hostNames\":[null,1,{}]", "theirs"), RULE("odd", "odd", "50")},
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"the same hostname on a private frontend is somebody else's business",
	 {LISTENER_ON("private", "https", "inside", HOST(SHOP), "theirs"),
	  RULE("inside", "inside", "50")},
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"the same hostname on another port is somebody else's business",
	 {LISTENER_ON("public", "http", "other-port", HOST(SHOP), "theirs"),
	  RULE("other-port", "other-port", "50")},
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com",
	 NULL},
	{"names that another hostname has are hashed",
	 {LISTENER("shop-example-com-listener", HOST("shop.example-com"), "theirs"),
	  RULE("shop-example-com-rule", "shop-example-com-listener", "50"),
	  CERTIFICATE("shop-example-com", VAULT "other")},
	 RENDER_CHANGED,
	 "shop-example-com-951623a26f-listener",
	 "shop-example-com-951623a26f-rule",
	 "shop-example-com-951623a26f",
	 NULL},
	{"an entry left over from another vault keeps its name, twice",
	 {CERTIFICATE("shop-example-com", VAULT "old"),
	  CERTIFICATE("shop-example-com-951623a26f", VAULT "older")},
	 RENDER_CHANGED,
	 "shop-example-com-listener",
	 "shop-example-com-rule",
	 "shop-example-com-951623a26f-2",
	 NULL},
	{"both listener names taken is a conflict",
	 {LISTENER("shop-example-com-listener", HOST("x.example"), "theirs"),
	  LISTENER("shop-example-com-951623a26f-listener", HOST("y.example"), "theirs")},
	 RENDER_REJECTED,
	 "\"shop-example-com-listener\"",
	 NULL,
	 NULL,
	 "ListenerConflict"},
};

static void check_drawn(const struct row *row, const struct json *before,
			const struct rendering *rendering)
{
	const struct rendered_hostname *item = &rendering->items[0];

	check_row_text(row->sentence, item->listener, row->listener);
	check_row_text(row->sentence, item->rule, row->rule);
	check_row(row->sentence,
		  item->is_new == !gateway_child(before, "httpListeners", row->listener));
	check_row(row->sentence,
		  gateway_child(rendering->document, "requestRoutingRules", row->rule));
	check_row_text(row->sentence, shown_certificate(rendering->document, row->listener),
		       row->certificate);
	check_row(row->sentence,
		  gateway_child(rendering->document, "sslCertificates", row->certificate));
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct ctx ctx cleanup_ctx;
		struct wanted_hostname wanted;
		struct rendering rendering;
		struct json *document;

		check_begin(&ctx);
		document = document_with(&ctx, row->changes);
		wanted = want(&ctx, SHOP);
		check_row_int(row->sentence,
			      render(&ctx, document, &target, &wanted, 1, &rendering), E_OK);
		check_row_int(row->sentence, rendering.items[0].verdict, row->verdict);
		check_row(row->sentence, rendering.changed == (row->verdict == RENDER_CHANGED ||
							       row->verdict == RENDER_UNPINNED));
		check_row_text(row->sentence, rendering.items[0].reason, row->reason);
		if (row->verdict == RENDER_REJECTED)
			check_row(row->sentence, strstr(rendering.items[0].message, row->listener));
		else
			check_drawn(row, document, &rendering);
		check_row(row->sentence,
			  render_is_faithful(&ctx, document, rendering.document, &rendering, 1));
	}
}

/* --- gateways that cannot take any --- */

static const struct {
	const char *sentence;
	const char *changes[CHANGES_MAX];
	const char *reason;
} refusals[] = {
	{"without the backend pool", {"-backendAddressPools"}, "BackendNotFound"},
	{"without the settings", {"-backendHttpSettingsCollection"}, "HttpSettingsNotFound"},
	{"without frontends", {"-frontendIPConfigurations"}, "NoPublicFrontend"},
	{"without a location", {"+location null"}, "InvalidGatewayDocument"},
	{"without properties", {"+properties []"}, "InvalidGatewayDocument"},
	{"with a child that is no object", {"httpListeners null"}, "InvalidGatewayDocument"},
	{"with a child without a name", {"sslCertificates {}"}, "InvalidGatewayDocument"},
	{"with a child whose name is no name",
	 {"frontendPorts {\"name\":\"a/b\"}"},
	 "InvalidGatewayDocument"},
	{"with two children of one name",
	 {"requestRoutingRules {\"name\":\"THEIRS\"}"},
	 "InvalidGatewayDocument"},
	{"with two children of one name that stand apart",
	 {"httpListeners {\"name\":\"x\"}", "httpListeners {\"name\":\"a\"}",
	  "httpListeners {\"name\":\"x\"}"},
	 "InvalidGatewayDocument"},
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct ctx ctx cleanup_ctx;
		struct wanted_hostname wanted;
		struct rendering rendering;

		check_begin(&ctx);
		wanted = want(&ctx, SHOP);
		check_row_int(refusals[i].sentence,
			      render(&ctx, document_with(&ctx, refusals[i].changes), &target,
				     &wanted, 1, &rendering),
			      E_REFUSED);
		check_row_text(refusals[i].sentence, ctx.fault.reason, refusals[i].reason);
	}
}

/* --- capacity --- */

#define REDIRECT_RULE                                                                              \
	"requestRoutingRules "                                                                     \
	"{\"name\":\"r#\",\"properties\":{\"priority\":#,\"httpListener\":" REF(                   \
		"httpListeners", "l#") ",\"redirectConfiguration\":" REF("redirectConfigurations", \
									 "x") "}}"

static const struct {
	const char *sentence;
	const char *child; /* '#' is its number */
	size_t count;	   /* beside the one of the document */
	enum render_verdict verdict;
} crowds[] = {
	{"the hundredth certificate fits", CERTIFICATE("c#", VAULT "c#"), 98, RENDER_CHANGED},
	{"the next does not", CERTIFICATE("c#", VAULT "c#"), 99, RENDER_REJECTED},
	{"the hundredth active listener fits", RULE("r#", "l#", "#"), 98, RENDER_CHANGED},
	{"the next does not", RULE("r#", "l#", "#"), 99, RENDER_REJECTED},
	{"rules that redirect are not active", REDIRECT_RULE, 300, RENDER_CHANGED},
	{"but there are four hundred rules at most", REDIRECT_RULE, 399, RENDER_REJECTED},
	{"two hundred listeners are the most", LISTENER("l#", HOST("h#.example"), "theirs"), 199,
	 RENDER_REJECTED},
	{"one less leaves room", LISTENER("l#", HOST("h#.example"), "theirs"), 198, RENDER_CHANGED},
};

static void test_capacity(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(crowds); i++) {
		struct ctx ctx cleanup_ctx;
		struct wanted_hostname wanted;
		struct rendering rendering;
		struct json *document;

		check_begin(&ctx);
		wanted = want(&ctx, SHOP);
		document = crowded(&ctx, crowds[i].child, crowds[i].count);
		check_row_int(crowds[i].sentence,
			      render(&ctx, document, &target, &wanted, 1, &rendering), E_OK);
		check_row_int(crowds[i].sentence, rendering.items[0].verdict, crowds[i].verdict);
		if (crowds[i].verdict == RENDER_REJECTED)
			check_row_text(crowds[i].sentence, rendering.items[0].reason,
				       "CapacityExceeded");
	}
}

static void test_the_newest_are_rejected(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct wanted_hostname wanted[3];
	struct rendering rendering;
	struct json *document;

	(void)state;
	check_begin(&ctx);
	document = crowded(&ctx, CERTIFICATE("c#", VAULT "c#"), 97);
	for (size_t i = 0; i < 3; i++)
		wanted[i] = want(&ctx, arena_printf(ctx.arena, "site%zu.example.com", i));
	assert_int_equal(render(&ctx, document, &target, wanted, 3, &rendering), E_OK);
	assert_int_equal(rendering.items[0].verdict, RENDER_CHANGED);
	assert_int_equal(rendering.items[1].verdict, RENDER_CHANGED);
	assert_int_equal(rendering.items[2].verdict, RENDER_REJECTED);
}

/* A hundred and first entry would be refused, and all who wait with it. */
static void test_a_repair_needs_room_too(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct wanted_hostname wanted;
	struct rendering rendering;
	struct json *document;

	(void)state;
	check_begin(&ctx);
	document = crowded(&ctx, CERTIFICATE("c#", VAULT "c#"), 99);
	gateway_change(&ctx, document, LISTENER("shop-example-com-listener", HOST(SHOP), "theirs"));
	gateway_change(&ctx, document, OUR_RULE);
	wanted = want(&ctx, SHOP);
	assert_int_equal(render(&ctx, document, &target, &wanted, 1, &rendering), E_OK);
	assert_int_equal(rendering.items[0].verdict, RENDER_REJECTED);
	assert_string_equal(rendering.items[0].reason, "CapacityExceeded");
	assert_int_equal(rendering.changed, 0);
}

/* The entry is there, only listener and rule are missing. */
static void test_an_entry_that_stands_needs_no_room(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct wanted_hostname wanted;
	struct rendering rendering;
	struct json *document;

	(void)state;
	check_begin(&ctx);
	document = crowded(&ctx, CERTIFICATE("c#", VAULT "c#"), 98);
	gateway_change(&ctx, document, OUR_CERTIFICATE);
	wanted = want(&ctx, SHOP);
	assert_int_equal(render(&ctx, document, &target, &wanted, 1, &rendering), E_OK);
	assert_int_equal(rendering.items[0].verdict, RENDER_CHANGED);
}

/* --- what is added, in full --- */

static void check_child(struct ctx *ctx, const struct json *document, const char *collection,
			const char *name, const char *wanted)
{
	const struct json *child = gateway_child(document, collection, name);

	if (!json_equal(json_get(child, "properties"), gateway_parse(ctx, wanted)))
		fail_msg("%s: %s", name, child ? json_print(ctx, child) : "missing");
}

static void test_what_is_added(void **state)
{
	static const char *const none[CHANGES_MAX];
	struct ctx ctx cleanup_ctx;
	struct wanted_hostname wanted;
	struct rendering rendering;

	(void)state;
	check_begin(&ctx);
	wanted = want(&ctx, SHOP);
	assert_int_equal(render(&ctx, document_with(&ctx, none), &target, &wanted, 1, &rendering),
			 E_OK);
	check_child(&ctx, rendering.document, "sslCertificates", "shop-example-com",
		    "{\"keyVaultSecretId\":\"" SECRET "\"}");
	check_child(&ctx, rendering.document, "httpListeners", "shop-example-com-listener",
		    "{\"frontendIPConfiguration\":" REF(
			    "frontendIPConfigurations",
			    "public") ","
				      "\"frontendPort\":" REF(
					      "frontendPorts",
					      "https") ",\"protocol\":\"Https\","
						       "\"hostName\":\"" SHOP
						       "\",\"sslCertificate\":" REF(
							       "sslCertificates",
							       "shop-example-com") ","
										   "\"requireServer"
										   "NameIndication"
										   "\":true}");
	check_child(
		&ctx, rendering.document, "requestRoutingRules", "shop-example-com-rule",
		"{\"ruleType\":\"Basic\",\"priority\":18999,"
		"\"httpListener\":" REF(
			"httpListeners",
			"shop-example-com-listener") ","
						     "\"backendAddressPool\":" REF(
							     "backendAddressPools",
							     "pool") ","
								     "\"backendHttpSettings\":" REF(
									     "backendHttpSettingsCo"
									     "llection",
									     "settings") "}");
	assert_int_equal(json_size(json_path(rendering.document, "properties.frontendPorts")), 2);
}

static const struct {
	const char *sentence;
	const char *changes[CHANGES_MAX];
	const char *port;
} ports[] = {
	{"without ports one is added", {"-frontendPorts"}, "port_443"},
	{"a port of that name and another number is left alone",
	 {"-frontendPorts",
	  "*frontendPorts [{\"name\":\"port_443\",\"properties\":{\"port\":8443}}]"},
	 "gatecert-port_443"},
	{"a port with the number is used, whatever its name", {NULL}, "https"},
};

static void test_ports(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		struct ctx ctx cleanup_ctx;
		struct wanted_hostname wanted;
		struct rendering rendering;
		const struct json *port;
		const char *used;

		check_begin(&ctx);
		wanted = want(&ctx, SHOP);
		assert_int_equal(render(&ctx, document_with(&ctx, ports[i].changes), &target,
					&wanted, 1, &rendering),
				 E_OK);
		port = gateway_child(rendering.document, "frontendPorts", ports[i].port);
		check_row_int(ports[i].sentence,
			      json_get_int(json_get(port, "properties"), "port", 0), 443);
		used = json_get_text(json_path(gateway_child(rendering.document, "httpListeners",
							     "shop-example-com-listener"),
					       "properties.frontendPort"),
				     "id");
		check_row_text(ports[i].sentence, strrchr(used, '/') + 1, ports[i].port);
	}
}

static void test_long_names_fit(void **state)
{
	static const char *const none[CHANGES_MAX];
	struct ctx ctx cleanup_ctx;
	struct wanted_hostname wanted;
	struct rendering rendering;

	(void)state;
	check_begin(&ctx);
	wanted = want(&ctx, LONG);
	assert_int_equal(render(&ctx, document_with(&ctx, none), &target, &wanted, 1, &rendering),
			 E_OK);
	assert_int_equal(rendering.items[0].verdict, RENDER_CHANGED);
	assert_in_range(strlen(rendering.items[0].listener), 61, 80);
	assert_in_range(strlen(rendering.items[0].rule), 61, 80);
}

/* --- eviction --- */

static const struct {
	const char *sentence;
	const char *changes[CHANGES_MAX];
	enum render_verdict verdict;
	const char *certificate; /* taken away with it */
} evictions[] = {
	{"what is not there is absent", {NULL}, RENDER_ABSENT, NULL},
	{"listener, rule and certificate go together",
	 {OURS, OUR_RULE, OUR_CERTIFICATE},
	 RENDER_EVICTED,
	 "shop-example-com"},
	{"a certificate that another listener shows stays",
	 {OURS, OUR_RULE, OUR_CERTIFICATE, LISTENER("more", HOST("x.example"), "shop-example-com")},
	 RENDER_EVICTED,
	 NULL},
	{"a certificate that something else shows stays",
	 {OURS, OUR_RULE, OUR_CERTIFICATE,
	  "*listeners [{\"name\":\"tls\",\"properties\":{\"sslCertificate\":" REF(
		  "sslCertificates", "shop-example-com") "}}]"},
	 RENDER_EVICTED,
	 NULL},
	{"a listener of another name stays",
	 {LISTENER("by-hand", HOST(SHOP), "shop-example-com"), RULE("by-hand", "by-hand", "50"),
	  OUR_CERTIFICATE},
	 RENDER_ABSENT,
	 NULL},
	{"our listener with somebody's certificate stays",
	 {LISTENER("shop-example-com-listener", HOST(SHOP), "theirs"), OUR_RULE},
	 RENDER_ABSENT,
	 NULL},
	{"a listener that somebody redirects to stays",
	 {OURS, OUR_RULE, OUR_CERTIFICATE,
	  "*redirectConfigurations [{\"name\":\"r\",\"properties\":{\"targetListener\":" REF(
		  "httpListeners", "shop-example-com-listener") "}}]"},
	 RENDER_ABSENT,
	 NULL},
};

static void test_evictions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(evictions); i++) {
		struct ctx ctx cleanup_ctx;
		struct wanted_hostname wanted;
		struct rendering rendering;
		struct json *document;
		bool is_gone = evictions[i].verdict == RENDER_EVICTED;

		check_begin(&ctx);
		document = document_with(&ctx, evictions[i].changes);
		wanted = want(&ctx, SHOP);
		wanted.is_evicted = true;
		assert_int_equal(render(&ctx, document, &target, &wanted, 1, &rendering), E_OK);
		check_row_int(evictions[i].sentence, rendering.items[0].verdict,
			      evictions[i].verdict);
		check_row_text(evictions[i].sentence, rendering.items[0].certificate,
			       evictions[i].certificate);
		if (is_gone)
			check_row(evictions[i].sentence,
				  !gateway_child(rendering.document, "httpListeners",
						 "shop-example-com-listener") &&
					  !gateway_child(rendering.document, "requestRoutingRules",
							 "shop-example-com-rule"));
		check_row(evictions[i].sentence,
			  render_is_faithful(&ctx, document, rendering.document, &rendering, 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_capacity),
		cmocka_unit_test(test_the_newest_are_rejected),
		cmocka_unit_test(test_a_repair_needs_room_too),
		cmocka_unit_test(test_an_entry_that_stands_needs_no_room),
		cmocka_unit_test(test_what_is_added),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_long_names_fit),
		cmocka_unit_test(test_evictions),
	};

	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
