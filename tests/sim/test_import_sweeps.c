/*
 * Certificates that are brought with their keys, gone wrong at every single effect: of the request
 * that brings one, of its import, and of what overtakes it. The vault gets each once, and no sealed
 * key stays behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "codec/json.h"
#include "sim/importer.h"
#include "sim/sweep.h"
#include "world/blob_model.h"
#include "world/sim_http.h"

#define SHOP		"shop.example.com"
#define EFFECTS_MAX	400
#define TROUBLES_MIDWAY 7
#define YEAR		(365 * MSEC_PER_DAY)

struct trouble_row {
	const char *sentence;
	enum trouble trouble;
	struct budget budget;
};

static const struct trouble_row troubles[] = {
	{"no trouble", TROUBLE_NONE, {100, 5 * MSEC_PER_MIN}},
	{"a crash", TROUBLE_CRASH, {200, 10 * MSEC_PER_MIN}},
	{"a request lost on the way there", TROUBLE_LOST_BEFORE, {200, 10 * MSEC_PER_MIN}},
	{"an answer lost on the way back", TROUBLE_LOST_AFTER, {200, 10 * MSEC_PER_MIN}},
	{"a throttled call", TROUBLE_THROTTLED, {200, 15 * MSEC_PER_MIN}},
	{"a refused call", TROUBLE_REFUSED, {200, 30 * MSEC_PER_MIN}},
	{"a garbled answer", TROUBLE_GARBLED, {200, 30 * MSEC_PER_MIN}},
	{"an empty answer", TROUBLE_EMPTY, {200, 30 * MSEC_PER_MIN}},
	{"a server error", TROUBLE_SERVER_ERROR, {200, 30 * MSEC_PER_MIN}},
};

/* One run of one scene with one trouble at one effect. */
struct run {
	struct ctx ctx;
	struct rig *rig;
	struct world *world;
	const char *scene;
	const struct trouble_row *row;
	unsigned after_passes; /* of what is overtaken */
	bool is_acme;	       /* the CA has a part in it */
	struct leaf leaf, other;
	char first[IMPORTER_ID_SIZE], second[IMPORTER_ID_SIZE];
};

static void fail_run(struct run *run, const char *what)
{
	fprintf(stderr, "%s, %s at effect %u: %s\n%s\n", run->scene, run->row->sentence,
		sweep_effect(), what, rig_describe(&run->ctx, run->rig));
	fail();
}

static void begin(struct run *run)
{
	run->rig = rig_new();
	run->world = rig_world(run->rig);
	ctx_init(&run->ctx, rig_doors(run->rig));
	run->leaf = importer_leaf(&run->ctx, SHOP, YEAR);
	run->other = importer_leaf(&run->ctx, SHOP, YEAR);
	rig_take_imports(run->rig);
}

static void make_trouble(struct run *run)
{
	sweep_start(run->rig, run->row->trouble);
}

static void import_leaf(struct run *run, const struct leaf *leaf, char id[static IMPORTER_ID_SIZE])
{
	if (!importer_import(run->rig, SHOP, leaf, id))
		fail_run(run, "the import was not accepted");
}

static void check_nothing_forbidden(struct run *run)
{
	struct world_never never = world_never_events(run->world);

	if (never.finalized_twice || never.issued_while_valid || never.foreign_changed ||
	    never.put_without_if_match || never.put_missing_gateway || never.put_stopped_gateway ||
	    never.vault_foreign_deleted || never.pending_lost || never.beyond_rights)
		fail_run(run, never.last);
}

static void end(struct run *run)
{
	check_nothing_forbidden(run);
	ctx_fini(&run->ctx);
	rig_free(run->rig);
}

static const struct hostname *shop(struct run *run)
{
	return rig_hostname(&run->ctx, run->rig, SHOP);
}

static size_t versions(struct run *run)
{
	const struct json *state = world_state(&run->ctx, run->world);

	json_for_each (object, json_path(state, "vault.certificates"))
		return json_size(json_get(object, "versions"));
	return 0;
}

static bool has_pending(struct run *run)
{
	const struct json *state = world_state(&run->ctx, run->world);

	json_for_each (object, json_path(state, "vault.certificates"))
		if (text_equals(json_text(json_path(object, "pending.status")), "inProgress"))
			return true;
	return false;
}

static bool serves(struct run *run, const char *serial)
{
	return text_equals(world_served_certificate(&run->ctx, run->world, SHOP), serial);
}

static bool serves_leaf(void *handle)
{
	struct run *run = handle;

	return rig_is_settled(run->rig) && serves(run, run->leaf.serial);
}

static bool serves_other(void *handle)
{
	struct run *run = handle;

	return rig_is_settled(run->rig) && serves(run, run->other.serial);
}

static bool serves_acme(void *handle)
{
	struct run *run = handle;

	return rig_is_settled(run->rig) && !shop(run)->status.certificate.is_imported;
}

static bool is_forgotten(void *handle)
{
	struct run *run = handle;

	return rig_is_settled(run->rig) && !shop(run);
}

static bool is_finalized(void *handle)
{
	return shop(handle)->status.issuance.csr != NULL;
}

static bool knows_seal_key(void *handle)
{
	return sealed_box_has_key(rig_sealed(((struct run *)handle)->rig));
}

/* Asked before a pass: so many were made since the start, or there is no more to do. */
static bool is_midway(void *handle)
{
	const struct run *run = handle;

	return rig_passes(run->rig) >= run->after_passes || rig_is_settled(run->rig);
}

static void await_midway(struct run *run)
{
	if (!rig_run_until(run->rig, is_midway, run, run->row->budget))
		fail_run(run, "did not come so far");
}

/* The gateway itself looks at the vault from time to time, also when nobody here has anything to
 * do. */
static void await(struct run *run, bool (*is_done)(void *handle), const char *what)
{
	struct budget budget = run->row->budget;
	unsigned passes = rig_passes(run->rig) + budget.passes;
	msec_t until = rig_time(run->rig) + budget.time;

	while (!is_done(run)) {
		rig_pass_time(run->rig, MSEC_PER_SEC);
		if (rig_passes(run->rig) > passes || rig_time(run->rig) > until)
			fail_run(run, what);
	}
}

/* The hostname's own look at its challenge file is a refusal when it gets nothing or rubbish. */
static bool may_be_refused(const struct run *run)
{
	return run->row->trouble == TROUBLE_REFUSED ||
	       (run->is_acme && run->row->trouble != TROUBLE_NONE &&
		run->row->trouble != TROUBLE_CRASH);
}

/* Nothing is left of what was sealed or begun, and each request has ended as it should. */
static void check_end(struct run *run, const char *id)
{
	const struct instance *instance;
	enum runtime_status ended = RUNTIME_COMPLETED;

	rig_pass_time(run->rig, MSEC_PER_MIN);
	instance = importer_instance(&run->ctx, run->rig, id);
	if (instance && instance->status.runtime_status == RUNTIME_FAILED && may_be_refused(run))
		ended = RUNTIME_FAILED; /* it is told, and goes on */
	if (!instance || instance->status.runtime_status != (int)ended)
		fail_run(run, instance ? runtime_status_names[instance->status.runtime_status]
				       : "an accepted request is not there");
	if (importer_count_sealed(run->rig))
		fail_run(run, "a sealed key stays behind");
	if (has_pending(run))
		fail_run(run, "a vault operation was left pending");
	if (blob_model_count(run->world))
		fail_run(run, "a challenge file was left behind");
}

/* An overtaken one may have been faster. */
static void check_overtaken(struct run *run, const char *id)
{
	const struct instance *instance = importer_instance(&run->ctx, run->rig, id);

	if (!instance)
		fail_run(run, "the overtaken request is not there");
	if (instance->status.runtime_status == RUNTIME_COMPLETED || may_be_refused(run))
		return;
	if (instance->status.runtime_status != RUNTIME_FAILED ||
	    !text_equals(instance->status.error, "Superseded"))
		fail_run(run, "the overtaken request is neither Completed nor Superseded");
}

/* The scenes */

static void import_one(struct run *run)
{
	begin(run);
	make_trouble(run);
	import_leaf(run, &run->leaf, run->first);
	await(run, serves_leaf, "not served within the budget");
	if (versions(run) != 1)
		fail_run(run, "not exactly one version in the vault");
	if (!shop(run)->status.certificate.is_imported)
		fail_run(run, "not known as imported");
	check_end(run, run->first);
	end(run);
}

static void import_again(struct run *run)
{
	begin(run);
	import_leaf(run, &run->leaf, run->first);
	await(run, serves_leaf, "not served to begin with");
	make_trouble(run);
	import_leaf(run, &run->leaf, run->second);
	await(run, serves_leaf, "not served within the budget");
	check_end(run, run->first);
	check_end(run, run->second);
	if (versions(run) != 1)
		fail_run(run, "the same leaf made another version");
	end(run);
}

static void import_another(struct run *run)
{
	begin(run);
	import_leaf(run, &run->leaf, run->first);
	await_midway(run);
	make_trouble(run);
	import_leaf(run, &run->other, run->second);
	await(run, serves_other, "the other not served within the budget");
	check_end(run, run->second);
	check_overtaken(run, run->first);
	if (versions(run) > 2)
		fail_run(run, "imported too often");
	end(run);
}

static void switch_to_acme(struct run *run)
{
	begin(run);
	run->is_acme = true;
	import_leaf(run, &run->leaf, run->first);
	await_midway(run);
	make_trouble(run);
	if (!importer_add(run->rig, SHOP, run->second))
		fail_run(run, "not accepted");
	await(run, serves_acme, "no certificate of the CA within the budget");
	check_end(run, run->second);
	check_overtaken(run, run->first);
	if (versions(run) > 2)
		fail_run(run, "too many versions");
	end(run);
}

/* The CA takes its time over the order, so that an import also comes after the finalize. */
static void overtake_acme(struct run *run)
{
	begin(run);
	run->is_acme = true;
	assert_int_equal(world_set(&run->ctx, run->world, "orderSeconds", "3"), E_OK);
	await(run, knows_seal_key, "no sealing key");
	run->after_passes += rig_passes(run->rig);
	rig_desire(run->rig, SHOP);
	await_midway(run);
	run->after_passes = 0;
	make_trouble(run);
	import_leaf(run, &run->leaf, run->first);
	await(run, serves_leaf, "not served within the budget");
	check_end(run, run->first);
	if (versions(run) > 2)
		fail_run(run, "too many versions");
	end(run);
}

static void withdraw(struct run *run)
{
	begin(run);
	import_leaf(run, &run->leaf, run->first);
	await_midway(run);
	make_trouble(run);
	rig_withdraw(run->rig, SHOP);
	await(run, is_forgotten, "not withdrawn within the budget");
	rig_pass_time(run->rig, MSEC_PER_MIN);
	if (importer_count_sealed(run->rig))
		fail_run(run, "a sealed key stays behind");
	end(run);
}

/* Somebody else at work in the vault. */
static void do_in_vault(struct run *run, const char *method, const char *path, const char *body)
{
	struct http *http = world_http(run->ctx.arena, run->world, true);
	struct http_request request = {
		.kind = HTTP_ONE_SHOT,
		.method = method,
		.url = arena_printf(run->ctx.arena, SIM_VAULT "%s?api-version=7.4", path),
		.body = body,
		.body_size = strlen(body),
	};
	struct http_reply reply;

	http_set_header(&request, "Content-Type", "application/json");
	http_set_header(&request, "Authorization",
			world_bearer(&run->ctx, run->world, "https://vault.azure.net"));
	assert_int_equal(http_send(&run->ctx, http, &request, &reply), E_OK);
	assert_int_equal(reply.status, 200);
}

/* Somebody rotates the sealing key between request and import: what was sealed still opens. */
static void rotate_seal_key(struct run *run)
{
	do_in_vault(run, "POST", "/keys/gatecert-seal/create",
		    "{\"kty\":\"RSA\",\"key_size\":2048,\"key_ops\":[\"wrapKey\",\"unwrapKey\"]}");
}

static void import_behind_rotation(struct run *run)
{
	begin(run);
	import_leaf(run, &run->leaf, run->first);
	rotate_seal_key(run);
	make_trouble(run);
	await(run, serves_leaf, "not served within the budget");
	if (versions(run) != 1)
		fail_run(run, "not exactly one version in the vault");
	check_end(run, run->first);
	end(run);
}

/* With the first so many troubles. */
static unsigned sweep_with(size_t count, const char *scene, unsigned after_passes,
			   void (*play)(struct run *run))
{
	unsigned effects = 0;

	for (size_t i = 0; i < count; i++) {
		struct run run = {
			.scene = scene, .row = &troubles[i], .after_passes = after_passes};

		play(&run);
		effects = sweep_end();
		assert_true(effects < EFFECTS_MAX);
	}
	return effects;
}

static unsigned sweep_all(const char *scene, unsigned after_passes, void (*play)(struct run *run))
{
	return sweep_with(ARRAY_SIZE(troubles), scene, after_passes, play);
}

/* Without those that differ from a garbled answer by their bytes alone. */
static void sweep_midway(const char *scene, const unsigned *passes, size_t count,
			 void (*play)(struct run *run))
{
	char sentence[80];
	unsigned sum = 0;

	for (size_t i = 0; i < count; i++) {
		snprintf(sentence, sizeof(sentence), "%s after pass %u", scene, passes[i]);
		sum += sweep_with(TROUBLES_MIDWAY, sentence, passes[i], play);
	}
	print_message("%s: %u effects\n", scene, sum);
	assert_true(sum > count);
}

static void test_imports(void **state)
{
	unsigned effects = sweep_all("an import", 0, import_one);

	(void)state;
	print_message("an import: %u effects\n", effects);
	assert_true(effects > 15);
}

static void test_repeated(void **state)
{
	(void)state;
	assert_true(sweep_all("the same import again", 0, import_again) >= 3);
}

/* An import alone takes six passes, an issuance twelve. */
static const unsigned import_passes[] = {2, 4, 6};
static const unsigned midst = 3;
static const unsigned issuance_passes[] = {5, 8, 10, 11};

static void test_superseded(void **state)
{
	(void)state;
	sweep_midway("another import", import_passes, ARRAY_SIZE(import_passes), import_another);
}

static void test_switched(void **state)
{
	(void)state;
	sweep_midway("AddCertificate", &midst, 1, switch_to_acme);
}

static void test_overtaking(void **state)
{
	(void)state;
	sweep_midway("an import over an issuance", issuance_passes, ARRAY_SIZE(issuance_passes),
		     overtake_acme);
}

static void test_withdrawn(void **state)
{
	(void)state;
	sweep_midway("a withdrawal", import_passes, ARRAY_SIZE(import_passes), withdraw);
}

static void test_rotated(void **state)
{
	(void)state;
	assert_true(sweep_all("an import behind a rotation", 0, import_behind_rotation) > 8);
}

/* One scene without trouble. */

static struct run quiet_run(const char *scene)
{
	return (struct run){.scene = scene, .row = &troubles[0]};
}

static void forbid_vault(struct run *run, bool is_forbidden)
{
	assert_int_equal(
		world_set(&run->ctx, run->world, "vaultAccess", is_forbidden ? "forbid" : "allow"),
		E_OK);
}

static void test_expired_while_waiting(void **state)
{
	struct run run = quiet_run("a certificate that ends before the vault has it");

	(void)state;
	begin(&run);
	run.leaf = importer_leaf(&run.ctx, SHOP, 30 * MSEC_PER_MIN);
	await(&run, knows_seal_key, "no sealing key");
	forbid_vault(&run, true);
	import_leaf(&run, &run.leaf, run.first);
	rig_pass_time(run.rig, 25 * MSEC_PER_MIN);
	assert_int_equal(importer_count_sealed(run.rig), 1);
	rig_pass_time(run.rig, 10 * MSEC_PER_MIN);
	forbid_vault(&run, false);
	rig_pass_time(run.rig, 30 * MSEC_PER_MIN);
	assert_int_equal(importer_count_sealed(run.rig), 0);
	assert_int_equal(versions(&run), 0);
	if (!text_starts_with(rig_condition(&run.ctx, run.rig, SHOP, CONDITION_READY),
			      "False ImportNeeded"))
		fail_run(&run, "ImportNeeded is not told");
	end(&run);
}

/* The one that serves goes on, and the one that came too late leaves no key behind. */
static void test_expired_successor(void **state)
{
	struct run run = quiet_run("a successor that ends before the vault has it");

	(void)state;
	begin(&run);
	import_leaf(&run, &run.leaf, run.first);
	await(&run, serves_leaf, "not served to begin with");
	run.other = importer_leaf(&run.ctx, SHOP, 20 * MSEC_PER_MIN);
	forbid_vault(&run, true);
	import_leaf(&run, &run.other, run.second);
	rig_pass_time(run.rig, 25 * MSEC_PER_MIN);
	forbid_vault(&run, false);
	rig_pass_time(run.rig, 3 * MSEC_PER_HOUR);
	assert_int_equal(importer_count_sealed(run.rig), 0);
	assert_int_equal(versions(&run), 1);
	assert_true(serves(&run, run.leaf.serial));
	if (!text_starts_with(rig_condition(&run.ctx, run.rig, SHOP, CONDITION_READY), "True"))
		fail_run(&run, "not Ready any more");
	end(&run);
}

static void assert_expiring(struct run *run, const char *wanted)
{
	const char *is = rig_condition(&run->ctx, run->rig, SHOP, CONDITION_EXPIRING);

	if (!text_starts_with(is, wanted))
		fail_run(run, *is ? is : "no Expiring");
}

/* The order is followed to its end although nobody wants its certificate, and nothing is imported
 * for nobody. */
static void test_withdrawn_behind_the_finalize(void **state)
{
	struct run run = quiet_run("an import over a finalized order is withdrawn");

	(void)state;
	begin(&run);
	run.is_acme = true;
	assert_int_equal(world_set(&run.ctx, run.world, "orderSeconds", "3"), E_OK);
	await(&run, knows_seal_key, "no sealing key");
	rig_desire(run.rig, SHOP);
	assert_true(rig_run_until(run.rig, is_finalized, &run, run.row->budget));
	import_leaf(&run, &run.leaf, run.first);
	rig_withdraw(run.rig, SHOP);
	await(&run, is_forgotten, "not withdrawn within the budget");
	assert_int_equal(importer_count_sealed(run.rig), 0);
	assert_int_equal(blob_model_count(run.world), 0);
	assert_int_equal(versions(&run), 1);
	assert_int_equal(world_count_requests(run.world, DOOR_VAULT, "^POST .*/import"), 0);
	if (has_pending(&run))
		fail_run(&run, "a vault operation was left pending");
	end(&run);
}

/* A certificate of that name, imported and deleted by somebody else. */
static void delete_foreign_certificate(struct run *run)
{
	struct leaf leaf = importer_leaf(&run->ctx, "somebody.example.org", YEAR);
	struct json *body = json_object(&run->ctx), *tags = json_object(&run->ctx);
	struct json *policy = json_object(&run->ctx), *secret = json_object(&run->ctx);

	json_set_text(&run->ctx, secret, "contentType", "application/x-pem-file");
	json_set(&run->ctx, policy, "secret_props", secret);
	json_set_text(&run->ctx, tags, "Hostname", "somebody.example.org");
	json_set_text(&run->ctx, body, "value",
		      arena_printf(run->ctx.arena, "%s%s", leaf.private_key, leaf.certificate));
	json_set(&run->ctx, body, "policy", policy);
	json_set(&run->ctx, body, "tags", tags);
	do_in_vault(run, "POST", "/certificates/shop-example-com/import",
		    json_print(&run->ctx, body));
	do_in_vault(run, "DELETE", "/certificates/shop-example-com", "");
}

/* It is recovered, looked at, and left alone: ours gets another name. */
static void test_foreign_deleted_name(void **state)
{
	struct run run = quiet_run("a deleted certificate of another hostname has the name");

	(void)state;
	begin(&run);
	delete_foreign_certificate(&run);
	import_leaf(&run, &run.leaf, run.first);
	await(&run, serves_leaf, "not served within the budget");
	assert_string_not_equal(shop(&run)->status.certificate.vault_name, "shop-example-com");
	assert_int_equal(world_count_requests(run.world, DOOR_VAULT,
					      "^POST /certificates/shop-example-com/import"),
			 2); /* theirs, and ours that was refused */
	check_end(&run, run.first);
	end(&run);
}

/* A settled one is looked at once an hour, and when a time comes that matters. */
static void test_life_of_an_imported_one(void **state)
{
	struct run run = quiet_run("the life of an imported certificate");
	unsigned passes;

	(void)state;
	begin(&run);
	run.leaf = importer_leaf(&run.ctx, SHOP, 40 * MSEC_PER_DAY);
	import_leaf(&run, &run.leaf, run.first);
	await(&run, serves_leaf, "not served to begin with");
	rig_pass_time(run.rig, MSEC_PER_HOUR);
	passes = rig_passes(run.rig);
	rig_pass_time(run.rig, MSEC_PER_DAY);
	assert_in_range(rig_passes(run.rig) - passes, 20, 90);
	assert_expiring(&run, "False NotNear");
	rig_pass_time(run.rig, 8 * MSEC_PER_DAY + 22 * MSEC_PER_HOUR);
	assert_expiring(&run, "False NotNear");
	rig_pass_time(run.rig, 3 * MSEC_PER_HOUR);
	assert_expiring(&run, "True ImportedCertificateExpires");
	if (!text_starts_with(rig_condition(&run.ctx, run.rig, SHOP, CONDITION_READY), "True"))
		fail_run(&run, "not Ready any more");
	rig_pass_time(run.rig, 30 * MSEC_PER_DAY);
	if (!text_starts_with(rig_condition(&run.ctx, run.rig, SHOP, CONDITION_READY),
			      "False ImportNeeded"))
		fail_run(&run, "ImportNeeded is not told");
	assert_int_equal(versions(&run), 1);
	end(&run);
}

/* A crash between the writes of a request that was never answered. */
static void test_orphan_is_swept(void **state)
{
	static const char id[] = "0123456789abcdef0123456789abcdef";
	struct run run = quiet_run("an orphan");

	(void)state;
	begin(&run);
	await(&run, knows_seal_key, "no sealing key");
	assert_int_equal(sealed_put(&run.ctx, rig_sealed(run.rig), id, SHOP, "x", 1), E_OK);
	/* Its request may be just being taken: it is no orphan before a restart. */
	rig_pass_time(run.rig, 2 * MSEC_PER_DAY);
	assert_int_equal(importer_count_sealed(run.rig), 1);
	rig_restart(run.rig);
	rig_pass_time(run.rig, MSEC_PER_MIN);
	assert_int_equal(importer_count_sealed(run.rig), 0);
	end(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"an import is done once, whatever happens at any effect", test_imports, NULL, NULL,
		 NULL},
		{"the same leaf again makes no new version", test_repeated, NULL, NULL, NULL},
		{"another import overtakes one at any time", test_superseded, NULL, NULL, NULL},
		{"AddCertificate overtakes an import at any time", test_switched, NULL, NULL, NULL},
		{"an import overtakes an issuance at any time", test_overtaking, NULL, NULL, NULL},
		{"a withdrawal overtakes an import at any time", test_withdrawn, NULL, NULL, NULL},
		{"what was sealed before a rotation of the vault's key still opens", test_rotated,
		 NULL, NULL, NULL},
		{"a certificate that ends while it waits is given up", test_expired_while_waiting,
		 NULL, NULL, NULL},
		{"a successor that ends while it waits is given up, and its predecessor serves on",
		 test_expired_successor, NULL, NULL, NULL},
		{"a deleted certificate of another hostname is left alone",
		 test_foreign_deleted_name, NULL, NULL, NULL},
		{"an import over a finalized order is withdrawn, and the order's certificate kept",
		 test_withdrawn_behind_the_finalize, NULL, NULL, NULL},
		{"an imported certificate is left alone, warned of, and told missed",
		 test_life_of_an_imported_one, NULL, NULL, NULL},
		{"a sealed key without a request is swept away at the next start alone",
		 test_orphan_is_swept, NULL, NULL, NULL},
	};

	return cmocka_run_group_tests_name("import_sweeps", tests, NULL, NULL);
}
