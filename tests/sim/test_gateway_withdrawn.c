/* Hostnames that are withdrawn while the gateway has trouble with them. In simulated time. */
#include "sim/scene.h"

#include <string.h>

#include "api/gateway.h"
#include "base/text.h"

#define SHOP	    "shop.example.com"
#define WWW	    "www.shop.example.com"
#define PUT_GATEWAY "^PUT .*/applicationGateways/"

static const struct budget ample = {400, MSEC_PER_HOUR};
static const char gateway_is_away[] =
	"{\"method\":\"GET\",\"path\":\"/applicationGateways/\",\"times\":-1,"
	"\"do\":{\"status\":500,\"body\":{\"error\":{\"code\":\"InternalServerError\","
	"\"message\":\"As the test says.\"}}}}";

/* Somebody does it in the vault: no gateway takes a document with it from now on. */
static void disable_secret(struct scene *scene, const char *hostname)
{
	struct http *http = world_http(scene->ctx.arena, scene->world, false);
	struct http_request patch = {.kind = HTTP_ONE_SHOT, .method = "PATCH"};
	const struct certificate_status *certificate =
		&rig_hostname(&scene->ctx, scene->rig, hostname)->status.certificate;
	struct http_reply reply;

	patch.url = arena_printf(scene->ctx.arena, SIM_VAULT "/certificates/%s/%s?api-version=7.4",
				 certificate->vault_name, strrchr(certificate->secret_id, '/') + 1);
	patch.body = "{\"attributes\":{\"enabled\":false}}";
	patch.body_size = strlen(patch.body);
	http_set_header(&patch, "Content-Type", "application/json");
	http_set_header(&patch, "Authorization",
			world_bearer(&scene->ctx, scene->world, "https://vault.azure.net"));
	assert_int_equal(http_send(&scene->ctx, http, &patch, &reply), E_OK);
	assert_int_equal(reply.status, 200);
}

static size_t rejected_count(struct scene *scene)
{
	const char *name = strrchr(sim_options().gateway_id, '/') + 1;

	return rig_gateway(&scene->ctx, scene->rig, name)->status.rejected.count;
}

/* What it brought in would make every later update fail. */
static void fail_update_of_withdrawn(bool is_blamed_first, bool is_restarted)
{
	struct scene scene;

	scene_open(&scene);
	scene_set(&scene, "gatewayUpdateSeconds", "60");
	rig_desire(scene.rig, WWW);
	while (!scene_count(&scene, DOOR_ARM, PUT_GATEWAY))
		rig_pass_time(scene.rig, MSEC_PER_SEC);
	disable_secret(&scene, WWW);
	if (is_blamed_first)
		scene_fault(&scene, gateway_is_away);
	while (is_blamed_first && !rejected_count(&scene))
		rig_pass_time(scene.rig, MSEC_PER_SEC);
	rig_withdraw(scene.rig, WWW);
	if (is_restarted)
		rig_restart(scene.rig);
	rig_pass_time(scene.rig, 2 * MSEC_PER_MIN);
	world_clear_faults(scene.world);
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, 20 * MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	assert_null(scene_secret_id(&scene, "www-shop-example-com"));
	assert_in_range(scene_count(&scene, DOOR_ARM, PUT_GATEWAY), 2, 3);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	assert_int_equal(rejected_count(&scene), 0);
	scene_run(&scene, ample);
	scene_close(&scene);
}

static void test_a_withdrawn_hostname_blocks_nobody(void **state)
{
	(void)state;
	fail_update_of_withdrawn(false, false);
	fail_update_of_withdrawn(false, true);
	fail_update_of_withdrawn(true, false);
	fail_update_of_withdrawn(true, true);
}

/* It is no longer ours to touch, whatever an update says about it. */
static void test_what_was_served_stays_when_it_is_withdrawn(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, WWW);
	scene_run(&scene, ample);
	disable_secret(&scene, WWW);
	rig_withdraw(scene.rig, WWW);
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, 30 * MSEC_PER_MIN);
	scene_assert_gateway_condition(&scene, CONDITION_GATEWAY_WRITABLE, "False UpdateFailed");
	assert_non_null(scene_secret_id(&scene, "www-shop-example-com"));
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_withdrawn_hostname_blocks_nobody),
		cmocka_unit_test(test_what_was_served_stays_when_it_is_withdrawn),
	};

	return cmocka_run_group_tests_name("gateway_withdrawn", tests, NULL, NULL);
}
