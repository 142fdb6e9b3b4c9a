/*
 * A hostname is withdrawn and desired again while a pass works on it. What stands then is another
 * object, and nothing that the pass has paid for is lost with the old one.
 */
#include "sim/scene.h"

#include "base/text.h"

#define SHOP "shop.example.com"

static const struct budget ample = {400, MSEC_PER_HOUR};

static void leave_and_come_back(void *handle)
{
	struct rig *rig = handle;

	rig_withdraw(rig, SHOP);
	rig_desire(rig, SHOP);
}

static void come_back(void *handle)
{
	rig_desire(handle, SHOP);
}

static const char *uid_of(struct scene *scene)
{
	return rig_hostname(&scene->ctx, scene->rig, SHOP)->meta.uid;
}

static void check_count(struct scene *scene, unsigned answer, enum door door, const char *regex,
			size_t wanted)
{
	size_t count = scene_count(scene, door, regex);

	if (count != wanted)
		fail_msg("made again at answer %u: %zu times %s", answer, count, regex);
}

static size_t creates; /* of an issuance that nobody disturbs: the first of them may be refused */

/* False: there were fewer answers. */
static bool return_at(unsigned answer)
{
	struct scene scene;
	const char *uid;
	bool has_happened;

	scene_open(&scene);
	scene_set(&scene, "orderSeconds", "3");
	rig_desire(scene.rig, SHOP);
	uid = uid_of(&scene);
	rig_after_answer(scene.rig, answer, leave_and_come_back);
	scene_run(&scene, ample);
	has_happened = answer > 0 && rig_answers(scene.rig) >= answer;
	check_count(&scene, answer, DOOR_ACME, "^POST .*new-order", 1);
	check_count(&scene, answer, DOOR_ACME, "^POST .*finalize", 1);
	if (answer == 0)
		creates = scene_count(&scene, DOOR_VAULT, "^POST .*/create");
	check_count(&scene, answer, DOOR_VAULT, "^POST .*/create", creates);
	if (text_equals(uid, uid_of(&scene)) == has_happened)
		fail_msg("made again at answer %u: uid %s, then %s", answer, uid, uid_of(&scene));
	scene_close(&scene);
	return has_happened;
}

static void test_made_again_during_an_issuance_nothing_is_ordered_twice(void **state)
{
	unsigned answer = 1;

	(void)state;
	return_at(0);
	while (return_at(answer))
		answer++;
	print_message("%u answers\n", answer - 1);
	assert_true(answer > 15);
}

static bool has_order(void *handle)
{
	const struct scene *scene = handle;
	struct ctx ctx cleanup_ctx;

	ctx_init(&ctx, rig_doors(scene->rig));
	return rig_hostname(&ctx, scene->rig, SHOP)->status.issuance.order_url != NULL;
}

/* False: there were fewer answers. */
static bool return_while_leaving_at(unsigned number)
{
	struct scene scene;
	unsigned before;

	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	assert_true(rig_run_until(scene.rig, has_order, &scene, ample));
	before = rig_answers(scene.rig);
	rig_withdraw(scene.rig, SHOP);
	rig_after_answer(scene.rig, before + number, come_back);
	scene_run(&scene, ample);
	if (rig_answers(scene.rig) < before + number) {
		scene_close(&scene);
		return false;
	}
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	check_count(&scene, number, DOOR_ACME, "^POST .*new-order", 2);
	check_count(&scene, number, DOOR_ACME, "^POST .*finalize", 1);
	scene_close(&scene);
	return true;
}

/* The order that is being given up is not one of the facts that pass on. */
static void test_made_again_while_it_leaves(void **state)
{
	unsigned number = 1;

	(void)state;
	while (return_while_leaving_at(number))
		number++;
	assert_true(number > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_again_during_an_issuance_nothing_is_ordered_twice),
		cmocka_unit_test(test_made_again_while_it_leaves),
	};

	return cmocka_run_group_tests_name("made_again", tests, NULL, NULL);
}
