/*
 * The wall clock is set while a certificate is on its way: by months, by more than its life, back
 * to 1970, at every effect, for good or for a while. What was paid for with a finalize is kept, and
 * paid for once.
 */
#include "sim/scene.h"

#include "base/text.h"
#include "sim/importer.h"
#include "sim/sweep.h"

#define SHOP	"shop.example.com"
#define TO_1970 (-1790000000 * MSEC_PER_SEC)
#define EFFECTS 400 /* far more than an issuance has */
#define STRIDE	6   /* each shift about each effect, in one way or another */
#define LIFE	(90 * MSEC_PER_DAY)
#define BUILT	(30 * MSEC_PER_DAY) /* before the start */
#define NOTICED MSEC_PER_MIN
#define SHIFTED (20 * MSEC_PER_MIN)

static const struct {
	const char *sentence;
	msec_t shift;
} shifts[] = {
	{"two hours ahead", 2 * MSEC_PER_HOUR}, {"61 days ahead", 61 * MSEC_PER_DAY},
	{"400 days ahead", 400 * MSEC_PER_DAY}, {"two hours back", -2 * MSEC_PER_HOUR},
	{"61 days back", -61 * MSEC_PER_DAY},	{"in 1970", TO_1970},
};

/* How an issuance goes on once the clock was set. */
static const struct {
	const char *sentence;
	bool restarts, is_set_right;
} ways[] = {
	{"for good", false, false},
	{"for a while", false, true},
	{"for good, and a restart", true, false},
	{"for a while, and a restart", true, true},
};

struct run {
	struct scene scene;
	size_t shift, way;
};

/* Trouble of a sweep. */
static void set_clock(void *handle)
{
	const struct run *run = handle;

	rig_shift_clock(run->scene.rig, shifts[run->shift].shift);
}

/* From now on, one shift each at every stride-th effect. */
static void set_clock_at_each(struct run *run, unsigned first, unsigned stride)
{
	sweep_start_steps(run->scene.rig, &(struct sweep_steps){first, stride, set_clock, run});
}

/* The end of a scene that ends with the clock as wrong as it likes. */
static void end(struct run *run)
{
	ctx_fini(&run->scene.ctx);
	rig_free(run->scene.rig);
	assert_true(sweep_end() < EFFECTS);
}

static size_t count(struct run *run, enum door door, const char *regex)
{
	return scene_count(&run->scene, door, regex);
}

static void fail_run(struct run *run, const char *what)
{
	fail_msg("%s %s, at effect %u: %s; %zu orders, %zu finalized, %zu merged\n%s",
		 shifts[run->shift].sentence, ways[run->way].sentence, sweep_effect(), what,
		 count(run, DOOR_ACME, "^POST /new-order"),
		 count(run, DOOR_ACME, "^POST /finalize"), count(run, DOOR_VAULT, "/merge"),
		 rig_describe(&run->scene.ctx, run->scene.rig));
}

static void check_paid_once(struct run *run)
{
	struct world_never never = world_never_events(run->scene.world);

	if (count(run, DOOR_ACME, "^POST /new-order") > 1 ||
	    count(run, DOOR_ACME, "^POST /finalize") > 1 || count(run, DOOR_VAULT, "/merge") > 1)
		fail_run(run, "more than one");
	if (never.last[0])
		fail_run(run, never.last);
}

static bool is_served(struct run *run)
{
	return world_served_certificate(&run->scene.ctx, run->scene.world, SHOP);
}

/* A clock that is wrong may keep an order from being made, and nothing behind it; but for what was
 * merged before and has ended by it. */
static void check_came_to_its_end(struct run *run)
{
	bool may_have_ended = !ways[run->way].is_set_right && shifts[run->shift].shift > LIFE;

	check_paid_once(run);
	if (count(run, DOOR_ACME, "^POST /new-order") == 0)
		return;
	if (count(run, DOOR_VAULT, "/merge") != 1)
		fail_run(run, "what was begun is not merged");
	if (!may_have_ended && !is_served(run))
		fail_run(run, "what was begun is not served");
}

static void notice(struct run *run)
{
	rig_pass_time(run->scene.rig, NOTICED);
	rig_look_at_all(run->scene.rig);
}

static void issue(struct run *run)
{
	struct scene *scene = &run->scene;

	scene_open(scene);
	scene_set(scene, "orderSeconds", "2");
	rig_built(scene->rig, ctx_wall(&scene->ctx) - BUILT);
	rig_desire(scene->rig, SHOP);
	set_clock_at_each(run, 1 + (unsigned)(run->shift + run->way) % STRIDE, STRIDE);
	rig_pass_time(scene->rig, 2 * MSEC_PER_MIN);
	sweep_once_more();
	if (ways[run->way].restarts)
		rig_restart(scene->rig);
	notice(run);
	rig_pass_time(scene->rig, SHIFTED);
	check_paid_once(run);
	if (!ways[run->way].is_set_right)
		check_came_to_its_end(run);
	if (ways[run->way].is_set_right) {
		rig_shift_clock(scene->rig, 0);
		notice(run);
		if (!rig_run(scene->rig, (struct budget){200, 2 * MSEC_PER_HOUR}))
			fail_run(run, "not settled");
		rig_pass_time(scene->rig, 2 * MSEC_PER_HOUR);
		check_came_to_its_end(run);
	}
	end(run);
}

static void test_set_while_it_is_issued(void **state)
{
	struct run run;

	(void)state;
	for (run.shift = 0; run.shift < ARRAY_SIZE(shifts); run.shift++)
		for (run.way = 0; run.way < ARRAY_SIZE(ways); run.way++)
			issue(&run);
}

/* A CA that does not say what time it is: there is nothing to hold the clock against, and yet what
 * it issued is not replaced over and over. */
static void issue_without_date(struct run *run)
{
	struct scene *scene = &run->scene;
	size_t orders;

	scene_open(scene);
	scene_set(scene, "acmeDate", "no");
	rig_desire(scene->rig, SHOP);
	set_clock_at_each(run, 1, 9);
	rig_pass_time(scene->rig, 2 * MSEC_PER_MIN);
	sweep_once_more();
	rig_look_at_all(scene->rig);
	rig_pass_time(scene->rig, MSEC_PER_HOUR);
	orders = count(run, DOOR_ACME, "^POST /new-order");
	if (orders > 2 || !is_served(run))
		fail_msg("%s at effect %u: %zu orders\n%s", shifts[run->shift].sentence,
			 sweep_effect(), orders, rig_describe(&scene->ctx, scene->rig));
	end(run);
}

static void test_a_ca_without_a_clock(void **state)
{
	struct run run = {0};

	(void)state;
	for (run.shift = 0; run.shift < ARRAY_SIZE(shifts); run.shift++)
		issue_without_date(&run);
}

/* A few wrong answers are believed when they have lasted, and not when the clock says so. */

#define NOT_FOUND                                                                     \
	"\"status\":404,\"body\":{\"type\":\"urn:ietf:params:acme:error:malformed\"," \
	"\"detail\":\"not found\"}"
#define FAULT(path) "{\"method\":\"POST\",\"path\":\"" path "\",\"times\":3,\"do\":{" NOT_FOUND "}}"

static const char *const hiccups[] = {FAULT("^/order/"), FAULT("^/cert/"), FAULT("/pending/merge")};

static bool is_finalized(void *handle)
{
	struct scene *scene = handle;

	return rig_hostname(&scene->ctx, scene->rig, SHOP)->status.issuance.csr;
}

static void miss(const char *fault, unsigned effect, bool restarts)
{
	struct scene scene;

	scene_open(&scene);
	scene_set(&scene, "orderSeconds", "5");
	rig_desire(scene.rig, SHOP);
	assert_true(rig_run_until(scene.rig, is_finalized, &scene, (struct budget){200, NOTICED}));
	scene_fault(&scene, fault);
	rig_shift_clock_at(scene.rig, 61 * MSEC_PER_DAY, effect);
	rig_pass_time(scene.rig, 8 * MSEC_PER_SEC);
	if (restarts)
		rig_restart(scene.rig);
	rig_look_at_all(scene.rig);
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	rig_shift_clock(scene.rig, 0);
	rig_look_at_all(scene.rig);
	scene_run(&scene, (struct budget){200, MSEC_PER_HOUR});
	if (scene_count(&scene, DOOR_ACME, "^POST /new-order") != 1)
		fail_msg("%s, at effect %u%s: ordered again", fault, effect,
			 restarts ? ", with a restart" : "");
	scene_close(&scene);
}

static void test_set_while_something_is_missing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hiccups); i++)
		for (unsigned effect = 1; effect < 21; effect++)
			miss(hiccups[i], effect, effect % 2);
}

/* An import that was accepted is carried out, though it seemed to come too late for a while. */
static void test_set_while_an_import_waits(void **state)
{
	char id[IMPORTER_ID_SIZE];
	struct scene scene;
	struct leaf leaf;

	(void)state;
	scene_open(&scene);
	rig_take_imports(scene.rig);
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	leaf = importer_leaf(&scene.ctx, SHOP, 30 * MSEC_PER_DAY);
	scene_set(&scene, "vaultAccess", "forbid");
	assert_true(importer_import(scene.rig, SHOP, &leaf, id));
	rig_pass_time(scene.rig, MSEC_PER_MIN);
	rig_shift_clock(scene.rig, 61 * MSEC_PER_DAY);
	scene_set(&scene, "vaultAccess", "allow");
	rig_look_at_all(scene.rig);
	rig_pass_time(scene.rig, MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False ClockNotSane");
	assert_int_equal(importer_count_sealed(scene.rig), 1);
	rig_shift_clock(scene.rig, 0);
	rig_look_at_all(scene.rig);
	scene_run(&scene, (struct budget){100, 2 * MSEC_PER_HOUR});
	assert_int_equal(importer_count_sealed(scene.rig), 0);
	assert_string_equal(rig_hostname(&scene.ctx, scene.rig, SHOP)->status.certificate.serial,
			    leaf.serial);
	scene_close(&scene);
}

/* By the daemon's own clock, and of one thread: nobody else could end the waiting. */
static void test_who_waits_lets_time_pass(void **state)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct scene scene;
	struct clock *clock;
	msec_t until, world;

	(void)state;
	scene_open(&scene);
	rig_shift_clock(scene.rig, 61 * MSEC_PER_DAY);
	clock = rig_doors(scene.rig)->clock;
	until = clock->mono(clock) + MSEC_PER_HOUR;
	world = rig_time(scene.rig);
	pthread_mutex_lock(&lock);
	clock_wait(clock, &cond, &lock, until);
	clock_wait(clock, &cond, &lock, until - 1);
	pthread_mutex_unlock(&lock);
	assert_int_equal(clock->mono(clock), until);
	assert_int_equal(rig_time(scene.rig) - world, MSEC_PER_HOUR);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a clock that is set while a certificate is on its way costs no other one",
		 test_set_while_it_is_issued, NULL, NULL, NULL},
		{"nor does it with a CA that does not tell the time", test_a_ca_without_a_clock,
		 NULL, NULL, NULL},
		{"what is missing for seconds has not been missing for months",
		 test_set_while_something_is_missing, NULL, NULL, NULL},
		{"who waits for a time lets it pass", test_who_waits_lets_time_pass, NULL, NULL,
		 NULL},
		{"an import that waits keeps its key", test_set_while_an_import_waits, NULL, NULL,
		 NULL},
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
