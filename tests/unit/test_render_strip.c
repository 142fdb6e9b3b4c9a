/* What a PUT leaves out, what it must not, and whether a change beyond what was asked for is seen.
 */
#include "gwdoc/render.h"

#include "gwdoc/faithful.h"
#include "gwdoc/strip.h"
#include "unit/gateway_document.h"

static struct json *stripped(struct ctx *ctx)
{
	return render_strip(ctx, gateway_parse(ctx, gateway_text));
}

/* --- left out --- */

/* "properties.COLLECTION/NAME.member" leads through the child of that name. */
static const struct json *look_up(struct ctx *ctx, const struct json *document, const char *path)
{
	const char *slash = strchr(path, '/'), *dot;
	const char *collection, *name;

	if (!slash)
		return json_path(document, path);
	collection = arena_strndup(ctx->arena, path, (size_t)(slash - path));
	dot = strchr(slash, '.');
	name = arena_strndup(ctx->arena, slash + 1, (size_t)(dot - slash - 1));
	json_for_each (child, json_path(document, collection))
		if (text_equals(json_get_text(child, "name"), name))
			return json_path(child, dot + 1);
	return NULL;
}

static const char *const left_out[] = {
	"name",
	"type",
	"etag",
	"identity.principalId",
	"identity.tenantId",
	"properties.provisioningState",
	"properties.operationalState",
	"properties.resourceGuid",
	"properties.frontendIPConfigurations/public.etag",
	"properties.frontendIPConfigurations/public.properties.provisioningState",
	"properties.frontendIPConfigurations/public.properties.httpListeners",
	"properties.frontendPorts/https.properties.httpListeners",
	"properties.sslCertificates/theirs.properties.publicCertData",
	"properties.sslCertificates/theirs.properties.httpListeners",
	"properties.backendAddressPools/pool.properties.requestRoutingRules",
	"properties.backendHttpSettingsCollection/settings.type",
	"properties.backendHttpSettingsCollection/settings.properties.requestRoutingRules",
	"properties.probes/probe.properties.backendHttpSettings",
	"properties.httpListeners/theirs.properties.requestRoutingRules",
	"properties.urlPathMaps/map.properties.requestRoutingRules",
};

static const char *const kept[] = {
	"id",
	"location",
	"zones",
	"tags",
	"unknown",
	"identity.type",
	"properties.sku.family",
	"properties.newIn2027",
	"properties.frontendIPConfigurations/public.properties.publicIPAddress",
	"properties.frontendPorts/https.properties.port",
	"properties.sslCertificates/theirs.properties",
	"properties.backendAddressPools/pool.properties.backendAddresses",
	"properties.probes/probe.properties.interval",
	"properties.httpListeners/theirs.properties.enableHttp3",
	"properties.httpListeners/theirs.properties.hostNames",
	"properties.httpListeners/theirs.properties.sslCertificate",
	"properties.urlPathMaps/map.properties.pathRules",
	"properties.requestRoutingRules/theirs.properties.httpListener",
};

static void test_left_out_and_kept(void **state)
{
	struct ctx ctx cleanup_ctx;
	const struct json *before, *after;

	(void)state;
	check_begin(&ctx);
	before = gateway_parse(&ctx, gateway_text);
	after = render_strip(&ctx, before);
	for (size_t i = 0; i < ARRAY_SIZE(left_out); i++) {
		check_row(left_out[i], look_up(&ctx, before, left_out[i]));
		check_row(left_out[i], !look_up(&ctx, after, left_out[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		check_row(kept[i], look_up(&ctx, after, kept[i]));
}

static void test_path_rules_are_stripped(void **state)
{
	struct ctx ctx cleanup_ctx;
	const struct json *rule;

	(void)state;
	check_begin(&ctx);
	rule = json_at(json_path(gateway_child(stripped(&ctx), "urlPathMaps", "map"),
				 "properties.pathRules"),
		       0);
	assert_string_equal(json_print(&ctx, rule),
			    "{\"name\":\"acme\",\"properties\":{\"paths\":[\"/x/*\"]}}");
}

static void test_numbers_stay_as_written(void **state)
{
	struct ctx ctx cleanup_ctx;
	char *printed;

	(void)state;
	check_begin(&ctx);
	printed = json_print(&ctx, stripped(&ctx));
	assert_non_null(strstr(printed, "\"numbers\":[1.0,1e3,0.10,1E+2,-0]"));
	assert_non_null(strstr(printed, "\"newIn2027\":{\"ratio\":1.50,\"list\":[{},[],null]}"));
	assert_non_null(strstr(printed, "\"interval\":30.0"));
}

static const struct {
	const char *sentence;
	const char *identity, *wanted;
} identities[] = {
	{"of a user-assigned identity only its id is sent",
	 "{\"type\":\"userAssigned\",\"userAssignedIdentities\":{\"/A/"
	 "b\":{\"principalId\":\"p\",\"clientId\":\"c\"}}}",
	 "{\"type\":\"userAssigned\",\"userAssignedIdentities\":{\"/A/b\":{}}}"},
	{"no user-assigned ones stay none",
	 "{\"type\":\"SystemAssigned\",\"userAssignedIdentities\":null}",
	 "{\"type\":\"SystemAssigned\",\"userAssignedIdentities\":null}"},
	{"what is not understood goes back as it came", "{\"userAssignedIdentities\":[1.0]}",
	 "{\"userAssignedIdentities\":[1.0]}"},
	{"a missing identity stays missing", NULL, NULL},
};

static void test_identity(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(identities); i++) {
		struct ctx ctx cleanup_ctx;
		struct json *document, *after;

		check_begin(&ctx);
		document = gateway_parse(&ctx, gateway_text);
		json_remove(document, "identity");
		if (identities[i].identity)
			json_set(&ctx, document, "identity",
				 gateway_parse(&ctx, identities[i].identity));
		after = json_get(render_strip(&ctx, document), "identity");
		check_row_text(identities[i].sentence, after ? json_print(&ctx, after) : NULL,
			       identities[i].wanted);
	}
}

static void test_the_original_is_untouched(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct json *document, *copy;

	(void)state;
	check_begin(&ctx);
	document = gateway_parse(&ctx, gateway_text);
	copy = json_dup(&ctx, document);
	render_strip(&ctx, document);
	assert_true(json_equal(document, copy));
}

/* --- the last check before a PUT --- */

static const struct rendered_hostname changed = {.verdict = RENDER_CHANGED, .listener = "theirs"};
static const struct rendered_hostname evicted = {
	.verdict = RENDER_EVICTED, .listener = "theirs", .rule = "theirs", .certificate = "theirs"};
static const struct rendered_hostname evicted_alone = {.verdict = RENDER_EVICTED,
						       .listener = "other"};

struct tampering {
	const char *sentence;
	const char *change;	       /* as gateway_change */
	const char *collection, *name; /* of a child to damage; NULL: none */
	const char *properties;	       /* of that child; NULL: the child is removed */
	const struct rendered_hostname *item;
	bool is_faithful;
};

#define LISTENER_WITH(certificate, more)                                                          \
	"{\"frontendIPConfiguration\":" REF(                                                      \
		"frontendIPConfigurations",                                                       \
		"public") ","                                                                     \
			  "\"frontendPort\":" REF(                                                \
				  "frontendPorts",                                                \
				  "https") ",\"protocol\":\"Https\","                             \
					   "\"hostName\":\"www.foreign.example\",\"hostNames\":[" \
					   "]" more ",\"sslCertificate\":" REF("sslCertificates", \
									       certificate) "}"

static const struct tampering tamperings[] = {
	{"nothing at all", NULL, NULL, NULL, NULL, NULL, true},
	{"a new listener", "httpListeners {\"name\":\"new\"}", NULL, NULL, NULL, NULL, true},
	{"a new rule", "requestRoutingRules {\"name\":\"new\"}", NULL, NULL, NULL, NULL, true},
	{"a new probe", "probes {\"name\":\"new\"}", NULL, NULL, NULL, NULL, false},
	{"a new list", "*redirectConfigurations []", NULL, NULL, NULL, NULL, false},
	{"a missing list", "-probes", NULL, NULL, NULL, NULL, false},
	{"a missing list of listeners", "-httpListeners", NULL, NULL, NULL, NULL, false},
	{"another location", "+location \"eastus\"", NULL, NULL, NULL, NULL, false},
	{"a new member of the document", "+zone 1", NULL, NULL, NULL, NULL, false},
	{"a number written otherwise", "*newIn2027 {\"ratio\":1.5,\"list\":[{},[],null]}", NULL,
	 NULL, NULL, NULL, false},
	{"a missing foreign listener", NULL, "httpListeners", "theirs", NULL, NULL, false},
	{"a missing listener that was evicted", NULL, "httpListeners", "theirs", NULL, &evicted,
	 true},
	{"a missing certificate that was evicted", NULL, "sslCertificates", "theirs", NULL,
	 &evicted, true},
	{"a missing certificate while another was evicted", NULL, "sslCertificates", "theirs", NULL,
	 &evicted_alone, false},
	{"a missing port", NULL, "frontendPorts", "http", NULL, &evicted, false},
	{"another certificate on a foreign listener", NULL, "httpListeners", "theirs",
	 LISTENER_WITH("new", ",\"enableHttp3\":false"), NULL, false},
	{"another certificate on a listener that was repaired", NULL, "httpListeners", "theirs",
	 LISTENER_WITH("new", ",\"enableHttp3\":false"), &changed, true},
	{"more than the certificate on a listener that was repaired", NULL, "httpListeners",
	 "theirs", LISTENER_WITH("new", ",\"enableHttp3\":true"), &changed, false},
	{"a member less on a listener that was repaired", NULL, "httpListeners", "theirs",
	 LISTENER_WITH("new", ""), &changed, false},
};

static void tamper(struct ctx *ctx, struct json *after, const struct tampering *row)
{
	struct json *child = gateway_child(after, row->collection, row->name);

	if (row->change)
		gateway_change(ctx, after, row->change);
	if (row->properties)
		json_set(ctx, child, "properties", gateway_parse(ctx, row->properties));
	else if (row->collection)
		json_remove_node(json_get(json_get(after, "properties"), row->collection), child);
}

static void test_faithfulness(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tamperings); i++) {
		const struct tampering *row = &tamperings[i];
		struct ctx ctx cleanup_ctx;
		struct rendered_hostname items[1] = {{.verdict = RENDER_STANDS}};
		struct rendering rendering = {.items = items};
		struct json *before, *after;

		check_begin(&ctx);
		before = gateway_parse(&ctx, gateway_text);
		after = render_strip(&ctx, before);
		if (row->item)
			items[0] = *row->item;
		tamper(&ctx, after, row);
		check_row(row->sentence, render_is_faithful(&ctx, before, after, &rendering, 1) ==
						 row->is_faithful);
	}
}

static const struct rendered_hostname unpinned = {
	.verdict = RENDER_UNPINNED, .listener = "x", .certificate = "theirs", .is_pinned = true};
static const struct rendered_hostname unpinned_other = {
	.verdict = RENDER_UNPINNED, .listener = "x", .certificate = "other", .is_pinned = true};

static const struct {
	const char *sentence;
	const char *before, *after; /* properties of the entry "theirs" */
	const struct rendered_hostname *item;
	bool is_faithful;
} versions[] = {
	{"a version less", "{\"keyVaultSecretId\":\"" VAULT "a/1\"}",
	 "{\"keyVaultSecretId\":\"" VAULT "a\"}", &unpinned, true},
	{"of an entry that is not ours", "{\"keyVaultSecretId\":\"" VAULT "a/1\"}",
	 "{\"keyVaultSecretId\":\"" VAULT "a\"}", &unpinned_other, false},
	{"another version", "{\"keyVaultSecretId\":\"" VAULT "a/1\"}",
	 "{\"keyVaultSecretId\":\"" VAULT "a/2\"}", &unpinned, false},
	{"a version more", "{\"keyVaultSecretId\":\"" VAULT "a\"}",
	 "{\"keyVaultSecretId\":\"" VAULT "a/1\"}", &unpinned, false},
	{"another secret", "{\"keyVaultSecretId\":\"" VAULT "a/1\"}",
	 "{\"keyVaultSecretId\":\"" VAULT "b\"}", &unpinned, false},
	{"another member less", "{\"keyVaultSecretId\":\"" VAULT "a/1\",\"hsm\":{}}",
	 "{\"keyVaultSecretId\":\"" VAULT "a\"}", &unpinned, false},
	{"no secret any more", "{\"keyVaultSecretId\":\"" VAULT "a/1\"}", "{}", &unpinned, false},
};

static void set_properties(struct ctx *ctx, struct json *document, const char *properties)
{
	json_set(ctx, gateway_child(document, "sslCertificates", "theirs"), "properties",
		 gateway_parse(ctx, properties));
}

static void test_faithfulness_to_versions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct ctx ctx cleanup_ctx;
		struct rendered_hostname items[1] = {*versions[i].item};
		struct rendering rendering = {.items = items};
		struct json *before, *after;

		check_begin(&ctx);
		before = gateway_parse(&ctx, gateway_text);
		set_properties(&ctx, before, versions[i].before);
		after = render_strip(&ctx, before);
		set_properties(&ctx, after, versions[i].after);
		check_row(versions[i].sentence, render_is_faithful(&ctx, before, after, &rendering,
								   1) == versions[i].is_faithful);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_left_out_and_kept),
		cmocka_unit_test(test_path_rules_are_stripped),
		cmocka_unit_test(test_numbers_stay_as_written),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_the_original_is_untouched),
		cmocka_unit_test(test_faithfulness),
		cmocka_unit_test(test_faithfulness_to_versions),
	};

	return cmocka_run_group_tests_name("render_strip", tests, NULL, NULL);
}
