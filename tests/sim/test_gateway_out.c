/*
 * A gateway that serves nobody, because it was stopped or is gone, and one that only does not say
 * so. In simulated time.
 */
#include "sim/scene.h"

#include <string.h>

#include "api/gateway.h"
#include "base/text.h"

#define TWELVE_DAYS "1036800" /* renewed after eight */
#define SHOP	    "shop.example.com"
#define WWW	    "www.shop.example.com"
#define PUT_GATEWAY "^PUT .*/applicationGateways/"
#define GATEWAY_SAYS(method, times, status, code)                                        \
	"{\"method\":\"" method "\",\"path\":\"/applicationGateways/\",\"times\":" times \
	",\"do\":{\"status\":" status ",\"body\":{\"error\":{\"code\":\"" code           \
	"\",\"message\":\"As the test says.\"}}}}"

static const struct budget ample = {400, MSEC_PER_HOUR};

/* Whoever is proven waits for the update; whoever is not is not even ordered. */
static void test_a_stopped_gateway_is_told(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "gatewayState", "Stopped");
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_GATEWAY_REACHABLE, "False GatewayStopped");
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False GatewayStopped");
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST .*order"), 0);
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 0);
	scene_set(&scene, "gatewayState", "Running");
	rig_request(scene.rig, SHOP);
	scene_run(&scene, (struct budget){100, MSEC_PER_MIN});
	scene_close(&scene);
}

static bool knows_that_it_is_stopped(void *handle)
{
	struct scene *scene = handle;

	return text_starts_with(rig_condition(&scene->ctx, scene->rig, WWW, CONDITION_READY),
				"False GatewayStopped");
}

/* The gateway was seen running not long ago: the failing self-check makes it looked at again. */
static void test_a_gateway_that_was_stopped_meanwhile_is_noticed(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	scene_set(&scene, "gatewayState", "Stopped");
	rig_desire(scene.rig, WWW);
	assert_true(rig_run_until(scene.rig, knows_that_it_is_stopped, &scene,
				  (struct budget){100, MSEC_PER_MIN}));
	rig_pass_time(scene.rig, MSEC_PER_SEC);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False GatewayStopped");
	scene_set(&scene, "gatewayState", "Running");
	scene_run(&scene, ample);
	scene_close(&scene);
}

static const struct {
	const char *state, *told;
} outages[] = {
	{"Stopped", "False GatewayStopped"},
	{"Missing", "False GatewayNotFound"},
};

static void assert_conditions(struct scene *scene, const char *hostname, const char *wanted)
{
	static const char *const types[] = {CONDITION_READY, CONDITION_GATEWAY_REACHABLE,
					    CONDITION_GATEWAY_CONFIGURED};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		scene_assert_condition(scene, hostname, types[i], wanted);
}

/* The hourly look is enough: nobody has to ask. */
static void test_settled_hostnames_tell_of_a_gateway_that_is_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(outages); i++) {
		struct scene scene;
		size_t asked;

		scene_open(&scene);
		rig_desire(scene.rig, SHOP);
		rig_desire(scene.rig, WWW);
		scene_run(&scene, ample);
		scene_set(&scene, "gatewayState", outages[i].state);
		asked = scene_count(&scene, DOOR_VAULT, ".") + scene_count(&scene, DOOR_ACME, ".");
		rig_pass_time(scene.rig, 80 * MSEC_PER_MIN);
		assert_conditions(&scene, SHOP, outages[i].told);
		assert_conditions(&scene, WWW, outages[i].told);
		rig_restart(scene.rig);
		scene_fault(&scene, GATEWAY_SAYS("GET", "-1", "403", "AuthorizationFailed"));
		rig_pass_time(scene.rig, 10 * MSEC_PER_MIN);
		scene_assert_condition(&scene, SHOP, CONDITION_READY, "False");
		assert_in_range(scene_count(&scene, DOOR_VAULT, ".") +
					scene_count(&scene, DOOR_ACME, ".") - asked,
				0, 8);
		world_clear_faults(scene.world);
		scene_set(&scene, "gatewayState", "Running");
		rig_pass_time(scene.rig, 15 * MSEC_PER_MIN);
		assert_conditions(&scene, SHOP, "True");
		assert_conditions(&scene, WWW, "True");
		assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
		scene_run(&scene, ample);
		scene_close(&scene);
	}
}

static const char *const silences[] = {
	GATEWAY_SAYS("GET", "-1", "403", "AuthorizationFailed"),
	GATEWAY_SAYS("GET", "-1", "429", "TooManyRequests"),
	GATEWAY_SAYS("GET", "-1", "500", "InternalServerError"),
	("{\"method\":\"GET\",\"path\":\"/applicationGateways/\",\"times\":-1,\"do\":{"
	 "\"reset\":\"before\"}}"),
};

/* Never ends; fails where it is not so. */
static bool is_always_ready(void *handle)
{
	struct scene *scene = handle;

	scene_assert_condition(scene, SHOP, CONDITION_READY, "True");
	return false;
}

static void test_a_gateway_that_says_nothing_goes_on_serving(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(silences); i++) {
		struct scene scene;

		scene_open(&scene);
		rig_desire(scene.rig, SHOP);
		scene_run(&scene, ample);
		scene_fault(&scene, silences[i]);
		assert_false(rig_run_until(scene.rig, is_always_ready, &scene,
					   (struct budget){2000, 3 * MSEC_PER_HOUR}));
		assert_false(text_starts_with(
			rig_gateway_condition(&scene.ctx, scene.rig, CONDITION_GATEWAY_REACHABLE),
			"True"));
		world_clear_faults(scene.world);
		scene_run(&scene, ample);
		scene_close(&scene);
	}
}

/* What is due for renewal tells the same, and tells when it is over. */
static void test_a_renewal_hides_no_gateway_that_is_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(outages); i++) {
		struct scene scene;
		msec_t due;

		scene_open(&scene);
		scene_set(&scene, "certificateSeconds", TWELVE_DAYS);
		rig_desire(scene.rig, SHOP);
		scene_run(&scene, ample);
		due = rig_hostname(&scene.ctx, scene.rig, SHOP)->status.renewal_time;
		rig_pass_time(scene.rig, due - ctx_wall(&scene.ctx) - 2 * MSEC_PER_HOUR);
		scene_set(&scene, "gatewayState", outages[i].state);
		rig_pass_time(scene.rig, 3 * MSEC_PER_HOUR);
		assert_conditions(&scene, SHOP, outages[i].told);
		scene_set(&scene, "gatewayState", "Running");
		rig_look_at_gateway(scene.rig);
		rig_pass_time(scene.rig, 5 * MSEC_PER_SEC);
		assert_conditions(&scene, SHOP, "True");
		scene_run(&scene, ample);
		assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
		scene_close(&scene);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_stopped_gateway_is_told),
		cmocka_unit_test(test_a_gateway_that_was_stopped_meanwhile_is_noticed),
		cmocka_unit_test(test_settled_hostnames_tell_of_a_gateway_that_is_out),
		cmocka_unit_test(test_a_gateway_that_says_nothing_goes_on_serving),
		cmocka_unit_test(test_a_renewal_hides_no_gateway_that_is_out),
	};

	return cmocka_run_group_tests_name("gateway out", tests, NULL, NULL);
}
