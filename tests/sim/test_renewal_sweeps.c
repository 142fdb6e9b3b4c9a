/*
 * What a hostname lives through after its first certificate, gone wrong at every single effect: a
 * renewal, another type of key, a withdrawal midway, and a neighbour on the same way. What serves
 * goes on serving, whatever happens to its successor.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/text.h"
#include "codec/json.h"
#include "sim/rig.h"
#include "sim/sweep.h"
#include "world/blob_model.h"

#define SHOP	    "shop.example.com"
#define BLOG	    "blog.example.com"
#define EFFECTS_MAX 400
#define LIFETIME    "14400" /* renewed after two hours */

struct trouble_row {
	const char *sentence;
	enum trouble trouble;
	struct budget budget;
};

static const struct trouble_row troubles[] = {
	{"a crash", TROUBLE_CRASH, {120, 10 * MSEC_PER_MIN}},
	{"a request lost on the way there", TROUBLE_LOST_BEFORE, {120, 10 * MSEC_PER_MIN}},
	{"an answer lost on the way back", TROUBLE_LOST_AFTER, {120, 10 * MSEC_PER_MIN}},
	{"a throttled call", TROUBLE_THROTTLED, {150, 15 * MSEC_PER_MIN}},
	{"a refused call", TROUBLE_REFUSED, {150, 30 * MSEC_PER_MIN}},
	{"a garbled answer", TROUBLE_GARBLED, {150, 30 * MSEC_PER_MIN}},
	{"an empty answer", TROUBLE_EMPTY, {150, 30 * MSEC_PER_MIN}},
	{"a server error", TROUBLE_SERVER_ERROR, {150, 30 * MSEC_PER_MIN}},
};

/* One run of one scene with one trouble at one effect. */
struct run {
	struct rig *rig;
	struct world *world;
	const char *scene;
	const struct trouble_row *row;
	bool replaces_valid;
	char serial[64]; /* of the certificate before */
};

static void fail_run(struct run *run, const char *what)
{
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, rig_doors(run->rig));
	print_error("%s, %s at effect %u: %s\n%s\n", run->scene, run->row->sentence, sweep_effect(),
		    what, rig_describe(&ctx, run->rig));
	fail();
}

static void set(struct run *run, const char *name, const char *value)
{
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, rig_doors(run->rig));
	assert_int_equal(world_set(&ctx, run->world, name, value), E_OK);
}

static void begin(struct run *run)
{
	run->rig = rig_new();
	run->world = rig_world(run->rig);
	set(run, "certificateSeconds", LIFETIME);
}

/* A certificate may be ordered once while another is valid: when its key has to change, and at half
 * of a short life. */
static void check_nothing_forbidden(struct run *run)
{
	struct world_never never = world_never_events(run->world);

	never.issued_while_valid -= never.issued_while_valid && run->replaces_valid;
	if (never.finalized_twice || never.issued_while_valid || never.foreign_changed ||
	    never.put_without_if_match || never.put_missing_gateway || never.put_stopped_gateway ||
	    never.vault_foreign_deleted || never.pending_lost || never.beyond_rights)
		fail_run(run, never.last);
}

static void end(struct run *run)
{
	check_nothing_forbidden(run);
	rig_free(run->rig);
}

static size_t versions(struct ctx *ctx, struct run *run, const char *name)
{
	const struct json *state = world_state(ctx, run->world);

	json_for_each (object, json_path(state, "vault.certificates"))
		if (text_equals(json_get_text(object, "name"), name))
			return json_size(json_get(object, "versions"));
	return 0;
}

static bool has_pending(struct ctx *ctx, struct run *run)
{
	const struct json *state = world_state(ctx, run->world);

	json_for_each (object, json_path(state, "vault.certificates"))
		if (text_equals(json_text(json_path(object, "pending.status")), "inProgress"))
			return true;
	return false;
}

/* The hostname is Ready and served with a certificate that is valid now. */
static void check_serving(struct ctx *ctx, struct run *run, const char *name)
{
	const struct hostname *hostname = rig_hostname(ctx, run->rig, name);
	const struct certificate_status *certificate = &hostname->status.certificate;
	msec_t now = ctx_wall(ctx);

	if (!condition_is_true(&hostname->status.conditions, CONDITION_READY))
		fail_run(run, "not Ready any more");
	if (certificate->not_before > now || certificate->not_after <= now)
		fail_run(run, "the certificate is not valid now");
	if (!world_served_certificate(ctx, run->world, name))
		fail_run(run, "the gateway serves no certificate any more");
}

static void note_serial(struct run *run, const char *name)
{
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, rig_doors(run->rig));
	snprintf(run->serial, sizeof(run->serial), "%s",
		 rig_hostname(&ctx, run->rig, name)->status.certificate.serial);
}

/* Asked before every pass of a replacement: the old one serves until the new one stands. */
static bool is_replaced(void *handle)
{
	struct run *run = handle;
	cleanup_ctx struct ctx ctx;
	const struct hostname *hostname;

	ctx_init(&ctx, rig_doors(run->rig));
	check_nothing_forbidden(run);
	check_serving(&ctx, run, SHOP);
	hostname = rig_hostname(&ctx, run->rig, SHOP);
	return !text_equals(hostname->status.certificate.serial, run->serial) &&
	       rig_is_settled(run->rig);
}

static void check_replaced_once(struct run *run)
{
	cleanup_ctx struct ctx ctx;
	const struct hostname *hostname;
	const char *served;

	rig_pass_time(run->rig, MSEC_PER_MIN);
	ctx_init(&ctx, rig_doors(run->rig));
	hostname = rig_hostname(&ctx, run->rig, SHOP);
	served = world_served_certificate(&ctx, run->world, SHOP);
	if (!text_equals(served, hostname->status.certificate.serial))
		fail_run(run, "the gateway does not serve the new certificate");
	if (versions(&ctx, run, hostname->status.certificate.vault_name) != 2)
		fail_run(run, "not exactly one new version in the vault");
	if (!text_starts_with(rig_condition(&ctx, run->rig, SHOP, CONDITION_RENEWING), "False"))
		fail_run(run, "still renewing");
	if (has_pending(&ctx, run))
		fail_run(run, "a vault operation was left pending");
	if (blob_model_count(run->world))
		fail_run(run, "a challenge file was left behind");
}

static void make_ready(struct run *run)
{
	rig_desire(run->rig, SHOP);
	if (!rig_run(run->rig, (struct budget){80, 5 * MSEC_PER_MIN}))
		fail_run(run, "not Ready to begin with");
	note_serial(run, SHOP);
}

static void renew(struct run *run)
{
	cleanup_ctx struct ctx ctx;
	msec_t wait;

	begin(run);
	run->replaces_valid = true;
	set(run, "reuseAuthorizations", "no");
	ctx_init(&ctx, rig_doors(run->rig));
	make_ready(run);
	wait = rig_hostname(&ctx, run->rig, SHOP)->status.renewal_time - ctx_wall(&ctx);
	rig_pass_time(run->rig, wait - MSEC_PER_MIN);
	sweep_start(run->rig, run->row->trouble);
	rig_pass_time(run->rig, MSEC_PER_MIN - MSEC_PER_SEC);
	if (!rig_run_until(run->rig, is_replaced, run, run->row->budget))
		fail_run(run, "not renewed within the budget");
	check_replaced_once(run);
	end(run);
}

/* The CA still knows the authorization of the first order. */
static void change_key(struct run *run)
{
	cleanup_ctx struct ctx ctx;

	begin(run);
	run->replaces_valid = true;
	ctx_init(&ctx, rig_doors(run->rig));
	make_ready(run);
	sweep_start(run->rig, run->row->trouble);
	rig_desire_key(run->rig, SHOP, KEY_TYPE_EC_P256);
	if (!rig_run_until(run->rig, is_replaced, run, run->row->budget))
		fail_run(run, "not replaced within the budget");
	check_replaced_once(run);
	if (!text_equals(rig_hostname(&ctx, run->rig, SHOP)->status.certificate.key_type,
			 "EC-P256"))
		fail_run(run, "the new key is not EC-P256");
	end(run);
}

static void two_at_once(struct run *run)
{
	cleanup_ctx struct ctx ctx;

	begin(run);
	ctx_init(&ctx, rig_doors(run->rig));
	sweep_start(run->rig, run->row->trouble);
	rig_desire(run->rig, SHOP);
	rig_desire(run->rig, BLOG);
	if (!rig_run(run->rig, run->row->budget))
		fail_run(run, "not both Ready within the budget");
	check_serving(&ctx, run, SHOP);
	check_serving(&ctx, run, BLOG);
	end(run);
}

/* What is refused for good stays behind, and that alone. */
static void check_nothing_left(struct run *run)
{
	cleanup_ctx struct ctx ctx;
	size_t left;

	ctx_init(&ctx, rig_doors(run->rig));
	if (rig_hostname(&ctx, run->rig, SHOP))
		fail_run(run, "still there");
	left = blob_model_count(run->world) + has_pending(&ctx, run);
	if (left > (run->row->trouble == TROUBLE_REFUSED && rig_trouble_happened(run->rig)))
		fail_run(run, "a challenge file or a pending vault operation was left behind");
}

static unsigned passes_before; /* of the issuance, when it is withdrawn */

static bool is_midway(void *handle)
{
	const struct run *run = handle;

	return rig_passes(run->rig) >= passes_before || rig_is_settled(run->rig);
}

/* The CA takes its time over the order, so that a withdrawal also falls behind the finalize. */
static void undo(struct run *run)
{
	begin(run);
	set(run, "orderSeconds", "3");
	rig_desire(run->rig, SHOP);
	if (!rig_run_until(run->rig, is_midway, run, run->row->budget))
		fail_run(run, "did not come so far");
	sweep_start(run->rig, run->row->trouble);
	rig_withdraw(run->rig, SHOP);
	if (!rig_run(run->rig, run->row->budget))
		fail_run(run, "not undone within the budget");
	check_nothing_left(run);
	end(run);
}

static bool is_troubled(void *handle)
{
	const struct run *run = handle;

	return rig_trouble_happened(run->rig) || rig_is_settled(run->rig);
}

/* Asked before every pass: what we gave up ourselves is no failure that the CA counts. */
static bool is_back(void *handle)
{
	struct run *run = handle;
	cleanup_ctx struct ctx ctx;

	ctx_init(&ctx, rig_doors(run->rig));
	if (rig_hostname(&ctx, run->rig, SHOP)->status.ca.failures)
		fail_run(run, "the CA is said to have refused what was given up");
	return rig_is_settled(run->rig);
}

/* Desired again while it is being undone, and that went wrong. */
static void come_back(struct run *run)
{
	begin(run);
	rig_desire(run->rig, SHOP);
	if (!rig_run_until(run->rig, is_midway, run, run->row->budget))
		fail_run(run, "did not come so far");
	sweep_start(run->rig, run->row->trouble);
	rig_withdraw(run->rig, SHOP);
	if (!rig_run_until(run->rig, is_troubled, run, run->row->budget))
		fail_run(run, "not undone within the budget");
	if (!rig_trouble_happened(run->rig)) {
		end(run);
		return;
	}
	rig_desire(run->rig, SHOP);
	if (!rig_run_until(run->rig, is_back, run, run->row->budget))
		fail_run(run, "not Ready again within the budget");
	end(run);
}

/* How many effects there were to spoil. */
static unsigned sweep(const char *scene, const struct trouble_row *row,
		      void (*play)(struct run *run))
{
	struct run run = {.scene = scene, .row = row};
	unsigned effects;

	play(&run);
	effects = sweep_end();
	assert_true(effects < EFFECTS_MAX);
	return effects;
}

static unsigned sweep_all(const char *scene, void (*play)(struct run *run), unsigned at_least)
{
	unsigned effects = 0;

	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
		effects = sweep(scene, &troubles[i], play);
		assert_true(effects >= at_least);
	}
	print_message("%s: %u effects\n", scene, effects);
	return effects;
}

static void test_renewals(void **state)
{
	(void)state;
	sweep_all("a renewal", renew, 30);
}

static void test_changes_of_key(void **state)
{
	(void)state;
	sweep_all("a change of key", change_key, 15);
}

static void test_crashes_of_two(void **state)
{
	unsigned effects;

	(void)state;
	effects = sweep("two hostnames", &troubles[0], two_at_once);
	print_message("two hostnames: %u effects\n", effects);
	assert_true(effects > 60);
}

static void test_withdrawals(void **state)
{
	static const unsigned passes[] = {1, 3, 8, 9, 11};
	unsigned most = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(passes); i++) {
		char scene[64];
		unsigned effects;

		passes_before = passes[i];
		snprintf(scene, sizeof(scene), "a withdrawal after pass %u", passes_before);
		effects = sweep_all(scene, undo, 0);
		most = effects > most ? effects : most;
	}
	/* One of them fell behind the finalize, and the order was followed to its end. */
	assert_true(most > 10);
}

static void test_returns(void **state)
{
	static const unsigned passes[] = {2, 3, 4};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(passes); i++) {
		char scene[64];

		passes_before = passes[i];
		snprintf(scene, sizeof(scene), "a return after pass %u", passes_before);
		sweep_all(scene, come_back, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"what is valid serves through trouble at any effect of its renewal", test_renewals,
		 NULL, NULL, NULL},
		{"what is valid serves through trouble at any effect of a change of key",
		 test_changes_of_key, NULL, NULL, NULL},
		{"two hostnames at once survive a crash after any effect", test_crashes_of_two,
		 NULL, NULL, NULL},
		{"a hostname withdrawn after any pass leaves nothing behind, whatever happens",
		 test_withdrawals, NULL, NULL, NULL},
		{"a hostname that comes back while it is withdrawn is blamed for nothing",
		 test_returns, NULL, NULL, NULL},
	};

	return cmocka_run_group_tests_name("renewal_sweeps", tests, NULL, NULL);
}
