/* When a hostname that was refused may be tried again, and what nobody can hasten. */
#include "hostname/schedule.h"

#include "base/log.h"
#include "base/text.h"
#include "store/dirstore.h"
#include "tempdir.h"
#include "unit/check.h"
#include "unit/our_clock.h"

#define CA   "https://ca.test/directory"
#define HOUR MSEC_PER_HOUR
#define MIN  MSEC_PER_MIN

struct scene {
	struct doors doors;
	struct ctx ctx;
	struct settings settings;
	struct hostname_world world;
	struct pass pass;
};

static void open_scene(struct scene *scene)
{
	*scene = (struct scene){.doors = {&our_clock, rng_system(), fs_system(), NULL},
				.settings = {.acme_endpoint = CA}};
	log_open(LOG_LEVEL_ERROR);
	our_time = HOUR;
	ctx_init(&scene->ctx, &scene->doors);
	scene->world.settings = &scene->settings;
	scene->pass = (struct pass){.world = &scene->world, .began = ctx_wall(&scene->ctx)};
}

static msec_t held(struct scene *scene)
{
	return schedule_hold_back(&scene->ctx, &scene->pass, false);
}

static void refuse(struct scene *scene, bool by_ca)
{
	fault_set(&scene->ctx, E_REFUSED, "Broken", "what to do");
	scene->ctx.fault.by_ca = by_ca;
	schedule_refused(&scene->ctx, &scene->pass, STEP_GET_ORDER);
}

static void ask(struct scene *scene, msec_t wait, bool for_all)
{
	fault_set(&scene->ctx, E_THROTTLED, "RateLimited", "slow down");
	scene->ctx.fault.retry_after_ms = wait;
	scene->ctx.fault.for_all = for_all;
	schedule_asked(&scene->ctx, &scene->pass);
}

static void request(struct scene *scene)
{
	our_time += 1;
	scene->pass.host.requested = ctx_wall(&scene->ctx);
}

static void test_a_request_makes_a_refused_one_due(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(held(&scene), 0);
	refuse(&scene, false);
	assert_in_range(held(&scene), 4000, 6000);
	assert_int_equal(schedule_hold_back(&scene.ctx, &scene.pass, true), 0);
	request(&scene);
	assert_int_equal(held(&scene), 0);
	assert_int_equal(held(&scene), 0);
	ctx_fini(&scene.ctx);
}

/* Too early once is no reason to wait longer the next time. */
static void test_a_request_begins_the_row_anew(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	for (int i = 0; i < 5; i++)
		refuse(&scene, false);
	assert_true(held(&scene) > 30000);
	scene.pass.host.asked = 1;
	refuse(&scene, false);
	assert_in_range(held(&scene), 4000, 6000);
	refuse(&scene, false);
	assert_in_range(held(&scene), 8000, 12000);
	ctx_fini(&scene.ctx);
}

/* Set back between the refusal and the request: the number is greater all the same. */
static void test_a_request_counts_whatever_the_clock_says(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	scene.pass.host.asked = 7;
	scene.pass.host.requested = ctx_wall(&scene.ctx) + HOUR; /* by a clock that was fast */
	refuse(&scene, false);
	assert_true(held(&scene) > 0);
	scene.pass.host.asked = 8;
	scene.pass.host.requested = ctx_wall(&scene.ctx) - HOUR;
	assert_int_equal(held(&scene), 0);
	refuse(&scene, false);
	assert_true(held(&scene) > 0);
	ctx_fini(&scene.ctx);
}

static void test_what_the_CA_counted_is_overridden_once_an_hour(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	refuse(&scene, true);
	refuse(&scene, true);
	refuse(&scene, true);
	assert_in_range(held(&scene), 50 * MIN, 150 * MIN);
	request(&scene);
	assert_int_equal(held(&scene), 0);
	assert_in_range(held(&scene), 49 * MIN, 150 * MIN);
	scene.pass.host.status.ca.not_before = ctx_wall(&scene.ctx) + 2 * HOUR;
	our_time += HOUR;
	assert_int_equal(held(&scene), 0);
	scene.pass.host.status.issuance.order_url = CA "/order";
	assert_int_equal(held(&scene), 0);
	ctx_fini(&scene.ctx);
}

static void test_what_the_CA_asked_for_is_overridden_by_nobody(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	ask(&scene, 3 * HOUR, false);
	assert_int_equal(held(&scene), 3 * HOUR);
	request(&scene);
	scene.pass.host.meta.generation++;
	scene.pass.host.status.issuance.order_url = CA "/order";
	assert_int_equal(held(&scene), 3 * HOUR - 1);
	scene.pass.host.status.issuance.order_url = NULL;
	/* and costs no override */
	refuse(&scene, true);
	request(&scene);
	assert_int_equal(held(&scene), 3 * HOUR - 2);
	our_time += 3 * HOUR;
	scene.pass.host.status.ca.not_before = ctx_wall(&scene.ctx) + HOUR;
	assert_int_equal(held(&scene), 0);
	ctx_fini(&scene.ctx);
}

static void test_an_import_asks_no_CA(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	refuse(&scene, true);
	scene.pass.host.status.refusal.count = 0;
	ask(&scene, HOUR, false);
	scene.pass.host.wish.source = SOURCE_IMPORT;
	assert_int_equal(held(&scene), 0);
	ctx_fini(&scene.ctx);
}

static const struct {
	const char *sentence;
	msec_t asked; /* from now */
	const char *by;
	msec_t wait;
} waits[] = {
	{"nothing was asked", 0, NULL, 0},
	{"it is not over", HOUR, CA, HOUR},
	{"it is over", -1, CA, 0},
	{"another CA asked", HOUR, "https://other.test/directory", 0},
	{"longer than a CA can ask: by a clock that was wrong", 49 * HOUR, CA, 0},
};

static void test_waits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		struct hostname hostname = {0};
		msec_t now = our_wall(NULL);

		hostname.status.ca.asked_until = waits[i].asked ? now + waits[i].asked : 0;
		hostname.status.ca.asked_by = waits[i].by;
		check_row_int(waits[i].sentence, schedule_asked_wait(&hostname, CA, now),
			      waits[i].wait);
	}
}

static void put(struct scene *scene, const char *name)
{
	struct hostname hostname = {.meta = {.name = name}};
	struct store *store = scene->world.store;
	const void *found;

	assert_int_equal(store_put_spec(&scene->ctx, store, KIND_HOSTNAME, &hostname), E_OK);
	assert_int_equal(store_get(&scene->ctx, store, KIND_HOSTNAME, name, &found), E_OK);
	hostname = *(const struct hostname *)found;
	hostname.status.ca = scene->pass.host.status.ca;
	assert_int_equal(store_put_status(&scene->ctx, store, KIND_HOSTNAME, &hostname), E_OK);
}

/* Kept on the disk; what it asked of one name is no reason to leave it alone for all. */
static void test_the_pause_of_all_outlives_the_process(void **state)
{
	struct scene scene;
	const char *directory;
	msec_t left;

	(void)state;
	open_scene(&scene);
	directory = tempdir_make(&scene.ctx);
	assert_int_equal(dirstore_open(&scene.ctx, directory, &scene.world.store), E_OK);
	ask(&scene, 2 * HOUR, false);
	put(&scene, "a.example.com");
	ask(&scene, 10 * MIN, true);
	put(&scene, "b.example.com");
	ask(&scene, 5 * MIN, true);
	put(&scene, "c.example.com");
	dirstore_close(scene.world.store);
	assert_int_equal(dirstore_open(&scene.ctx, directory, &scene.world.store), E_OK);
	our_time += MIN;
	assert_int_equal(schedule_ca_pause(&scene.ctx, scene.world.store, &scene.settings, &left),
			 E_OK);
	assert_int_equal(left, 9 * MIN);
	dirstore_close(scene.world.store);
	tempdir_remove(directory);
	ctx_fini(&scene.ctx);
}

static void test_progress(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	scene.pass.verdict = CERTIFICATE_UNUSABLE;
	refuse(&scene, true);
	schedule_progress(&scene.pass, STEP_GET_ORDER);
	assert_int_equal(scene.pass.host.status.refusal.count, 1);
	schedule_progress(&scene.pass, STEP_GET_CHALLENGE);
	assert_int_equal(scene.pass.host.status.refusal.count, 0);
	assert_int_equal(scene.pass.host.status.next_attempt, 0);
	assert_int_equal(scene.pass.host.status.ca.failures, 1);
	scene.pass.verdict = CERTIFICATE_CURRENT;
	schedule_progress(&scene.pass, STEP_CONFIGURE_GATEWAY);
	assert_int_equal(scene.pass.host.status.ca.failures, 0);
	ctx_fini(&scene.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_makes_a_refused_one_due),
		cmocka_unit_test(test_a_request_begins_the_row_anew),
		cmocka_unit_test(test_a_request_counts_whatever_the_clock_says),
		cmocka_unit_test(test_what_the_CA_counted_is_overridden_once_an_hour),
		cmocka_unit_test(test_what_the_CA_asked_for_is_overridden_by_nobody),
		cmocka_unit_test(test_an_import_asks_no_CA),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_the_pause_of_all_outlives_the_process),
		cmocka_unit_test(test_progress),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
