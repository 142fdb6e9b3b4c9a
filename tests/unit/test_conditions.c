/* What is told of a pass: which condition, when a hiccup counts, and what a renewal's trouble may
 * not touch. */
#include "hostname/conditions.h"

#include "base/log.h"
#include "controller/patience.h"
#include "hostname/schedule.h"
#include "unit/check.h"
#include "unit/our_clock.h"

#define SHOP   "shop.example.com"
#define SECRET "https://vault.test/secrets/shop-example-com"

/* A hostname with a certificate that the gateway shows; the rows say what of it is not so. */
struct scene {
	struct doors doors;
	struct ctx ctx;
	struct pass pass;
	struct gateway gateway;
	struct programmed_hostname programmed;
};

static void open_scene(struct scene *scene, enum certificate_verdict verdict)
{
	*scene = (struct scene){.doors = {&our_clock, rng_system(), fs_system(), NULL}};
	log_open(LOG_LEVEL_ERROR);
	our_time = MSEC_PER_HOUR;
	ctx_init(&scene->ctx, &scene->doors);
	scene->programmed = (struct programmed_hostname){.hostname = SHOP, .secret_id = SECRET};
	scene->gateway.status.programmed = (struct objects){&scene->programmed, 1};
	scene->pass = (struct pass){
		.name = SHOP, .gateway = &scene->gateway, .verdict = verdict, .why = "RenewalDue"};
	scene->pass.host.meta.generation = 7;
	scene->pass.host.status.certificate.secret_id = SECRET "/version";
}

static const char *told(struct scene *scene, const char *type)
{
	const struct condition *condition = condition_find(&scene->pass.host.status.conditions,
							   type);

	if (!condition)
		return "-";
	assert_int_equal(condition->observed_generation, 7);
	return arena_printf(scene->ctx.arena, "%s %s", condition_status_names[condition->status],
			    condition->reason);
}

static void given(struct scene *scene, const char *type, enum condition_status status,
		  const char *reason)
{
	condition_set(&scene->ctx, &scene->pass.host.status.conditions, type, status, reason,
		      "before", 7);
}

static void fail_step(struct scene *scene, enum step step, enum err err, const char *reason)
{
	fault_set(&scene->ctx, err, reason, "what happened");
	conditions_failed(&scene->ctx, &scene->pass, step, err);
}

/* --- failures --- */

static const struct {
	const char *sentence;
	enum err err;
	msec_t lasted; /* since the first of its kind */
	const char *dns;
} failures[] = {
	{"a refusal counts at once", E_REFUSED, 0, "False Broken"},
	{"so does what was not found", E_NOTFOUND, 0, "False Broken"},
	{"so does being throttled", E_THROTTLED, 0, "Unknown Throttled"},
	{"a hiccup does not", E_AGAIN, 0, "True Before"},
	{"nor after most of a minute", E_AGAIN, 59999, "True Before"},
	{"after a minute it does", E_AGAIN, 60000, "Unknown Broken"},
	{"nor does a conflict", E_CONFLICT, 59999, "True Before"},
	{"until it lasts", E_CONFLICT, 60000, "Unknown Broken"},
	{"shutting down says nothing", E_CANCELLED, 60000, "True Before"},
};

static void test_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++) {
		struct scene scene;

		open_scene(&scene, CERTIFICATE_UNUSABLE);
		given(&scene, CONDITION_DNS_RESOLVED, CONDITION_TRUE, "Before");
		if (failures[i].lasted) {
			fail_step(&scene, STEP_CHECK_DNS, failures[i].err, "Broken");
			our_time += failures[i].lasted;
		}
		fail_step(&scene, STEP_CHECK_DNS, failures[i].err, "Broken");
		check_row_text(failures[i].sentence, told(&scene, CONDITION_DNS_RESOLVED),
			       failures[i].dns);
		ctx_fini(&scene.ctx);
	}
}

static void test_a_step_that_holds_ends_its_hiccup(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, CERTIFICATE_UNUSABLE);
	fail_step(&scene, STEP_GET_ORDER, E_AGAIN, "Broken");
	our_time += 50 * MSEC_PER_SEC;
	/* a step below says nothing about it */
	conditions_hold(&scene.ctx, &scene.pass, STEP_GATEWAY_PUBLIC_IP);
	assert_int_not_equal(scene.pass.note.trouble_since, 0);
	conditions_hold(&scene.ctx, &scene.pass, STEP_GET_ORDER);
	assert_int_equal(scene.pass.note.trouble_since, 0);
	our_time += 50 * MSEC_PER_SEC;
	fail_step(&scene, STEP_GET_ORDER, E_AGAIN, "Broken");
	assert_string_equal(told(&scene, CONDITION_OWNERSHIP_VALIDATED), "-");
	ctx_fini(&scene.ctx);
}

static void test_trouble_of_another_step_begins_anew(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, CERTIFICATE_UNUSABLE);
	fail_step(&scene, STEP_GET_ORDER, E_AGAIN, "Broken");
	our_time += 2 * MSEC_PER_MIN;
	fail_step(&scene, STEP_CREATE_CERTIFICATE, E_AGAIN, "Broken");
	assert_string_equal(told(&scene, CONDITION_CERTIFICATE_ISSUED), "-");
	ctx_fini(&scene.ctx);
}

/* --- a renewal --- */

static void test_trouble_with_a_renewal(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, CERTIFICATE_DUE);
	given(&scene, CONDITION_OWNERSHIP_VALIDATED, CONDITION_TRUE, "Validated");
	given(&scene, CONDITION_GATEWAY_CONFIGURED, CONDITION_TRUE, "Configured");
	conditions_climbing(&scene.ctx, &scene.pass, STEP_GET_ORDER);
	assert_string_equal(told(&scene, CONDITION_OWNERSHIP_VALIDATED), "True Validated");
	fail_step(&scene, STEP_GET_ORDER, E_REFUSED, "ValidationFailed");
	assert_string_equal(told(&scene, CONDITION_OWNERSHIP_VALIDATED), "True Validated");
	assert_string_equal(told(&scene, CONDITION_RENEWING), "True ValidationFailed");
	conditions_conclude(&scene.ctx, &scene.pass, E_REFUSED);
	assert_string_equal(told(&scene, CONDITION_RENEWING), "True ValidationFailed");
	assert_string_equal(told(&scene, CONDITION_READY), "True Serving");
	/* the gateway's trouble is not the renewal's */
	fail_step(&scene, STEP_CONFIGURE_GATEWAY, E_REFUSED, "ListenerConflict");
	assert_string_equal(told(&scene, CONDITION_GATEWAY_CONFIGURED), "False ListenerConflict");
	ctx_fini(&scene.ctx);
}

/* --- what a pass ends with --- */

static const struct {
	const char *sentence;
	enum certificate_verdict verdict;
	bool is_shown;
	const char *old_renewing; /* "True X"; NULL: none */
	const char *false_type;	  /* a condition that is False; NULL: none */
	enum err err;
	const char *ready, *renewing;
} conclusions[] = {
	{"current and shown", CERTIFICATE_CURRENT, true, NULL, NULL, E_OK, "True Serving",
	 "False NotDue"},
	{"due and shown", CERTIFICATE_DUE, true, NULL, NULL, E_OK, "True Serving",
	 "True RenewalDue"},
	{"due again", CERTIFICATE_DUE, true, "False", NULL, E_OK, "True Serving",
	 "True RenewalDue"},
	{"the reason of a renewal's trouble stays", CERTIFICATE_DUE, true, "True", NULL, E_OK,
	 "True Serving", "True Before"},
	{"renewed", CERTIFICATE_CURRENT, true, "True", NULL, E_OK, "True Serving", "False NotDue"},
	{"ended before it was renewed", CERTIFICATE_UNUSABLE, true, "True", NULL, E_OK,
	 "False InProgress", "False RenewalDue"},
	{"none yet", CERTIFICATE_UNUSABLE, false, NULL, NULL, E_OK, "False InProgress", "-"},
	{"current and not shown yet", CERTIFICATE_CURRENT, false, NULL, NULL, E_OK,
	 "False InProgress", "False NotDue"},
	{"what is False is the reason", CERTIFICATE_CURRENT, false, NULL,
	 CONDITION_GATEWAY_CONFIGURED, E_REFUSED, "False Broken", "False NotDue"},
	{"a spec that cannot be read is not", CERTIFICATE_CURRENT, false, NULL,
	 CONDITION_SPEC_VALID, E_OK, "False InProgress", "False NotDue"},
	{"nor is an end that is near", CERTIFICATE_CURRENT, false, NULL, CONDITION_EXPIRING, E_OK,
	 "False InProgress", "False NotDue"},
	{"what is False does not outweigh what is served", CERTIFICATE_CURRENT, true, NULL,
	 CONDITION_DNS_RESOLVED, E_REFUSED, "True Serving", "False NotDue"},
	{"shutting down takes nothing back", CERTIFICATE_UNUSABLE, false, NULL,
	 CONDITION_DNS_RESOLVED, E_CANCELLED, "-", "-"},
};

static void test_conclusions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(conclusions); i++) {
		struct scene scene;
		const char *sentence = conclusions[i].sentence;

		open_scene(&scene, conclusions[i].verdict);
		if (!conclusions[i].is_shown)
			scene.gateway.status.programmed.count = 0;
		if (conclusions[i].old_renewing)
			given(&scene, CONDITION_RENEWING,
			      text_equals(conclusions[i].old_renewing, "True") ? CONDITION_TRUE
									       : CONDITION_FALSE,
			      "Before");
		if (conclusions[i].false_type)
			given(&scene, conclusions[i].false_type, CONDITION_FALSE, "Broken");
		scene.pass.host.status.step = step_info(STEP_CONFIGURE_GATEWAY)->name;
		conditions_conclude(&scene.ctx, &scene.pass, conclusions[i].err);
		check_row_text(sentence, told(&scene, CONDITION_READY), conclusions[i].ready);
		check_row_text(sentence, told(&scene, CONDITION_RENEWING), conclusions[i].renewing);
		ctx_fini(&scene.ctx);
	}
}

static const struct {
	const char *sentence;
	msec_t left, ca_clock; /* of the certificate, and the CA's: from now; 0: no other clock */
	bool is_shown, was_ready;
	const char *ready;
} clocks[] = {
	{"no other clock", MSEC_PER_DAY, 0, true, true, "True Serving"},
	{"valid by both clocks", MSEC_PER_DAY, MSEC_PER_HOUR, true, true, "True Serving"},
	{"ended by ours alone", -1, -MSEC_PER_DAY, true, false, "Unknown ClockNotSane"},
	{"ended by the CA's alone", MSEC_PER_HOUR, MSEC_PER_DAY, true, true,
	 "Unknown ClockNotSane"},
	{"ended by both", -MSEC_PER_DAY, -MSEC_PER_HOUR, true, true, "False InProgress"},
	{"not looked for any more", -1, -MSEC_PER_DAY, false, true, "Unknown ClockNotSane"},
	{"not shown yet", -1, -MSEC_PER_DAY, false, false, "False InProgress"},
};

static void test_a_clock_that_may_be_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct scene scene;
		msec_t now;

		open_scene(&scene, clocks[i].left > 0 ? CERTIFICATE_CURRENT : CERTIFICATE_UNUSABLE);
		now = ctx_wall(&scene.ctx);
		scene.pass.host.status.certificate.not_after = now + clocks[i].left;
		scene.pass.ca_clock = clocks[i].ca_clock ? now + clocks[i].ca_clock : 0;
		if (!clocks[i].is_shown)
			scene.gateway.status.programmed.count = 0;
		if (clocks[i].was_ready)
			given(&scene, CONDITION_READY, CONDITION_TRUE, "Before");
		conditions_conclude(&scene.ctx, &scene.pass, E_OK);
		check_row_text(clocks[i].sentence, told(&scene, CONDITION_READY), clocks[i].ready);
		ctx_fini(&scene.ctx);
	}
}

static void test_a_step_of_another_version_has_no_words(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, CERTIFICATE_UNUSABLE);
	scene.pass.host.status.step = "AskTheOracleStep";
	conditions_conclude(&scene.ctx, &scene.pass, E_OK);
	assert_string_equal(told(&scene, CONDITION_READY), "False InProgress");
	assert_string_equal(
		condition_find(&scene.pass.host.status.conditions, CONDITION_READY)->message, "");
	ctx_fini(&scene.ctx);
}

static void test_another_certificate_on_the_gateway_is_not_ours(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, CERTIFICATE_CURRENT);
	scene.programmed.secret_id = "https://other.test/secrets/shop-example-com";
	conditions_conclude(&scene.ctx, &scene.pass, E_OK);
	assert_string_equal(told(&scene, CONDITION_READY), "False InProgress");
	ctx_fini(&scene.ctx);
}

/* --- climbing and holding --- */

static void test_climbing(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, CERTIFICATE_UNUSABLE);
	conditions_climbing(&scene.ctx, &scene.pass, STEP_CHECK_DNS);
	assert_string_equal(told(&scene, CONDITION_DNS_RESOLVED), "Unknown InProgress");
	/* what was False stays, with its reason, until it is known to be otherwise */
	given(&scene, CONDITION_DNS_RESOLVED, CONDITION_FALSE, "NXDomain");
	conditions_climbing(&scene.ctx, &scene.pass, STEP_CHECK_DNS);
	assert_string_equal(told(&scene, CONDITION_DNS_RESOLVED), "False NXDomain");
	given(&scene, CONDITION_OWNERSHIP_VALIDATED, CONDITION_TRUE, "Validated");
	conditions_climbing(&scene.ctx, &scene.pass, STEP_DELETE_FILE);
	assert_string_equal(told(&scene, CONDITION_OWNERSHIP_VALIDATED), "True Validated");
	ctx_fini(&scene.ctx);
}

static void test_holding(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, CERTIFICATE_CURRENT);
	conditions_hold(&scene.ctx, &scene.pass, STEP_CHECK_DNS);
	assert_string_equal(told(&scene, CONDITION_DNS_RESOLVED), "-"); /* nobody has looked */
	scene.pass.note.dns_checked = 1;
	conditions_hold(&scene.ctx, &scene.pass, STEP_CHECK_DNS);
	assert_string_equal(told(&scene, CONDITION_DNS_RESOLVED), "True ResolvesToGateway");
	conditions_hold(&scene.ctx, &scene.pass, STEP_CREATE_CERTIFICATE);
	assert_string_equal(told(&scene, CONDITION_CERTIFICATE_ISSUED), "True Issued");
	ctx_fini(&scene.ctx);
}

/* A validation stays told after the certificate is there, and is not told anew of one that was
 * never watched. */
static void test_validation_is_told_once(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, CERTIFICATE_CURRENT);
	given(&scene, CONDITION_OWNERSHIP_VALIDATED, CONDITION_TRUE, "Before");
	conditions_hold(&scene.ctx, &scene.pass, STEP_CHECK_ORDER);
	assert_string_equal(told(&scene, CONDITION_OWNERSHIP_VALIDATED), "True Before");
	given(&scene, CONDITION_OWNERSHIP_VALIDATED, CONDITION_FALSE, "Before");
	conditions_hold(&scene.ctx, &scene.pass, STEP_CHECK_ORDER);
	assert_string_equal(told(&scene, CONDITION_OWNERSHIP_VALIDATED), "True Validated");
	given(&scene, CONDITION_OWNERSHIP_VALIDATED, CONDITION_TRUE, "Before");
	scene.pass.verdict = CERTIFICATE_DUE;
	conditions_hold(&scene.ctx, &scene.pass, STEP_CHECK_ORDER);
	assert_string_equal(told(&scene, CONDITION_OWNERSHIP_VALIDATED), "True Validated");
	ctx_fini(&scene.ctx);
}

/* --- an imported certificate that nears its end --- */

static const struct {
	const char *sentence;
	bool is_imported, is_there, was_told;
	msec_t left;
	const char *expiring;
} ends[] = {
	{"one of ours is renewed", false, true, false, MSEC_PER_DAY, "-"},
	{"an imported one with a month left", true, true, false, 30 * MSEC_PER_DAY,
	 "False NotNear"},
	{"an imported one with less", true, true, false, 30 * MSEC_PER_DAY - 1,
	 "True ImportedCertificateExpires"},
	{"an imported one that is gone", true, false, false, MSEC_PER_DAY, "False NotNear"},
	{"one of ours after an imported one", false, true, true, MSEC_PER_DAY, "False NotNear"},
};

static void test_expiring(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct scene scene;
		struct certificate_status *certificate = &scene.pass.host.status.certificate;

		open_scene(&scene, CERTIFICATE_CURRENT);
		certificate->is_imported = ends[i].is_imported;
		certificate->secret_id = ends[i].is_there ? SECRET : NULL;
		certificate->not_after = ctx_wall(&scene.ctx) + ends[i].left;
		if (ends[i].was_told)
			given(&scene, CONDITION_EXPIRING, CONDITION_TRUE,
			      "ImportedCertificateExpires");
		conditions_conclude(&scene.ctx, &scene.pass, E_OK);
		check_row_text(ends[i].sentence, told(&scene, CONDITION_EXPIRING),
			       ends[i].expiring);
		ctx_fini(&scene.ctx);
	}
}

static void test_spec_problems(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, CERTIFICATE_CURRENT);
	conditions_conclude(&scene.ctx, &scene.pass, E_OK);
	assert_string_equal(told(&scene, CONDITION_SPEC_VALID), "-"); /* nothing to say */
	scene.pass.host.source.problem = "/specs/shop.yaml:3:1: what";
	conditions_conclude(&scene.ctx, &scene.pass, E_OK);
	assert_string_equal(told(&scene, CONDITION_SPEC_VALID), "False SpecInvalid");
	assert_string_equal(told(&scene, CONDITION_READY), "True Serving");
	scene.pass.host.source.problem = NULL;
	conditions_conclude(&scene.ctx, &scene.pass, E_OK);
	assert_string_equal(told(&scene, CONDITION_SPEC_VALID), "True Parsed");
	ctx_fini(&scene.ctx);
}

/* --- words --- */

static const struct {
	const char *sentence;
	const char *reason, *code;
} codes[] = {
	{"no such name", "NXDomain", "HostnameNotResolvingToApplicationGateway"},
	{"no address", "NoAddress", "HostnameNotResolvingToApplicationGateway"},
	{"another address", "WrongTarget", "HostnameNotResolvingToApplicationGateway"},
	{"no file", "ChallengeFileNotFound", "HostnameOwnershipValidationFileNotFound"},
	{"another file", "ChallengeFileNotValid", "HostnameOwnershipValidationFileNotValid"},
	{"all else is its own code", "CAAForbids", "CAAForbids"},
};

static void test_error_codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		check_row_text(codes[i].sentence, schedule_error_code(codes[i].reason),
			       codes[i].code);
}

static void test_lasting_trouble_says_what_to_do(void **state)
{
	struct scene scene;
	const char *once, *twice;

	(void)state;
	open_scene(&scene, CERTIFICATE_UNUSABLE);
	fault_set(&scene.ctx, E_AGAIN, "Broken", "what happened");
	once = patience_message(&scene.ctx, E_AGAIN);
	assert_true(text_starts_with(once, "what happened. "));
	fault_set(&scene.ctx, E_AGAIN, "Broken", "%s", once);
	twice = patience_message(&scene.ctx, E_AGAIN);
	assert_string_equal(once, twice);
	fault_set(&scene.ctx, E_REFUSED, "Broken", "what happened");
	assert_string_equal(patience_message(&scene.ctx, E_REFUSED), "what happened");
	ctx_fini(&scene.ctx);
}

/* --- the list itself --- */

static void test_setting(void **state)
{
	struct scene scene;
	struct objects list = {0};
	const struct condition *before;

	(void)state;
	open_scene(&scene, CERTIFICATE_UNUSABLE);
	assert_true(condition_set(&scene.ctx, &list, "A", CONDITION_TRUE, "Well", "text", 1));
	assert_true(
		condition_set(&scene.ctx, &list, "B", CONDITION_UNKNOWN, "Who knows", "text", 1));
	assert_int_equal(list.count, 2);
	before = condition_find(&list, "A");
	our_time += MSEC_PER_MIN;
	assert_false(condition_set(&scene.ctx, &list, "A", CONDITION_TRUE, "Well", "text", 1));
	assert_false(condition_set(&scene.ctx, &list, "A", CONDITION_TRUE, "Well", "text", 2));
	assert_int_equal(condition_find(&list, "A")->observed_generation, 2);
	assert_true(condition_set(&scene.ctx, &list, "A", CONDITION_TRUE, "Well", "news", 2));
	assert_int_equal(condition_find(&list, "A")->last_transition, before->last_transition);
	assert_true(condition_set(&scene.ctx, &list, "A", CONDITION_FALSE, "Ill", "news", 2));
	assert_int_equal(condition_find(&list, "A")->last_transition,
			 before->last_transition + MSEC_PER_MIN);
	/* who read it before still reads what was there */
	assert_string_equal(before->message, "text");
	assert_int_equal(before->observed_generation, 1);
	assert_false(condition_is_true(&list, "A"));
	assert_false(condition_is_true(&list, "C"));
	assert_null(condition_find(&list, "C"));
	ctx_fini(&scene.ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_a_step_that_holds_ends_its_hiccup),
		cmocka_unit_test(test_trouble_of_another_step_begins_anew),
		cmocka_unit_test(test_trouble_with_a_renewal),
		cmocka_unit_test(test_conclusions),
		cmocka_unit_test(test_a_clock_that_may_be_wrong),
		cmocka_unit_test(test_a_step_of_another_version_has_no_words),
		cmocka_unit_test(test_another_certificate_on_the_gateway_is_not_ours),
		cmocka_unit_test(test_climbing),
		cmocka_unit_test(test_holding),
		cmocka_unit_test(test_validation_is_told_once),
		cmocka_unit_test(test_expiring),
		cmocka_unit_test(test_spec_problems),
		cmocka_unit_test(test_error_codes),
		cmocka_unit_test(test_lasting_trouble_says_what_to_do),
		cmocka_unit_test(test_setting),
	};

	return cmocka_run_group_tests_name("conditions", tests, NULL, NULL);
}
