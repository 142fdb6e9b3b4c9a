/*
 * An order that was finalized has a certificate at its end, whatever the CA's next answers are: it
 * is followed there, once, and nothing of it stays behind.
 */
#include "sim/scene.h"

#include <string.h>

#include "base/text.h"
#include "sim/importer.h"
#include "sim/neighbour.h"
#include "world/blob_model.h"

#define SHOP	  "shop.example.com"
#define SHOP_NAME "shop-example-com"
#define CHAIN_MAX 4000

#define PROBLEM(status, type)                                                               \
	"\"status\":" status ",\"body\":{\"type\":\"urn:ietf:params:acme:error:" type "\"," \
	"\"detail\":\"not found\"}"
#define FAULT(path, times, what) \
	"{\"method\":\"POST\",\"path\":\"" path "\",\"times\":" times ",\"do\":{" what "}}"

static const struct budget ample = {400, MSEC_PER_HOUR};
static const struct budget soon = {60, 2 * MSEC_PER_MIN};

static size_t orders(struct scene *scene)
{
	return scene_count(scene, DOOR_ACME, "^POST /new-order");
}

static size_t finalizes(struct scene *scene)
{
	return scene_count(scene, DOOR_ACME, "^POST /finalize");
}

static const struct issuance *issuance(struct scene *scene)
{
	const struct hostname *shop = rig_hostname(&scene->ctx, scene->rig, SHOP);

	return &shop->status.issuance;
}

static bool has_order(void *handle)
{
	return issuance(handle)->order_url;
}

static bool is_finalized(void *handle)
{
	return issuance(handle)->csr;
}

static bool is_dropped(void *handle)
{
	return !issuance(handle)->order_url;
}

static void run_until(struct scene *scene, bool (*is_done)(void *handle))
{
	if (!rig_run_until(scene->rig, is_done, scene, ample))
		fail_msg("%s", rig_describe(&scene->ctx, scene->rig));
}

/* The CA takes its time, so that there is a while between finalize and certificate. */
static void open_slow(struct scene *scene)
{
	scene_open(scene);
	scene_set(scene, "orderSeconds", "5");
	rig_desire(scene->rig, SHOP);
	run_until(scene, is_finalized);
}

/* One answer that is wrong. */

static const struct {
	const char *sentence, *fault;
} hiccups[] = {
	{"the order is not found", FAULT("^/order/", "1", PROBLEM("404", "malformed"))},
	{"the order is not ours", FAULT("^/order/", "1", PROBLEM("403", "unauthorized"))},
	{"the order is not found twice", FAULT("^/order/", "2", PROBLEM("404", "malformed"))},
	{"the certificate is not found", FAULT("^/cert/", "1", PROBLEM("404", "malformed"))},
	{"the certificate is not ours", FAULT("^/cert/", "1", PROBLEM("401", "unauthorized"))},
	{"the certificate is empty", FAULT("^/cert/", "2", "\"cut\":0")},
	{"the certificate is something else",
	 FAULT("^/cert/", "1",
	       "\"status\":200,\"body\":\"-----BEGIN CERTIFICATE-----\\nMIIDdzCCAl+gAwIBAgII\\n"
	       "-----END CERTIFICATE-----\\n\"")},
	{"there is nothing to merge with", FAULT("/pending/merge", "1", "\"status\":404")},
	{"there is nothing to merge with any more",
	 FAULT("/pending/merge", "1", "\"apply\":true,\"status\":404")},
};

static void check_made_once(struct scene *scene, const char *sentence)
{
	if (orders(scene) != 1 || finalizes(scene) != 1)
		fail_msg("%s: %zu orders, %zu of them finalized", sentence, orders(scene),
			 finalizes(scene));
}

static void test_hiccups(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hiccups); i++) {
		struct scene scene;

		open_slow(&scene);
		scene_fault(&scene, hiccups[i].fault);
		scene_run(&scene, soon);
		check_made_once(&scene, hiccups[i].sentence);
		scene_close(&scene);
	}
}

static void test_hiccups_while_withdrawn(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hiccups); i++) {
		struct scene scene;

		open_slow(&scene);
		scene_fault(&scene, hiccups[i].fault);
		rig_withdraw(scene.rig, SHOP);
		scene_run(&scene, soon);
		check_made_once(&scene, hiccups[i].sentence);
		if (neighbour_sees_pending(&scene.ctx, scene.world, SHOP_NAME))
			fail_msg("%s: its certificate was lost", hiccups[i].sentence);
		scene_close(&scene);
	}
}

/* Cut anywhere but between two certificates, which nobody can tell from an end. */
static void test_cut_anywhere(void **state)
{
	(void)state;
	for (int at = 1; at < CHAIN_MAX; at += 61) {
		struct scene scene;

		scene_open(&scene);
		scene_fault(&scene,
			    arena_printf(scene.ctx.arena, FAULT("^/cert/", "1", "\"cut\":%d"), at));
		rig_desire(scene.rig, SHOP);
		scene_run(&scene, soon);
		check_made_once(&scene, "cut");
		scene_close(&scene);
	}
}

/* Answers that stay wrong. */

static void assert_given_up(struct scene *scene, const char *reason)
{
	const struct hostname *shop = rig_hostname(&scene->ctx, scene->rig, SHOP);

	scene_assert_condition(scene, SHOP, CONDITION_CERTIFICATE_ISSUED,
			       arena_printf(scene->ctx.arena, "False %s", reason));
	assert_null(shop->status.issuance.order_url);
	assert_int_equal(shop->status.ca.failures, 1);
}

/* Another certificate is made in the end, at the CA's pace; the vault's operation is used on. */
static void end_with_another(struct scene *scene)
{
	world_clear_faults(scene->world);
	scene_run(scene, ample);
	assert_int_equal(orders(scene), 2);
	assert_int_equal(finalizes(scene), 2);
	assert_int_equal(scene_count(scene, DOOR_VAULT, "^POST /certificates/.*/create"), 1);
	ctx_fini(&scene->ctx);
	rig_free(scene->rig);
}

static const struct {
	const char *reason, *fault;
} losses[] = {
	{"OrderGone", FAULT("^/order/", "-1", PROBLEM("404", "malformed"))},
	{"CertificateGone", FAULT("^/cert/", "-1", PROBLEM("404", "malformed"))},
	{"KeyLost", FAULT("/pending/merge", "-1", "\"status\":404")},
};

static void test_losses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(losses); i++) {
		struct scene scene;

		open_slow(&scene);
		scene_fault(&scene, losses[i].fault);
		rig_pass_time(scene.rig, 9 * MSEC_PER_MIN);
		check_made_once(&scene, losses[i].reason);
		assert_non_null(issuance(&scene)->csr);
		rig_restart(scene.rig);
		run_until(&scene, is_dropped);
		assert_in_range(rig_time(scene.rig), 10 * MSEC_PER_MIN, 20 * MSEC_PER_MIN);
		check_made_once(&scene, losses[i].reason);
		assert_given_up(&scene, losses[i].reason);
		end_with_another(&scene);
	}
}

/* Before the finalize another order costs nothing, and yet the CA is not asked for one all the
 * time. */
static void test_loss_before(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_set(&scene, "reuseAuthorizations", "no");
	scene_fault(&scene, FAULT("^/order/", "-1", PROBLEM("404", "malformed")));
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False OrderGone");
	assert_in_range(orders(&scene), 3, 4);
	world_clear_faults(scene.world);
	scene_run(&scene, (struct budget){100, 2 * MSEC_PER_DAY});
	scene_close(&scene);
}

/* A chain that reads well, for another key. */
static void test_wrong_chain(void **state)
{
	struct scene scene;
	struct leaf leaf;

	(void)state;
	open_slow(&scene);
	leaf = importer_leaf(&scene.ctx, SHOP, 90 * MSEC_PER_DAY);
	scene_fault(
		&scene,
		arena_printf(scene.ctx.arena, FAULT("^/cert/", "-1", "\"status\":200,\"body\":%s"),
			     json_print(&scene.ctx, json_string(&scene.ctx, leaf.certificate))));
	rig_pass_time(scene.rig, 20 * MSEC_PER_SEC);
	check_made_once(&scene, "another key");
	assert_given_up(&scene, "CertificateRejected");
	end_with_another(&scene);
}

/* Whose finalize it was nobody knows: its certificate is for another key. */
static void test_old_order(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_fault(
		&scene,
		FAULT("^/new-order", "-1",
		      "\"status\":201,\"headers\":{\"Location\":\"https://acme.test/order/old\"},"
		      "\"body\":{\"status\":\"valid\",\"finalize\":\"https://acme.test/finalize/"
		      "old\",\"certificate\":\"https://acme.test/cert/old\"}"));
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_CERTIFICATE_ISSUED, "False OrderUnusable");
	/* after 1, 10 and 100 minutes */
	assert_in_range(orders(&scene), 3, 4);
	world_clear_faults(scene.world);
	scene_run(&scene, (struct budget){100, 2 * MSEC_PER_DAY});
	scene_close(&scene);
}

/* The spec is changed back while the CA works. */

static void open_changed(struct scene *scene, bool (*is_far_enough)(void *handle))
{
	scene_open(scene);
	rig_desire_key(scene->rig, SHOP, KEY_TYPE_RSA_2048);
	scene_run(scene, ample);
	scene_set(scene, "orderSeconds", "30");
	scene_set(scene, "reuseAuthorizations", "no");
	rig_desire_key(scene->rig, SHOP, KEY_TYPE_EC_P256);
	run_until(scene, is_far_enough);
	rig_desire_key(scene->rig, SHOP, KEY_TYPE_RSA_2048);
}

static void assert_nothing_left(struct scene *scene)
{
	const struct hostname *shop = rig_hostname(&scene->ctx, scene->rig, SHOP);

	if (shop) {
		assert_null(shop->status.issuance.order_url);
		assert_null(shop->status.issuance.csr);
		assert_null(shop->status.issuance.blob);
		assert_false(shop->status.issuance.create_intended);
		assert_string_equal(shop->status.certificate.key_type, "RSA-2048");
	}
	assert_null(neighbour_sees_pending(&scene->ctx, scene->world, SHOP_NAME));
	assert_int_equal(blob_model_count(scene->world), 0);
}

static void close_changed(struct scene *scene)
{
	struct world_never never = world_never_events(scene->world);

	/* each change of the key costs a certificate */
	assert_false(never.finalized_twice || never.pending_lost || never.vault_foreign_deleted);
	ctx_fini(&scene->ctx);
	rig_free(scene->rig);
}

static void test_changed_back(void **state)
{
	struct scene scene;

	(void)state;
	open_changed(&scene, is_finalized);
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	assert_nothing_left(&scene);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	scene_assert_condition(&scene, SHOP, CONDITION_RENEWING, "False");
	rig_withdraw(scene.rig, SHOP);
	scene_run(&scene, ample);
	close_changed(&scene);
}

static void test_changed_back_and_withdrawn(void **state)
{
	struct scene scene;

	(void)state;
	open_changed(&scene, is_finalized);
	rig_pass_time(scene.rig, MSEC_PER_SEC);
	rig_withdraw(scene.rig, SHOP);
	scene_run(&scene, ample);
	assert_nothing_left(&scene);
	close_changed(&scene);
}

static void test_changed_back_before(void **state)
{
	struct scene scene;

	(void)state;
	open_changed(&scene, has_order);
	rig_pass_time(scene.rig, 5 * MSEC_PER_MIN);
	assert_nothing_left(&scene);
	assert_int_equal(finalizes(&scene), 1);
	close_changed(&scene);
}

/* The vault's own "not found". */

static const char missed[] = "{\"method\":\"GET\",\"path\":\"^/certificates/" SHOP_NAME
			     "[?]\",\"times\":%d,\"do\":{\"status\":404}}";

static void test_missed_once(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	scene_fault(&scene, arena_printf(scene.ctx.arena, missed, 1));
	for (int i = 0; i < 120; i++) {
		rig_pass_time(scene.rig, MSEC_PER_MIN);
		scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	}
	check_made_once(&scene, "missed once");
	scene_close(&scene);
}

static void test_deleted_by_hand(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	neighbour_deletes(&scene.ctx, scene.world, SHOP_NAME);
	rig_pass_time(scene.rig, 2 * MSEC_PER_HOUR);
	assert_int_equal(finalizes(&scene), 1);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /deleted"), 1);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "True");
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"one wrong answer behind the finalize costs no second certificate", test_hiccups,
		 NULL, NULL, NULL},
		{"nor does it lose the certificate of a withdrawn hostname",
		 test_hiccups_while_withdrawn, NULL, NULL, NULL},
		{"a certificate that comes in part is downloaded again", test_cut_anywhere, NULL,
		 NULL, NULL},
		{"what stays missing for minutes, over a restart too, is given up at the CA's pace",
		 test_losses, NULL, NULL, NULL},
		{"an order that stays missing before its finalize is given up at the CA's pace",
		 test_loss_before, NULL, NULL, NULL},
		{"a certificate for another key is refused at the CA's pace", test_wrong_chain,
		 NULL, NULL, NULL},
		{"an order that was valid before it was made is refused at the CA's pace",
		 test_old_order, NULL, NULL, NULL},
		{"a change that is taken back behind the finalize comes to its end",
		 test_changed_back, NULL, NULL, NULL},
		{"so it does when the hostname is withdrawn", test_changed_back_and_withdrawn, NULL,
		 NULL, NULL},
		{"a change that is taken back before the finalize leaves nothing behind",
		 test_changed_back_before, NULL, NULL, NULL},
		{"a vault that misses a certificate once is not believed", test_missed_once, NULL,
		 NULL, NULL},
		{"a certificate that was deleted by hand comes back", test_deleted_by_hand, NULL,
		 NULL, NULL},
	};

	return cmocka_run_group_tests_name("finalized", tests, NULL, NULL);
}
