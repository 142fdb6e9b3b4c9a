/*
 * The instance reconciler over a store: what a request of the documented API shows of the hostnames
 * it follows.
 */
#include <string.h>

#include "api/hostname.h"
#include "base/log.h"
#include "base/text.h"
#include "instance/instance.h"
#include "store/dirstore.h"
#include "tempdir.h"
#include "unit/check.h"

#define SHOP "shop.example.com"
#define BLOG "blog.example.com"
#define ID   "0123456789abcdef0123456789abcdef"

struct fake_clock {
	struct clock clock;
	msec_t now, ahead; /* of the wall clock */
};

struct scene {
	struct fake_clock clock;
	struct doors doors;
	struct ctx ctx;
	const char *directory;
	struct store *store;
	struct settings settings;
	struct instance_world world;
};

static msec_t now(struct clock *clock)
{
	return ((struct fake_clock *)clock)->now;
}

static msec_t wall(struct clock *clock)
{
	return now(clock) + ((struct fake_clock *)clock)->ahead;
}

static void open_scene(struct scene *scene)
{
	*scene = (struct scene){.clock = {{wall, now, NULL}, 1790000000 * MSEC_PER_SEC, 0}};
	log_open(LOG_LEVEL_ERROR);
	scene->doors = (struct doors){&scene->clock.clock, rng_system(), fs_system(), NULL};
	ctx_init(&scene->ctx, &scene->doors);
	scene->directory = tempdir_make(&scene->ctx);
	assert_int_equal(dirstore_open(&scene->ctx, scene->directory, &scene->store), E_OK);
	scene->settings = (struct settings){.instance_timeout = MSEC_PER_HOUR,
					    .instance_retention = MSEC_PER_DAY,
					    .instances_kept = 3};
	scene->world = (struct instance_world){
		.settings = &scene->settings, .store = scene->store, .followers = followers_new()};
}

static void close_scene(struct scene *scene)
{
	followers_free(scene->world.followers);
	dirstore_close(scene->store);
	tempdir_remove(scene->directory);
	ctx_fini(&scene->ctx);
}

static void put_hostname(struct scene *scene, const char *name, const char *step)
{
	struct hostname hostname = {.meta = {.name = name}};
	const void *found;

	assert_int_equal(store_put_spec(&scene->ctx, scene->store, KIND_HOSTNAME, &hostname), E_OK);
	store_get(&scene->ctx, scene->store, KIND_HOSTNAME, name, &found);
	hostname = *(const struct hostname *)found;
	hostname.status.step = step;
	assert_int_equal(store_put_status(&scene->ctx, scene->store, KIND_HOSTNAME, &hostname),
			 E_OK);
}

static void change_hostname(struct scene *scene, const char *name, bool is_ready, const char *error)
{
	struct hostname hostname;
	const void *found;

	store_get(&scene->ctx, scene->store, KIND_HOSTNAME, name, &found);
	hostname = *(const struct hostname *)found;
	condition_set(&scene->ctx, &hostname.status.conditions, CONDITION_READY,
		      is_ready ? CONDITION_TRUE : CONDITION_FALSE, "Test", "", 1);
	hostname.status.refusal = (struct refusal){.count = error != NULL,
						   .pass = scene->clock.now,
						   .error = error,
						   .text = "what to do"};
	store_put_status(&scene->ctx, scene->store, KIND_HOSTNAME, &hostname);
}

static void put_instance(struct scene *scene, const char *id, const char *const *hostnames,
			 size_t count)
{
	struct instance instance = {
		.meta = {.name = id},
		.spec = {.function = "AddCertificateFunctions",
			 .hostnames = {(const char **)(uintptr_t)hostnames, count},
			 .accepted = scene->clock.now},
	};

	assert_int_equal(store_put_spec(&scene->ctx, scene->store, KIND_INSTANCE, &instance), E_OK);
}

static const struct instance *look(struct scene *scene, const char *id)
{
	msec_t again = MSEC_NEVER;
	const void *found;

	assert_int_equal(instance_reconcile(&scene->ctx, &scene->world, id, &again), E_OK);
	if (store_get(&scene->ctx, scene->store, KIND_INSTANCE, id, &found) != E_OK)
		return NULL;
	return found;
}

static const char *const one[] = {SHOP};
static const char *const two[] = {SHOP, BLOG};

static void test_follows_one(void **state)
{
	const struct instance *instance;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, NULL);
	put_instance(&scene, ID, one, 1);
	assert_int_equal(look(&scene, ID)->status.runtime_status, RUNTIME_PENDING);
	put_hostname(&scene, SHOP, "CreateCertificateStep");
	instance = look(&scene, ID);
	assert_int_equal(instance->status.runtime_status, RUNTIME_RUNNING);
	assert_string_equal(instance->status.message, "Creating certificate.");
	change_hostname(&scene, SHOP, true, NULL);
	instance = look(&scene, ID);
	assert_int_equal(instance->status.runtime_status, RUNTIME_COMPLETED);
	assert_string_equal(instance->status.message, "Certbot function successfully completed.");
	change_hostname(&scene, SHOP, false, "Late");
	assert_int_equal(look(&scene, ID)->status.runtime_status, RUNTIME_COMPLETED);
	close_scene(&scene);
}

static void test_fails_at_a_refusal_after_it(void **state)
{
	const struct instance *instance;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, "CheckDnsResolutionStep");
	change_hostname(&scene, SHOP, false, "HostnameNotResolvingToApplicationGateway");
	scene.clock.now += 1;
	put_instance(&scene, ID, one, 1);
	assert_int_equal(look(&scene, ID)->status.runtime_status, RUNTIME_RUNNING);
	scene.clock.now += 1;
	change_hostname(&scene, SHOP, false, "HostnameNotResolvingToApplicationGateway");
	instance = look(&scene, ID);
	assert_int_equal(instance->status.runtime_status, RUNTIME_FAILED);
	assert_string_equal(instance->status.error, "HostnameNotResolvingToApplicationGateway");
	assert_string_equal(instance->status.message,
			    "Hostname is not resolving to the Application Gateway.");
	assert_string_equal(instance->status.output, "what to do");
	close_scene(&scene);
}

/* Numbers decide; times only where there are none, as in a state directory from before. */
static const struct {
	const char *sentence;
	int64_t request, retry, refused;
	msec_t began; /* of the refused pass, after the request was accepted */
	bool fails;
} refusals[] = {
	{"a pass that had begun to work before, though later by the clock", 7, 0, 6, 1000, false},
	{"the pass that worked on it, though earlier by the clock", 7, 0, 7, -1000, true},
	{"one that worked on a later request", 7, 0, 9, 1000, true},
	{"one that worked on it, and not on its Retry", 7, 12, 7, 1000, false},
	{"one that worked on its Retry", 7, 12, 12, -1000, true},
	{"without numbers, a later one", 0, 0, 0, 0, true},
	{"without numbers, an earlier one", 0, 0, 0, -1, false},
	{"without a number, one that had", 0, 0, 9, -1, false},
	{"a Retry with a number, of a request without", 0, 12, 9, 1000, false},
};

static void refuse_pass(struct scene *scene, int64_t asked, msec_t began)
{
	struct hostname hostname;
	const void *found;

	store_get(&scene->ctx, scene->store, KIND_HOSTNAME, SHOP, &found);
	hostname = *(const struct hostname *)found;
	hostname.status.refusal = (struct refusal){.count = 1,
						   .asked = asked,
						   .pass = scene->clock.now + began,
						   .error = "Late",
						   .text = "what to do"};
	store_put_status(&scene->ctx, scene->store, KIND_HOSTNAME, &hostname);
}

static void test_fails_by_numbers_and_not_by_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct instance instance;
		struct scene scene;
		bool has_failed;

		open_scene(&scene);
		put_hostname(&scene, SHOP, "CheckDnsResolutionStep");
		put_instance(&scene, ID, one, 1);
		instance = *look(&scene, ID);
		instance.spec.request = refusals[i].request;
		instance.spec.retry = refusals[i].retry;
		instance.meta.resource_version = 0;
		store_put_spec(&scene.ctx, scene.store, KIND_INSTANCE, &instance);
		refuse_pass(&scene, refusals[i].refused, refusals[i].began);
		has_failed = look(&scene, ID)->status.runtime_status == RUNTIME_FAILED;
		check_row(refusals[i].sentence, has_failed == refusals[i].fails);
		close_scene(&scene);
	}
}

static void test_times_out(void **state)
{
	const struct instance *instance;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, "CheckAcmeOrderStep");
	put_instance(&scene, ID, one, 1);
	scene.clock.now += MSEC_PER_HOUR;
	instance = look(&scene, ID);
	assert_int_equal(instance->status.runtime_status, RUNTIME_FAILED);
	assert_string_equal(instance->status.error, "Timeout");
	assert_non_null(strstr(instance->status.output, "CheckAcmeOrderStep"));
	close_scene(&scene);
}

/* Months pass for a clock that is set, and nothing is over for that. */
static void test_a_clock_that_is_set_ends_nothing(void **state)
{
	static const char other[] = "0123456789abcdef0123456789abcde0";
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, "CheckAcmeOrderStep");
	put_instance(&scene, ID, one, 1);
	put_instance(&scene, other, one, 1);
	assert_int_equal(look(&scene, ID)->status.runtime_status, RUNTIME_RUNNING);
	scene.clock.ahead = 61 * MSEC_PER_DAY;
	assert_int_equal(look(&scene, ID)->status.runtime_status, RUNTIME_RUNNING);
	scene.clock.now += MSEC_PER_HOUR;
	assert_int_equal(look(&scene, ID)->status.runtime_status, RUNTIME_FAILED);
	scene.clock.ahead = 0;
	assert_int_equal(look(&scene, other)->status.runtime_status, RUNTIME_FAILED);
	scene.clock.ahead = 61 * MSEC_PER_DAY;
	assert_non_null(look(&scene, other));
	assert_non_null(look(&scene, ID));
	scene.clock.now += MSEC_PER_DAY + MSEC_PER_MIN;
	look(&scene, ID);
	assert_null(look(&scene, other));
	close_scene(&scene);
}

/* An import that is switched to the CA serves on, and so has healthy conditions that are False. */
static const struct {
	const char *sentence;
	const char *type; /* beside those that are healthy */
	enum condition_status status;
	const char *output;
} obstacles[] = {
	{"what Ready depends on", CONDITION_DNS_RESOLVED, CONDITION_FALSE,
	 "timed out waiting at GetAcmeOrderStep: Test: in the way"},
	{"also while nobody knows", CONDITION_OWNERSHIP_VALIDATED, CONDITION_UNKNOWN,
	 "timed out waiting at GetAcmeOrderStep: Test: in the way"},
	{"a renewal's trouble", CONDITION_RENEWING, CONDITION_TRUE,
	 "timed out waiting at GetAcmeOrderStep: Test: in the way"},
	{"a spec that cannot be read is not", CONDITION_SPEC_VALID, CONDITION_FALSE,
	 "timed out waiting at GetAcmeOrderStep"},
	{"nor is an end that is not near", CONDITION_EXPIRING, CONDITION_FALSE,
	 "timed out waiting at GetAcmeOrderStep"},
};

static void test_a_timeout_tells_what_was_in_the_way(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(obstacles); i++) {
		struct hostname hostname;
		struct scene scene;
		const void *found;

		open_scene(&scene);
		put_hostname(&scene, SHOP, "GetAcmeOrderStep");
		store_get(&scene.ctx, scene.store, KIND_HOSTNAME, SHOP, &found);
		hostname = *(const struct hostname *)found;
		condition_set(&scene.ctx, &hostname.status.conditions, CONDITION_EXPIRING,
			      CONDITION_FALSE, "NotNear", "in nobody's way", 1);
		condition_set(&scene.ctx, &hostname.status.conditions, obstacles[i].type,
			      obstacles[i].status, "Test", "in the way", 1);
		store_put_status(&scene.ctx, scene.store, KIND_HOSTNAME, &hostname);
		put_instance(&scene, ID, one, 1);
		scene.clock.now += MSEC_PER_HOUR;
		check_row_text(obstacles[i].sentence, look(&scene, ID)->status.output,
			       obstacles[i].output);
		close_scene(&scene);
	}
}

static void test_several_show_the_least_advanced(void **state)
{
	const struct instance *instance;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, "ConfigureApplicationGatewayStep");
	put_hostname(&scene, BLOG, "GetAcmeOrderStep");
	put_instance(&scene, ID, two, 2);
	assert_string_equal(look(&scene, ID)->status.step, "GetAcmeOrderStep");
	change_hostname(&scene, BLOG, false, "Refused");
	instance = look(&scene, ID);
	assert_int_equal(instance->status.runtime_status, RUNTIME_RUNNING);
	assert_string_equal(instance->status.step, "ConfigureApplicationGatewayStep");
	change_hostname(&scene, SHOP, true, NULL);
	instance = look(&scene, ID);
	assert_int_equal(instance->status.runtime_status, RUNTIME_FAILED);
	assert_string_equal(instance->status.error, "Refused");
	assert_int_equal(instance->status.progress.count, 2);
	close_scene(&scene);
}

static void test_one_that_nobody_touched_waits_for_the_first_step(void **state)
{
	const struct instance *instance;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, "GetAcmeOrderStep");
	put_hostname(&scene, BLOG, NULL);
	put_instance(&scene, ID, two, 2);
	instance = look(&scene, ID);
	assert_int_equal(instance->status.runtime_status, RUNTIME_RUNNING);
	assert_string_equal(instance->status.step, "GetApplicationGatewayPublicIpStep");
	assert_string_equal(instance->status.message,
			    "Getting Application Gateway public IP address.");
	close_scene(&scene);
}

static void climb(struct scene *scene, const char *name, struct step_climbed *climbed, size_t count)
{
	struct hostname hostname;
	const void *found;

	store_get(&scene->ctx, scene->store, KIND_HOSTNAME, name, &found);
	hostname = *(const struct hostname *)found;
	hostname.status.climbed = (struct objects){climbed, count};
	hostname.status.step = climbed[count - 1].step;
	assert_int_equal(store_put_status(&scene->ctx, scene->store, KIND_HOSTNAME, &hostname),
			 E_OK);
}

static void expect_event(const struct instance *instance, size_t index, const char *type,
			 const char *name)
{
	const struct instance_event *event = instance->status.history.items;

	assert_true(index < instance->status.history.count);
	assert_string_equal(event[index].type, type);
	assert_string_equal(event[index].name, name);
}

static void test_history_has_every_step_once(void **state)
{
	struct step_climbed climbed[] = {{"CheckDnsResolutionStep", 1790000000001},
					 {"GetAcmeOrderStep", 1790000000002},
					 {"Completed", 1790000000003}};
	const struct instance *instance;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, NULL);
	put_instance(&scene, ID, one, 1);
	climb(&scene, SHOP, climbed, 2);
	look(&scene, ID);
	instance = look(&scene, ID);
	assert_int_equal(instance->status.history.count, 3);
	expect_event(instance, 1, "TaskCompleted", "CheckDnsResolutionStep");
	expect_event(instance, 2, "TaskScheduled", "GetAcmeOrderStep");
	climb(&scene, SHOP, climbed, 3);
	change_hostname(&scene, SHOP, true, NULL);
	instance = look(&scene, ID);
	assert_int_equal(instance->status.history.count, 4);
	expect_event(instance, 2, "TaskCompleted", "GetAcmeOrderStep");
	expect_event(instance, 3, "ExecutionCompleted", "Completed");
	close_scene(&scene);
}

static void test_history_says_where_it_failed(void **state)
{
	struct step_climbed climbed[] = {{"CheckDnsResolutionStep", 1780000000000}};
	const struct instance_event *events;
	const struct instance *instance;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, NULL);
	climb(&scene, SHOP, climbed, 1);
	put_instance(&scene, ID, one, 1);
	change_hostname(&scene, SHOP, false, "HostnameNotResolvingToApplicationGateway");
	instance = look(&scene, ID);
	assert_int_equal(instance->status.history.count, 3);
	expect_event(instance, 1, "TaskFailed", "CheckDnsResolutionStep");
	events = instance->status.history.items;
	assert_int_equal(events[1].time, instance->spec.accepted);
	close_scene(&scene);
}

#define MANY 40

/* Many hostnames that took every step: all of it is there, and so is the end. */
static void test_history_has_room_for_all_and_for_the_end(void **state)
{
	struct step_climbed climbed[STEP_COMPLETED];
	const struct instance *instance;
	const char *names[MANY];
	struct scene scene;

	(void)state;
	open_scene(&scene);
	for (size_t i = 0; i < ARRAY_SIZE(climbed); i++)
		climbed[i] = (struct step_climbed){step_info((enum step)i)->name,
						   1790000000001 + (msec_t)i};
	for (size_t i = 0; i < MANY; i++) {
		names[i] = arena_printf(scene.ctx.arena, "n%03zu.example.com", i);
		put_hostname(&scene, names[i], NULL);
		climb(&scene, names[i], climbed, ARRAY_SIZE(climbed));
	}
	put_instance(&scene, ID, names, MANY);
	look(&scene, ID);
	for (size_t i = 0; i < MANY; i++)
		change_hostname(&scene, names[i], true, NULL);
	instance = look(&scene, ID);
	assert_int_equal(instance->status.history.count, MANY * ARRAY_SIZE(climbed) + 2);
	expect_event(instance, instance->status.history.count - 1, "ExecutionCompleted",
		     "Completed");
	close_scene(&scene);
}

static void test_the_end_has_room_in_a_full_history(void **state)
{
	struct step_climbed climbed[STEPS_CLIMBED_MAX];
	const struct instance *instance = NULL;
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, NULL);
	put_instance(&scene, ID, one, 1);
	for (size_t round = 0; round < 10; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(climbed); i++)
			climbed[i] = (struct step_climbed){"CheckDnsResolutionStep",
							   ++scene.clock.now};
		climb(&scene, SHOP, climbed, ARRAY_SIZE(climbed));
		instance = look(&scene, ID);
	}
	assert_in_range(instance->status.history.count, 100, 300);
	change_hostname(&scene, SHOP, true, NULL);
	instance = look(&scene, ID);
	expect_event(instance, instance->status.history.count - 1, "ExecutionCompleted",
		     "Completed");
	close_scene(&scene);
}

static void test_withdrawn_and_terminated(void **state)
{
	struct instance instance;
	struct scene scene;
	const void *found;

	(void)state;
	open_scene(&scene);
	put_instance(&scene, ID, one, 1);
	assert_string_equal(look(&scene, ID)->status.error, "HostnameWithdrawn");
	put_hostname(&scene, SHOP, "GetAcmeOrderStep");
	put_instance(&scene, "t", one, 1);
	store_get(&scene.ctx, scene.store, KIND_INSTANCE, "t", &found);
	instance = *(const struct instance *)found;
	instance.spec.is_terminated = true;
	instance.spec.terminate_reason = "no longer wanted";
	store_put_spec(&scene.ctx, scene.store, KIND_INSTANCE, &instance);
	assert_int_equal(look(&scene, "t")->status.runtime_status, RUNTIME_TERMINATED);
	assert_string_equal(look(&scene, "t")->status.output, "no longer wanted");
	close_scene(&scene);
}

static void test_switch_to_the_ca_waits_for_it(void **state)
{
	struct hostname hostname;
	struct scene scene;
	const void *found;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, "GetAcmeOrderStep");
	store_get(&scene.ctx, scene.store, KIND_HOSTNAME, SHOP, &found);
	hostname = *(const struct hostname *)found;
	hostname.wish.source = SOURCE_ACME;
	store_put_spec(&scene.ctx, scene.store, KIND_HOSTNAME, &hostname);
	hostname.status.certificate.is_imported = true;
	store_put_status(&scene.ctx, scene.store, KIND_HOSTNAME, &hostname);
	change_hostname(&scene, SHOP, true, NULL);
	put_instance(&scene, ID, one, 1);
	assert_int_equal(look(&scene, ID)->status.runtime_status, RUNTIME_RUNNING);
	store_get(&scene.ctx, scene.store, KIND_HOSTNAME, SHOP, &found);
	hostname = *(const struct hostname *)found;
	hostname.status.certificate.is_imported = false;
	store_put_status(&scene.ctx, scene.store, KIND_HOSTNAME, &hostname);
	assert_int_equal(look(&scene, ID)->status.runtime_status, RUNTIME_COMPLETED);
	close_scene(&scene);
}

static void test_ended_ones_go(void **state)
{
	static const char *const ids[] = {"a", "b", "c", "d"};
	struct scene scene;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, "Completed");
	change_hostname(&scene, SHOP, true, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		scene.clock.now += MSEC_PER_SEC;
		put_instance(&scene, ids[i], one, 1);
		assert_non_null(look(&scene, ids[i]));
	}
	assert_null(look(&scene, "a"));
	assert_non_null(look(&scene, "b"));
	scene.clock.now += MSEC_PER_DAY;
	assert_null(look(&scene, "b"));
	close_scene(&scene);
}

/* `count` ended ones, named in the order of their end. */
static void end_several(struct scene *scene, size_t count)
{
	put_hostname(scene, SHOP, "Completed");
	change_hostname(scene, SHOP, true, NULL);
	for (size_t i = 0; i < count; i++) {
		const char *id = arena_printf(scene->ctx.arena, "%05zu", i);

		scene->clock.now += 1;
		put_instance(scene, id, one, 1);
		look(scene, id);
	}
	assert_int_equal(store_count(scene->store, KIND_INSTANCE), count);
}

/* As after a start with another number. */
static void keep(struct scene *scene, size_t count)
{
	scene->settings.instances_kept = count;
	scene->world.is_thinned = false;
}

static void test_a_lower_number_counts_from_the_start(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	keep(&scene, 1000);
	end_several(&scene, 12);
	keep(&scene, 5);
	assert_null(look(&scene, "00003"));
	assert_int_equal(store_count(scene.store, KIND_INSTANCE), 5);
	assert_non_null(look(&scene, "00007"));
	close_scene(&scene);
}

static void test_very_many_go_in_several_passes(void **state)
{
	msec_t again = MSEC_NEVER;
	struct scene scene;
	int passes = 0;

	(void)state;
	open_scene(&scene);
	keep(&scene, 1000);
	end_several(&scene, 210);
	keep(&scene, 5);
	do {
		assert_int_equal(instance_reconcile(&scene.ctx, &scene.world, "00209", &again),
				 E_OK);
		passes++;
	} while (again == 1);
	assert_int_equal(passes, 3);
	assert_int_equal(again, MSEC_PER_DAY);
	assert_int_equal(store_count(scene.store, KIND_INSTANCE), 5);
	close_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_one),
		cmocka_unit_test(test_fails_at_a_refusal_after_it),
		cmocka_unit_test(test_fails_by_numbers_and_not_by_times),
		cmocka_unit_test(test_times_out),
		cmocka_unit_test(test_a_clock_that_is_set_ends_nothing),
		cmocka_unit_test(test_a_timeout_tells_what_was_in_the_way),
		cmocka_unit_test(test_several_show_the_least_advanced),
		cmocka_unit_test(test_one_that_nobody_touched_waits_for_the_first_step),
		cmocka_unit_test(test_history_has_every_step_once),
		cmocka_unit_test(test_history_says_where_it_failed),
		cmocka_unit_test(test_history_has_room_for_all_and_for_the_end),
		cmocka_unit_test(test_the_end_has_room_in_a_full_history),
		cmocka_unit_test(test_withdrawn_and_terminated),
		cmocka_unit_test(test_switch_to_the_ca_waits_for_it),
		cmocka_unit_test(test_ended_ones_go),
		cmocka_unit_test(test_a_lower_number_counts_from_the_start),
		cmocka_unit_test(test_very_many_go_in_several_passes),
	};

	return cmocka_run_group_tests_name("instances", tests, NULL, NULL);
}
