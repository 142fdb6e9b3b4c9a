/* Which hostnames a gateway should show, in which order, and whom it may wait for. */
#include "gateway/wanted.h"

#include "unit/check.h"
#include "unit/our_clock.h"

#define SEC    MSEC_PER_SEC
#define MIN    MSEC_PER_MIN
#define NOW    (our_wall(NULL))
#define SHOP   "shop.example.com"
#define SECRET "https://vault.test/secrets/shop-example-com"

/* Offsets are from now. */
static const struct {
	const char *sentence;
	msec_t certificate_left; /* 0: no certificate */
	const char *shown;	 /* secret id of the gateway's entry; NULL: none */
	const char *rejected;	 /* reason; NULL: not */
	msec_t rejected_since, requested;
	enum step step; /* STEP_COUNT: never looked at */
	msec_t step_since, next_attempt, created;
	size_t count, missing, advancing, retrying;
	bool is_evicted;
} rows[] = {
	{"a valid certificate is wanted", MIN, NULL, NULL, 0, 0, STEP_CONFIGURE_GATEWAY, 0, 0, -MIN,
	 1, 1, 0, 0, false},
	{"what is shown is wanted and not missing", MIN, SECRET "/", NULL, 0, 0, STEP_COMPLETED, 0,
	 0, -MIN, 1, 0, 0, 0, false},
	{"shown with another certificate it is missing", MIN,
	 "https://old.test/secrets/shop-example-com", NULL, 0, 0, STEP_COMPLETED, 0, 0, -MIN, 1, 1,
	 0, 0, false},
	{"a certificate that has ended is not wanted", -1, NULL, NULL, 0, 0, STEP_CONFIGURE_GATEWAY,
	 0, 0, -MIN, 0, 0, 0, 0, false},
	{"one that was just asked for may soon be wanted", 0, NULL, NULL, 0, 0, STEP_COUNT, 0, 0,
	 -4 * SEC, 0, 0, 1, 0, false},
	{"one that nobody ever looked at is not waited for", 0, NULL, NULL, 0, 0, STEP_COUNT, 0, 0,
	 -5 * SEC, 0, 0, 0, 0, false},
	{"one that climbs may soon be wanted", 0, NULL, NULL, 0, 0, STEP_CHECK_ORDER, -4 * SEC, 0,
	 -MIN, 0, 0, 1, 0, false},
	{"one that has not moved for five seconds is not waited for", 0, NULL, NULL, 0, 0,
	 STEP_CHECK_ORDER, -5 * SEC, 0, -MIN, 0, 0, 0, 0, false},
	{"one that was refused is not waited for", 0, NULL, NULL, 0, 0, STEP_CHECK_DNS, -1 * SEC,
	 SEC, -MIN, 0, 0, 0, 0, false},
	{"one that was refused and is due again is", 0, NULL, NULL, 0, 0, STEP_CHECK_DNS, -1 * SEC,
	 -1, -MIN, 0, 0, 1, 0, false},
	{"what could not be drawn is left alone for a moment", MIN, NULL, "ListenerConflict",
	 -2 * SEC, 0, STEP_CONFIGURE_GATEWAY, 0, 0, -MIN, 0, 0, 0, 0, false},
	{"then it is tried along with the next read", MIN, NULL, "ListenerConflict", -3 * SEC, 0,
	 STEP_CONFIGURE_GATEWAY, 0, 0, -MIN, 1, 0, 0, 1, false},
	{"and at once when somebody asks", MIN, NULL, "ListenerConflict", -2 * SEC, -1 * SEC,
	 STEP_CONFIGURE_GATEWAY, 0, 0, -MIN, 1, 0, 0, 1, false},
	{"what made an update fail is taken out", MIN, NULL, REJECTED_BY_UPDATE, -SEC, 0,
	 STEP_CONFIGURE_GATEWAY, 0, 0, -MIN, 1, 0, 0, 0, true},
	{"for ten minutes", MIN, NULL, REJECTED_BY_UPDATE, 1 - 10 * MIN, 0, STEP_CONFIGURE_GATEWAY,
	 0, 0, -MIN, 1, 0, 0, 0, true},
	{"then it is missing again", MIN, NULL, REJECTED_BY_UPDATE, -10 * MIN, 0,
	 STEP_CONFIGURE_GATEWAY, 0, 0, -MIN, 1, 1, 0, 0, false},
	{"and at once when somebody asks", MIN, NULL, REJECTED_BY_UPDATE, -5 * SEC, -4 * SEC,
	 STEP_CONFIGURE_GATEWAY, 0, 0, -MIN, 1, 1, 0, 0, false},
};

static void test_rows(void **state)
{
	struct doors doors = {&our_clock, rng_system(), fs_system(), NULL};

	(void)state;
	our_time = MSEC_PER_HOUR;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct programmed_hostname programmed = {.hostname = SHOP,
							 .secret_id = rows[i].shown};
		struct rejected_hostname rejected = {SHOP, rows[i].rejected, "text",
						     NOW + rows[i].rejected_since};
		struct gateway gateway = {
			.status = {.programmed = {&programmed, rows[i].shown != NULL},
				   .rejected = {&rejected, rows[i].rejected != NULL}}};
		struct hostname hostname = {
			.meta = {.name = SHOP, .created = NOW + rows[i].created},
			.requested = rows[i].requested ? NOW + rows[i].requested : 0,
			.status = {.step = rows[i].step == STEP_COUNT
						   ? NULL
						   : step_info(rows[i].step)->name,
				   .step_since = NOW + rows[i].step_since,
				   .next_attempt = rows[i].next_attempt ? NOW + rows[i].next_attempt
									: 0,
				   .certificate = {.secret_id = rows[i].certificate_left ? SECRET
									"/version"
											 : NULL,
						   .vault_name = "shop-example-com",
						   .not_after = NOW + rows[i].certificate_left}}};
		const struct hostname *hostnames[] = {&hostname};
		struct ctx ctx cleanup_ctx;
		struct wanted wanted;

		ctx_init(&ctx, &doors);
		wanted = wanted_list(&ctx, &gateway, hostnames, 1);
		check_row(rows[i].sentence, wanted.count == rows[i].count &&
						    wanted.missing == rows[i].missing &&
						    wanted.advancing == rows[i].advancing &&
						    wanted.retrying == rows[i].retrying);
		if (!wanted.count)
			continue;
		check_row_text(rows[i].sentence, wanted.items[0].secret_id, SECRET);
		check_row_text(rows[i].sentence, wanted.items[0].base, "shop-example-com");
		check_row(rows[i].sentence, wanted.items[0].is_evicted == rows[i].is_evicted);
	}
}

static void test_oldest_first(void **state)
{
	static const char *const names[] = {"c.example", "a.example", "b.example", "d.example"};
	static const msec_t ages[] = {10, 20, 20, 30};
	static const char *const expected[] = {"d.example", "a.example", "b.example", "c.example"};
	struct doors doors = {&our_clock, rng_system(), fs_system(), NULL};
	struct ctx ctx cleanup_ctx;
	struct hostname hostnames[4];
	const struct hostname *list[4];
	struct gateway gateway = {0};
	struct wanted wanted;

	(void)state;
	our_time = MSEC_PER_HOUR;
	ctx_init(&ctx, &doors);
	for (size_t i = 0; i < 4; i++) {
		hostnames[i] = (struct hostname){
			.meta = {.name = names[i], .created = NOW - ages[i]},
			.requested = NOW - (msec_t)i,
			.status = {.certificate = {.secret_id = SECRET, .not_after = NOW + 1}}};
		list[i] = &hostnames[i];
	}
	wanted = wanted_list(&ctx, &gateway, list, 4);
	assert_int_equal(wanted.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(wanted.items[i].hostname, expected[i]);
	assert_int_equal(wanted.requested, NOW);
	assert_ptr_equal(list[0], &hostnames[0]); /* the caller's list stays as it was */
}

static const struct {
	const char *sentence;
	const char *error;
	msec_t refused, observed;
	size_t unreached;
} doubts[] = {
	{"refused behind the read", "SelfCheckUnreachable", 2, 1, 1},
	{"refused before it", "SelfCheckUnreachable", 1, 1, 0},
	{"refused for something else", "ChallengeFileNotFound", 2, 1, 0},
	{"not refused", NULL, 0, 1, 0},
};

static void test_doubts(void **state)
{
	struct doors doors = {&our_clock, rng_system(), fs_system(), NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(doubts); i++) {
		struct gateway gateway = {.status = {.observed = doubts[i].observed}};
		struct hostname hostname = {.meta = {.name = SHOP},
					    .status = {.refusal = {.pass = doubts[i].refused,
								   .error = doubts[i].error}}};
		const struct hostname *list[] = {&hostname};
		struct ctx ctx cleanup_ctx;

		ctx_init(&ctx, &doors);
		check_row(doubts[i].sentence,
			  wanted_list(&ctx, &gateway, list, 1).unreached == doubts[i].unreached);
	}
}

static const struct {
	const char *sentence;
	const char *sent; /* NULL: nothing */
	bool keeps_version;
} sents[] = {
	{"nothing was sent", NULL, false},
	{"it was sent for this version", "1", true},
	{"it was sent for another", "2", false},
};

static void test_what_was_sent(void **state)
{
	struct doors doors = {&our_clock, rng_system(), fs_system(), NULL};

	(void)state;
	our_time = MSEC_PER_HOUR;
	for (size_t i = 0; i < ARRAY_SIZE(sents); i++) {
		struct sent_hostname sent = {SHOP, sents[i].sent};
		struct gateway gateway = {.status = {.sent = {&sent, sents[i].sent != NULL}}};
		struct hostname hostname = {.meta = {.name = SHOP},
					    .status = {.certificate = {.secret_id = SECRET "/1",
								       .not_after = NOW + 1}}};
		const struct hostname *list[] = {&hostname};
		struct ctx ctx cleanup_ctx;
		struct wanted wanted;

		ctx_init(&ctx, &doors);
		wanted = wanted_list(&ctx, &gateway, list, 1);
		check_row_text(sents[i].sentence, wanted.items[0].version, "1");
		check_row(sents[i].sentence,
			  wanted.items[0].keeps_version == sents[i].keeps_version);
	}
}

/* Of hostnames that nobody wants. */
static const struct {
	const char *sentence;
	const char *rejected; /* reason; NULL: not */
	bool is_brought, is_programmed, is_evicted;
} leavings[] = {
	{"what an update brought in and failed for is taken out", REJECTED_BY_UPDATE, true, false,
	 true},
	{"what it did not fail for stays", NULL, true, false, false},
	{"what could not be drawn is not there", "ListenerConflict", true, false, false},
	{"what was there before stays", REJECTED_BY_UPDATE, false, false, false},
	{"what is served stays", REJECTED_BY_UPDATE, true, true, false},
};

static void test_leavings(void **state)
{
	struct doors doors = {&our_clock, rng_system(), fs_system(), NULL};

	(void)state;
	our_time = 2 * MSEC_PER_HOUR;
	for (size_t i = 0; i < ARRAY_SIZE(leavings); i++) {
		struct brought_hostname brought = {SHOP, "shop-example-com", SECRET};
		struct programmed_hostname programmed = {.hostname = SHOP, .secret_id = SECRET};
		struct rejected_hostname rejected = {SHOP, leavings[i].rejected, "text", 1};
		struct gateway gateway = {
			.status = {.brought = {&brought, leavings[i].is_brought},
				   .programmed = {&programmed, leavings[i].is_programmed},
				   .rejected = {&rejected, leavings[i].rejected != NULL}}};
		const struct hostname *nobody[1] = {NULL};
		struct ctx ctx cleanup_ctx;
		struct wanted wanted;

		ctx_init(&ctx, &doors);
		wanted = wanted_list(&ctx, &gateway, nobody, 0);
		check_row(leavings[i].sentence,
			  wanted.count == leavings[i].is_evicted && !wanted.missing);
		if (!wanted.count)
			continue;
		check_row(leavings[i].sentence, wanted.items[0].is_evicted);
		check_row_text(leavings[i].sentence, wanted.items[0].base, "shop-example-com");
		check_row_text(leavings[i].sentence, wanted.items[0].secret_id, SECRET);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	 cmocka_unit_test(test_oldest_first),
		cmocka_unit_test(test_doubts),	 cmocka_unit_test(test_what_was_sent),
		cmocka_unit_test(test_leavings),
	};

	return cmocka_run_group_tests_name("wanted", tests, NULL, NULL);
}
