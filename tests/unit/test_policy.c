/* The opinions, as tables. */
#include "hostname/policy.h"

#include "api/validity.h"
#include "unit/check.h"

#define SEC   MSEC_PER_SEC
#define MIN   MSEC_PER_MIN
#define HOUR  MSEC_PER_HOUR
#define DAY   MSEC_PER_DAY
#define DRAWS 2000
#define NOW   (1790000000 * SEC)

/* --- when a certificate is renewed --- */

static const struct {
	const char *sentence;
	msec_t life, renewed_after;
} lives[] = {
	{"90 days: after 60", 90 * DAY, 60 * DAY},
	{"47 days: after two thirds", 47 * DAY, 47 * DAY - 47 * DAY / 3},
	{"a year: after eight months", 360 * DAY, 240 * DAY},
	{"10 days: after two thirds", 10 * DAY, 10 * DAY - 10 * DAY / 3},
	{"just under 10 days: after half", 10 * DAY - 2, 5 * DAY - 1},
	{"six days: after three", 6 * DAY, 3 * DAY},
	{"an hour: after half", HOUR, HOUR / 2},
	{"no life at all: at once", 0, 0},
};

static void test_renewal_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lives); i++)
		check_row_int(lives[i].sentence, validity_renewal_time(NOW, NOW + lives[i].life),
			      NOW + lives[i].renewed_after);
}

/* --- a clock that cannot be right --- */

/* A certificate of 90 days, issued now; all times from then on. */
static const struct {
	const char *sentence;
	msec_t merged, now, seen; /* merged 1: not known */
} times[] = {
	{"nothing is known of its merge", 1, 61 * DAY, 61 * DAY},
	{"a clock that is right", 5 * MIN, 61 * DAY, 61 * DAY},
	{"merged when the vault was back, weeks later", 50 * DAY, 61 * DAY, 61 * DAY},
	{"merged by a clock two months ahead", 61 * DAY, 61 * DAY + MIN, MIN},
	{"which stays so", 61 * DAY, 130 * DAY, 69 * DAY},
	{"and is set right", 61 * DAY, MIN, MIN},
	{"merged by a clock years ahead", 4000 * DAY, 4000 * DAY + HOUR, HOUR},
	{"merged by a clock two months behind", -61 * DAY, -61 * DAY + MIN, MIN},
	{"and is set right later", -61 * DAY, DAY, DAY},
	{"long after", -61 * DAY, 61 * DAY, 122 * DAY},
	{"issued half an hour from now", -30 * MIN, -29 * MIN, -29 * MIN},
	{"merged just when it got due", 60 * DAY + 59 * MIN, 61 * DAY, 61 * DAY},
};

static void test_what_time_it_is_for_a_certificate(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		const struct certificate_status certificate = {
			.not_before = NOW,
			.not_after = NOW + 90 * DAY,
			.merged = times[i].merged == 1 ? 0 : NOW + times[i].merged,
		};

		check_row_int(times[i].sentence, validity_time(&certificate, NOW + times[i].now),
			      NOW + times[i].seen);
	}
}

/* --- what a certificate is worth --- */

#define LEAF  "aa11"
#define OTHER "bb22"

static const struct certificate_wish acme = {.source = SOURCE_ACME};
static const struct certificate_wish import = {
	.source = SOURCE_IMPORT, .instance = "1", .leaf_sha256 = LEAF, .not_after = NOW + DAY};
static const struct certificate_wish expired_import = {
	.source = SOURCE_IMPORT, .instance = "1", .leaf_sha256 = LEAF, .not_after = NOW};
static const struct certificate_wish forgotten_import = {.source = SOURCE_IMPORT};

static const struct {
	const char *sentence;
	bool is_there;
	msec_t age, left; /* of its life */
	const char *key_type;
	bool is_imported;
	int wanted_key;
	const struct certificate_wish *wish; /* NULL: unsaid */
	enum certificate_verdict verdict;
	const char *why;
} judgements[] = {
	{"there is none", false, 0, 0, NULL, false, 0, NULL, CERTIFICATE_UNUSABLE, "NoCertificate"},
	{"one that is disabled has no secret", false, DAY, 89 * DAY, "RSA-2048", false, 0, NULL,
	 CERTIFICATE_UNUSABLE, "NoCertificate"},
	{"one that has just ended", true, 90 * DAY, 0, "RSA-2048", false, 0, NULL,
	 CERTIFICATE_UNUSABLE, "Expired"},
	{"one that ended long ago", true, 900 * DAY, -DAY, "RSA-2048", false, 0, NULL,
	 CERTIFICATE_UNUSABLE, "Expired"},
	{"a fresh one", true, DAY, 89 * DAY, "RSA-2048", false, 0, NULL, CERTIFICATE_CURRENT,
	 "Current"},
	{"a moment before its renewal", true, 60 * DAY - 1, 30 * DAY + 1, "RSA-2048", false, 0,
	 NULL, CERTIFICATE_CURRENT, "Current"},
	{"at its renewal", true, 60 * DAY, 30 * DAY, "RSA-2048", false, 0, NULL, CERTIFICATE_DUE,
	 "RenewalDue"},
	{"a millisecond before its end", true, 90 * DAY - 1, 1, "RSA-2048", false, 0, NULL,
	 CERTIFICATE_DUE, "RenewalDue"},
	{"any key will do when none is named", true, DAY, 89 * DAY, "EC-P384", false,
	 KEY_TYPE_DEFAULT, NULL, CERTIFICATE_CURRENT, "Current"},
	{"the key that is named", true, DAY, 89 * DAY, "EC-P256", false, KEY_TYPE_EC_P256, NULL,
	 CERTIFICATE_CURRENT, "Current"},
	{"another key than is named", true, DAY, 89 * DAY, "RSA-2048", false, KEY_TYPE_EC_P256,
	 NULL, CERTIFICATE_DUE, "KeyTypeChanged"},
	{"a key without a name", true, DAY, 89 * DAY, NULL, false, KEY_TYPE_EC_P256, NULL,
	 CERTIFICATE_DUE, "KeyTypeChanged"},
	{"an import that waits", true, DAY, 89 * DAY, "RSA-2048", false, 0, &import,
	 CERTIFICATE_DUE, "ImportRequested"},
	{"an import that waits while there is none", false, 0, 0, NULL, false, 0, &import,
	 CERTIFICATE_UNUSABLE, "NoCertificate"},
	{"an import that can no longer come", true, DAY, 89 * DAY, "RSA-2048", false, 0,
	 &expired_import, CERTIFICATE_CURRENT, "Current"},
	{"an imported one is its owner's to renew", true, 80 * DAY, 10 * DAY, "RSA-2048", true, 0,
	 NULL, CERTIFICATE_CURRENT, "Imported"},
	{"an imported one has the key that its owner gave it", true, DAY, 89 * DAY, "RSA-2048",
	 true, KEY_TYPE_EC_P256, &forgotten_import, CERTIFICATE_CURRENT, "Imported"},
	{"an imported one that the CA is to follow", true, DAY, 89 * DAY, "RSA-2048", true, 0,
	 &acme, CERTIFICATE_DUE, "SwitchedToAcme"},
	{"an imported one that has ended", true, 90 * DAY, 0, "RSA-2048", true, 0, NULL,
	 CERTIFICATE_UNUSABLE, "Expired"},
};

static void test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(judgements); i++) {
		struct hostname hostname = {
			.spec = {.key_type = judgements[i].wanted_key},
			.status = {.certificate = {.secret_id = judgements[i].is_there ? "s" : NULL,
						   .not_before = NOW - judgements[i].age,
						   .not_after = NOW + judgements[i].left,
						   .key_type = judgements[i].key_type,
						   .sha256 = OTHER,
						   .is_imported = judgements[i].is_imported}},
		};
		const char *why = NULL;

		if (judgements[i].wish)
			hostname.wish = *judgements[i].wish;
		check_row_int(judgements[i].sentence, policy_judge(&hostname, NOW, &why),
			      judgements[i].verdict);
		check_row_text(judgements[i].sentence, why, judgements[i].why);
	}
}

static void test_finalized(void **state)
{
	struct hostname hostname = {
		.status = {.certificate = {.secret_id = "s",
					   .not_before = NOW - DAY,
					   .not_after = NOW + 89 * DAY},
			   .issuance = {.order_url = "o"}},
	};
	const char *why = NULL;

	(void)state;
	assert_int_equal(policy_judge(&hostname, NOW, &why), CERTIFICATE_CURRENT);
	hostname.status.issuance.csr = "c";
	assert_int_equal(policy_judge(&hostname, NOW, &why), CERTIFICATE_DUE);
	assert_string_equal(why, "OrderFinalized");
	hostname.status.certificate.is_imported = true;
	assert_int_equal(policy_judge(&hostname, NOW, &why), CERTIFICATE_CURRENT);
	assert_string_equal(why, "Imported");
}

/* --- whose it is --- */

static const struct {
	const char *sentence;
	const char *tag; /* Hostname; NULL: none */
	const char *names[2];
	size_t count;
	bool is_ours, is_tagged;
} owners[] = {
	{"the tag says so", "shop.example.com", {"x.example"}, 1, true, true},
	{"in any case", "SHOP.example.com", {"x.example"}, 1, true, true},
	{"the tag says another, whatever the names",
	 "x.example",
	 {"shop.example.com"},
	 1,
	 false,
	 false},
	{"an empty tag is another's", "", {"shop.example.com"}, 1, false, false},
	{"without a tag the name", NULL, {"shop.example.com"}, 1, true, false},
	{"without a tag another name", NULL, {"x.example"}, 1, false, false},
	{"without a tag more names than ours",
	 NULL,
	 {"shop.example.com", "x.example"},
	 2,
	 false,
	 false},
	{"without a tag no name", NULL, {NULL}, 0, false, false},
};

static void test_ownership(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		const char *names[2] = {owners[i].names[0], owners[i].names[1]};
		struct text_pair pairs[2] = {{"Issuer", "x"}, {"Hostname", owners[i].tag}};
		struct vault_certificate certificate = {
			.tags = {pairs, owners[i].tag ? 2 : 1},
			.cert = {.names = {names, owners[i].count}},
		};

		check_row(owners[i].sentence,
			  policy_is_ours(&certificate, "shop.example.com") == owners[i].is_ours);
		check_row(owners[i].sentence, policy_is_tagged(&certificate, "shop.example.com") ==
						      owners[i].is_tagged);
	}
}

/* --- waits: bounds over many draws, and the bounds are come near to --- */

static void check_waits(const char *sentence, msec_t (*draw)(int64_t count, msec_t since),
			int64_t count, msec_t since, msec_t low, msec_t high)
{
	msec_t least = MSEC_NEVER, most = 0;

	for (int i = 0; i < DRAWS; i++) {
		msec_t wait = draw(count, since);

		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	check_row(sentence, least >= low && most <= high);
	check_row(sentence, least <= low + (high - low) / 10 && most >= high - (high - low) / 10);
}

static msec_t draw_refusal(int64_t count, msec_t since)
{
	return policy_refusal_wait(rng_system(), count, since);
}

static msec_t draw_ca(int64_t count, msec_t since)
{
	(void)since;
	return policy_ca_wait(rng_system(), count);
}

static const struct {
	const char *sentence;
	msec_t (*draw)(int64_t count, msec_t since);
	int64_t count;
	msec_t since;
	msec_t low, high;
} waits[] = {
	{"refused once: 5 s", draw_refusal, 1, 0, 4 * SEC, 6 * SEC},
	{"a count of none is the first", draw_refusal, 0, 0, 4 * SEC, 6 * SEC},
	{"refused twice: 10 s", draw_refusal, 2, 10 * SEC, 8 * SEC, 12 * SEC},
	{"refused seven times: 320 s", draw_refusal, 7, HOUR, 256 * SEC, 384 * SEC},
	{"refused eight times: 10 min", draw_refusal, 8, HOUR, 8 * MIN, 12 * MIN},
	{"however often: 10 min", draw_refusal, 100000000000, HOUR, 8 * MIN, 12 * MIN},
	{"for a day: 10 min", draw_refusal, 50, DAY, 8 * MIN, 12 * MIN},
	{"for longer: an hour", draw_refusal, 50, DAY + 1, 48 * MIN, 72 * MIN},
	{"the CA's first: 1 min", draw_ca, 1, 0, 30 * SEC, 90 * SEC},
	{"none is the first", draw_ca, 0, 0, 30 * SEC, 90 * SEC},
	{"the CA's second: 10 min", draw_ca, 2, 0, 5 * MIN, 15 * MIN},
	{"the CA's third: 100 min", draw_ca, 3, 0, 50 * MIN, 150 * MIN},
	{"the CA's fourth: a day", draw_ca, 4, 0, DAY / 2, DAY + DAY / 2},
	{"the CA's fifth: a day", draw_ca, 5, 0, DAY / 2, DAY + DAY / 2},
	{"and every further", draw_ca, 100000000000, 0, DAY / 2, DAY + DAY / 2},
};

static void test_waits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		check_waits(waits[i].sentence, waits[i].draw, waits[i].count, waits[i].since,
			    waits[i].low, waits[i].high);
}

static void test_polls(void **state)
{
	static const msec_t expected[] = {250,	375,  562,  843,  1264,	 1896,
					  2844, 4266, 6399, 9598, 10000, 10000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(policy_poll_wait((int64_t)i, 0), expected[i]);
	assert_int_equal(policy_poll_wait(100000000000, 0), 10000);
	assert_int_equal(policy_poll_wait(-1, 0), 250);
	assert_int_equal(policy_poll_wait(5, 3000), 3000);
	assert_int_equal(policy_poll_wait(0, HOUR), HOUR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_renewal_time),
		cmocka_unit_test(test_what_time_it_is_for_a_certificate),
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_finalized),
		cmocka_unit_test(test_ownership),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_polls),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
