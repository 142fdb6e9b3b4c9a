/* Who may do what in the model world: as manifests/azure say, and counted where it is more. */
#include "world_rig.h"

#include <stdio.h>

#include "world/rights.h"

#define CREATE                                                                                  \
	"{\"policy\":{\"issuer\":{\"name\":\"Unknown\"},\"x509_props\":{\"subject\":\"CN=shop." \
	"example.com\"}}}"
#define KEY    "{\"kty\":\"EC\",\"crv\":\"P-256\"}"
#define DIGEST "{\"alg\":\"ES256\",\"value\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}"

static char *read_file(struct ctx *ctx, const char *name)
{
	char *text = arena_alloc(ctx->arena, 65537);
	FILE *file = fopen(arena_printf(ctx->arena, "manifests/azure/%s", name), "re");

	assert_non_null(file);
	text[fread(text, 1, 65536, file)] = '\0';
	fclose(file);
	return text;
}

static bool has(const struct rights_role *role, const char *action)
{
	size_t i;

	for (i = 0; i < RIGHTS_ACTIONS_MAX && role->actions[i]; i++)
		if (text_equals(role->actions[i], action))
			return true;
	return false;
}

static void the_model_has_the_roles_of_the_manifests(void **state)
{
	struct world_rig *rig = *state;
	size_t i, j, count;

	for (i = 0; i < rights_role_count; i++) {
		const struct rights_role *role = &rights_roles[i];
		const char *text = read_file(&rig->ctx, role->file);
		struct json *json = NULL;

		assert_int_equal(json_parse(&rig->ctx, text, strlen(text), &json), E_OK);
		assert_int_equal(json_size(json_get(json, "NotActions")), 0);
		assert_int_equal(json_size(json_get(json, "NotDataActions")), 0);
		for (count = 0; count < RIGHTS_ACTIONS_MAX && role->actions[count]; count++)
			;
		assert_int_equal(json_size(json_get(json, "Actions")) +
					 json_size(json_get(json, "DataActions")),
				 count);
		for (j = 0; j < 2; j++)
			json_for_each (action, json_get(json, j ? "Actions" : "DataActions"))
				if (!has(role, json_text(action)))
					fail_msg("%s: %s", role->file, json_text(action));
	}
}

/* No role without a row in the table, no row assigned to a name that Bicep does not have. */
static void the_model_assigns_what_bicep_assigns(void **state)
{
	struct world_rig *rig = *state;
	const char *text = read_file(&rig->ctx, "roles.bicep"), *at;
	size_t i, count = 0;

	for (i = 0; i < rights_role_count; i++)
		assert_non_null(strstr(text, rights_roles[i].file));
	for (at = text; (at = strstr(at, "loadJsonContent(")) != NULL; at++)
		count++;
	assert_int_equal(count, rights_role_count);
	assert_non_null(strstr(text, "name: '" RIGHTS_ACCOUNT_KEY_NAME "'"));
	assert_non_null(strstr(text, "name: '" RIGHTS_SEAL_KEY_NAME "'"));
	/* Key Vault Secrets User, of the gateway's identity on the vault. */
	assert_non_null(strstr(text, "4633458b-17de-408a-b874-0445c86b69e6"));
}

static void what_the_manifests_do_not_give_is_refused_and_counted(void **state)
{
	struct world_rig *rig = *state;
	static const struct row {
		const char *sentence, *method, *path, *body;
		int status;
		unsigned beyond, secrets, deleted, purged;
	} rows[] = {
		{"a certificate is begun", "POST", "/certificates/shop/create", CREATE, 202, 0, 0,
		 0, 0},
		{"the operation is looked at", "GET", "/certificates/shop/pending", NULL, 200, 0, 0,
		 0, 0},
		{"and deleted", "DELETE", "/certificates/shop/pending", NULL, 200, 0, 0, 0, 0},
		{"certificates are listed", "GET", "/certificates", NULL, 200, 0, 0, 0, 0},
		{"a certificate is deleted", "DELETE", "/certificates/shop", NULL, 403, 1, 0, 1, 0},
		{"a deleted one is purged", "DELETE", "/deletedcertificates/shop", NULL, 403, 1, 0,
		 0, 1},
		{"a secret is read", "GET", "/secrets/shop", NULL, 403, 1, 1, 0, 0},
		{"secrets are listed", "GET", "/secrets", NULL, 403, 1, 0, 0, 0},
		{"a secret is written", "PUT", "/secrets/shop", "{\"value\":\"x\"}", 403, 1, 0, 0,
		 0},
		{"the account key is made", "POST", "/keys/gatecert-acme-account/create", KEY, 200,
		 0, 0, 0, 0},
		{"and signs", "POST", "/keys/gatecert-acme-account/sign", DIGEST, 200, 0, 0, 0, 0},
		{"it unwraps nothing", "POST", "/keys/gatecert-acme-account/unwrapkey", DIGEST, 403,
		 1, 0, 0, 0},
		{"the sealing key signs nothing", "POST", "/keys/gatecert-seal/sign", DIGEST, 403,
		 1, 0, 0, 0},
		{"a certificate's own key is looked at", "GET", "/keys/shop", NULL, 403, 1, 0, 0,
		 0},
		{"keys are listed", "GET", "/keys", NULL, 403, 1, 0, 0, 0},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct world_never before = world_never_events(rig->world), after;
		int status = world_ask_vault(rig, AS_DAEMON, rows[i].method, SIM_VAULT,
					     rows[i].path, rows[i].body);

		after = world_never_events(rig->world);
		if (status != rows[i].status)
			fail_msg("%s: %d %s", rows[i].sentence, status, rig->reply.body);
		if (after.beyond_rights - before.beyond_rights != rows[i].beyond ||
		    after.secrets_read - before.secrets_read != rows[i].secrets ||
		    after.deleted - before.deleted != rows[i].deleted ||
		    after.purged - before.purged != rows[i].purged)
			fail_msg("%s: counted wrongly", rows[i].sentence);
		if (status == 403)
			check_row_text(rows[i].sentence,
				       json_text(json_path(rig->json, "error.innererror.code")),
				       "ForbiddenByRbac");
	}
}

static void another_may_do_everything_and_is_not_counted(void **state)
{
	struct world_rig *rig = *state;

	assert_int_equal(
		world_ask_vault(rig, AS_OTHER, "PUT", SIM_VAULT, "/secrets/a", "{\"value\":\"x\"}"),
		200);
	assert_int_equal(world_ask_vault(rig, AS_OTHER, "GET", SIM_VAULT, "/secrets/a", NULL), 200);
	assert_int_equal(world_ask_vault(rig, AS_OTHER, "DELETE", SIM_VAULT, "/secrets/a", NULL),
			 200);
	check_row_text("nothing was counted", world_never_events(rig->world).last, "");
}

static void a_right_can_be_taken_and_given(void **state)
{
	struct world_rig *rig = *state;
	const char *take =
		"{\"effect\":\"take\",\"action\":\"Microsoft.KeyVault/vaults/"
		"certificates/create/action\",\"scope\":\"vault\",\"identity\":\"daemon\"}";
	const char *give =
		"{\"effect\":\"give\",\"action\":\"Microsoft.KeyVault/vaults/secrets/*\"}";

	assert_int_equal(world_change_right(&rig->ctx, rig->world, take), E_OK);
	assert_int_equal(world_ask_vault(rig, AS_DAEMON, "POST", SIM_VAULT,
					 "/certificates/shop/create", CREATE),
			 403);
	check_row_text("what was taken is not counted", world_never_events(rig->world).last, "");
	world_restore_rights(rig->world);
	assert_int_equal(world_ask_vault(rig, AS_DAEMON, "POST", SIM_VAULT,
					 "/certificates/shop/create", CREATE),
			 202);
	assert_int_equal(world_change_right(&rig->ctx, rig->world, give), E_OK);
	assert_int_equal(world_ask_vault(rig, AS_DAEMON, "GET", SIM_VAULT, "/secrets", NULL), 200);
	assert_int_equal(world_never_events(rig->world).beyond_rights, 1);
	assert_int_equal(world_change_right(&rig->ctx, rig->world,
					    "{\"effect\":\"take\",\"action\":\"*\",\"identity\":"
					    "\"nobody\"}"),
			 E_REFUSED);
	assert_int_equal(world_change_right(&rig->ctx, rig->world, "{\"action\":\"*\"}"),
			 E_REFUSED);
}

static void a_put_needs_a_right_on_all_that_it_names(void **state)
{
	struct world_rig *rig = *state;
	static const char *const actions[] = {
		"Microsoft.Network/virtualNetworks/subnets/join/action",
		"Microsoft.Network/publicIPAddresses/join/action",
		"Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
	};
	const char *id = world_id(rig, "gateway"), *body;
	size_t i;

	assert_int_equal(world_ask_arm(rig, AS_DAEMON, "GET", id, NULL), 200);
	body = rig->reply.body;
	for (i = 0; i < ARRAY_SIZE(actions); i++) {
		world_restore_rights(rig->world);
		assert_int_equal(
			world_change_right(&rig->ctx, rig->world,
					   arena_printf(rig->ctx.arena,
							"{\"effect\":\"take\",\"action\":\"%s\"}",
							actions[i])),
			E_OK);
		assert_int_equal(world_ask_arm(rig, AS_DAEMON, "PUT", id, body), 403);
		check_row_text(actions[i], world_error_code(rig), "LinkedAuthorizationFailed");
	}
	world_restore_rights(rig->world);
	assert_int_equal(world_ask_arm(rig, AS_DAEMON, "PUT", id, body), 200);
	check_row_text("all of it is in the manifests", world_never_events(rig->world).last, "");
}

static void arm_refuses_what_the_manifests_do_not_give(void **state)
{
	struct world_rig *rig = *state;
	const char *id = world_id(rig, "gateway"), *list = world_id(rig, "");
	const char *rows[][2] = {{"DELETE", id}, {"GET", world_id(rig, "another")}, {"GET", list}};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(world_ask_arm(rig, AS_DAEMON, rows[i][0], rows[i][1], NULL), 403);
		check_row_text(rows[i][0], world_error_code(rig), "AuthorizationFailed");
	}
	assert_int_equal(world_never_events(rig->world).beyond_rights, ARRAY_SIZE(rows));
	assert_int_equal(world_never_events(rig->world).deleted, 1);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, world_rig_set_up, world_rig_tear_down)
	const struct CMUnitTest tests[] = {
		ROW(the_model_has_the_roles_of_the_manifests),
		ROW(the_model_assigns_what_bicep_assigns),
		ROW(what_the_manifests_do_not_give_is_refused_and_counted),
		ROW(another_may_do_everything_and_is_not_counted),
		ROW(a_right_can_be_taken_and_given),
		ROW(a_put_needs_a_right_on_all_that_it_names),
		ROW(arm_refuses_what_the_manifests_do_not_give),
	};

	return cmocka_run_group_tests_name("world_rights", tests, NULL, NULL);
}
