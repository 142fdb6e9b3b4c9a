/*
 * Scenes from a gateway's life, acted by the real reconcilers in simulated time. Each asserts the
 * world, not the calls.
 */
#include "sim/scene.h"

#include <string.h>

#include "base/text.h"
#include "world/blob_model.h"
#include "world/dns_model.h"

#define SHOP "shop.example.com"

static const struct budget ample = {400, MSEC_PER_HOUR};

static void test_settled_costs_nothing(void **state)
{
	struct scene scene;
	unsigned writes, effects;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	writes = rig_writes(scene.rig);
	effects = rig_effects(scene.rig);
	rig_pass_time(scene.rig, 30 * MSEC_PER_MIN);
	assert_int_equal(rig_effects(scene.rig), effects);
	rig_pass_time(scene.rig, 12 * MSEC_PER_HOUR);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^PUT|^POST /certificates"), 2);
	/* A look at vault and gateway once an hour; the gateway's time of observation is all that
	 * is written. */
	assert_in_range(rig_writes(scene.rig) - writes, 0, 14);
	scene_close(&scene);
}

static void test_ninety_are_two_updates(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	for (int i = 0; i < 90; i++)
		rig_desire(scene.rig, arena_printf(scene.ctx.arena, "site%d.example.com", i));
	scene_run(&scene, (struct budget){5000, MSEC_PER_HOUR});
	assert_in_range(scene_count(&scene, DOOR_ARM, "^PUT"), 1, 2);
	for (int i = 0; i < 90; i++)
		assert_non_null(world_served_certificate(
			&scene.ctx, scene.world,
			arena_printf(scene.ctx.arena, "site%d.example.com", i)));
	scene_close(&scene);
}

static void test_colliding_names(void **state)
{
	static const char *const names[] = {"a-b.example.com", "a.b.example.com",
					    "a.b-example.com"};
	struct scene scene;

	(void)state;
	scene_open(&scene);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		rig_desire(scene.rig, names[i]);
	scene_run(&scene, ample);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_non_null(world_served_certificate(&scene.ctx, scene.world, names[i]));
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(rig_hostname(&scene.ctx, scene.rig, names[i])
							->status.certificate.vault_name,
						rig_hostname(&scene.ctx, scene.rig, names[k])
							->status.certificate.vault_name);
	}
	scene_close(&scene);
}

static void test_renewal_keeps_serving(void **state)
{
	const struct hostname *hostname;
	struct scene scene;
	char *first, *second;
	msec_t wait;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	hostname = rig_hostname(&scene.ctx, scene.rig, SHOP);
	first = arena_strdup(scene.ctx.arena, hostname->status.certificate.serial);
	wait = hostname->status.renewal_time - ctx_wall(&scene.ctx);
	assert_true(wait > 20 * MSEC_PER_DAY);
	rig_pass_time(scene.rig, wait - MSEC_PER_HOUR);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /certificates/.*/merge"), 1);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /certificates/.*/merge"), 2);
	hostname = rig_hostname(&scene.ctx, scene.rig, SHOP);
	second = arena_strdup(scene.ctx.arena, hostname->status.certificate.serial);
	assert_string_not_equal(first, second);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True Serving");
	scene_assert_condition(&scene, SHOP, CONDITION_RENEWING, "False NotDue");
	assert_int_equal(scene_count(&scene, DOOR_ARM, "^PUT"), 1);
	scene_close(&scene);
}

static void test_failing_renewal_leaves_ready(void **state)
{
	struct scene scene;
	msec_t wait;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	wait = rig_hostname(&scene.ctx, scene.rig, SHOP)->status.renewal_time -
	       ctx_wall(&scene.ctx);
	dns_model_set(scene.world, SHOP, "192.0.2.99");
	rig_pass_time(scene.rig, wait + MSEC_PER_DAY);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True Serving");
	scene_assert_condition(&scene, SHOP, CONDITION_RENEWING, "True WrongTarget");
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /certificates/.*/merge"), 1);
	dns_model_set(scene.world, SHOP, NULL);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_RENEWING, "False NotDue");
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /certificates/.*/merge"), 2);
	scene_close(&scene);
}

static void test_wrong_dns_costs_the_ca_nothing(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	dns_model_set(scene.world, SHOP, "192.0.2.99");
	rig_desire(scene.rig, SHOP);
	rig_desire(scene.rig, "blog.example.com");
	rig_pass_time(scene.rig, MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_DNS_RESOLVED,
			       "False WrongTarget: " SHOP " resolves to 192.0.2.99");
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False WrongTarget");
	scene_assert_condition(&scene, "blog.example.com", CONDITION_READY, "True");
	assert_string_equal(rig_hostname(&scene.ctx, scene.rig, SHOP)->status.refusal.error,
			    "HostnameNotResolvingToApplicationGateway");
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST .*finalize"), 1);
	dns_model_set(scene.world, SHOP, NULL);
	rig_pass_time(scene.rig, 15 * MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	scene_close(&scene);
}

static void test_request_makes_due(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	dns_model_set(scene.world, SHOP, "NXDOMAIN");
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_DNS_RESOLVED, "False NXDomain");
	dns_model_set(scene.world, SHOP, NULL);
	rig_request(scene.rig, SHOP);
	scene_run(&scene, (struct budget){30, MSEC_PER_MIN});
	scene_close(&scene);
}

static void test_expired_refusal_backs_off(void **state)
{
	struct scene scene;
	unsigned early, late;

	(void)state;
	scene_open(&scene);
	dns_model_set(scene.world, SHOP, "NXDOMAIN");
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, 10 * MSEC_PER_MIN);
	early = dns_model_lookups(scene.world);
	assert_in_range(early, 4, 12);
	rig_pass_time(scene.rig, 2 * MSEC_PER_DAY);
	late = dns_model_lookups(scene.world);
	/* every ten minutes on the first day, every hour from then on */
	assert_in_range(late - early, 130, 220);
	scene_close(&scene);
}

static void test_no_challenge_file_is_forgotten(void **state)
{
	struct scene scene;
	const char *order;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "reuseAuthorizations", "no");
	rig_desire(scene.rig, SHOP);
	while (!scene_count(&scene, DOOR_BLOB, "^PUT"))
		rig_pass_time(scene.rig, 50);
	/* The CA loses the order, and its file cannot be deleted before there is another. */
	order = rig_hostname(&scene.ctx, scene.rig, SHOP)->status.issuance.order_url;
	scene_fault(&scene, arena_printf(scene.ctx.arena,
					 "{\"method\": \"POST\", \"path\": \"%s$\", "
					 "\"times\": -1, \"do\": {\"status\": 404}}",
					 strrchr(order, '/')));
	scene_fault(&scene,
		    "{\"method\": \"DELETE\", \"path\": \"/acme-challenge/\", \"times\": -1, "
		    "\"do\": {\"status\": 500}}");
	while (scene_count(&scene, DOOR_ACME, "^POST .*new-order") < 2)
		rig_pass_time(scene.rig, 500);
	assert_in_range(rig_time(scene.rig), 0, 2 * MSEC_PER_MIN);
	world_clear_faults(scene.world);
	scene_run(&scene, ample);
	assert_int_equal(blob_model_count(scene.world), 0);
	scene_close(&scene);
}

/* Nothing can be observed after it, so it is repeated as rarely as anything else at a CA in
 * trouble. */
static void test_unclear_orders_are_not_repeated_in_a_hurry(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_fault(&scene, "{\"method\": \"POST\", \"path\": \"/new-order\", \"times\": -1, "
			    "\"do\": {\"status\": 500}}");
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, MSEC_PER_HOUR);
	assert_in_range(scene_count(&scene, DOOR_ACME, "^POST .*new-order"), 8, 14);
	world_clear_faults(scene.world);
	scene_run(&scene, ample);
	scene_close(&scene);
}

static void limit(struct scene *scene, const char *words, const char *seconds)
{
	scene_fault(scene, arena_printf(scene->ctx.arena,
					"{\"method\": \"POST\", \"path\": \"/new-order\", \"do\": "
					"{\"status\": 429, \"headers\": {\"Retry-After\": \"%s\"}, "
					"\"body\": {\"type\": "
					"\"urn:ietf:params:acme:error:rateLimited\", "
					"\"detail\": \"%s\"}}}",
					seconds, words));
}

static void test_a_limit_of_a_name_outlives_the_process(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	limit(&scene, "too many certificates already issued", "7200");
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_OWNERSHIP_VALIDATED, "Unknown Throttled");
	rig_restart(scene.rig);
	rig_request(scene.rig, SHOP);
	rig_desire(scene.rig, "blog.example.com");
	rig_pass_time(scene.rig, 110 * MSEC_PER_MIN);
	scene_assert_condition(&scene, "blog.example.com", CONDITION_READY, "True");
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST .*new-order"), 2);
	scene_run(&scene, (struct budget){60, 30 * MSEC_PER_MIN});
	scene_close(&scene);
}

static void test_a_limit_of_all_outlives_the_process(void **state)
{
	struct scene scene;
	size_t requests;

	(void)state;
	scene_open(&scene);
	limit(&scene, "too many new orders (300) from this account", "3600");
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	requests = scene_count(&scene, DOOR_ACME, ".");
	rig_restart(scene.rig);
	rig_desire(scene.rig, "blog.example.com");
	rig_pass_time(scene.rig, 55 * MSEC_PER_MIN);
	scene_assert_condition(&scene, "blog.example.com", CONDITION_OWNERSHIP_VALIDATED,
			       "Unknown Throttled");
	assert_int_equal(scene_count(&scene, DOOR_ACME, "."), requests);
	scene_run(&scene, (struct budget){60, 30 * MSEC_PER_MIN});
	scene_close(&scene);
}

static void test_withdrawn_midway_is_undone(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	while (!scene_count(&scene, DOOR_BLOB, "^PUT"))
		rig_pass_time(scene.rig, 50);
	rig_withdraw(scene.rig, SHOP);
	scene_run(&scene, ample);
	assert_null(rig_hostname(&scene.ctx, scene.rig, SHOP));
	assert_true(scene_count(&scene, DOOR_BLOB, "^DELETE") >= 1);
	scene_close(&scene);
}

static void test_withdrawn_ready_is_left_alone(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_withdraw(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_pass_time(scene.rig, MSEC_PER_HOUR);
	assert_null(rig_hostname(&scene.ctx, scene.rig, SHOP));
	assert_non_null(world_served_certificate(&scene.ctx, scene.world, SHOP));
	assert_int_equal(scene_count(&scene, DOOR_ARM, "^PUT"), 1);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /certificates/.*/merge"), 1);
	scene_close(&scene);
}

static void test_wrong_clock_orders_nothing(void **state)
{
	struct scene scene;
	size_t orders;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	orders = scene_count(&scene, DOOR_ACME, "^POST .*order");
	rig_shift_clock(scene.rig, 70 * MSEC_PER_DAY);
	rig_pass_time(scene.rig, 3 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_RENEWING, "True ClockNotSane");
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True Serving");
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST .*order"), orders);
	rig_shift_clock(scene.rig, 0);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_RENEWING, "False NotDue");
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /certificates/.*/merge"), 1);
	scene_close(&scene);
}

/* A certificate of 90 days: by one clock it has ended, by the other it has not. */
static void test_wrong_clock_does_not_tell_what_is_served(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_shift_clock(scene.rig, 100 * MSEC_PER_DAY);
	rig_pass_time(scene.rig, 3 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "Unknown ClockNotSane");
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST .*new-order"), 1);
	rig_shift_clock(scene.rig, 0);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True Serving");
	rig_shift_clock(scene.rig, -100 * MSEC_PER_DAY);
	rig_pass_time(scene.rig, 91 * MSEC_PER_DAY);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "Unknown ClockNotSane");
	rig_shift_clock(scene.rig, 0);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True Serving");
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST .*new-order"), 2);
	scene_close(&scene);
}

/* Years ahead, it wrote down when to try again. */
static void refuse_under_a_fast_clock(struct scene *scene)
{
	rig_shift_clock(scene->rig, 4 * 365 * MSEC_PER_DAY);
	dns_model_set(scene->world, SHOP, "NXDOMAIN");
	rig_desire(scene->rig, SHOP);
	rig_pass_time(scene->rig, MSEC_PER_MIN);
	scene_assert_condition(scene, SHOP, CONDITION_DNS_RESOLVED, "False NXDomain");
	rig_shift_clock(scene->rig, 0);
	dns_model_set(scene->world, SHOP, NULL);
}

static void test_what_a_fast_clock_put_off_is_due_when_the_clock_is_set(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	refuse_under_a_fast_clock(&scene);
	rig_look_at_all(scene.rig);
	scene_run(&scene, (struct budget){60, 5 * MSEC_PER_MIN});
	scene_close(&scene);
}

static void test_what_a_fast_clock_put_off_is_due_after_a_restart(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	refuse_under_a_fast_clock(&scene);
	rig_restart(scene.rig);
	scene_run(&scene, (struct budget){60, 5 * MSEC_PER_MIN});
	scene_close(&scene);
}

static void test_a_request_counts_after_a_fast_clock(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	refuse_under_a_fast_clock(&scene);
	rig_restart(scene.rig);
	rig_pass_time(scene.rig, 1);
	rig_request(scene.rig, SHOP);
	scene_run(&scene, (struct budget){60, 20 * MSEC_PER_SEC});
	scene_close(&scene);
}

static void test_what_a_fast_clock_saw_of_the_gateway_is_old(void **state)
{
	struct scene scene;
	size_t reads;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_shift_clock(scene.rig, 10 * MSEC_PER_DAY);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	rig_shift_clock(scene.rig, 0);
	reads = scene_count(&scene, DOOR_ARM, "^GET .*applicationGateways");
	rig_look_at_all(scene.rig);
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	assert_true(scene_count(&scene, DOOR_ARM, "^GET .*applicationGateways") > reads);
	scene_close(&scene);
}

static void test_a_clock_behind_the_build_orders_nothing(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_built(scene.rig, ctx_wall(&scene.ctx) - 2 * MSEC_PER_DAY);
	rig_shift_clock(scene.rig, -70 * MSEC_PER_DAY);
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_READY,
			       "False ClockNotSane: the clock of this machine is behind");
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST"), 0);
	rig_shift_clock(scene.rig, 0);
	rig_look_at_all(scene.rig);
	scene_run(&scene, (struct budget){60, MSEC_PER_MIN});
	scene_close(&scene);
}

static void test_lost_state_is_rebuilt(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_forget_state(scene.rig);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /certificates/.*/merge"), 1);
	assert_int_equal(scene_count(&scene, DOOR_ARM, "^PUT"), 1);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settled_costs_nothing),
		cmocka_unit_test(test_ninety_are_two_updates),
		cmocka_unit_test(test_colliding_names),
		cmocka_unit_test(test_renewal_keeps_serving),
		cmocka_unit_test(test_failing_renewal_leaves_ready),
		cmocka_unit_test(test_wrong_dns_costs_the_ca_nothing),
		cmocka_unit_test(test_request_makes_due),
		cmocka_unit_test(test_expired_refusal_backs_off),
		cmocka_unit_test(test_no_challenge_file_is_forgotten),
		cmocka_unit_test(test_unclear_orders_are_not_repeated_in_a_hurry),
		cmocka_unit_test(test_a_limit_of_a_name_outlives_the_process),
		cmocka_unit_test(test_a_limit_of_all_outlives_the_process),
		cmocka_unit_test(test_withdrawn_midway_is_undone),
		cmocka_unit_test(test_withdrawn_ready_is_left_alone),
		cmocka_unit_test(test_wrong_clock_orders_nothing),
		cmocka_unit_test(test_wrong_clock_does_not_tell_what_is_served),
		cmocka_unit_test(test_what_a_fast_clock_put_off_is_due_when_the_clock_is_set),
		cmocka_unit_test(test_what_a_fast_clock_put_off_is_due_after_a_restart),
		cmocka_unit_test(test_a_request_counts_after_a_fast_clock),
		cmocka_unit_test(test_what_a_fast_clock_saw_of_the_gateway_is_old),
		cmocka_unit_test(test_a_clock_behind_the_build_orders_nothing),
		cmocka_unit_test(test_lost_state_is_rebuilt),
	};

	return cmocka_run_group_tests_name("scenarios", tests, NULL, NULL);
}
