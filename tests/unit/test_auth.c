#include "tempdir.h"

#include <string.h>

#include "base/fs.h"
#include "service/auth.h"

#define HEAD   "{\"apiVersion\":\"gatecert/v1\",\"kind\":\"InstanceSecret\","
#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static const struct {
	const char *sentence;
	const char *text; /* of the file; NULL: there is none */
	enum err err;
	bool is_new, is_set_aside;
} files[] = {
	{"a secret is read", HEAD "\"secret\":\"" SECRET "\"}", E_OK, false, false},
	{"a missing one is made", NULL, E_OK, true, false},
	{"an empty file is set aside", "", E_OK, true, true},
	{"half a file is set aside", HEAD "\"secret\":\"AAEC", E_OK, true, true},
	{"too short a secret is set aside", HEAD "\"secret\":\"AAEC\"}", E_OK, true, true},
	{"what is no base64 is set aside", HEAD "\"secret\":\"!\"}", E_OK, true, true},
	{"a file without a secret is set aside", HEAD "\"x\":1}", E_OK, true, true},
	{"one of another kind is set aside",
	 "{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Hostname\",\"secret\":\"" SECRET "\"}", E_OK,
	 true, true},
	{"one of a newer version keeps the daemon from starting",
	 "{\"apiVersion\":\"gatecert/v2\",\"kind\":\"InstanceSecret\",\"secret\":\"" SECRET "\"}",
	 E_REFUSED, false, false},
};

static void test_secret_files(void **state)
{
	unsigned char expected[32], secret[32], again[32];

	(void)state;
	for (unsigned char i = 0; i < 32; i++)
		expected[i] = i;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *root, *path, *sentence = files[i].sentence;
		struct stat status;
		struct ctx ctx;

		check_begin(&ctx);
		root = tempdir_make(&ctx);
		path = fs_join(&ctx, root, "instance-secret");
		if (files[i].text)
			tempdir_write(path, files[i].text, 5);
		check_row_int(sentence, auth_load_secret(&ctx, root, secret), files[i].err);
		check_row(sentence,
			  tempdir_exists(fs_join(&ctx, root, "instance-secret.corrupt")) ==
				  files[i].is_set_aside);
		if (files[i].err != E_OK) {
			check_row_text(sentence, ctx.fault.reason, "StateTooNew");
			check_row(sentence, strstr(ctx.fault.text, path));
		} else {
			check_row(sentence, (memcmp(secret, expected, 32) != 0) == files[i].is_new);
			check_row_int(sentence, auth_load_secret(&ctx, root, again), E_OK);
			check_row(sentence, memcmp(secret, again, 32) == 0);
		}
		if (files[i].is_new) {
			assert_int_equal(stat(path, &status), 0);
			check_row_int(sentence, status.st_mode & 0777, 0600);
		}
		tempdir_remove(root);
		ctx_fini(&ctx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_files),
	};

	return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
