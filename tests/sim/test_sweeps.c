/*
 * One issuance, gone wrong at every single effect in every way: it must still end well, once,
 * within a budget. A lost write shows only as a hang and a lost wake-up only as delay, hence the
 * budget of passes and of simulated time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "sim/rig.h"
#include "sim/sweep.h"

#define EFFECTS_MAX 400

struct sweep {
	const char *sentence;
	enum trouble trouble;
	struct budget budget;
};

static const struct sweep sweeps[] = {
	{"a crash after any effect costs no more than a restart",
	 TROUBLE_CRASH,
	 {80, 5 * MSEC_PER_MIN}},
	{"any effect may get lost on the way there", TROUBLE_LOST_BEFORE, {80, 5 * MSEC_PER_MIN}},
	{"any answer may get lost on the way back", TROUBLE_LOST_AFTER, {80, 5 * MSEC_PER_MIN}},
	{"any call may be throttled", TROUBLE_THROTTLED, {120, 10 * MSEC_PER_MIN}},
	{"any call may be refused once", TROUBLE_REFUSED, {120, 30 * MSEC_PER_MIN}},
	{"any answer may be garbled", TROUBLE_GARBLED, {120, 30 * MSEC_PER_MIN}},
	{"any answer may be empty", TROUBLE_EMPTY, {120, 30 * MSEC_PER_MIN}},
	{"any call may end in a server error", TROUBLE_SERVER_ERROR, {120, 30 * MSEC_PER_MIN}},
};

static void fail_at(struct rig *rig, const struct sweep *sweep, unsigned effect, const char *what)
{
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, rig_doors(rig));
	print_error("%s: at effect %u: %s\n%s\n", sweep->sentence, effect, what,
		    rig_describe(&ctx, rig));
	fail();
}

static void check_nothing_forbidden(struct rig *rig, const struct sweep *sweep, unsigned effect)
{
	struct world_never never = world_never_events(rig_world(rig));

	if (never.finalized_twice || never.issued_while_valid || never.foreign_changed ||
	    never.put_without_if_match || never.put_missing_gateway || never.put_stopped_gateway ||
	    never.vault_foreign_deleted || never.pending_lost || never.beyond_rights)
		fail_at(rig, sweep, effect, never.last);
}

static void check_world(struct rig *rig, const struct sweep *sweep, unsigned effect)
{
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, rig_doors(rig));
	check_nothing_forbidden(rig, sweep, effect);
	if (!world_served_certificate(&ctx, rig_world(rig), "shop.example.com"))
		fail_at(rig, sweep, effect, "Ready, but the gateway does not serve the hostname");
	if (world_count_requests(rig_world(rig), DOOR_VAULT, "^POST /certificates/.*/merge") > 3)
		fail_at(rig, sweep, effect, "merged too often");
}

/* How many effects there are. */
static unsigned issue(const struct sweep *sweep)
{
	struct rig *rig = rig_new();

	sweep_start(rig, sweep->trouble);
	rig_desire(rig, "shop.example.com");
	if (!rig_run(rig, sweep->budget))
		fail_at(rig, sweep, sweep_effect(), "not Ready within the budget");
	check_world(rig, sweep, sweep_effect());
	rig_free(rig);
	return sweep_end();
}

static void test_sweep(void **state)
{
	const struct sweep *sweep = *state;
	unsigned effects = issue(sweep);

	assert_true(effects < EFFECTS_MAX);
	print_message("%s: %u effects\n", sweep->sentence, effects);
	assert_true(effects >= 30);
}

static size_t orders(struct rig *rig)
{
	return world_count_requests(rig_world(rig), DOOR_ACME, "^POST .*new-order");
}

/* What comes back could not be recorded: hence one order is lost at most. */
static bool fill_disk(unsigned effect, msec_t pause)
{
	const struct sweep full = {
		"a disk full from any effect on", TROUBLE_NONE, {120, MSEC_PER_HOUR}};
	bool was_lost;
	struct rig *rig = rig_new();

	rig_desire(rig, "shop.example.com");
	rig_fill_disk(rig, effect);
	rig_pass_time(rig, pause);
	if (orders(rig) > 1)
		fail_at(rig, &full, effect, "ordered again without room for the answer");
	rig_fill_disk(rig, 0);
	if (!rig_run(rig, full.budget))
		fail_at(rig, &full, effect, "not Ready within the budget");
	was_lost = orders(rig) > 1;
	check_world(rig, &full, effect);
	rig_free(rig);
	return was_lost;
}

static void test_full_disk(void **state)
{
	/* What was seen of the vault is fresh still, or not. */
	static const msec_t pauses[] = {20 * MSEC_PER_SEC, 10 * MSEC_PER_MIN};
	bool was_lost = false;

	(void)state;
	for (unsigned effect = 1; effect < 40; effect++)
		for (size_t i = 0; i < sizeof(pauses) / sizeof(*pauses); i++)
			was_lost = fill_disk(effect, pauses[i]) || was_lost;
	assert_true(was_lost); /* once the disk was full between the order and its record */
}

static void test_untroubled(void **state)
{
	const struct sweep calm = {"an issuance without trouble", TROUBLE_NONE, {20, MSEC_PER_MIN}};

	(void)state;
	(void)issue(&calm);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(sweeps) / sizeof(*sweeps) + 2] = {
		cmocka_unit_test(test_untroubled), cmocka_unit_test(test_full_disk)};

	for (size_t i = 0; i < sizeof(sweeps) / sizeof(*sweeps); i++)
		tests[i + 2] = (struct CMUnitTest){sweeps[i].sentence, test_sweep, NULL, NULL,
						   (void *)(uintptr_t)&sweeps[i]};
	return cmocka_run_group_tests_name("sweeps", tests, NULL, NULL);
}
