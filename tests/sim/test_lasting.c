/*
 * Trouble that lasts: a minute of grace, then the condition says so and what to do, the tries
 * become rare, and whoever has nothing to do with it does not notice. Each row is one test of that
 * name; that libcurl and c-ares tell such trouble in these words is held by unit/test_curl and
 * unit/test_dns.
 */
#include "sim/scene.h"

#include <regex.h>
#include <string.h>

#include "base/text.h"
#include "world/dns_model.h"

#define SHOP   "shop.example.com"
#define STEADY "steady.example.com"

#define GRACE	    MSEC_PER_MIN
#define TOLD_WITHIN (150 * MSEC_PER_SEC) /* after tries that themselves wait for an answer */
#define LONG_SLOW   (200 * MSEC_PER_SEC)
#define RECOVERY    (3 * MSEC_PER_MIN)
#define LASTING	    "over a minute.*check"
#define SIGN_IN	    "sign-in with client secret.*" LASTING
#define GATEWAY	    "applicationGateways/"

/* A fault of the world that strikes every request to `path`. */
#define FAULT(method, path, does) \
	"{\"method\": \"" method "\", \"path\": \"" path "\", \"times\": -1, \"do\": {" does "}}"

struct row {
	const char *sentence;
	const char *fault, *dns; /* of the world; of the hostname */
	bool is_away;
	enum door door;	     /* with is_away */
	bool restarts;	     /* what was read lately is not read again */
	const char *gateway; /* its state */
	bool is_issued;	     /* before the gateway gets into that state */
	const char *outage;  /* nobody is Ready meanwhile: why */
	const char *type, *is, *says;
	msec_t within; /* 0: TOLD_WITHIN */
};

static const struct row rows[] = {
	{"the name server garbles its answer", .dns = "GARBLED", .type = CONDITION_DNS_RESOLVED,
	 .is = "Unknown LookupFailed:", .says = "garbled.*" LASTING},
	{"the CA fails",
	 .fault = FAULT("POST", "/new-order$",
			"\"status\": 500, \"body\": {\"type\": "
			"\"urn:ietf:params:acme:error:serverInternal\", \"detail\": \"Internal\"}"),
	 .type = CONDITION_OWNERSHIP_VALIDATED, .is = "Unknown CAUnavailable:", .says = LASTING},
	{"the CA garbles its directory", .fault = FAULT("GET", "^/directory$", "\"garble\": true"),
	 .restarts = true, .type = CONDITION_OWNERSHIP_VALIDATED,
	 .is = "Unknown CAAnswerUnclear:", .says = LASTING},
	{"the CA's answer is truncated",
	 .fault = FAULT("POST", "/new-(account|order)", "\"truncate\": 20"),
	 .type = CONDITION_OWNERSHIP_VALIDATED, .is = "Unknown ConnectionLost:", .says = LASTING},
	{"the CA's answer is too large",
	 .fault = FAULT("POST", "/new-(account|order)", "\"oversize\": 400000"),
	 .type = CONDITION_OWNERSHIP_VALIDATED, .is = "Unknown ReplyTooLarge:", .says = LASTING},
	{"the CA is too slow", .fault = FAULT("GET", "^/directory$", "\"delayMs\": 32000"),
	 .restarts = true, .type = CONDITION_OWNERSHIP_VALIDATED,
	 .is = "Unknown Timeout:", .says = LASTING, .within = LONG_SLOW},
	{"the container is away", .is_away = true, .door = DOOR_BLOB,
	 .type = CONDITION_OWNERSHIP_VALIDATED, .is = "Unknown ConnectFailed:", .says = LASTING},
	{"the container answers too much",
	 .fault = FAULT("PUT", "/acme-challenge/", "\"oversize\": 400000"),
	 .type = CONDITION_OWNERSHIP_VALIDATED, .is = "Unknown ReplyTooLarge:", .says = LASTING},
	{"the sign-in service garbles its answer",
	 .fault = FAULT("POST", "/token$", "\"garble\": true"), .restarts = true,
	 .type = CONDITION_CERTIFICATE_ISSUED,
	 .is = "Unknown AzureAuthUnavailable:", .says = SIGN_IN},
	{"the sign-in service is away", .is_away = true, .door = DOOR_AUTHORITY, .restarts = true,
	 .type = CONDITION_CERTIFICATE_ISSUED,
	 .is = "Unknown AzureAuthUnavailable:", .says = SIGN_IN},
	{"Azure Resource Manager garbles its answer",
	 .fault = FAULT("GET", GATEWAY, "\"garble\": true"), .type = CONDITION_GATEWAY_CONFIGURED,
	 .is = "Unknown InvalidJson:", .says = LASTING},
	{"Azure Resource Manager's answer is truncated",
	 .fault = FAULT("GET", GATEWAY, "\"truncate\": 100"), .type = CONDITION_GATEWAY_CONFIGURED,
	 .is = "Unknown ConnectionLost:", .says = LASTING},
	{"Azure Resource Manager's answer is too large",
	 .fault = FAULT("GET", GATEWAY, "\"oversize\": 9437184"),
	 .type = CONDITION_GATEWAY_CONFIGURED, .is = "Unknown ReplyTooLarge:", .says = LASTING},
	{"Azure Resource Manager is too slow", .fault = FAULT("GET", GATEWAY, "\"delayMs\": 12000"),
	 .type = CONDITION_GATEWAY_CONFIGURED, .is = "Unknown Timeout:", .says = LASTING},
	{"the gateway is stopped before the hostname is proven", .gateway = "Stopped",
	 .type = CONDITION_GATEWAY_REACHABLE, .is = "False GatewayStopped:",
	 .says = "Start it, and the waiting hostnames are configured",
	 .outage = "False GatewayStopped:"},
	{"the gateway is missing", .gateway = "Missing", .is_issued = true,
	 .type = CONDITION_GATEWAY_CONFIGURED, .is = "False GatewayNotFound:",
	 .says = "check the application gateway's id", .outage = "False GatewayNotFound:"},
};

struct wait {
	struct scene *scene;
	const struct row *row;
};

static bool is_told(void *handle)
{
	struct wait *wait = handle;

	return text_starts_with(
		rig_condition(&wait->scene->ctx, wait->scene->rig, SHOP, wait->row->type),
		wait->row->is);
}

static void assert_says(const char *text, const char *pattern)
{
	regex_t regex;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	if (regexec(&regex, text, 0, NULL, 0) != 0)
		fail_msg("\"%s\" does not say \"%s\"", text, pattern);
	regfree(&regex);
}

/* All of a hostname's conditions in words; with `times`, of their last changes too. */
static const char *conditions_of(struct scene *scene, const char *hostname, bool times)
{
	const struct hostname *object = rig_hostname(&scene->ctx, scene->rig, hostname);
	const struct condition *items = object->status.conditions.items;
	const char *all = "";

	for (size_t i = 0; i < object->status.conditions.count; i++)
		all = arena_printf(scene->ctx.arena, "%s%s %lld %s\n", all, items[i].type,
				   times ? (long long)items[i].last_transition : 0,
				   rig_condition(&scene->ctx, scene->rig, hostname, items[i].type));
	return all;
}

static msec_t ready_since(struct scene *scene, const char *hostname)
{
	const struct hostname *object = rig_hostname(&scene->ctx, scene->rig, hostname);
	const struct condition *ready = condition_find(&object->status.conditions, CONDITION_READY);

	assert_int_equal(ready->status, CONDITION_TRUE);
	return ready->last_transition;
}

static void begin(struct scene *scene)
{
	scene_open(scene);
	rig_desire(scene->rig, STEADY);
	scene_run(scene, (struct budget){100, 5 * MSEC_PER_MIN});
	rig_pass_time(scene->rig, MSEC_PER_MIN);
}

static bool is_issued(void *handle)
{
	struct wait *wait = handle;

	return text_starts_with(rig_condition(&wait->scene->ctx, wait->scene->rig, SHOP,
					      CONDITION_CERTIFICATE_ISSUED),
				"True");
}

/* Only the update of the gateway is missing. */
static void issue(struct scene *scene, const struct row *row)
{
	struct wait wait = {scene, row};

	scene_fault(scene,
		    FAULT("PUT", GATEWAY,
			  "\"status\": 429, \"headers\": {\"Retry-After\": \"1\"}, \"body\": "
			  "{\"error\": {\"code\": \"RetryableErrorDueToAnotherOperation\", "
			  "\"message\": \"Busy.\"}}"));
	rig_desire(scene->rig, SHOP);
	assert_true(rig_run_until(scene->rig, is_issued, &wait, (struct budget){200, RECOVERY}));
	world_clear_faults(scene->world);
}

static void break_it(struct scene *scene, const struct row *row)
{
	if (row->is_issued)
		issue(scene, row);
	if (row->gateway)
		scene_set(scene, "gatewayState", row->gateway);
	if (row->fault)
		scene_fault(scene, row->fault);
	if (row->dns)
		dns_model_set(scene->world, SHOP, row->dns);
	if (row->is_away)
		rig_set_away(scene->rig, row->door, true);
	if (row->restarts)
		rig_restart(scene->rig);
	if (!row->is_issued)
		rig_desire(scene->rig, SHOP);
}

static void mend(struct scene *scene, const struct row *row)
{
	world_clear_faults(scene->world);
	dns_model_set(scene->world, SHOP, NULL);
	if (row->is_away)
		rig_set_away(scene->rig, row->door, false);
	if (row->gateway)
		scene_set(scene, "gatewayState", "Running");
}

/* What passes by itself has a minute of grace, and not a word within it. */
static void assert_told_in_time(struct scene *scene, const struct row *row)
{
	struct wait wait = {scene, row};
	msec_t began = rig_time(scene->rig), within = row->within ? row->within : TOLD_WITHIN;

	if (!rig_run_until(scene->rig, is_told, &wait, (struct budget){1000, within}))
		fail_msg("not told within %lld s: %s", (long long)(within / MSEC_PER_SEC),
			 rig_describe(&scene->ctx, scene->rig));
	if (text_starts_with(row->is, "Unknown"))
		assert_in_range(rig_time(scene->rig) - began, GRACE, within + MSEC_PER_MIN);
	else
		assert_in_range(rig_time(scene->rig) - began, 0, 10 * MSEC_PER_SEC);
	assert_says(rig_condition(&scene->ctx, scene->rig, SHOP, row->type), row->says);
	scene_assert_condition(scene, SHOP, CONDITION_READY, "False");
}

/* Not more than a try a second while it is new, at most one in ten seconds from then on; and no
 * condition that changes with each of them. */
static void assert_paced(struct scene *scene)
{
	const char *before = conditions_of(scene, SHOP, true);
	unsigned passes = rig_passes(scene->rig);

	rig_pass_time(scene->rig, 8 * MSEC_PER_SEC);
	assert_in_range(rig_passes(scene->rig) - passes, 0, 8);
	assert_string_equal(conditions_of(scene, SHOP, true), before);
	before = conditions_of(scene, SHOP, false);
	rig_pass_time(scene->rig, MSEC_PER_HOUR);
	assert_in_range(rig_passes(scene->rig) - passes, 4, 360);
	assert_string_equal(conditions_of(scene, SHOP, false), before);
}

static void assert_all_is_well(struct scene *scene)
{
	const struct hostname *hostname = rig_hostname(&scene->ctx, scene->rig, SHOP);
	const struct condition *items = hostname->status.conditions.items;

	for (size_t i = 0; i < hostname->status.conditions.count; i++)
		if (!text_equals(items[i].type, CONDITION_RENEWING))
			assert_int_equal(items[i].status, CONDITION_TRUE);
	assert_int_equal(scene_count(scene, DOOR_VAULT,
				     "^POST /certificates/shop-example-com/pending/merge"),
			 1);
	assert_string_equal(world_served_certificate(&scene->ctx, scene->world, SHOP),
			    hostname->status.certificate.serial);
}

static void test_it_is_told_and_survived(void **state)
{
	const struct row *row = *state;
	struct scene scene;
	msec_t steady_since;

	begin(&scene);
	steady_since = ready_since(&scene, STEADY);
	break_it(&scene, row);
	assert_told_in_time(&scene, row);
	assert_paced(&scene);
	if (row->outage)
		scene_assert_condition(&scene, STEADY, CONDITION_READY, row->outage);
	else
		assert_true(ready_since(&scene, STEADY) == steady_since);
	mend(&scene, row);
	rig_request(scene.rig, SHOP);
	scene_run(&scene, (struct budget){200, RECOVERY});
	assert_all_is_well(&scene);
	assert_true(row->outage || ready_since(&scene, STEADY) == steady_since);
	scene_close(&scene);
}

/* What the CA said outlives the process that it was said to, to the second. */
static void test_the_ca_asks_to_wait(void **state)
{
	struct scene scene;
	size_t orders;
	msec_t told;

	(void)state;
	begin(&scene);
	scene_fault(&scene,
		    "{\"method\": \"POST\", \"path\": \"/new-order$\", \"do\": {\"status\": 429, "
		    "\"headers\": {\"Retry-After\": \"30\"}, \"body\": {\"type\": "
		    "\"urn:ietf:params:acme:error:rateLimited\", \"detail\": "
		    "\"too many certificates already issued\"}}}");
	rig_desire(scene.rig, SHOP);
	orders = scene_count(&scene, DOOR_ACME, "^POST /new-order");
	while (scene_count(&scene, DOOR_ACME, "^POST /new-order") == orders)
		rig_pass_time(scene.rig, 10);
	told = rig_time(scene.rig);
	rig_pass_time(scene.rig, 8 * MSEC_PER_SEC);
	scene_assert_condition(&scene, SHOP, CONDITION_OWNERSHIP_VALIDATED, "Unknown Throttled:");
	assert_says(rig_condition(&scene.ctx, scene.rig, SHOP, CONDITION_OWNERSHIP_VALIDATED),
		    "CA");
	rig_restart(scene.rig);
	rig_pass_time(scene.rig, told + 29 * MSEC_PER_SEC - rig_time(scene.rig));
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST /new-order"), orders + 1);
	scene_run(&scene, (struct budget){100, MSEC_PER_MIN});
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST /new-order"), orders + 2);
	assert_all_is_well(&scene);
	scene_close(&scene);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(rows) + 1] = {
		[ARRAY_SIZE(rows)] = {.name = "the CA asks to wait and the daemon restarts",
				      .test_func = test_the_ca_asks_to_wait},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].sentence,
					       .test_func = test_it_is_told_and_survived,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	return cmocka_run_group_tests_name("lasting", tests, NULL, NULL);
}
