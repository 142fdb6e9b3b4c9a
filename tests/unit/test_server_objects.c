#include "server_rig.h"

#include "api/dnsname.h"
#include "api/gateway.h"
#include "objects/mergepatch.h"
#include "objects/selector.h"

#define HOSTNAMES "/apis/gatecert/v1/hostnames"
#define KEY	  "x-functions-key: " RIG_KEY "\r\n"
#define PATCH	  KEY "Content-Type: application/merge-patch+json\r\n"

/* RFC 7396, appendix A. */
static const struct {
	const char *target, *patch, *result;
} patches[] = {
	{"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	{"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
	{"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
	{"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
	{"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
	{"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
	{"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
	{"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
	{"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
	{"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
	{"{\"a\":\"foo\"}", "null", "null"},
	{"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
	{"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
	{"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
	{"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
};

static void test_merge_patch_follows_the_rfc(void **state)
{
	struct doors doors = {clock_system(), rng_system(), fs_system(), NULL};
	struct ctx ctx cleanup_ctx;

	(void)state;
	ctx_init(&ctx, &doors);
	for (size_t i = 0; i < ARRAY_SIZE(patches); i++) {
		struct json *target, *patch;
		const char *result;

		assert_int_equal(
			json_parse(&ctx, patches[i].target, strlen(patches[i].target), &target),
			E_OK);
		assert_int_equal(
			json_parse(&ctx, patches[i].patch, strlen(patches[i].patch), &patch), E_OK);
		result = json_print(&ctx, mergepatch_apply(&ctx, target, patch));
		assert_string_equal(result, patches[i].result);
		assert_string_equal(json_print(&ctx, target), patches[i].target);
	}
}

/* Against the labels team=web, tier=front. -1: cannot be read. */
static const struct {
	const char *text;
	int matches;
} selectors[] = {
	{"", 1},
	{"  ", 1},
	{"team=web", 1},
	{"team==web", 1},
	{"team = web", 1},
	{"team=shop", 0},
	{"team!=shop", 1},
	{"team!=web", 0},
	{"absent!=web", 1},
	{"absent=", 0},
	{"team", 1},
	{"absent", 0},
	{"!absent", 1},
	{"!team", 0},
	{"team in (shop, web)", 1},
	{"team in (shop)", 0},
	{"team notin (shop)", 1},
	{"team notin (shop,web)", 0},
	{"absent notin (shop)", 1},
	{"team=web,tier=front", 1},
	{"team=web, tier in (back)", 0},
	{"index", 0},
	{"team in web", -1},
	{"team in (web", -1},
	{"=web", -1},
	{"team=web,", -1},
	{"!", -1},
	{"team web", -1},
	{"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", -1},
};

static void test_selectors(void **state)
{
	struct doors doors = {clock_system(), rng_system(), fs_system(), NULL};
	struct text_pair pairs[] = {{"team", "web"}, {"tier", "front"}};
	const struct text_map labels = {pairs, 2};
	struct ctx ctx cleanup_ctx;

	(void)state;
	ctx_init(&ctx, &doors);
	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		struct selector *selector;
		int got = -1;

		if (selector_parse(&ctx, selectors[i].text, &selector) == E_OK)
			got = selector_matches(selector, &labels);
		if (got != selectors[i].matches)
			fail_msg("'%s': got %d", selectors[i].text, got);
	}
}

/* One after another on one server. */
static const struct {
	const char *sentence, *method, *path, *headers, *body;
	int status;
	const char *text;
} steps[] = {
	{"a dry run makes nothing", "PUT", "/a.example.com?dryRun=All", KEY, "{}", 201,
	 "\"kind\":\"Hostname\""},
	{"so it is not there", "GET", "/a.example.com", KEY, NULL, 404, "NotFound"},
	{"PUT makes one", "PUT", "/A.example.com.", KEY,
	 "{\"apiVersion\":\"gatecert/"
	 "v1\",\"kind\":\"Hostname\",\"metadata\":{\"name\":\"a.example.com\","
	 "\"labels\":{\"team\":\"web\"}},\"spec\":{\"keyType\":\"EC-P256\"},\"status\":{\"x\":1}}",
	 201, "\"keyType\":\"EC-P256\""},
	{"it is there", "GET", "/a.example.com", KEY, NULL, 200, "\"labels\":{\"team\":\"web\"}"},
	{"where it comes from", "GET", "/a.example.com", KEY, NULL, 200,
	 "\"source\":{\"file\":\"/etc/gatecert/hostnames.d/api.d/x.json\",\"line\":1}"},
	{"the version is a string", "GET", "/a.example.com", KEY, NULL, 200,
	 "\"resourceVersion\":\""},
	{"PUT replaces", "PUT", "/a.example.com", KEY,
	 "{\"metadata\":{\"labels\":{\"team\":\"ops\"}}}", 200, "\"spec\":{}"},
	{"a dry run changes nothing", "PUT", "/a.example.com?dryRun=all", KEY,
	 "{\"spec\":{\"keyType\":\"ec-p256\"}}", 200, "\"keyType\":\"EC-P256\""},
	{"a dry run without a spec has an empty one", "PUT", "/a.example.com?dryRun=All", KEY,
	 "{\"spec\":null}", 200, "\"spec\":{}"},
	{"so it is as before", "GET", "/a.example.com", KEY, NULL, 200, "\"spec\":{}"},
	{"what is no key type is none", "PUT", "/a.example.com", KEY,
	 "{\"spec\":{\"keyType\":\"Default\"}}", 400, "spec.keyType"},
	{"PATCH changes one member", "PATCH", "/a.example.com", PATCH,
	 "{\"spec\":{\"keyType\":\"EC-P256\"}}", 200, "\"labels\":{\"team\":\"ops\"}"},
	{"and takes one away", "PATCH", "/a.example.com", PATCH,
	 "{\"metadata\":{\"labels\":{\"team\":null,\"tier\":\"x\"}}}", 200,
	 "\"labels\":{\"tier\":\"x\"}"},
	{"PATCH of plain JSON is 415", "PATCH", "/a.example.com", KEY, "{}", 415,
	 "application/merge-patch+json"},
	{"PATCH of nothing is 404", "PATCH", "/b.example.com", PATCH, "{}", 404, "NotFound"},
	{"PATCH that is not JSON is 400", "PATCH", "/a.example.com", PATCH, "{", 400,
	 "InvalidJson"},
	{"PATCH to something else is 400", "PATCH", "/a.example.com", PATCH, "[]", 400,
	 "InvalidObject"},
	{"a stale version is 409", "PUT", "/a.example.com", KEY,
	 "{\"metadata\":{\"resourceVersion\":\"1\"}}", 409, "\"code\":\"Conflict\""},
	{"a version of what is not there is 409", "PUT", "/b.example.com", KEY,
	 "{\"metadata\":{\"resourceVersion\":\"1\"}}", 409, "Conflict"},
	{"another name is 400", "PUT", "/a.example.com", KEY,
	 "{\"metadata\":{\"name\":\"b.example.com\"}}", 400, "metadata.name"},
	{"another kind is 400", "PUT", "/a.example.com", KEY, "{\"kind\":\"Pod\"}", 400, "kind"},
	{"another version of the API is 400", "PUT", "/a.example.com", KEY,
	 "{\"apiVersion\":\"gatecert/v9\"}", 400, "apiVersion"},
	{"an unknown member is 400 and named", "PUT", "/a.example.com", KEY,
	 "{\"spec\":{\"keytype\":\"EC-P256\"}}", 400, "keyType"},
	{"a wrong value is 400", "PUT", "/a.example.com", KEY, "{\"spec\":{\"keyType\":\"DSA\"}}",
	 400, "spec.keyType"},
	{"an invalid hostname is 400", "PUT", "/nodot", KEY, "{}", 400, "InvalidHostname"},
	{"a wildcard is 400", "PUT", "/*.example.com", KEY, "{}", 400, "InvalidHostname"},
	{"another dryRun is 400", "PUT", "/a.example.com?dryRun=Some", KEY, "{}", 400, "dryRun"},
	{"a user's hostname is 409 and names the file", "PUT", "/owned.example.com", KEY, "{}", 409,
	 "/etc/gatecert/hostnames.d/shop.yaml"},
	{"its DELETE too", "DELETE", "/owned.example.com", KEY, NULL, 409, "OwnedByFile"},
	{"the list filters", "GET", "?labelSelector=tier%3Dx", KEY, NULL, 200, "a.example.com"},
	{"the list filters away", "GET", "?labelSelector=tier%3Dy", KEY, NULL, 200, "\"items\":[]"},
	{"a selector that cannot be read is 400", "GET", "?labelSelector=%3D", KEY, NULL, 400,
	 "InvalidSelector"},
	{"a limit that is no number is 400", "GET", "?limit=x", KEY, NULL, 400, "limit"},
	{"a dry DELETE deletes nothing", "DELETE", "/a.example.com?dryRun=All", KEY, NULL, 200,
	 "a.example.com"},
	{"DELETE answers with what was there", "DELETE", "/a.example.com", KEY, NULL, 200,
	 "\"tier\":\"x\""},
	{"DELETE again is 404", "DELETE", "/a.example.com", KEY, NULL, 404, "NotFound"},
	{"writes need a key", "PUT", "/a.example.com", "", "{}", 401, "Unauthorized"},
};

static void test_writes_one_after_another(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	rig_owned = "owned.example.com";
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct rig_reply reply =
			rig_call(&rig, steps[i].method,
				 arena_printf(rig.ctx.arena, HOSTNAMES "%s", steps[i].path),
				 steps[i].headers, steps[i].body);

		if (reply.status != steps[i].status || !strstr(reply.body, steps[i].text))
			fail_msg("%s: got %d %s", steps[i].sentence, reply.status, reply.body);
	}
	rig_close(&rig);
}

static void test_an_error_says_nothing_of_what_is_only_ignored(void **state)
{
	struct rig_reply reply;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	reply = rig_call(&rig, "PUT", HOSTNAMES "/a.example.com", NULL,
			 "{\"metadata\":{\"uid\":\"x\",\"name\":\"b.example.com\"},\"status\":{}}");
	assert_int_equal(reply.status, 400);
	assert_string_equal(json_text(json_path(reply.json, "error.message")),
			    "metadata.name: is not the hostname of the path, a.example.com");
	assert_int_equal(json_size(json_path(reply.json, "error.details")), 1);
	rig_close(&rig);
}

static void test_the_right_version_may_write(void **state)
{
	const char *body, *stale, *current;
	struct rig_reply reply;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	reply = rig_call(&rig, "PUT", HOSTNAMES "/a.example.com", NULL, "{}");
	body = arena_printf(rig.ctx.arena,
			    "{\"metadata\":{\"resourceVersion\":\"%s\",\"labels\":{\"a\":\"b\"}}}",
			    json_get_text(json_get(reply.json, "metadata"), "resourceVersion"));
	assert_int_equal(rig_call(&rig, "PUT", HOSTNAMES "/a.example.com", NULL, body).status, 200);
	assert_int_equal(rig_call(&rig, "PUT", HOSTNAMES "/a.example.com", NULL, body).status, 409);
	stale = arena_printf(rig.ctx.arena, HOSTNAMES "/a.example.com?resourceVersion=%s",
			     json_get_text(json_get(reply.json, "metadata"), "resourceVersion"));
	assert_int_equal(rig_call(&rig, "DELETE", stale, NULL, NULL).status, 409);
	reply = rig_call(&rig, "GET", HOSTNAMES "/a.example.com", NULL, NULL);
	assert_int_equal(reply.status, 200);
	current = arena_printf(rig.ctx.arena, HOSTNAMES "/a.example.com?resourceVersion=%s",
			       json_get_text(json_get(reply.json, "metadata"), "resourceVersion"));
	assert_int_equal(rig_call(&rig, "DELETE", current, NULL, NULL).status, 200);
	assert_int_equal(rig_call(&rig, "DELETE", current, NULL, NULL).status, 404);
	rig_close(&rig);
}

static void test_public_names_only(void **state)
{
	static const struct {
		const char *sentence, *method, *path, *headers, *body;
		int status;
	} rows[] = {
		{"a name in use", "PUT", HOSTNAMES "/a.corp.internal", KEY, "{}", 201},
		{NULL, NULL, NULL, NULL, NULL, 0}, /* the policy becomes stricter */
		{"another one", "PUT", HOSTNAMES "/b.corp.internal", KEY, "{}", 400},
		{"a public one", "PUT", HOSTNAMES "/b.example.com", KEY, "{}", 201},
		{"a public suffix", "PUT", HOSTNAMES "/co.uk", KEY, "{}", 400},
		{"a change", "PATCH", HOSTNAMES "/a.corp.internal", PATCH, "{}", 400},
		{"a look", "GET", HOSTNAMES "/a.corp.internal", KEY, NULL, 200},
		{"taking away", "DELETE", HOSTNAMES "/a.corp.internal", KEY, NULL, 200},
		{"a start", "POST", "/api/AddCertificateFunctions_HttpStart", KEY,
		 "{\"hostnames\":[\"b.corp.internal\"]}", 400},
		{"a start for a public one", "POST", "/api/AddCertificateFunctions_HttpStart", KEY,
		 "{\"hostnames\":[\"c.example.com\"]}", 202},
	};
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig_reply reply;

		if (!rows[i].sentence) {
			rig.options.hostname_flags = HOSTNAME_PUBLIC_ONLY;
			assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options),
					 E_OK);
			continue;
		}
		reply = rig_call(&rig, rows[i].method, rows[i].path, rows[i].headers, rows[i].body);
		if (reply.status != rows[i].status ||
		    (reply.status == 400 && !strstr(reply.body, "public suffix")))
			fail_msg("%s: got %d %s", rows[i].sentence, reply.status, reply.body);
	}
	rig_close(&rig);
}

static void test_what_cannot_be_stored_is_503(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	rig_specdir_fails = true;
	assert_int_equal(rig_call(&rig, "PUT", HOSTNAMES "/a.example.com", NULL, "{}").status, 503);
	server_set_ready(rig.server, false);
	assert_int_equal(rig_call(&rig, "PUT", HOSTNAMES "/a.example.com", NULL, "{}").status, 503);
	rig_close(&rig);
}

static void test_lists_come_in_pages(void **state)
{
	struct rig_reply reply;
	const char *token = "", *target;
	size_t seen = 0, pages = 0;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (int i = 0; i < 7; i++) {
		target = arena_printf(rig.ctx.arena, HOSTNAMES "/h%d.example.com", i);
		assert_int_equal(rig_call(&rig, "PUT", target, NULL, "{}").status, 201);
	}
	do {
		target = arena_printf(rig.ctx.arena, HOSTNAMES "?limit=3&continue=%s", token);
		reply = rig_call(&rig, "GET", target, NULL, NULL);
		seen += json_size(json_get(reply.json, "items"));
		token = json_get_text(json_get(reply.json, "metadata"), "continue");
		pages++;
	} while (token[0]);
	assert_int_equal(seen, 7);
	assert_int_equal(pages, 3);
	assert_int_equal(rig_call(&rig, "GET", HOSTNAMES "?continue=%25", NULL, NULL).status, 400);
	rig_close(&rig);
}

/* A number for those who measure, computed when it is shown. */
static void test_the_time_left_is_a_number(void **state)
{
	struct hostname hostname = {.meta = {.name = "a.example.com"}};
	const struct json *left;
	struct rig_reply reply;
	const void *found;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	assert_int_equal(store_put_spec(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname), E_OK);
	reply = rig_call(&rig, "GET", HOSTNAMES "/a.example.com", NULL, NULL);
	assert_null(json_path(reply.json, "status.certificate.secondsLeft"));
	store_get(&rig.ctx, rig.store, KIND_HOSTNAME, "a.example.com", &found);
	hostname = *(const struct hostname *)found;
	hostname.status.certificate.not_after = ctx_wall(&rig.ctx) + 10 * MSEC_PER_DAY;
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname), E_OK);
	reply = rig_call(&rig, "GET", HOSTNAMES "/a.example.com", NULL, NULL);
	left = json_path(reply.json, "status.certificate.secondsLeft");
	assert_in_range(json_int(left, 0), 10 * 86400 - 600, 10 * 86400);
	rig_close(&rig);
}

static void test_other_kinds_are_shown(void **state)
{
	struct gateway gateway = {.meta = {.name = "gw"}, .spec = {"/subscriptions/x"}};
	struct rig_reply reply;
	struct rig rig;
	const char *id;

	(void)state;
	rig_open(&rig, NULL, true, false);
	assert_int_equal(store_put_spec(&rig.ctx, rig.store, KIND_GATEWAY, &gateway), E_OK);
	reply = rig_call(&rig, "GET", "/apis/gatecert/v1/gateways", NULL, NULL);
	assert_string_equal(json_get_text(reply.json, "kind"), "GatewayList");
	assert_int_equal(json_size(json_get(reply.json, "items")), 1);
	assert_int_equal(rig_call(&rig, "GET", "/apis/gatecert/v1/gateways/gw", NULL, NULL).status,
			 200);
	assert_int_equal(rig_call(&rig, "GET", "/apis/gatecert/v1/gateways/x", NULL, NULL).status,
			 404);
	assert_int_equal(rig_call(&rig, "PUT", "/apis/gatecert/v1/gateways/gw", NULL, "{}").status,
			 405);
	id = rig_start(&rig, RIG_START, "{\"hostnames\":[\"a.example.com\"]}");
	reply = rig_call(&rig, "GET",
			 arena_printf(rig.ctx.arena, "/apis/gatecert/v1/instances/%s", id), NULL,
			 NULL);
	assert_string_equal(json_get_text(reply.json, "kind"), "Instance");
	reply = rig_call(&rig, "GET", "/apis/gatecert/v1/instances", NULL, NULL);
	assert_string_equal(json_get_text(reply.json, "kind"), "InstanceList");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge_patch_follows_the_rfc),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_writes_one_after_another),
		cmocka_unit_test(test_an_error_says_nothing_of_what_is_only_ignored),
		cmocka_unit_test(test_the_right_version_may_write),
		cmocka_unit_test(test_public_names_only),
		cmocka_unit_test(test_what_cannot_be_stored_is_503),
		cmocka_unit_test(test_lists_come_in_pages),
		cmocka_unit_test(test_the_time_left_is_a_number),
		cmocka_unit_test(test_other_kinds_are_shown),
	};

	return cmocka_run_group_tests_name("server objects", tests, NULL, NULL);
}
