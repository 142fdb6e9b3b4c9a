/* What a clock far ahead wrote down neither waits for years nor counts as fresh for years. */
#include "hostname/times.h"

#include "gateway/times.h"
#include "hostname/policy.h"
#include "unit/check.h"
#include "unit/our_clock.h"

#define SEC MSEC_PER_SEC
#define MIN MSEC_PER_MIN
#define DAY MSEC_PER_DAY

static struct doors doors;

static msec_t begin(struct ctx *ctx)
{
	doors = (struct doors){&our_clock, rng_system(), fs_system(), NULL};
	our_time = MSEC_PER_HOUR;
	ctx_init(ctx, &doors);
	return ctx_wall(ctx);
}

/* All from now on; low and high: where the wait then lies. */
static const struct {
	const char *sentence;
	msec_t next_attempt, not_before;
	int64_t refusals, failures;
	msec_t first, pass; /* refusal, before now */
	msec_t low, high, low_ca, high_ca;
} waits[] = {
	{"a wait that is over stays", -MIN, -MIN, 1, 1, MIN, MIN, -MIN, -MIN, -MIN, -MIN},
	{"a wait of a schedule stays", 600 * SEC, 0, 9, 0, MIN, MIN, 600 * SEC, 600 * SEC, 0, 0},
	{"the longest wait stays", DAY * 3 / 2, DAY * 3 / 2, 1, 9, MIN, MIN, DAY * 3 / 2,
	 DAY * 3 / 2, DAY * 3 / 2, DAY * 3 / 2},
	{"a longer one is dealt anew", DAY * 3 / 2 + 1, 0, 1, 0, MIN, MIN, 4 * SEC, 6 * SEC, 0, 0},
	{"by its count", 1500 * DAY, 0, 8, 0, MIN, MIN, 480 * SEC, 720 * SEC, 0, 0},
	{"by its age", 1500 * DAY, 0, 8, 0, 2 * DAY, MIN, 48 * MIN, 72 * MIN, 0, 0},
	{"a refusal of the future is a young one", 1500 * DAY, 0, 8, 0, -1500 * DAY, MIN, 480 * SEC,
	 720 * SEC, 0, 0},
	{"what the CA counted keeps the CA's schedule", 1500 * DAY, 1500 * DAY, 1, 2, MIN, MIN,
	 5 * MIN, 15 * MIN, 5 * MIN, 15 * MIN},
	{"and waits a day where it would have", 1500 * DAY, 1500 * DAY, 1, 9, MIN, MIN, DAY / 2,
	 DAY * 3 / 2, DAY / 2, DAY * 3 / 2},
	{"a clock that was set back by hours", 130 * MIN, 0, 1, 0, -120 * MIN, -120 * MIN, 4 * SEC,
	 6 * SEC, 0, 0},
	{"what the CA counted by it", 130 * MIN, 130 * MIN, 1, 2, -120 * MIN, -120 * MIN, 5 * MIN,
	 15 * MIN, 5 * MIN, 15 * MIN},
	{"a small correction changes nothing", 110 * MIN, 0, 1, 0, -60 * MIN, -60 * MIN, 110 * MIN,
	 110 * MIN, 0, 0},
	{"nor does one while nothing is waited for", -MIN, -MIN, 1, 1, -120 * MIN, -120 * MIN, -MIN,
	 -MIN, -MIN, -MIN},
};

static void test_waits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		cleanup_ctx struct ctx ctx;
		msec_t now = begin(&ctx);
		struct hostname hostname = {
			.status = {.next_attempt = now + waits[i].next_attempt,
				   .refusal = {.count = waits[i].refusals,
					       .first = now - waits[i].first,
					       .pass = now - waits[i].pass},
				   .ca = {.failures = waits[i].failures,
					  .not_before = now + waits[i].not_before}}};
		msec_t wait, ca;

		times_mend_hostname(&ctx, &hostname);
		wait = hostname.status.next_attempt - now;
		ca = hostname.status.ca.not_before - now;
		check_row(waits[i].sentence, wait >= waits[i].low && wait <= waits[i].high);
		check_row(waits[i].sentence, ca >= waits[i].low_ca && ca <= waits[i].high_ca);
	}
}

static void test_no_schedule_is_longer_than_the_longest(void **state)
{
	(void)state;
	for (int draw = 0; draw < 1000; draw++) {
		assert_true(policy_ca_wait(rng_system(), 100) <= POLICY_WAIT_MAX);
		assert_true(policy_refusal_wait(rng_system(), 100, 2 * DAY) <= POLICY_WAIT_MAX);
	}
}

static void test_what_happened_is_not_ahead(void **state)
{
	cleanup_ctx struct ctx ctx;
	msec_t now = begin(&ctx), ahead = now + 1500 * DAY;
	struct hostname hostname = {
		.requested = ahead,
		.status = {.step_since = ahead,
			   .refusal = {.first = ahead, .pass = ahead},
			   .ca = {.forced = ahead}},
	};
	struct rejected_hostname rejected[] = {{.since = ahead}, {.since = now - MIN}};
	struct gateway gateway = {
		.status = {.observed = ahead,
			   .operation_since = ahead,
			   .gathering_since = ahead,
			   .rejected = {rejected, ARRAY_SIZE(rejected)}},
	};

	(void)state;
	times_mend_hostname(&ctx, &hostname);
	assert_int_equal(hostname.requested, 0);
	assert_int_equal(hostname.status.step_since, now);
	assert_int_equal(hostname.status.refusal.first, now);
	assert_int_equal(hostname.status.refusal.pass, now);
	assert_int_equal(hostname.status.ca.forced, now);
	times_mend_gateway(&ctx, &gateway);
	assert_int_equal(gateway.status.observed, 0);
	assert_int_equal(gateway.status.operation_since, now);
	assert_int_equal(gateway.status.gathering_since, now);
	assert_int_equal(rejected[0].since, now);
	assert_int_equal(rejected[1].since, now - MIN);
}

static void test_a_request_outlives_a_small_correction(void **state)
{
	cleanup_ctx struct ctx ctx;
	struct hostname hostname = {.requested = begin(&ctx) + 59 * MIN};

	(void)state;
	times_mend_hostname(&ctx, &hostname);
	assert_int_not_equal(hostname.requested, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_no_schedule_is_longer_than_the_longest),
		cmocka_unit_test(test_what_happened_is_not_ahead),
		cmocka_unit_test(test_a_request_outlives_a_small_correction),
	};

	return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
