/*
 * What becomes of a certificate that was brought with its key, with the time that takes.
 */
#include "sim/scene.h"

#include "sim/importer.h"

#define SHOP  "shop.example.com"
#define BRIEF MSEC_PER_HOUR
#define LONG  (365 * MSEC_PER_DAY)

static const struct budget budget = {100, 10 * MSEC_PER_MIN};

/* It is accepted, carried out and served. */
static void import(struct scene *scene, const struct leaf *leaf)
{
	char id[IMPORTER_ID_SIZE];
	const struct instance *instance;

	assert_true(importer_import(scene->rig, SHOP, leaf, id));
	scene_run(scene, budget);
	rig_pass_time(scene->rig, MSEC_PER_MIN);
	instance = importer_instance(&scene->ctx, scene->rig, id);
	assert_non_null(instance);
	assert_int_equal(instance->status.runtime_status, RUNTIME_COMPLETED);
	assert_string_equal(world_served_certificate(&scene->ctx, scene->world, SHOP),
			    leaf->serial);
	assert_int_equal(importer_count_sealed(scene->rig), 0);
}

static void test_ended(void **state)
{
	struct scene scene;
	struct leaf leaf;

	(void)state;
	scene_open(&scene);
	rig_take_imports(scene.rig);
	leaf = importer_leaf(&scene.ctx, SHOP, BRIEF);
	import(&scene, &leaf);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	rig_pass_time(scene.rig, BRIEF);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False ImportNeeded");
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /certificates/[^/]*/create"), 0);
	leaf = importer_leaf(&scene.ctx, SHOP, LONG);
	import(&scene, &leaf);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"an imported certificate that has ended is needed anew", test_ended, NULL, NULL,
		 NULL},
	};

	return cmocka_run_group_tests_name("imports", tests, NULL, NULL);
}
