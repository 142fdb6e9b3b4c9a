/* Where the rule of a hostname goes, and when it would be of no use there. */
#include "gwdoc/strip.h"
#include "unit/render_scene.h"

#define ALL(hosts, priority) LISTENER("all", hosts, "theirs"), RULE("all", "all", priority)
#define BASIC		     "\"hostNames\":[]"

/* A hostname of its own at that place. */
#define AT(name, host, priority) LISTENER(name, HOST(host), "theirs"), RULE(name, name, priority)

static const struct {
	const char *sentence;
	const char *changes[CHANGES_MAX];
	int64_t priority; /* 0: shadowed */
	const char *told; /* in the message */
} priorities[] = {
	{"it stays below what the service gives out itself", {NULL}, 18999, NULL},
	{"a taken one is passed over",
	 {RULE("x", "theirs", "18999"), RULE("y", "theirs", "18998")},
	 18997,
	 NULL},
	{"it goes in front of a basic listener", {ALL(BASIC, "200")}, 199, NULL},
	{"it goes in front of a wildcard", {ALL(HOST("*.example.com"), "200")}, 199, NULL},
	{"it goes in front of a wildcard in a list",
	 {ALL("\"hostNames\":[\"a.b\",\"?.c\"]", "200")},
	 199,
	 NULL},
	{"of several it goes in front of the first",
	 {ALL(HOST("*.example.com"), "200"), AT("any", "*.com", "100")},
	 99,
	 NULL},
	{"a wildcard on a private frontend catches nothing of ours",
	 {LISTENER_ON("private", "https", "all", HOST("*.com"), "theirs"), RULE("all", "all", "1")},
	 18999,
	 NULL},
	{"a wildcard on port 80 catches nothing of ours",
	 {LISTENER_ON("public", "http", "all", HOST("*.com"), "theirs"), RULE("all", "all", "1")},
	 18999,
	 NULL},
	{"a wildcard on another public frontend catches nothing of ours",
	 {"frontendIPConfigurations "
	  "{\"name\":\"public6\",\"properties\":{\"publicIPAddress\":{\"id\":\"/ip6\"}}}",
	  LISTENER_ON("public6", "https", "all", HOST("*.com"), "theirs"), RULE("all", "all", "1")},
	 18999,
	 NULL},
	{"where nothing is free in front of all, in front of what catches it is enough",
	 {ALL(HOST("*.org"), "1"), AT("any", "*.com", "100")},
	 99,
	 NULL},
	{"a wildcard of another domain in front is no harm",
	 {ALL(HOST("*.org"), "1")},
	 18999,
	 NULL},
	{"nor is one that wants one more label",
	 {ALL(HOST("*.shop.example.com"), "1")},
	 18999,
	 NULL},
	{"a wildcard that catches it and comes first hides it",
	 {ALL(HOST("*.com"), "1")},
	 0,
	 "before rule \"all\" (priority 1), which takes them; no priority is free there. Give rule "
	 "\"all\" a larger number"},
	{"with question marks", {ALL(HOST("s??p.EXAMPLE.com"), "1")}, 0, "\"all\""},
	{"among other hostnames",
	 {ALL("\"hostNames\":[\"a.b\",\"*.example.com\"]", "1")},
	 0,
	 "\"all\""},
	{"a basic listener that comes first hides it", {ALL(BASIC, "1")}, 0, "\"all\""},
	{"so do those before which all is taken",
	 {ALL(HOST("*.com"), "3"), RULE("x", "theirs", "2"), RULE("y", "theirs", "1")},
	 0,
	 "\"all\" (priority 3)"},
	{"its own rule stands, in front",
	 {OURS, OUR_RULE, OUR_CERTIFICATE, ALL(BASIC, "51")},
	 50,
	 NULL},
	{"its own rule stands, behind a wildcard",
	 {OURS, OUR_RULE, OUR_CERTIFICATE, ALL(HOST("*.com"), "49")},
	 0,
	 "before rule \"all\" (priority 49), which takes them; its own comes behind that"},
	{"its own rule stands, behind a basic listener",
	 {OURS, OUR_RULE, OUR_CERTIFICATE, ALL(BASIC, "49")},
	 0,
	 "\"all\" (priority 49)"},
	{"its own rule stands, behind what is somewhere else",
	 {OURS, OUR_RULE, OUR_CERTIFICATE, ALL(HOST("*.org"), "49")},
	 50,
	 NULL},
};

static int64_t priority_in(const struct json *document, const char *rule)
{
	return json_get_int(
		json_get(gateway_child(document, "requestRoutingRules", rule), "properties"),
		"priority", 0);
}

static void check_priority(const char *sentence, const char *hostname, const char *const *changes,
			   int64_t priority, const char *told)
{
	struct ctx ctx cleanup_ctx;
	struct wanted_hostname wanted;
	struct rendering rendering;
	struct json *document;

	check_begin(&ctx);
	wanted = want(&ctx, hostname);
	document = document_with(&ctx, changes);
	check_row_int(sentence, render(&ctx, document, &target, &wanted, 1, &rendering), E_OK);
	if (priority) {
		check_row_int(sentence,
			      priority_in(rendering.document, name_rule(&ctx, wanted.base)),
			      priority);
		return;
	}
	check_row_int(sentence, rendering.items[0].verdict, RENDER_REJECTED);
	check_row_text(sentence, rendering.items[0].reason, "ListenerShadowed");
	if (!strstr(rendering.items[0].message, told))
		fail_msg("%s: %s", sentence, rendering.items[0].message);
	check_row(sentence, json_equal(rendering.document, render_strip(&ctx, document)));
}

static void test_priorities(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(priorities); i++)
		check_priority(priorities[i].sentence, SHOP, priorities[i].changes,
			       priorities[i].priority, priorities[i].told);
}

static const struct {
	const char *sentence;
	const char *changes[CHANGES_MAX];
	int64_t priority;
	const char *told;
} wildcards[] = {
	{"it goes behind what the service gives to hostnames", {NULL}, 19499, NULL},
	{"it goes behind a hostname that it would catch",
	 {AT("x", "shop.example.com", "19499")},
	 20000,
	 NULL},
	{"and before a basic listener",
	 {AT("x", "shop.example.com", "100"), ALL(BASIC, "200")},
	 199,
	 NULL},
	{"and before a wider wildcard", {ALL(HOST("*.com"), "200")}, 199, NULL},
	{"a narrower wildcard is caught too",
	 {AT("x", "*.shop.example.com", "19700")},
	 20000,
	 NULL},
	{"a hostname that it does not catch is no harm",
	 {AT("x", "example.com", "20000")},
	 19499,
	 NULL},
	{"it takes nothing from others",
	 {AT("x", "shop.example.com", "20000")},
	 0,
	 "behind rule \"x\" (priority 20000), whose requests it would take; no priority is free "
	 "there. Give rule \"x\" a smaller number"},
	{"nor where it cannot be before and behind",
	 {AT("x", "shop.example.com", "200"), ALL(BASIC, "201")},
	 0,
	 "behind rule \"x\" (priority 200) and before rule \"all\" (priority 201), which takes "
	 "them; no priority is free there. Give rule \"all\" a larger number"},
};

static void test_wildcards(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wildcards); i++)
		check_priority(wildcards[i].sentence, "*.example.com", wildcards[i].changes,
			       wildcards[i].priority, wildcards[i].told);
}

/* Whichever comes first: the hostname's number is the smaller one. */
static void test_hostname_and_wildcard_of_ours(void **state)
{
	static const char *const names[][2] = {{SHOP, "*.example.com"}, {"*.example.com", SHOP}};
	static const char *const none[CHANGES_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct ctx ctx cleanup_ctx;
		struct wanted_hostname wanted[2];
		struct rendering rendering;

		check_begin(&ctx);
		wanted[0] = want(&ctx, names[i][0]);
		wanted[1] = want(&ctx, names[i][1]);
		assert_int_equal(
			render(&ctx, document_with(&ctx, none), &target, wanted, 2, &rendering),
			E_OK);
		assert_int_equal(rendering.changed, 2);
		assert_true(priority_in(rendering.document, "shop-example-com-rule") <
			    priority_in(rendering.document, "wildcard-example-com-rule"));
	}
}

static void test_every_new_rule_has_a_priority_of_its_own(void **state)
{
	static const char *const none[CHANGES_MAX];
	struct ctx ctx cleanup_ctx;
	struct wanted_hostname wanted[3];
	struct rendering rendering;

	(void)state;
	check_begin(&ctx);
	for (size_t i = 0; i < 3; i++)
		wanted[i] = want(&ctx, arena_printf(ctx.arena, "site%zu.example.com", i));
	assert_int_equal(render(&ctx, document_with(&ctx, none), &target, wanted, 3, &rendering),
			 E_OK);
	assert_int_equal(rendering.changed, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(priority_in(rendering.document, rendering.items[i].rule),
				 18999 - i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_wildcards),
		cmocka_unit_test(test_hostname_and_wildcard_of_ours),
		cmocka_unit_test(test_every_new_rule_has_a_priority_of_its_own),
	};

	return cmocka_run_group_tests_name("render_priority", tests, NULL, NULL);
}
