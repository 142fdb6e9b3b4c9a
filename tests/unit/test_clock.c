/* A wall clock that is set is noticed by whoever would do something for good, and believed later.
 */
#include "base/clock.h"

#include "check.h"

#define HOUR MSEC_PER_HOUR
#define DAY  MSEC_PER_DAY

struct hands {
	struct clock clock;
	msec_t wall, mono;
};

static msec_t wall(struct clock *clock)
{
	return ((struct hands *)clock)->wall;
}

static msec_t mono(struct clock *clock)
{
	return ((struct hands *)clock)->mono;
}

/* Time passes, and then the wall clock is set by so much. */
static const struct {
	const char *sentence;
	msec_t passes, set;
	bool has_jumped;
	msec_t ahead; /* of the steady clock, what the wall clock says */
} steps[] = {
	{"the first look", HOUR, 0, false, 0},
	{"time passes", 100 * DAY, 0, false, 0},
	{"a small correction", HOUR, HOUR, false, 0},
	{"and back", HOUR, -HOUR, false, 0},
	{"two months ahead", HOUR, 61 * DAY, true, 61 * DAY},
	{"for a while", 20 * HOUR, 0, true, 61 * DAY},
	{"set right", HOUR, -61 * DAY, false, 0},
	{"two months back", HOUR, -61 * DAY, true, -61 * DAY},
	{"for a day, less a moment", DAY - 1, 0, true, -61 * DAY},
	{"for a day", 1, 0, false, 0},
	{"it is what it is measured by now", 100 * DAY, 0, false, 0},
	{"set right after that", HOUR, 61 * DAY, true, 61 * DAY},
};

static void test_a_clock_that_is_set(void **state)
{
	struct hands hands = {{wall, mono}, 1790000000 * MSEC_PER_SEC, 5};
	struct clock_memory memory = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		hands.mono += steps[i].passes;
		hands.wall += steps[i].passes + steps[i].set;
		check_row_int(steps[i].sentence, clock_has_jumped(&memory, &hands.clock),
			      steps[i].has_jumped);
		check_row(steps[i].sentence,
			  hands.wall - clock_steady(&memory, &hands.clock) == steps[i].ahead);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clock_that_is_set),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
