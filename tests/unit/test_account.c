/* The account's key, in the vault or in a file: made once, found again, and kept where the CA knows
 * only an old one. */
#include "issuer/account.h"

#include "acme/account.h"
#include "base/fs.h"
#include "tempdir.h"
#include "base/log.h"
#include "unit/our_clock.h"
#include "world/sim_http.h"

#define VAULT_RESOURCE "https://vault.azure.net"
#define KEY_PATH       "/keys/" ACCOUNT_KEY_NAME

/* --- a CA and a vault that lets us in --- */

struct scene {
	struct doors doors;
	struct ctx ctx;
	struct world *world;
	struct http signed_in, at_the_ca, *plain;
	void (*meanwhile)(struct scene *scene); /* once, while the CA is asked */
	bool ca_is_away;
	const char *token;
	struct keyvault vault;
	struct settings settings;
	struct acme *acme;
	struct account *account;
};

static enum err send_signed_in(struct ctx *ctx, struct http *http,
			       const struct http_request *request, struct http_reply *reply)
{
	struct scene *scene = (struct scene *)((char *)http - offsetof(struct scene, signed_in));
	struct http_request with_token = *request;

	http_set_header(&with_token, "Authorization", scene->token);
	return http_send(ctx, scene->plain, &with_token, reply);
}

static enum err send_to_the_ca(struct ctx *ctx, struct http *http,
			       const struct http_request *request, struct http_reply *reply)
{
	struct scene *scene = (struct scene *)((char *)http - offsetof(struct scene, at_the_ca));
	void (*meanwhile)(struct scene * scene) = scene->meanwhile;

	scene->meanwhile = NULL;
	if (meanwhile)
		meanwhile(scene);
	if (scene->ca_is_away)
		return fault_set(ctx, E_AGAIN, "Timeout", "cannot reach https://ca");
	return http_send(ctx, scene->plain, request, reply);
}

static void forget_everything(struct scene *scene)
{
	account_free(scene->account);
	acme_free(scene->acme);
	scene->account = account_new();
	scene->acme = acme_new(SIM_ACME "/directory");
}

static void open_scene(struct scene *scene)
{
	struct world_options options = sim_options();

	log_open(LOG_LEVEL_ERROR);
	our_time = MSEC_PER_HOUR;
	*scene = (struct scene){.doors = {&our_clock, rng_system(), fs_system(), NULL}};
	ctx_init(&scene->ctx, &scene->doors);
	scene->world = world_new(&options, &scene->doors);
	scene->plain = world_http(scene->ctx.arena, scene->world, false);
	scene->token = world_bearer(&scene->ctx, scene->world, VAULT_RESOURCE);
	scene->signed_in.send = send_signed_in;
	scene->at_the_ca.send = send_to_the_ca;
	scene->vault = (struct keyvault){&scene->signed_in, SIM_VAULT};
	scene->settings = (struct settings){.acme_email = "ops@example.com"};
	forget_everything(scene);
}

static void close_scene(struct scene *scene)
{
	account_free(scene->account);
	acme_free(scene->acme);
	world_free(scene->world);
	ctx_fini(&scene->ctx);
}

/* The URL of the account that the session speaks for; NULL when there is no session. */
static const char *session(struct scene *scene)
{
	struct acme_session out;
	const char *url;

	if (account_session(&scene->ctx, scene->account, &scene->settings, scene->acme,
			    &scene->at_the_ca, &scene->vault, &out) != E_OK)
		return NULL;
	assert_int_equal(acme_account_find(&scene->ctx, &out, &url), E_OK);
	return url;
}

static size_t count(struct scene *scene, enum door door, const char *regex)
{
	return world_count_requests(scene->world, door, regex);
}

/* Somebody makes a new version of the key. */
static void rotate(struct scene *scene)
{
	struct http_request request = {
		.kind = HTTP_ONE_SHOT,
		.method = "POST",
		.url = SIM_VAULT KEY_PATH "/create?api-version=7.4",
		.body = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"key_ops\":[\"sign\",\"verify\"]}"};
	struct http_reply reply;

	request.body_size = strlen(request.body);
	our_time += MSEC_PER_MIN;
	assert_int_equal(http_send(&scene->ctx, &scene->signed_in, &request, &reply), E_OK);
	assert_int_equal(reply.status, 200);
}

/* --- in the vault --- */

static void test_made_once(void **state)
{
	struct scene scene;
	const char *first;

	(void)state;
	open_scene(&scene);
	first = session(&scene);
	assert_non_null(first);
	assert_int_equal(count(&scene, DOOR_VAULT, "^POST " KEY_PATH "/create"), 1);
	assert_string_equal(session(&scene), first);
	assert_int_equal(count(&scene, DOOR_VAULT, "^POST " KEY_PATH "/create"), 1);
	close_scene(&scene);
}

static void test_a_session_costs_nothing_after_the_first(void **state)
{
	struct scene scene;
	size_t vault, ca;

	(void)state;
	open_scene(&scene);
	assert_non_null(session(&scene));
	vault = count(&scene, DOOR_VAULT, ".");
	ca = count(&scene, DOOR_ACME, ".");
	assert_non_null(session(&scene));
	assert_int_equal(count(&scene, DOOR_VAULT, "."), vault);
	assert_int_equal(count(&scene, DOOR_ACME, "."), ca);
	close_scene(&scene);
}

static void test_found_again_after_a_restart(void **state)
{
	struct scene scene;
	const char *first;

	(void)state;
	open_scene(&scene);
	first = session(&scene);
	forget_everything(&scene);
	assert_string_equal(session(&scene), first);
	assert_int_equal(count(&scene, DOOR_VAULT, "^POST " KEY_PATH "/create"), 1);
	close_scene(&scene);
}

static void test_a_rotated_key_does_not_lose_the_account(void **state)
{
	struct scene scene;
	const char *first;

	(void)state;
	open_scene(&scene);
	first = session(&scene);
	rotate(&scene);
	rotate(&scene);
	forget_everything(&scene);
	assert_string_equal(session(&scene), first);
	close_scene(&scene);
}

static void test_the_newest_key_makes_the_account_where_no_key_is_known(void **state)
{
	struct scene scene;
	const char *url;

	(void)state;
	open_scene(&scene);
	rotate(&scene);
	rotate(&scene);
	url = session(&scene);
	assert_non_null(url);
	rotate(&scene);
	forget_everything(&scene);
	assert_string_equal(session(&scene), url);
	assert_int_equal(count(&scene, DOOR_VAULT, "^POST " KEY_PATH "/create"), 3);
	close_scene(&scene);
}

static void test_trouble_is_told_and_forgotten(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	assert_int_equal(world_set(&scene.ctx, scene.world, "vaultAccess", "forbid"), E_OK);
	assert_null(session(&scene));
	assert_true(text_starts_with(scene.ctx.fault.text, "account: "));
	assert_int_equal(count(&scene, DOOR_ACME, "^POST"), 0);
	assert_int_equal(world_set(&scene.ctx, scene.world, "vaultAccess", "allow"), E_OK);
	assert_non_null(session(&scene));
	close_scene(&scene);
}

/* --- the CA says nothing --- */

static void another_is_turned_away(struct scene *scene)
{
	size_t asked = count(scene, DOOR_VAULT, ".");

	assert_null(session(scene));
	assert_true(scene->ctx.fault.is_untried);
	assert_int_equal(scene->ctx.fault.retry_after_ms, 250);
	our_time += 20 * MSEC_PER_SEC;
	assert_null(session(scene));
	assert_int_equal(scene->ctx.fault.retry_after_ms, 20 * MSEC_PER_SEC);
	assert_int_equal(count(scene, DOOR_VAULT, "."), asked);
}

static void test_one_searches_and_nobody_waits_for_it(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	scene.meanwhile = another_is_turned_away;
	assert_non_null(session(&scene));
	assert_null(scene.meanwhile);
	assert_non_null(session(&scene));
	close_scene(&scene);
}

static void test_a_search_that_failed_speaks_for_all_for_a_while(void **state)
{
	static const msec_t waits[] = {1, 2, 4, 8, 16, 30, 30};
	struct scene scene;

	(void)state;
	open_scene(&scene);
	scene.ca_is_away = true;
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		size_t asked = count(&scene, DOOR_VAULT, ".");

		assert_null(session(&scene));
		assert_false(scene.ctx.fault.is_untried);
		assert_int_not_equal(count(&scene, DOOR_VAULT, "."), asked);
		asked = count(&scene, DOOR_VAULT, ".");
		assert_null(session(&scene));
		assert_true(scene.ctx.fault.is_untried);
		assert_int_equal(scene.ctx.fault.retry_after_ms, waits[i] * MSEC_PER_SEC);
		assert_string_equal(scene.ctx.fault.text, "account: cannot reach https://ca");
		assert_int_equal(count(&scene, DOOR_VAULT, "."), asked);
		our_time += waits[i] * MSEC_PER_SEC;
	}
	scene.ca_is_away = false;
	assert_non_null(session(&scene));
	close_scene(&scene);
}

/* --- in a file --- */

static void test_a_key_file_is_made_private_and_used_again(void **state)
{
	struct scene scene;
	const char *directory, *first, *pem;
	struct stat status;

	(void)state;
	open_scene(&scene);
	directory = tempdir_make(&scene.ctx);
	scene.settings.account_key_file = fs_join(&scene.ctx, directory, "account.pem");
	first = session(&scene);
	assert_non_null(first);
	assert_int_equal(stat(scene.settings.account_key_file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	pem = tempdir_read(&scene.ctx, scene.settings.account_key_file);
	forget_everything(&scene);
	assert_string_equal(session(&scene), first);
	assert_string_equal(tempdir_read(&scene.ctx, scene.settings.account_key_file), pem);
	assert_int_equal(count(&scene, DOOR_VAULT, "."), 0);
	tempdir_remove(directory);
	close_scene(&scene);
}

static void test_a_broken_key_file_is_not_replaced(void **state)
{
	struct scene scene;
	const char *directory;

	(void)state;
	open_scene(&scene);
	directory = tempdir_make(&scene.ctx);
	scene.settings.account_key_file = fs_join(&scene.ctx, directory, "account.pem");
	tempdir_write(scene.settings.account_key_file, "no key\n", 60);
	assert_null(session(&scene));
	assert_string_equal(tempdir_read(&scene.ctx, scene.settings.account_key_file), "no key\n");
	assert_int_equal(count(&scene, DOOR_ACME, "^POST"), 0);
	tempdir_remove(directory);
	close_scene(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_once),
		cmocka_unit_test(test_a_session_costs_nothing_after_the_first),
		cmocka_unit_test(test_found_again_after_a_restart),
		cmocka_unit_test(test_a_rotated_key_does_not_lose_the_account),
		cmocka_unit_test(test_the_newest_key_makes_the_account_where_no_key_is_known),
		cmocka_unit_test(test_trouble_is_told_and_forgotten),
		cmocka_unit_test(test_one_searches_and_nobody_waits_for_it),
		cmocka_unit_test(test_a_search_that_failed_speaks_for_all_for_a_while),
		cmocka_unit_test(test_a_key_file_is_made_private_and_used_again),
		cmocka_unit_test(test_a_broken_key_file_is_not_replaced),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
