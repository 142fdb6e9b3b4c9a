/*
 * The gateway reconciler when its world is not as it should be: updates that fail, operations that
 * cannot be followed, another gateway in the configuration. In simulated time.
 */
#include "sim/scene.h"

#include <string.h>

#define SHOP	    "shop.example.com"
#define WWW	    "www.shop.example.com"
#define PUT_GATEWAY "^PUT .*/applicationGateways/"
#define ELSEWHERE                                                                \
	"/subscriptions/0/resourceGroups/elsewhere/providers/Microsoft.Network/" \
	"applicationGateways/"

static const struct budget ample = {400, MSEC_PER_HOUR};

/* The message of the failed update names a listener whose end is the other's name. */
static void test_a_failed_update_sets_aside_whom_it_names(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_fault(
		&scene,
		"{\"method\":\"GET\",\"path\":\"/operations/\",\"do\":{\"status\":200,\"body\":{"
		"\"status\":\"Failed\",\"error\":{\"code\":\"ListenerFailed\",\"message\":\"No "
		"way to serve '/httpListeners/www-shop-example-com-listener'.\"}}}}");
	rig_desire(scene.rig, SHOP);
	rig_desire(scene.rig, WWW);
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	scene_assert_condition(&scene, WWW, CONDITION_READY, "False ListenerRejected");
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 2);
	scene_run(&scene, ample);
	scene_close(&scene);
}

static void test_another_gateway_is_the_only_one(void **state)
{
	struct scene scene;
	const char *before = strrchr(sim_options().gateway_id, '/') + 1;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_use_gateway(scene.rig, ELSEWHERE "another");
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	assert_null(rig_gateway(&scene.ctx, scene.rig, before));
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False GatewayNotFound");
	rig_use_gateway(scene.rig, sim_options().gateway_id);
	scene_run(&scene, ample);
	assert_null(rig_gateway(&scene.ctx, scene.rig, "another"));
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
	scene_close(&scene);
}

static void test_what_is_known_of_one_resource_is_not_believed_of_another(void **state)
{
	struct scene scene;
	const char *name = strrchr(sim_options().gateway_id, '/') + 1;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	rig_use_gateway(scene.rig, arena_printf(scene.ctx.arena, ELSEWHERE "%s", name));
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_REACHABLE,
				       "False GatewayNotFound");
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False GatewayNotFound");
	rig_use_gateway(scene.rig, sim_options().gateway_id);
	scene_run(&scene, (struct budget){100, MSEC_PER_MIN});
	assert_int_equal(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 1);
	scene_close(&scene);
}

static void test_an_operation_of_one_resource_is_not_followed_for_another(void **state)
{
	struct scene scene;
	const char *name = strrchr(sim_options().gateway_id, '/') + 1;
	size_t asked;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "gatewayUpdateSeconds", "600");
	rig_desire(scene.rig, SHOP);
	while (!scene_count(&scene, DOOR_ARM, "/operations/"))
		rig_pass_time(scene.rig, MSEC_PER_SEC);
	asked = scene_count(&scene, DOOR_ARM, "/operations/");
	rig_use_gateway(scene.rig, arena_printf(scene.ctx.arena, ELSEWHERE "%s", name));
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	assert_int_equal(scene_count(&scene, DOOR_ARM, "/operations/"), asked);
	rig_use_gateway(scene.rig, sim_options().gateway_id);
	scene_run(&scene, ample);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_failed_update_sets_aside_whom_it_names),
		cmocka_unit_test(test_another_gateway_is_the_only_one),
		cmocka_unit_test(test_what_is_known_of_one_resource_is_not_believed_of_another),
		cmocka_unit_test(test_an_operation_of_one_resource_is_not_followed_for_another),
	};

	return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
