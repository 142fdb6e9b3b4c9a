/* What Kubernetes clients send and rely on. */
#include "watcher.h"

#include "api/gateway.h"
#include "codec/yaml.h"
#include "specdir/specfile.h"

#define KEY	"x-functions-key: " RIG_KEY "\r\n"
#define JSON	KEY "Content-Type: application/json\r\n"
#define A	"/a.example.com"
#define B	"/b.example.com"
#define NOTHING "\"items\":[]"
#define BY_NAME "?fieldSelector=metadata.name"
#define DRY	"{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"dryRun\":[\"All\"]}"
#define POLITE                                                                                   \
	"?timeout=32s&pretty=true&fieldManager=kubectl&fieldValidation=Strict&force=true&dryRun" \
	"=All&code=" RIG_KEY

/* One after another on one server. `warning` NULL: there must be none. */
struct turn {
	const char *sentence, *method, *path, *headers, *body;
	int status;
	const char *text, *warning;
};

static void play(const struct turn *turns, size_t count)
{
	struct rig rig;

	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < count; i++) {
		const struct turn *turn = &turns[i];
		const char *target = turn->path[0] == '/' && turn->path[1] == '/'
					     ? turn->path + 1
					     : arena_printf(rig.ctx.arena, HOSTNAMES "%s",
							    turn->path);
		struct rig_reply reply = rig_call(&rig, turn->method, target, turn->headers,
						  turn->body);
		const char *warning = rig_header(&rig, &reply, "Warning");

		if (reply.status != turn->status || !strstr(reply.body, turn->text))
			fail_msg("%s: got %d %s", turn->sentence, reply.status, reply.body);
		if (!text_equals(warning, turn->warning))
			fail_msg("%s: got Warning: %s", turn->sentence, warning ? warning : "none");
	}
	rig_close(&rig);
}

static const struct turn deletions[] = {
	{"there is one", "PUT", A, KEY, "{}", 201, "", NULL},
	{"dryRun in the body deletes nothing", "DELETE", A, JSON, DRY, 200, "a.example.com", NULL},
	{"in whatever content type", "DELETE", A, KEY, DRY, 200, "a.example.com", NULL},
	{"as curl sends it", "DELETE", A, KEY "Content-Type: application/x-www-form-urlencoded\r\n",
	 DRY, 200, "a.example.com", NULL},
	{"in whatever spelling", "DELETE", A, JSON, "{\"dryrun\":[\"all\"]}", 200, "", NULL},
	{"what cannot be JSON is 415", "DELETE", A,
	 KEY "Content-Type: application/vnd.kubernetes.protobuf\r\n", "k8s", 415,
	 "UnsupportedMediaType", NULL},
	{"another dryRun is 400", "DELETE", A, JSON, "{\"dryRun\":[\"Server\"]}", 400, "dryRun",
	 NULL},
	{"one of two is enough", "DELETE", A, JSON, "{\"dryRun\":[\"All\",\"x\"]}", 400, "dryRun",
	 NULL},
	{"a dryRun that is no list is 400", "DELETE", A, JSON, "{\"dryRun\":\"All\"}", 400,
	 "dryRun", NULL},
	{"a body that is no JSON is 400", "DELETE", A, JSON, "{", 400, "InvalidJson", NULL},
	{"a body that is no object is 400", "DELETE", A, JSON, "[]", 400, "DeleteOptions", NULL},
	{"another uid is 409", "DELETE", A, JSON, "{\"preconditions\":{\"uid\":\"x\"}}", 409,
	 "\"code\":\"Conflict\"", NULL},
	{"another version is 409", "DELETE", A, JSON,
	 "{\"preconditions\":{\"resourceVersion\":\"77\"}}", 409, "\"code\":\"Conflict\"", NULL},
	{"a precondition that is not known is 400", "DELETE", A, JSON,
	 "{\"preconditions\":{\"generation\":\"1\"}}", 400, "preconditions", NULL},
	{"one that is no text too", "DELETE", A, JSON, "{\"preconditions\":{\"uid\":7}}", 400,
	 "preconditions", NULL},
	{"a dry one obeys them all the same", "DELETE", A "?dryRun=All", JSON,
	 "{\"preconditions\":{\"uid\":\"x\"}}", 409, "Conflict", NULL},
	{"it stands after all that", "GET", A, KEY, NULL, 200, "a.example.com", NULL},
	{"an unknown member is told of", "DELETE", A, JSON,
	 "{\"dryRun\":[\"All\"],\"ignoreStoreReadError\":true,\"\\\"\\u0001\":1}", 200, "",
	 "299 - \"unknown member of DeleteOptions ignored: ignoreStoreReadError, \?\?\""},
	{"how to delete means nothing here", "DELETE", A, JSON,
	 "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"propagationPolicy\":\"Background\","
	 "\"gracePeriodSeconds\":0,\"orphanDependents\":null,\"preconditions\":{}}",
	 200, "a.example.com", NULL},
	{"it is gone", "GET", A, KEY, NULL, 404, "NotFound", NULL},
	{"no body under any content type", "DELETE", A,
	 KEY "Content-Type: application/octet-stream\r\n", NULL, 404, "NotFound", NULL},
};

static void test_delete_obeys_its_body(void **state)
{
	(void)state;
	play(deletions, ARRAY_SIZE(deletions));
}

static void test_delete_obeys_preconditions_that_hold(void **state)
{
	const char *first, *body;
	struct rig_reply reply;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	first = json_text(
		json_path(rig_call(&rig, "PUT", HOSTNAMES A, KEY, "{}").json, "metadata.uid"));
	body = arena_printf(rig.ctx.arena, "{\"preconditions\":{\"uid\":\"%s\"}}", first);
	assert_int_equal(rig_call(&rig, "DELETE", HOSTNAMES A, JSON, body).status, 200);
	reply = rig_call(&rig, "PUT", HOSTNAMES A, KEY, "{}");
	assert_int_equal(reply.status, 201);
	assert_int_equal(rig_call(&rig, "DELETE", HOSTNAMES A, JSON, body).status, 409);
	body = arena_printf(rig.ctx.arena, "{\"preconditions\":{\"resourceVersion\":\"%s\"}}",
			    json_text(json_path(reply.json, "metadata.resourceVersion")));
	assert_int_equal(rig_call(&rig, "DELETE", HOSTNAMES A, JSON, body).status, 200);
	rig_close(&rig);
}

static const struct turn queries[] = {
	{"what clients send is accepted", "PUT", A POLITE, KEY, "{}", 201, "", NULL},
	{"and dryRun among it obeyed", "GET", A, KEY, NULL, 404, "", NULL},
	{"there is one", "PUT", A, KEY, "{}", 201, "", NULL},
	{"and another", "PUT", B, KEY, "{}", 201, "", NULL},
	{"one unknown dryRun of two", "PUT", A "?dryRun=All&dryRun=x", KEY, "{}", 400, "dryRun",
	 NULL},
	{"an empty one", "DELETE", A "?dryRun=", KEY, NULL, 400, "dryRun", NULL},
	{"of a PATCH", "PATCH", A "?dryRun=None",
	 KEY "Content-Type: application/merge-patch+json\r\n", "{}", 400, "dryRun", NULL},
	{"a list takes its own", "GET",
	 "?resourceVersion=0&resourceVersionMatch=NotOlderThan&limit=500&timeoutSeconds=9"
	 "&allowWatchBookmarks=true&includeObject=Object&watch=0&continue=",
	 KEY, NULL, 200, "b.example.com", NULL},
	{"so does a deletion", "DELETE",
	 A "?dryRun=All&propagationPolicy=Foreground&gracePeriodSeconds=3&orphanDependents=true",
	 KEY, NULL, 200, "", NULL},
	{"what is mistyped is told", "GET", "?labelSelektor=a&code=" RIG_KEY, KEY, NULL, 200,
	 "a.example.com", "299 - \"unknown query parameter ignored: labelSelektor\""},
	{"what does nothing there too", "PUT", A "?resourceVersion=1&limit=2", KEY, "{}", 200, "",
	 "299 - \"unknown query parameter ignored: resourceVersion, limit\""},
	{"in one line, quoted and cut", "GET", "?%22%0d%0aX%3A=1&%5c&%C3%A4&1&2&3&4", KEY, NULL,
	 200, "", "299 - \"unknown query parameter ignored: \?\?\?X:, \?, \?\?, 1, 2 and 2 more\""},
	{"with an error too", "GET", "/none.example.com?x", KEY, NULL, 404, "NotFound",
	 "299 - \"unknown query parameter ignored: x\""},
	{"gateways are objects", "GET", "//apis/gatecert/v1/gateways?x=1", KEY, NULL, 200, NOTHING,
	 "299 - \"unknown query parameter ignored: x\""},
	{"the functions API never minded", "GET", "/" RIG_INSTANCES "?x=1&fieldSelector=y", KEY,
	 NULL, 200, "[", NULL},
	{"nor does a start", "POST", "/" RIG_START "?x=1&dryRun=x", KEY,
	 "{\"hostnames\":[\"c.example.com\"]}", 202, "", NULL},
	{"nor a supervisor", "GET", "//healthz?x=1", KEY, NULL, 200, "ok", NULL},

	{"by name", "GET", BY_NAME "%3Db.example.com", KEY, NULL, 200,
	 "\"items\":[{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Hostname\",\"metadata\":{\"name\":"
	 "\"b.example.com\"",
	 NULL},
	{"written ==", "GET", BY_NAME "==b.example.com&labelSelector=!x", KEY, NULL, 200,
	 "b.example.com", NULL},
	{"no other is there", "GET", BY_NAME "%3Dd.example.com", KEY, NULL, 200, NOTHING, NULL},
	{"exactly", "GET", BY_NAME "=b.example", KEY, NULL, 200, NOTHING, NULL},
	{"but one", "GET", BY_NAME "!=a.example.com,metadata.name!=c.example.com", KEY, NULL, 200,
	 "[{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Hostname\",\"metadata\":{\"name\":\"b.",
	 NULL},
	{"all terms hold", "GET", BY_NAME "=a.example.com,,metadata.name=b.example.com", KEY, NULL,
	 200, NOTHING, NULL},
	{"of every fieldSelector", "GET",
	 BY_NAME "=a.example.com&fieldSelector=metadata.name=b.example.com", KEY, NULL, 200,
	 NOTHING, NULL},
	{"an empty one selects all", "GET", "?fieldSelector=", KEY, NULL, 200, "b.example.com",
	 NULL},
	{"escapes are taken", "GET", BY_NAME "=a%5C,b%5C=c", KEY, NULL, 200, NOTHING, NULL},
	{"no name", "GET", BY_NAME "=", KEY, NULL, 200, NOTHING, NULL},
	{"another field is 400", "GET", "?fieldSelector=spec.keyType%3DEC-P256", KEY, NULL, 400,
	 "field label not supported: \\\"spec.keyType\\\"", NULL},
	{"beside a good one too", "GET", BY_NAME "=a.example.com,status.phase!=x", KEY, NULL, 400,
	 "field label not supported", NULL},
	{"of a watch too", "GET", "?watch=1&fieldSelector=metadata.namespace=x", KEY, NULL, 400,
	 "field label not supported", NULL},
	{"of a gateway too", "GET", "//apis/gatecert/v1/gateways?fieldSelector=x=y", KEY, NULL, 400,
	 "field label not supported", NULL},
	{"what cannot be read is 400", "GET", "?fieldSelector=metadata.name", KEY, NULL, 400,
	 "InvalidSelector", NULL},
	{"half an operator too", "GET", BY_NAME "!a.example.com", KEY, NULL, 400, "InvalidSelector",
	 NULL},
	{"an equals sign in a value too", "GET", BY_NAME "=a=b", KEY, NULL, 400, "InvalidSelector",
	 NULL},
	{"a selector deletes nobody else", "DELETE", A "?fieldSelector=metadata.name=b.example.com",
	 KEY, NULL, 400, "fieldSelector", NULL},
	{"nor does a label", "DELETE", A "?labelSelector=x", KEY, NULL, 400, "labelSelector", NULL},
	{"it stands after all that", "GET", A, KEY, NULL, 200, "", NULL},
};

static void test_query_parameters(void **state)
{
	(void)state;
	play(queries, ARRAY_SIZE(queries));
}

static const struct turn members[] = {
	{"what every client sends is dropped", "PUT", A, KEY,
	 "{\"metadata\":{\"name\":\"a.example.com\",\"namespace\":\"\",\"managedFields\":[{\"a\":1}"
	 "],\"selfLink\":\"/x\",\"finalizers\":[],\"ownerReferences\":[],\"deletionTimestamp\":null"
	 ",\"generateName\":\"\",\"creationTimestamp\":null,\"deletionGracePeriodSeconds\":30,"
	 "\"uid\":\"x\",\"generation\":3,\"labels\":{\"a\":\"b\"}}}",
	 201, "\"labels\":{\"a\":\"b\"}},\"spec\":{}", NULL},
	{"by a patch too", "PATCH", A, KEY "Content-Type: application/merge-patch+json\r\n",
	 "{\"metadata\":{\"managedFields\":[],\"finalizers\":[],\"namespace\":\"\","
	 "\"labels\":{\"a\":\"c\"}}}",
	 200, "\"labels\":{\"a\":\"c\"}},\"spec\":{}", NULL},
	{"a namespace is no promise of ours", "PUT", A, KEY,
	 "{\"metadata\":{\"namespace\":\"default\"}}", 400, "metadata.namespace: is not supported",
	 NULL},
	{"nor are finalizers", "PUT", A, KEY, "{\"metadata\":{\"finalizers\":[\"x\"]}}", 400,
	 "metadata.finalizers: is not supported", NULL},
	{"nor are owners", "PATCH", A, KEY "Content-Type: application/merge-patch+json\r\n",
	 "{\"metadata\":{\"ownerReferences\":[{\"uid\":\"x\"}]}}", 400,
	 "metadata.ownerReferences: is not supported", NULL},
	{"any other is unknown", "PUT", A, KEY, "{\"metadata\":{\"clusterName\":\"\"}}", 400,
	 "unknown member", NULL},
};

static void test_members_of_kubernetes(void **state)
{
	(void)state;
	play(members, ARRAY_SIZE(members));
}

/* Watching */

static void test_a_watch_of_one_name(void **state)
{
	struct watcher watcher;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "a.example.com", "{}");
	put(&rig, "b.example.com", "{}");
	begin_watching(&rig, &watcher, "&watch=1&fieldSelector=metadata.name%3Db.example.com");
	expect(&watcher, "b.example.com");
	put(&rig, "a.example.com", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
	put(&rig, "b.example.com", "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
	expect(&watcher, "MODIFIED");
	assert_null(strstr(watcher.received.data, "\"a.example.com\""));
	assert_int_equal(count_events(&watcher), 2);
	stop_watching(&watcher);
	rig_close(&rig);
}

static void test_what_asks_for_a_watch(void **state)
{
	static const struct {
		const char *value;
		bool is_watch;
	} rows[] = {{"1", true},   {"true", true},   {"TRUE", true},
		    {"yes", true}, {"0", false},     {"false", false},
		    {"", false},   {"False", false}, {"%20false", true}};
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* A watch from a version that nobody was told ends at once. */
		const char *target = arena_printf(
			rig.ctx.arena, HOSTNAMES "?resourceVersion=999999&watch=%s", rows[i].value);
		int status = rig_call(&rig, "GET", target, NULL, NULL).status;

		if (status != (rows[i].is_watch ? 410 : 200))
			fail_msg("watch=%s: got %d", rows[i].value, status);
	}
	rig_close(&rig);
}

static const char bookmark[] =
	"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Hostname\","
	"\"apiVersion\":\"gatecert/v1\",\"metadata\":{\"resourceVersion\":\"";

static void test_initial_events_end_with_a_bookmark(void **state)
{
	struct watcher watcher, again;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	begin_watching(&rig, &watcher, "&sendInitialEvents=true");
	expect(&watcher, bookmark);
	stop_watching(&watcher);
	put(&rig, "a.example.com", "{}");
	begin_watching(&rig, &watcher,
		       arena_printf(rig.ctx.arena,
				    "&sendInitialEvents=true&allowWatchBookmarks=true&"
				    "resourceVersionMatch=NotOlderThan&resourceVersion=%s",
				    list_version(&rig)));
	expect(&watcher, "a.example.com");
	expect(&watcher, bookmark);
	expect(&watcher, "\"creationTimestamp\":null,\"annotations\":{\"k8s.io/initial-events-end\""
			 ":\"true\"}}}}\n");
	put(&rig, "b.example.com", "{}");
	begin_watching(&rig, &again, from(&rig, last_version(&rig, &watcher)));
	expect(&watcher, "b.example.com");
	expect(&again, "b.example.com");
	assert_int_equal(count_events(&watcher), 3);
	assert_int_equal(count_events(&again), 1);
	stop_watching(&again);
	stop_watching(&watcher);
	begin_watching(&rig, &watcher, "&sendInitialEvents=false");
	expect(&watcher, "HTTP/1.1 200");
	put(&rig, "c.example.com", "{}");
	expect(&watcher, "c.example.com");
	assert_int_equal(count_events(&watcher), 1);
	stop_watching(&watcher);
	rig_close(&rig);
}

/* Between two looks of the watch, and who was told the end alone is told of the beginning. */
static void test_what_is_made_again_ends_and_begins(void **state)
{
	struct watcher watcher, again;
	struct rig_reply first, second;
	struct hostname hostname = {.meta = {.name = "a.example.com"}};
	const char *deleted, *end, *version;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	first = rig_call(&rig, "PUT", HOSTNAMES A, KEY, "{}");
	begin_watching(&rig, &watcher, "");
	expect(&watcher, "a.example.com");
	assert_int_equal(store_withdraw(&rig.ctx, rig.store, KIND_HOSTNAME, hostname.meta.name),
			 E_OK);
	assert_int_equal(store_put_spec(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname), E_OK);
	expect(&watcher, "{\"type\":\"DELETED\"");
	expect(&watcher, "\"generation\":2");
	deleted = strstr(watcher.received.data, "{\"type\":\"DELETED\"");
	end = strstr(deleted, "{\"type\":\"ADDED\"");
	assert_non_null(end);
	second = rig_call(&rig, "GET", HOSTNAMES A, KEY, NULL);
	assert_non_null(strstr(end, json_text(json_path(second.json, "metadata.uid"))));
	assert_null(strstr(deleted, "MODIFIED"));
	version = strstr(deleted, "\"resourceVersion\":\"") + 19;
	assert_true(version < end);
	assert_true(strstr(deleted, json_text(json_path(first.json, "metadata.uid"))) < end);
	begin_watching(&rig, &again,
		       from(&rig, arena_strndup(rig.ctx.arena, version, strcspn(version, "\""))));
	expect(&again, "{\"type\":\"ADDED\"");
	stop_watching(&again);
	stop_watching(&watcher);
	rig_close(&rig);
}

/* Order */

static void test_lists_are_by_name_and_conditions_in_one_order(void **state)
{
	static const char *const found_out[] = {"Whatever",
						CONDITION_SPEC_VALID,
						CONDITION_EXPIRING,
						CONDITION_GATEWAY_CONFIGURED,
						CONDITION_RENEWING,
						CONDITION_DNS_RESOLVED,
						CONDITION_READY,
						"Another",
						CONDITION_CERTIFICATE_ISSUED,
						CONDITION_OWNERSHIP_VALIDATED,
						CONDITION_GATEWAY_REACHABLE};
	static const char *const shown[] = {CONDITION_READY,
					    CONDITION_GATEWAY_REACHABLE,
					    CONDITION_DNS_RESOLVED,
					    CONDITION_OWNERSHIP_VALIDATED,
					    CONDITION_CERTIFICATE_ISSUED,
					    CONDITION_GATEWAY_CONFIGURED,
					    CONDITION_RENEWING,
					    CONDITION_EXPIRING,
					    CONDITION_SPEC_VALID,
					    "Another",
					    "Whatever"};
	struct condition conditions[ARRAY_SIZE(found_out)];
	struct hostname hostname;
	struct rig_reply reply;
	const void *found;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put(&rig, "b.example.com", "{}");
	put(&rig, "c.example.com", "{}");
	put(&rig, "a.example.com", "{}");
	assert_int_equal(store_get(&rig.ctx, rig.store, KIND_HOSTNAME, "a.example.com", &found),
			 E_OK);
	hostname = *(const struct hostname *)found;
	/* As files of before have them. */
	for (size_t i = 0; i < ARRAY_SIZE(found_out); i++)
		conditions[i] = (struct condition){.type = found_out[i]};
	hostname.status.conditions = (struct objects){conditions, ARRAY_SIZE(conditions)};
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname), E_OK);
	reply = rig_call(&rig, "GET", HOSTNAMES, KEY, NULL);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(json_text(json_path(json_at(json_get(reply.json, "items"), i),
							"metadata.name")),
				    ((const char *const[]){"a.example.com", "b.example.com",
							   "c.example.com"})[i]);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		assert_string_equal(
			json_get_text(json_at(json_path(json_at(json_get(reply.json, "items"), 0),
							"status.conditions"),
					      i),
				      "type"),
			shown[i]);
	rig_close(&rig);
}

/* Set one by one, in whatever order: a pass and the store agree on it, so nothing is written twice.
 */
static void test_conditions_are_set_in_that_order(void **state)
{
	static const char *const types[] = {CONDITION_GATEWAY_WRITABLE, CONDITION_READY, "Other",
					    CONDITION_GATEWAY_REACHABLE, CONDITION_READY};
	static const char *const expected[] = {CONDITION_READY, CONDITION_GATEWAY_REACHABLE,
					       CONDITION_GATEWAY_WRITABLE, "Other"};
	struct doors doors = {clock_system(), rng_system(), fs_system(), NULL};
	struct objects list = {NULL, 0};
	const struct condition *items;
	struct ctx ctx cleanup_ctx;

	(void)state;
	ctx_init(&ctx, &doors);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		condition_set(&ctx, &list, types[i], CONDITION_TRUE, "R", types[i], 1);
	items = list.items;
	assert_int_equal(list.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < list.count; i++) {
		assert_string_equal(items[i].type, expected[i]);
		assert_string_equal(items[i].message, expected[i]);
	}
}

/* There and back */

static struct hostname settled(void)
{
	static struct text_pair labels[] = {{"team", "web"}, {"tier", "1"}};
	static struct text_pair annotations[] = {{"note", "true: \"yes\" # no\n- x"}};
	static struct condition conditions[] = {
		{CONDITION_READY, CONDITION_TRUE, "Serving", "It is: served.", 1790000000000, 4},
		{CONDITION_RENEWING, CONDITION_FALSE, "NotDue", "Not due.", 1790000000500, 4},
		{CONDITION_SPEC_VALID, CONDITION_UNKNOWN, "X", "", 1790000000000, 3},
	};

	return (struct hostname){
		.meta = {.name = "a.example.com",
			 .labels = {labels, 2},
			 .annotations = {annotations, 1}},
		.spec = {.key_type = KEY_TYPE_EC_P256},
		.source = {"/etc/gatecert/hostnames.d/api.d/x.json", 1, "x.json:1:1: what"},
		.requested = 1790000000123,
		.status = {.observed_generation = 4,
			   .conditions = {conditions, ARRAY_SIZE(conditions)},
			   .step = "Completed",
			   .certificate = {.issuer = "CN=Some CA, O=x",
					   .serial = "0012",
					   .not_before = 1790000000000,
					   .not_after = 1797000000000,
					   .key_type = "EC-P256",
					   .secret_id = "https://vault.example/secrets/a/1",
					   .vault_name = "a-example-com",
					   .sha256 = "ab",
					   .is_imported = true},
			   .renewal_time = 1795000000000,
			   .next_attempt = 1790000009999,
			   .step_since = 1790000000000,
			   .issuance = {.order_url = "https://ca.example/1", .uploaded = true},
			   .refusal = {.count = 2, .text = "x"}},
	};
}

static const char *scalar(struct ctx *ctx, const struct json *json)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *text = json_text(json);

	if (text && strcspn(text, letters) == 0 && text[0] &&
	    !text[strspn(text,
			 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-")] &&
	    !text_equals(text, "true"))
		return text;
	return json_print(ctx, json);
}

/* Block style, plain where it can be, as kubectl's -o yaml. */
static void write_yaml(struct ctx *ctx, const struct json *json, int depth, struct buf *out)
{
	json_for_each (child, json) {
		bool is_item = json_is_array(json);

		buf_adds(out, arena_printf(ctx->arena, "%*s", 2 * depth, ""));
		buf_adds(out, is_item ? "-" : arena_printf(ctx->arena, "%s:", json_name(child)));
		if (json_size(child) > 0) {
			buf_adds(out, "\n");
			write_yaml(ctx, child, depth + 1, out);
		} else {
			buf_adds(out, arena_printf(ctx->arena, " %s\n", scalar(ctx, child)));
		}
	}
}

static void check_as_file(struct rig *rig, const char *text, size_t size,
			  const struct hostname *hostname)
{
	struct specfile file = {.path = "/etc/gatecert/hostnames.d/given.yaml"};

	specfile_parse(&rig->ctx, &file, text, size);
	if (file.problems.errors > 0)
		fail_msg("%s\n%.*s", problems_print(&rig->ctx, &file.problems, "; "), (int)size,
			 text);
	assert_int_equal(file.count, 1);
	assert_string_equal(file.claims[0].content, specfile_content_of(&rig->ctx, hostname));
	/* Only of the status it is said that it means nothing. */
	assert_non_null(file.problems.first);
	assert_string_equal(file.problems.first->field, "status");
	assert_null(file.problems.first->next);
}

static void test_what_the_api_gave_can_be_given_back(void **state)
{
	struct hostname hostname = settled(), status = settled();
	struct rig_reply given, again;
	struct buf yaml cleanup_buf;
	const void *found;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	buf_init(&yaml, 65536);
	assert_int_equal(store_put_spec(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname), E_OK);
	store_get(&rig.ctx, rig.store, KIND_HOSTNAME, hostname.meta.name, &found);
	status.meta = ((const struct hostname *)found)->meta;
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &status), E_OK);
	given = rig_call(&rig, "GET", HOSTNAMES A, KEY, NULL);
	assert_non_null(json_path(given.json, "status.certificate.secondsLeft"));
	check_as_file(&rig, given.body, strlen(given.body), &hostname);
	write_yaml(&rig.ctx, given.json, 0, &yaml);
	check_as_file(&rig, yaml.data, yaml.size, &hostname);
	again = rig_call(&rig, "PUT", HOSTNAMES A, KEY, given.body);
	assert_int_equal(again.status, 200);
	assert_string_equal(json_text(json_path(again.json, "metadata.uid")),
			    json_text(json_path(given.json, "metadata.uid")));
	assert_true(json_equal(json_get(again.json, "spec"), json_get(given.json, "spec")));
	assert_true(json_equal(json_path(again.json, "metadata.annotations"),
			       json_path(given.json, "metadata.annotations")));
	assert_true(json_equal(json_path(again.json, "status.conditions"),
			       json_path(given.json, "status.conditions")));
	/* The version that it has is a precondition. */
	put(&rig, hostname.meta.name, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
	assert_int_equal(rig_call(&rig, "PUT", HOSTNAMES A, KEY, given.body).status, 409);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delete_obeys_its_body),
		cmocka_unit_test(test_delete_obeys_preconditions_that_hold),
		cmocka_unit_test(test_query_parameters),
		cmocka_unit_test(test_members_of_kubernetes),
		cmocka_unit_test(test_a_watch_of_one_name),
		cmocka_unit_test(test_what_asks_for_a_watch),
		cmocka_unit_test(test_initial_events_end_with_a_bookmark),
		cmocka_unit_test(test_what_is_made_again_ends_and_begins),
		cmocka_unit_test(test_lists_are_by_name_and_conditions_in_one_order),
		cmocka_unit_test(test_conditions_are_set_in_that_order),
		cmocka_unit_test(test_what_the_api_gave_can_be_given_back),
	};

	return cmocka_run_group_tests_name("server kubectl", tests, NULL, NULL);
}
