/*
 * Somebody else uses the same vault. What he began, deleted or holds under a name that we would
 * take stays his; what is ours comes back.
 */
#include "sim/scene.h"

#include <string.h>

#include "base/text.h"
#include "codec/json.h"
#include "sim/importer.h"
#include "sim/neighbour.h"

#define SHOP	  "shop.example.com"
#define SHOP_NAME "shop-example-com"
#define HIS_TAGS  "{\"owner\":\"somebody else\"}"
#define OUR_TAGS  "{\"Hostname\":\"" SHOP "\"}"

static const struct budget ample = {400, MSEC_PER_HOUR};

/* What stands pending under our name. */

struct pending_row {
	const char *sentence;
	const char *tags; /* of the certificate that stands there; NULL: none */
	struct beginning beginning;
	enum key_type wanted;
};

static const struct pending_row foreign_rows[] = {
	{"nothing else stands there, and its key fits",
	 NULL,
	 {.hostname = SHOP, .tags = HIS_TAGS},
	 KEY_TYPE_RSA_2048},
	{"nothing else stands there, and its key does not fit",
	 NULL,
	 {.hostname = SHOP, .is_ec = true, .tags = HIS_TAGS},
	 KEY_TYPE_RSA_2048},
	{"a certificate without tags, and its key fits",
	 "{}",
	 {.hostname = SHOP, .tags = HIS_TAGS},
	 KEY_TYPE_RSA_2048},
	{"a certificate without tags, and its key does not fit",
	 "{}",
	 {.hostname = SHOP, .is_ec = true},
	 KEY_TYPE_RSA_2048},
	{"a certificate with our tag, and its key does not fit",
	 OUR_TAGS,
	 {.hostname = SHOP, .is_ec = true},
	 KEY_TYPE_RSA_2048},
	{"a certificate with our tag, and the vault asks the CA itself",
	 OUR_TAGS,
	 {.hostname = SHOP, .issuer = "partner-ca"},
	 KEY_TYPE_RSA_2048},
	{"nothing else, and the vault asks the CA itself",
	 NULL,
	 {.hostname = SHOP, .issuer = "partner-ca", .tags = OUR_TAGS},
	 KEY_TYPE_RSA_2048},
};

/* In ctx's arena: what is pending now. */
static const char *begin_beside(struct scene *scene, const struct pending_row *row)
{
	if (row->tags)
		neighbour_imports(&scene->ctx, scene->world, SHOP_NAME, SHOP, row->tags);
	neighbour_begins(&scene->ctx, scene->world, SHOP_NAME, &row->beginning);
	return neighbour_sees_pending(&scene->ctx, scene->world, SHOP_NAME);
}

static void assert_pending(struct scene *scene, const char *sentence, const char *request_id)
{
	const char *is = neighbour_sees_pending(&scene->ctx, scene->world, SHOP_NAME);

	if (!text_equals(is, request_id))
		fail_msg("%s: what was pending is not there any more", sentence);
	if (scene_count(scene, DOOR_VAULT, "^(DELETE|POST) .*/pending"))
		fail_msg("%s: it was touched", sentence);
}

static void test_foreign_operations(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(foreign_rows); i++) {
		const struct pending_row *row = &foreign_rows[i];
		struct scene scene;
		const char *pending;

		scene_open(&scene);
		pending = begin_beside(&scene, row);
		rig_desire_key(scene.rig, SHOP, row->wanted);
		rig_pass_time(scene.rig, MSEC_PER_HOUR);
		assert_pending(&scene, row->sentence, pending);
		scene_assert_condition(
			&scene, SHOP, row->tags ? CONDITION_RENEWING : CONDITION_CERTIFICATE_ISSUED,
			row->tags ? "True PendingConflict" : "False PendingConflict");
		rig_withdraw(scene.rig, SHOP);
		scene_run(&scene, ample);
		assert_pending(&scene, row->sentence, pending);
		scene_close(&scene);
	}
}

/* No create was ever begun by us, though it was tried for an hour. */
static void test_begun_while_we_were_refused(void **state)
{
	struct scene scene;
	const char *pending;

	(void)state;
	scene_open(&scene);
	scene_fault(
		&scene,
		"{\"method\":\"POST\",\"path\":\"^/certificates/.*/create\",\"times\":-1,\"do\":{"
		"\"status\":403,\"body\":{\"error\":{\"code\":\"Forbidden\","
		"\"message\":\"no\",\"innererror\":{\"code\":\"ForbiddenByRbac\"}}}}}");
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, MSEC_PER_HOUR);
	scene_assert_condition(&scene, SHOP, CONDITION_CERTIFICATE_ISSUED, "False ForbiddenByRbac");
	world_clear_faults(scene.world);
	neighbour_begins(&scene.ctx, scene.world, SHOP_NAME,
			 &(struct beginning){.hostname = SHOP, .is_ec = true});
	pending = neighbour_sees_pending(&scene.ctx, scene.world, SHOP_NAME);
	rig_pass_time(scene.rig, MSEC_PER_HOUR);
	assert_pending(&scene, "begun while we were refused", pending);
	scene_assert_condition(&scene, SHOP, CONDITION_CERTIFICATE_ISSUED, "False PendingConflict");
	scene_close(&scene);
}

static bool is_finalized(void *handle)
{
	struct scene *scene = handle;
	const struct hostname *shop = rig_hostname(&scene->ctx, scene->rig, SHOP);

	return shop->status.issuance.csr;
}

/* Between our finalize and our merge. */
static void test_replaced_by_his(void **state)
{
	(void)state;
	for (int is_ec = 0; is_ec <= 1; is_ec++) {
		struct scene scene;
		const char *pending;

		scene_open(&scene);
		scene_set(&scene, "orderSeconds", "5");
		rig_desire_key(scene.rig, SHOP, KEY_TYPE_RSA_2048);
		assert_true(rig_run_until(scene.rig, is_finalized, &scene, ample));
		neighbour_ends(&scene.ctx, scene.world, SHOP_NAME);
		neighbour_begins(&scene.ctx, scene.world, SHOP_NAME,
				 &(struct beginning){.hostname = SHOP, .is_ec = is_ec});
		pending = neighbour_sees_pending(&scene.ctx, scene.world, SHOP_NAME);
		rig_pass_time(scene.rig, 20 * MSEC_PER_SEC);
		scene_assert_condition(&scene, SHOP, CONDITION_CERTIFICATE_ISSUED, "False KeyLost");
		rig_pass_time(scene.rig, MSEC_PER_HOUR);
		scene_assert_condition(&scene, SHOP, CONDITION_CERTIFICATE_ISSUED,
				       "False PendingConflict");
		assert_string_equal(neighbour_sees_pending(&scene.ctx, scene.world, SHOP_NAME),
				    pending);
		assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST .*/merge"), 1);
		neighbour_ends(&scene.ctx, scene.world, SHOP_NAME);
		scene_run(&scene, ample);
		assert_int_equal(world_never_events(scene.world).pending_foreign_deleted, 0);
		ctx_fini(&scene.ctx);
		rig_free(scene.rig);
	}
}

static void test_import_over_his(void **state)
{
	struct scene scene;
	char id[IMPORTER_ID_SIZE];
	const char *pending;
	struct leaf leaf;

	(void)state;
	scene_open(&scene);
	leaf = importer_leaf(&scene.ctx, SHOP, 90 * MSEC_PER_DAY);
	neighbour_begins(&scene.ctx, scene.world, SHOP_NAME, &(struct beginning){.hostname = SHOP});
	pending = neighbour_sees_pending(&scene.ctx, scene.world, SHOP_NAME);
	rig_take_imports(scene.rig);
	assert_true(importer_import(scene.rig, SHOP, &leaf, id));
	rig_pass_time(scene.rig, 10 * MSEC_PER_MIN);
	assert_pending(&scene, "an import", pending);
	scene_assert_condition(&scene, SHOP, CONDITION_READY, "False PendingConflict");
	assert_in_range(scene_count(&scene, DOOR_VAULT, "^POST .*/import"), 2, 12);
	neighbour_ends(&scene.ctx, scene.world, SHOP_NAME);
	scene_run(&scene, ample);
	scene_close(&scene);
}

static bool has_begun(void *handle)
{
	struct scene *scene = handle;

	return neighbour_sees_pending(&scene->ctx, scene->world, SHOP_NAME) != NULL;
}

/* Ours by the tag, although the intent was lost with the state. */
static void test_our_own_after_a_loss(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	scene_fault(&scene, "{\"path\":\"/finalize/\",\"times\":-1,\"do\":{\"reset\":\"before\"}}");
	rig_desire(scene.rig, SHOP);
	assert_true(rig_run_until(scene.rig, has_begun, &scene, ample));
	rig_forget_state(scene.rig);
	world_clear_faults(scene.world);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /certificates/.*/create"), 1);
	scene_close(&scene);
}

/* What was deleted under our name. */

struct deleted_row {
	const char *sentence;
	const char *hostname, *tags;
	bool is_ours;
};

static const struct deleted_row deleted_rows[] = {
	{"ours", SHOP, OUR_TAGS, true},
	{"without tags, for this very hostname", SHOP, "{}", true},
	{"another hostname's", "shop-example.com", "{\"Hostname\":\"shop-example.com\"}", false},
	{"without tags, for another hostname", "shop-example.com", "{}", false},
	{"tagged for another hostname", SHOP, "{\"Hostname\":\"www." SHOP "\"}", false},
};

static void check_deleted(struct scene *scene, const struct deleted_row *row)
{
	const struct json *his = neighbour_sees(&scene->ctx, scene->world, SHOP_NAME);
	const char *name =
		rig_hostname(&scene->ctx, scene->rig, SHOP)->status.certificate.vault_name;

	if (json_get_bool(his, "deleted", true) == row->is_ours)
		fail_msg("%s: %s", row->sentence, row->is_ours ? "not recovered" : "recovered");
	if (text_equals(name, SHOP_NAME) != row->is_ours)
		fail_msg("%s: ours is named %s", row->sentence, name);
	if (!row->is_ours && scene_count(scene, DOOR_VAULT, "^POST /deleted"))
		fail_msg("%s: it was touched", row->sentence);
}

static void test_deleted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(deleted_rows); i++) {
		const struct deleted_row *row = &deleted_rows[i];
		struct scene scene;

		scene_open(&scene);
		neighbour_imports(&scene.ctx, scene.world, SHOP_NAME, row->hostname, row->tags);
		neighbour_deletes(&scene.ctx, scene.world, SHOP_NAME);
		rig_desire_key(scene.rig, SHOP, KEY_TYPE_RSA_2048); /* the recovered has another */
		scene_run(&scene, ample);
		check_deleted(&scene, row);
		scene_close(&scene);
	}
}

static void test_deleted_before_an_import(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(deleted_rows); i++) {
		const struct deleted_row *row = &deleted_rows[i];
		char id[IMPORTER_ID_SIZE];
		struct scene scene;
		struct leaf leaf;

		scene_open(&scene);
		leaf = importer_leaf(&scene.ctx, SHOP, 90 * MSEC_PER_DAY);
		neighbour_imports(&scene.ctx, scene.world, SHOP_NAME, row->hostname, row->tags);
		neighbour_deletes(&scene.ctx, scene.world, SHOP_NAME);
		rig_take_imports(scene.rig);
		assert_true(importer_import(scene.rig, SHOP, &leaf, id));
		scene_run(&scene, ample);
		check_deleted(&scene, row);
		rig_pass_time(scene.rig, MSEC_PER_MIN);
		assert_string_equal(world_served_certificate(&scene.ctx, scene.world, SHOP),
				    leaf.serial);
		scene_close(&scene);
	}
}

/* Never had a version: whose it was cannot be told but by its tag. */
static void test_deleted_before_it_was_made(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	neighbour_begins(&scene.ctx, scene.world, SHOP_NAME, &(struct beginning){.hostname = SHOP});
	neighbour_deletes(&scene.ctx, scene.world, SHOP_NAME);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /deleted"), 0);
	scene_close(&scene);
}

static void test_deleted_and_not_readable(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	neighbour_imports(&scene.ctx, scene.world, SHOP_NAME, SHOP, OUR_TAGS);
	neighbour_deletes(&scene.ctx, scene.world, SHOP_NAME);
	scene_fault(&scene, "{\"method\":\"GET\",\"path\":\"^/deleted\",\"times\":-1,\"do\":{"
			    "\"status\":403,\"body\":{\"error\":{\"code\":\"Forbidden\","
			    "\"message\":\"no\",\"innererror\":{\"code\":\"ForbiddenByRbac\"}}}}}");
	rig_desire(scene.rig, SHOP);
	rig_pass_time(scene.rig, 10 * MSEC_PER_MIN);
	scene_assert_condition(&scene, SHOP, CONDITION_CERTIFICATE_ISSUED,
			       "False ForbiddenByRbac: deleted certificate " SHOP_NAME);
	assert_non_null(strstr(rig_condition(&scene.ctx, scene.rig, SHOP, CONDITION_READY),
			       "grant the role Key Vault Certificates Officer"));
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /deleted"), 0);
	world_clear_faults(scene.world);
	scene_run(&scene, ample);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /deleted"), 1);
	scene_close(&scene);
}

static void test_being_deleted(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene);
	neighbour_imports(&scene.ctx, scene.world, SHOP_NAME, SHOP, OUR_TAGS);
	scene_set(&scene, "vaultDeleteSeconds", "20");
	neighbour_deletes(&scene.ctx, scene.world, SHOP_NAME);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, ample);
	assert_int_equal(scene_count(&scene, DOOR_VAULT, "^POST /deleted"), 1);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"an operation that somebody else began is left alone, whatever stands beside it",
		 test_foreign_operations, NULL, NULL, NULL},
		{"a create that was refused makes nothing ours", test_begun_while_we_were_refused,
		 NULL, NULL, NULL},
		{"an operation that somebody else put in place of ours is left alone",
		 test_replaced_by_his, NULL, NULL, NULL},
		{"an import over somebody else's operation waits and says why",
		 test_import_over_his, NULL, NULL, NULL},
		{"an operation of ours is gone on with after the state was lost",
		 test_our_own_after_a_loss, NULL, NULL, NULL},
		{"a deleted certificate comes back when it is ours, else it stays deleted",
		 test_deleted, NULL, NULL, NULL},
		{"an import over a deleted certificate does the same",
		 test_deleted_before_an_import, NULL, NULL, NULL},
		{"a deleted one that never was made stays deleted", test_deleted_before_it_was_made,
		 NULL, NULL, NULL},
		{"a deleted one that cannot be read is not brought back",
		 test_deleted_and_not_readable, NULL, NULL, NULL},
		{"a certificate that is just being deleted is waited for", test_being_deleted, NULL,
		 NULL, NULL},
	};

	return cmocka_run_group_tests_name("neighbours", tests, NULL, NULL);
}
