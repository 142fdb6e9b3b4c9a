/* A wall clock that is set is noticed, one that is corrected is not. */
#include "../../cmd/gatecertd/clockwatch.h"

#include "unit/check.h"

static msec_t wall, mono;

static msec_t our_wall(struct clock *clock)
{
	(void)clock;
	return wall;
}

static msec_t our_mono(struct clock *clock)
{
	(void)clock;
	return mono;
}

static struct clock our_clock = {our_wall, our_mono, NULL};

static unsigned times_set;
static msec_t set_by;

static void was_set(void *handle, msec_t by)
{
	assert_ptr_equal(handle, &our_clock);
	times_set++;
	set_by = by;
}

/* What happens between two looks. */
static const struct {
	const char *sentence;
	msec_t wall, mono;
	unsigned times;
	msec_t by;
} rows[] = {
	{"time passes", MSEC_PER_MIN, MSEC_PER_MIN, 0, 0},
	{"the machine slept for a day", MSEC_PER_DAY, MSEC_PER_DAY, 0, 0},
	{"set forward by less than an hour", 60 * MSEC_PER_MIN, MSEC_PER_MIN, 0, 0},
	{"set back by less than an hour", -58 * MSEC_PER_MIN, MSEC_PER_MIN, 0, 0},
	{"set forward by more", 62 * MSEC_PER_MIN, MSEC_PER_MIN, 1, 61 * MSEC_PER_MIN},
	{"told once", MSEC_PER_MIN, MSEC_PER_MIN, 0, 0},
	{"set back by years", -1500 * MSEC_PER_DAY, 0, 1, -1500 * MSEC_PER_DAY},
};

static void look(sd_event *event, msec_t every)
{
	for (int i = 0; i < 3; i++) /* at least one whole interval */
		assert_true(sd_event_run(event, (uint64_t)every * 20000) >= 0);
}

static void test_a_clock_that_is_set_is_noticed(void **state)
{
	struct clockwatch watch = {&our_clock, 1, was_set, &our_clock, 0, NULL};
	sd_event *event;

	(void)state;
	wall = 1790000000 * MSEC_PER_SEC;
	assert_true(sd_event_new(&event) >= 0);
	clockwatch_start(&watch, event);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		times_set = 0;
		set_by = 0;
		wall += rows[i].wall;
		mono += rows[i].mono;
		look(event, watch.every);
		check_row_int(rows[i].sentence, times_set, rows[i].times);
		check_row_int(rows[i].sentence, set_by, rows[i].by);
	}
	clockwatch_stop(&watch);
	sd_event_unref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clock_that_is_set_is_noticed),
	};

	return cmocka_run_group_tests_name("clockwatch", tests, NULL, NULL);
}
