/* Keys that wait, sealed: what is on the disk, what is remembered, and what goes when. */
#include "store_rig.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "pki/key.h"
#include "store/sealed.h"

#define ONE    "0123456789abcdef0123456789abcdef"
#define TWO    "fedcba9876543210fedcba9876543210"
#define SECRET "-----BEGIN PRIVATE KEY----- canary"

struct box_rig {
	struct rig rig;
	struct sealed_box *box;
	struct seal_key key;
};

static struct seal_key new_key(struct ctx *ctx, const char *kid)
{
	EVP_PKEY *pair = EVP_RSA_gen(2048);
	unsigned char raw[512];
	BIGNUM *n = NULL;
	struct seal_key key = {.kid = kid, .e = "AQAB"};

	EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_N, &n);
	key.n = base64url_encode(ctx, raw, (size_t)BN_bn2bin(n, raw));
	BN_free(n);
	EVP_PKEY_free(pair);
	return key;
}

static void open_box(struct box_rig *rig)
{
	assert_int_equal(sealed_box_open(&rig->rig.ctx, rig->rig.directory, &rig->box), E_OK);
}

static void reopen_box(struct box_rig *rig)
{
	sealed_box_close(rig->box);
	open_box(rig);
}

static void begin(struct box_rig *rig)
{
	set_up(&rig->rig);
	open_box(rig);
	rig->key = new_key(&rig->rig.ctx, "https://vault.test/keys/gatecert-seal/1");
}

static void begin_with_key(struct box_rig *rig)
{
	begin(rig);
	assert_int_equal(sealed_box_set_key(&rig->rig.ctx, rig->box, &rig->key), E_OK);
}

static void finish(struct box_rig *rig)
{
	sealed_box_close(rig->box);
	tear_down(&rig->rig);
}

static enum err put_one(struct box_rig *rig, const char *instance)
{
	return sealed_put(&rig->rig.ctx, rig->box, instance, NAME, SECRET, sizeof(SECRET));
}

static size_t count_waiting(struct box_rig *rig)
{
	struct texts instances;

	assert_int_equal(sealed_list(&rig->rig.ctx, rig->box, &instances), E_OK);
	return instances.count;
}

static const char *path_of(struct box_rig *rig, const char *file)
{
	return fs_join(&rig->rig.ctx, rig->rig.directory, file);
}

static void test_nothing_is_sealed_without_a_key(void **state)
{
	struct box_rig rig;

	(void)state;
	begin(&rig);
	assert_false(sealed_box_has_key(rig.box));
	assert_int_equal(put_one(&rig, ONE), E_AGAIN);
	assert_string_equal(rig.rig.ctx.fault.reason, "NoSealKey");
	assert_int_equal(count_waiting(&rig), 0);
	finish(&rig);
}

static void test_the_key_outlives_a_restart(void **state)
{
	struct box_rig rig;

	(void)state;
	begin_with_key(&rig);
	reopen_box(&rig);
	assert_true(sealed_box_has_key(rig.box));
	writes = 0;
	assert_int_equal(sealed_box_set_key(&rig.rig.ctx, rig.box, &rig.key), E_OK);
	assert_int_equal(writes, 0);
	assert_int_equal(put_one(&rig, ONE), E_OK);
	finish(&rig);
}

static void test_half_a_sealed_key_is_gone_at_the_next_start(void **state)
{
	struct box_rig rig;
	const char *half;

	(void)state;
	begin_with_key(&rig);
	assert_int_equal(put_one(&rig, ONE), E_OK);
	half = path_of(&rig, "sealed/.0123456789abcdef.tmp");
	tempdir_write(half, "{\"apiVersion\":", 0);
	reopen_box(&rig);
	assert_false(tempdir_exists(half));
	assert_int_equal(count_waiting(&rig), 1);
	finish(&rig);
}

static const struct {
	const char *sentence, *content;
	bool is_set_aside;
} damaged[] = {
	{"no JSON", "{\"apiVersion\":", true},
	{"empty", "", true},
	{"of another kind", "{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Hostname\"}", true},
	{"without a modulus",
	 "{\"apiVersion\":\"gatecert/v1\",\"kind\":\"SealingKey\",\"kid\":\"k\",\"e\":\"AQAB\"}",
	 false},
};

static void test_a_damaged_key_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
		struct box_rig rig;

		begin(&rig);
		tempdir_write(path_of(&rig, "sealed-key.json"), damaged[i].content, 0);
		reopen_box(&rig);
		check_row(damaged[i].sentence, !sealed_box_has_key(rig.box));
		check_row(damaged[i].sentence,
			  tempdir_exists(path_of(&rig, "sealed-key.json.corrupt")) ==
				  damaged[i].is_set_aside);
		check_row_int(damaged[i].sentence,
			      sealed_box_set_key(&rig.rig.ctx, rig.box, &rig.key), E_OK);
		check_row_int(damaged[i].sentence, put_one(&rig, ONE), E_OK);
		finish(&rig);
	}
}

static void test_rubbish_under_the_right_id_is_replaced(void **state)
{
	struct box_rig rig;
	struct seal_key rubbish;

	(void)state;
	begin(&rig);
	rubbish = (struct seal_key){rig.key.kid, "!!!!", "AQAB"};
	assert_int_equal(sealed_box_set_key(&rig.rig.ctx, rig.box, &rubbish), E_OK);
	assert_int_not_equal(put_one(&rig, ONE), E_OK);
	assert_int_equal(sealed_box_set_key(&rig.rig.ctx, rig.box, &rig.key), E_OK);
	assert_int_equal(put_one(&rig, ONE), E_OK);
	finish(&rig);
}

static void test_a_sealed_file_is_its_owners_and_holds_no_secret(void **state)
{
	struct box_rig rig;
	struct stat status;
	const char *path;

	(void)state;
	begin_with_key(&rig);
	assert_int_equal(put_one(&rig, ONE), E_OK);
	path = path_of(&rig, "sealed/" ONE ".json");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(stat(path_of(&rig, "sealed"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_null(strstr(tempdir_read(&rig.rig.ctx, path), "canary"));
	finish(&rig);
}

static void test_it_is_found_under_its_version_of_the_key(void **state)
{
	struct box_rig rig;
	struct seal_key next;
	struct sealed sealed;
	const char *associated;

	(void)state;
	begin_with_key(&rig);
	assert_int_equal(put_one(&rig, ONE), E_OK);
	next = new_key(&rig.rig.ctx, "https://vault.test/keys/gatecert-seal/2");
	assert_int_equal(sealed_box_set_key(&rig.rig.ctx, rig.box, &next), E_OK);
	assert_int_equal(put_one(&rig, TWO), E_OK);
	assert_int_equal(sealed_get(&rig.rig.ctx, rig.box, ONE, NAME, &sealed, &associated), E_OK);
	assert_string_equal(sealed.kid, rig.key.kid);
	assert_string_equal(associated, "gatecert import " ONE " " NAME);
	assert_int_equal(sealed_get(&rig.rig.ctx, rig.box, TWO, NAME, &sealed, &associated), E_OK);
	assert_string_equal(sealed.kid, next.kid);
	finish(&rig);
}

static const char *const no_ids[] = {"",
				     "..",
				     "../../etc/passwd",
				     "0123",
				     ONE "0",
				     "0123456789abcdef0123456789abcde/",
				     "0123456789abcdef0123456789abcdeg"};

static void test_what_is_no_id_is_no_path(void **state)
{
	struct box_rig rig;
	struct sealed sealed;
	const char *associated;

	(void)state;
	begin_with_key(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(no_ids); i++) {
		check_row_int(no_ids[i], put_one(&rig, no_ids[i]), E_NOTFOUND);
		check_row_int(
			no_ids[i],
			sealed_get(&rig.rig.ctx, rig.box, no_ids[i], NAME, &sealed, &associated),
			E_NOTFOUND);
		check_row_int(no_ids[i], sealed_remove(&rig.rig.ctx, rig.box, no_ids[i]), E_OK);
	}
	assert_int_equal(count_waiting(&rig), 0);
	finish(&rig);
}

static void test_removing_what_is_not_there_writes_nothing(void **state)
{
	struct box_rig rig;

	(void)state;
	begin_with_key(&rig);
	assert_int_equal(put_one(&rig, ONE), E_OK);
	removes = 0;
	assert_int_equal(sealed_remove(&rig.rig.ctx, rig.box, TWO), E_OK);
	assert_int_equal(removes, 0);
	assert_int_equal(sealed_remove(&rig.rig.ctx, rig.box, ONE), E_OK);
	assert_int_equal(sealed_remove(&rig.rig.ctx, rig.box, ONE), E_OK);
	assert_int_equal(removes, 1);
	assert_int_equal(count_waiting(&rig), 0);
	finish(&rig);
}

static void test_what_could_not_be_removed_goes_with_the_next_purge(void **state)
{
	struct box_rig rig;

	(void)state;
	begin_with_key(&rig);
	assert_int_equal(put_one(&rig, ONE), E_OK);
	assert_int_equal(put_one(&rig, TWO), E_OK);
	is_full = true;
	assert_int_equal(sealed_remove(&rig.rig.ctx, rig.box, ONE), E_AGAIN);
	is_full = false;
	assert_int_equal(count_waiting(&rig), 2);
	assert_int_equal(sealed_purge(&rig.rig.ctx, rig.box), E_OK);
	assert_int_equal(count_waiting(&rig), 1);
	assert_true(tempdir_exists(path_of(&rig, "sealed/" TWO ".json")));
	finish(&rig);
}

static void test_only_what_an_earlier_start_left_is_left(void **state)
{
	struct box_rig rig;

	(void)state;
	begin_with_key(&rig);
	assert_int_equal(put_one(&rig, ONE), E_OK);
	assert_false(sealed_is_left(rig.box, ONE));
	tempdir_write(path_of(&rig, "sealed/notes.txt"), "a stranger", 0);
	reopen_box(&rig);
	assert_int_equal(put_one(&rig, TWO), E_OK);
	assert_true(sealed_is_left(rig.box, ONE));
	assert_false(sealed_is_left(rig.box, TWO));
	assert_int_equal(count_waiting(&rig), 2);
	finish(&rig);
}

static void test_a_damaged_sealed_file_is_set_aside(void **state)
{
	struct box_rig rig;
	struct sealed sealed;
	const char *associated;

	(void)state;
	begin_with_key(&rig);
	assert_int_equal(put_one(&rig, ONE), E_OK);
	tempdir_write(path_of(&rig, "sealed/" ONE ".json"), "{", 0);
	assert_int_equal(sealed_get(&rig.rig.ctx, rig.box, ONE, NAME, &sealed, &associated),
			 E_NOTFOUND);
	assert_true(tempdir_exists(path_of(&rig, "sealed/" ONE ".json.corrupt")));
	finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_sealed_without_a_key),
		cmocka_unit_test(test_the_key_outlives_a_restart),
		cmocka_unit_test(test_half_a_sealed_key_is_gone_at_the_next_start),
		cmocka_unit_test(test_a_damaged_key_is_none),
		cmocka_unit_test(test_rubbish_under_the_right_id_is_replaced),
		cmocka_unit_test(test_a_sealed_file_is_its_owners_and_holds_no_secret),
		cmocka_unit_test(test_it_is_found_under_its_version_of_the_key),
		cmocka_unit_test(test_what_is_no_id_is_no_path),
		cmocka_unit_test(test_removing_what_is_not_there_writes_nothing),
		cmocka_unit_test(test_what_could_not_be_removed_goes_with_the_next_purge),
		cmocka_unit_test(test_only_what_an_earlier_start_left_is_left),
		cmocka_unit_test(test_a_damaged_sealed_file_is_set_aside),
	};

	return cmocka_run_group_tests_name("sealed", tests, NULL, NULL);
}
