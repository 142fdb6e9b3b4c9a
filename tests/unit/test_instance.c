/*
 * The instance reconciler over a store: what a request of the documented API shows of the hostnames
 * it follows.
 */
#include <string.h>

#include "api/hostname.h"
#include "base/log.h"
#include "base/text.h"
#include "reconcile/instance.h"
#include "store/dirstore.h"
#include "tempdir.h"
#include "unit/check.h"

#define SHOP "shop.example.com"
#define BLOG "blog.example.com"
#define ID   "0123456789abcdef0123456789abcdef"

struct fake_clock {
	struct clock clock;
	msec_t now;
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

static void open_scene(struct scene *scene)
{
	*scene = (struct scene){.clock = {{now, now}, 1790000000 * MSEC_PER_SEC}};
	log_open(LOG_LEVEL_ERROR);
	scene->doors = (struct doors){&scene->clock.clock, rng_system(), fs_system(), NULL};
	ctx_init(&scene->ctx, &scene->doors);
	scene->directory = tempdir_make(&scene->ctx);
	assert_int_equal(dirstore_open(&scene->ctx, scene->directory, &scene->store), E_OK);
	scene->settings = (struct settings){.instance_timeout = MSEC_PER_HOUR,
					    .instance_retention = MSEC_PER_DAY,
					    .instances_kept = 3};
	scene->world = (struct instance_world){&scene->settings, scene->store, followers_new()};
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

static void test_history_has_every_step_once(void **state)
{
	struct step_climbed climbed[] = {{"CheckDnsResolutionStep", 1790000000001},
					 {"GetAcmeOrderStep", 1790000000002}};
	const struct instance *instance;
	struct hostname hostname;
	struct scene scene;
	const void *found;

	(void)state;
	open_scene(&scene);
	put_hostname(&scene, SHOP, "GetAcmeOrderStep");
	put_instance(&scene, ID, one, 1);
	store_get(&scene.ctx, scene.store, KIND_HOSTNAME, SHOP, &found);
	hostname = *(const struct hostname *)found;
	hostname.status.climbed = (struct objects){climbed, 2};
	store_put_status(&scene.ctx, scene.store, KIND_HOSTNAME, &hostname);
	look(&scene, ID);
	instance = look(&scene, ID);
	assert_int_equal(instance->status.history.count, 3);
	assert_string_equal(((struct instance_event *)instance->status.history.items)[2].name,
			    "GetAcmeOrderStep");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_one),
		cmocka_unit_test(test_fails_at_a_refusal_after_it),
		cmocka_unit_test(test_times_out),
		cmocka_unit_test(test_a_timeout_tells_what_was_in_the_way),
		cmocka_unit_test(test_several_show_the_least_advanced),
		cmocka_unit_test(test_history_has_every_step_once),
		cmocka_unit_test(test_withdrawn_and_terminated),
		cmocka_unit_test(test_switch_to_the_ca_waits_for_it),
		cmocka_unit_test(test_ended_ones_go),
	};

	return cmocka_run_group_tests_name("instances", tests, NULL, NULL);
}
