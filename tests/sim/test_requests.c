/*
 * Requests that meet: one that is accepted while a pass still works on another, at every call that
 * the pass makes, and with a clock that is set back in the same moment. Each ends by what was done
 * for it, whatever the times say.
 */
#include "sim/scene.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/http.h"
#include "sim/importer.h"
#include "world/dns_model.h"

#define SHOP	  "shop.example.com"
#define YEAR	  (365 * MSEC_PER_DAY)
#define CALLS_MAX 200

static const struct budget ample = {400, MSEC_PER_HOUR};

/* One run: what comes between, and when. */
struct run {
	struct scene scene;
	unsigned calls, at; /* of the passes, from 1 */
	const char *url;    /* or else before the first call of that */
	void (*come_between)(struct run *run);
	bool happened;
	struct leaf leaf, other;
	char first[IMPORTER_ID_SIZE], second[IMPORTER_ID_SIZE], third[IMPORTER_ID_SIZE];
};

static void meanwhile(void *handle, const struct http_request *request)
{
	struct run *run = handle;
	bool is_now = run->url ? strstr(request->url, run->url) != NULL : ++run->calls == run->at;

	if (!is_now || run->happened)
		return;
	run->happened = true;
	rig_shift_clock(run->scene.rig, -MSEC_PER_MIN);
	run->come_between(run);
}

static void open_run(struct run *run)
{
	scene_open(&run->scene);
	run->leaf = importer_leaf(&run->scene.ctx, SHOP, YEAR);
	run->other = importer_leaf(&run->scene.ctx, SHOP, YEAR);
	rig_take_imports(run->scene.rig);
	rig_pass_time(run->scene.rig, MSEC_PER_SEC);
}

static bool has_ended(struct run *run, const char *id)
{
	cleanup_ctx struct ctx ctx;
	const struct instance *instance;

	ctx_init(&ctx, rig_doors(run->scene.rig));
	instance = importer_instance(&ctx, run->scene.rig, id);
	return instance && runtime_has_ended(instance->status.runtime_status);
}

/* "Completed", "Failed Superseded" ... */
static const char *end_of(struct run *run, const char *id)
{
	const struct instance *instance = importer_instance(&run->scene.ctx, run->scene.rig, id);

	if (!instance)
		return "gone";
	return arena_printf(run->scene.ctx.arena, "%s%s%s",
			    runtime_status_names[instance->status.runtime_status],
			    instance->status.error ? " " : "",
			    instance->status.error ? instance->status.error : "");
}

static void check_end(struct run *run, const char *id, const char *wanted)
{
	if (!text_equals(end_of(run, id), wanted))
		fail_msg("%s instead of %s, at call %u\n%s", end_of(run, id), wanted, run->at,
			 rig_describe(&run->scene.ctx, run->scene.rig));
}

static bool have_ended(void *handle)
{
	struct run *run = handle;

	return run->happened && has_ended(run, run->second) &&
	       (!run->third[0] || has_ended(run, run->third)) && rig_is_settled(run->scene.rig);
}

/* The next passes get no further, so that all can be seen that the one before has found. */
static void slow_down(struct run *run)
{
	static const char *const paths[] = {"/unwrapkey", "/new-order"};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		scene_fault(
			&run->scene,
			arena_printf(run->scene.ctx.arena,
				     "{\"method\":\"POST\",\"path\":\"%s\",\"do\":{\"status\":429,"
				     "\"headers\":{\"Retry-After\":\"60\"}}}",
				     paths[i]));
}

static void import_other(struct run *run)
{
	slow_down(run);
	assert_true(importer_import(run->scene.rig, SHOP, &run->other, run->second));
}

static void import_same(struct run *run)
{
	slow_down(run);
	assert_true(importer_import(run->scene.rig, SHOP, &run->leaf, run->second));
}

static void add_second(struct run *run)
{
	slow_down(run);
	assert_true(importer_add(run->scene.rig, SHOP, run->second));
}

static void add_two_more(struct run *run)
{
	add_second(run);
	assert_true(importer_add(run->scene.rig, SHOP, run->third));
}

/* True when it came to pass: else the passes make no more calls. */
static bool import_meets(struct run *run, const char *wanted)
{
	open_run(run);
	rig_meanwhile(run->scene.rig, meanwhile, run);
	assert_true(importer_import(run->scene.rig, SHOP, &run->leaf, run->first));
	rig_run_until(run->scene.rig, have_ended, run, ample);
	if (run->happened) {
		check_end(run, run->second, wanted);
		if (importer_count_sealed(run->scene.rig) > 0)
			fail_msg("a sealed key stays, at call %u", run->at);
	}
	scene_close(&run->scene);
	return run->happened;
}

static void sweep(void (*come_between)(struct run *run))
{
	unsigned at = 1;

	for (;; at++) {
		struct run run = {.at = at, .come_between = come_between};

		assert_true(at < CALLS_MAX);
		if (!import_meets(&run, "Completed"))
			break;
	}
	print_message("%u calls\n", at - 1);
	assert_true(at > 5);
}

static void test_a_newer_import_keeps_its_key(void **state)
{
	(void)state;
	sweep(import_other);
}

static void test_the_same_import_twice(void **state)
{
	(void)state;
	sweep(import_same);
}

static void test_a_switch_to_the_CA(void **state)
{
	(void)state;
	sweep(add_second);
}

/* The pass that is refused had begun before, and so says nothing of those two. */
static void test_a_refusal_is_of_what_was_worked_on(void **state)
{
	struct run run = {.url = "/new-order", .come_between = add_two_more};

	(void)state;
	open_run(&run);
	rig_meanwhile(run.scene.rig, meanwhile, &run);
	scene_fault(&run.scene,
		    "{\"method\":\"POST\",\"path\":\"/new-order\",\"do\":{\"status\":"
		    "403,\"headers\":{\"Content-Type\":\"application/problem+json\"},\"body\":"
		    "\"{\\\"type\\\":\\\"urn:ietf:params:acme:error:rejectedIdentifier\\\","
		    "\\\"detail\\\":"
		    "\\\"not this one\\\"}\"}}");
	assert_true(importer_add(run.scene.rig, SHOP, run.first));
	rig_run_until(run.scene.rig, have_ended, &run, ample);
	assert_true(run.happened);
	assert_int_equal(scene_count(&run.scene, DOOR_ACME, "^POST .*new-order"), 3);
	check_end(&run, run.second, "Completed");
	check_end(&run, run.third, "Completed");
	scene_close(&run.scene);
}

static bool first_has_ended(void *handle)
{
	struct run *run = handle;

	return has_ended(run, run->first);
}

/* Its own end stays; what it asked for is done at once, and not when the backoff is over. */
static void test_retry_of_an_ended_one(void **state)
{
	struct run run = {.at = 0};

	(void)state;
	open_run(&run);
	dns_model_set(run.scene.world, SHOP, "192.0.2.99");
	assert_true(importer_add(run.scene.rig, SHOP, run.first));
	assert_true(rig_run_until(run.scene.rig, first_has_ended, &run, ample));
	rig_pass_time(run.scene.rig, 12 * MSEC_PER_HOUR); /* so that it waits for long */
	dns_model_set(run.scene.world, SHOP, NULL);
	rig_pass_time(run.scene.rig, MSEC_PER_MIN);
	scene_assert_condition(&run.scene, SHOP, CONDITION_READY, "False");
	assert_int_equal(importer_retry(run.scene.rig, run.first), 202);
	rig_pass_time(run.scene.rig, 2 * MSEC_PER_MIN);
	scene_assert_condition(&run.scene, SHOP, CONDITION_READY, "True");
	check_end(&run, run.first, "Failed HostnameNotResolvingToApplicationGateway");
	scene_close(&run.scene);
}

static void forbid_vault(struct run *run, bool is_forbidden)
{
	scene_set(&run->scene, "vaultAccess", is_forbidden ? "forbid" : "allow");
}

/* Two imports that bring the same wait, and the second was taken back. */
static void open_with_two_imports(struct run *run)
{
	open_run(run);
	forbid_vault(run, true);
	assert_true(importer_import(run->scene.rig, SHOP, &run->leaf, run->first));
	import_same(run);
	assert_int_equal(importer_terminate(run->scene.rig, run->second), 202);
}

/* The newer has taken the place of the older one's key. */
static void test_the_older_of_two_goes_on_with_the_key_of_the_other(void **state)
{
	struct run run = {.happened = true};

	(void)state;
	open_with_two_imports(&run);
	assert_int_equal(importer_count_sealed(run.scene.rig), 1);
	forbid_vault(&run, false);
	rig_run_until(run.scene.rig, first_has_ended, &run, ample);
	check_end(&run, run.first, "Completed");
	check_end(&run, run.second, "Terminated");
	rig_pass_time(run.scene.rig, MSEC_PER_MIN);
	assert_int_equal(importer_count_sealed(run.scene.rig), 0);
	scene_close(&run.scene);
}

static void test_the_last_of_two_takes_the_key_along(void **state)
{
	struct run run = {.happened = true};

	(void)state;
	open_with_two_imports(&run);
	assert_int_equal(importer_terminate(run.scene.rig, run.first), 202);
	assert_int_equal(importer_count_sealed(run.scene.rig), 0);
	forbid_vault(&run, false);
	rig_pass_time(run.scene.rig, MSEC_PER_HOUR);
	assert_null(rig_hostname(&run.scene.ctx, run.scene.rig, SHOP));
	scene_close(&run.scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"an import that comes in the midst of another keeps its key",
		 test_a_newer_import_keeps_its_key, NULL, NULL, NULL},
		{"the same import twice completes both", test_the_same_import_twice, NULL, NULL,
		 NULL},
		{"AddCertificate in the midst of an import switches to the CA",
		 test_a_switch_to_the_CA, NULL, NULL, NULL},
		{"a refusal ends the requests that were worked on alone",
		 test_a_refusal_is_of_what_was_worked_on, NULL, NULL, NULL},
		{"Retry of an ended request acts on its hostnames", test_retry_of_an_ended_one,
		 NULL, NULL, NULL},
		{"an import goes on with the key of one that was terminated",
		 test_the_older_of_two_goes_on_with_the_key_of_the_other, NULL, NULL, NULL},
		{"the last of two imports takes the key along",
		 test_the_last_of_two_takes_the_key_along, NULL, NULL, NULL},
	};

	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
