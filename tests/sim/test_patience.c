/*
 * What takes long and is well all the same: a token that ends soon, a CA that thinks.
 */
#include "sim/scene.h"

#include "base/text.h"
#include "codec/json.h"

#define SHOP "shop.example.com"
#define BLOG "blog.example.com"

static const struct budget ample = {400, MSEC_PER_HOUR};

/* Answers of that status at a door. */
static size_t answers(struct scene *scene, const char *door, int status)
{
	struct call call = {
		.ctx = &scene->ctx, .door = DOOR_ADMIN, .method = "GET", .target = "/requests"};
	struct json *all;
	size_t count = 0;

	world_handle(scene->world, &call);
	assert_int_equal(json_parse(&scene->ctx, call.reply, call.reply_size, &all), E_OK);
	json_for_each (request, all)
		if (json_get_int(request, "status", 0) == status &&
		    text_equals(json_get_text(request, "door"), door))
			count++;
	return count;
}

/* The vault's 401 only asks which token it wants; none of the others is ever shown one that has
 * ended. */
static void test_short_tokens(void **state)
{
	struct scene scene;
	size_t before;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "tokenSeconds", "4");
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	before = scene_count(&scene, DOOR_AUTHORITY, "^POST .*/token$");
	rig_pass_time(scene.rig, 4 * MSEC_PER_SEC);
	rig_desire(scene.rig, BLOG);
	scene_run(&scene, ample);
	assert_true(scene_count(&scene, DOOR_AUTHORITY, "^POST .*/token$") > before);
	assert_int_equal(answers(&scene, "arm", 401), 0);
	assert_int_equal(answers(&scene, "blob", 401), 0);
	scene_close(&scene);
}

static void test_a_ca_that_thinks(void **state)
{
	struct scene scene;
	msec_t began;

	(void)state;
	scene_open(&scene);
	scene_fault(&scene, "{\"method\": \"POST\", \"path\": \"/new-order$\", \"do\": "
			    "{\"delayMs\": 55000}}");
	rig_desire(scene.rig, SHOP);
	began = rig_time(scene.rig);
	scene_run(&scene, ample);
	assert_in_range(rig_time(scene.rig) - began, 55 * MSEC_PER_SEC, 2 * MSEC_PER_MIN);
	assert_int_equal(scene_count(&scene, DOOR_ACME, "^POST /new-order"), 1);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"short-lived tokens are renewed before they end", test_short_tokens, NULL, NULL,
		 NULL},
		{"an order that the CA thinks about is made once", test_a_ca_that_thinks, NULL,
		 NULL, NULL},
	};

	return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
