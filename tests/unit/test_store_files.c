#include "store_rig.h"

#include "store/filename.h"

static void test_versions_grow_over_restarts(void **state)
{
	struct hostname hostname = make(NAME), other = make("other.example.com");
	int64_t highest;
	struct rig rig;

	(void)state;
	set_up(&rig);
	put(&rig, &hostname);
	put(&rig, &other);
	store_delete(&rig.ctx, rig.store, KIND_HOSTNAME, "other.example.com");
	highest = store_version(rig.store);
	reopen(&rig);
	assert_true(store_version(rig.store) >= highest);
	put(&rig, &other);
	assert_true(get(&rig, "other.example.com")->meta.resource_version > highest);
	/* Also when the reservation is lost. */
	highest = store_version(rig.store);
	dirstore_close(rig.store);
	unlink(fs_join(&rig.ctx, rig.directory, "version.json"));
	rig.store = open_store(&rig);
	hostname.spec.key_type = 1;
	put(&rig, &hostname);
	assert_true(get(&rig, NAME)->meta.resource_version > highest);
	tear_down(&rig);
}

static void test_leftovers(void **state)
{
	static const struct {
		const char *sentence, *file;
		bool is_kept;
	} rows[] = {
		{"what a write cut short left", ".0123456789abcdef.tmp", false},
		{"another dot file", ".keep", true},
		{"a temporary file of others", ".0123456789abcdeg.tmp", true},
		{"a file that ends like one", "x.tmp", true},
	};
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tempdir_write(file_of(&rig, rows[i].file), "half", 0);
	reopen(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(rows[i].sentence,
			  tempdir_exists(file_of(&rig, rows[i].file)) == rows[i].is_kept);
	tear_down(&rig);
}

/* Opening a directory with one file in it. */

#define META                                                   \
	"\"metadata\":{\"name\":\"shop.example.com\",\"uid\":" \
	"\"0123456789abcdef0123456789abcdef\","                \
	"\"generation\":1,\"resourceVersion\":1}"

static const struct {
	const char *sentence;
	const char *file; /* in hostnames/ */
	const char *content;
	const char *reason; /* why opening is refused; NULL: it is not */
	bool is_loaded, is_aside;
} files[] = {
	{"a good file is loaded", NAME ".json",
	 "{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Hostname\"," META "}", NULL, true, false},
	{"a newer version is refused and left alone", NAME ".json",
	 "{\"apiVersion\":\"gatecert/v2\",\"kind\":\"Hostname\"," META ",\"new\":1}", "StateTooNew",
	 false, false},
	{"an unknown version of ours is refused", NAME ".json",
	 "{\"apiVersion\":\"gatecert/v1beta1\",\"kind\":\"Hostname\"," META "}", "StateTooNew",
	 false, false},
	{"half a file is set aside", NAME ".json", "{\"apiVersion\":\"gatecert/v1\",\"ki", NULL,
	 false, true},
	{"an empty file is set aside", NAME ".json", "", NULL, false, true},
	{"another project's file is set aside", NAME ".json",
	 "{\"apiVersion\":\"apps/v1\",\"kind\":\"Hostname\"}", NULL, false, true},
	{"another kind is set aside", NAME ".json",
	 "{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Gateway\"," META "}", NULL, false, true},
	{"an unknown member is set aside", NAME ".json",
	 "{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Hostname\"," META ",\"sepc\":{}}", NULL, false,
	 true},
	{"a copy under another name is set aside", "copy.json",
	 "{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Hostname\"," META "}", NULL, false, true},
	{"an object without identity is set aside", NAME ".json",
	 "{\"apiVersion\":\"gatecert/"
	 "v1\",\"kind\":\"Hostname\",\"metadata\":{\"name\":\"shop.example.com\"}}",
	 NULL, false, true},
	{"a file that is no JSON file is left alone", NAME ".corrupt", "whatever", NULL, false,
	 false},
};

static void test_open(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *path, *aside;
		struct rig rig;

		set_up(&rig);
		dirstore_close(rig.store);
		path = file_of(&rig, files[i].file);
		aside = arena_printf(rig.ctx.arena, "%s.corrupt", path);
		tempdir_write(path, files[i].content, 1);
		rig.store = open_store(&rig);
		check_row(files[i].sentence, (rig.store != NULL) == (files[i].reason == NULL));
		if (files[i].reason) {
			check_row_text(files[i].sentence, rig.ctx.fault.reason, files[i].reason);
			check_row(files[i].sentence, strstr(rig.ctx.fault.text, path));
			check_row(files[i].sentence, strstr(rig.ctx.fault.text, "gatecert/v"));
		} else {
			check_row(files[i].sentence,
				  (get(&rig, NAME) != NULL) == files[i].is_loaded);
		}
		check_row(files[i].sentence, tempdir_exists(aside) == files[i].is_aside);
		check_row(files[i].sentence, tempdir_exists(path) == !files[i].is_aside);
		tear_down(&rig);
	}
}

static void test_lock(void **state)
{
	struct store *second = NULL;
	struct rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(dirstore_open(&rig.ctx, rig.directory, &second), E_REFUSED);
	assert_string_equal(rig.ctx.fault.reason, "StateLocked");
	assert_null(second);
	reopen(&rig);
	tear_down(&rig);
}

static void test_unusable_directory(void **state)
{
	struct store *store = NULL;
	struct rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(dirstore_open(&rig.ctx, "/nonexistent/state", &store), E_AGAIN);
	assert_non_null(strstr(rig.ctx.fault.text, "/nonexistent/state"));
	tear_down(&rig);
}

/* File names */

#define L50 "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuv."

static const struct {
	const char *sentence, *name, *file; /* file NULL: a hash */
} names[] = {
	{"a hostname is its own file name", "shop.example.com", "shop.example.com"},
	{"an instance id is, too", "0123456789abcdef0123456789abcdef",
	 "0123456789abcdef0123456789abcdef"},
	{"a wildcard is spelled out", "*.example.com", "_wildcard.example.com"},
	{"what looks like a spelled-out wildcard is hashed", "_wildcard.example.com", NULL},
	{"upper case is hashed", "Shop.example.com", NULL},
	{"a slash is hashed", "../../etc/passwd", NULL},
	{"a slash behind a wildcard is hashed", "*./etc", NULL},
	{"a leading dot is hashed", ".hidden", NULL},
	{"a dot is hashed", ".", NULL},
	{"nothing is hashed", "", NULL},
	{"a star elsewhere is hashed", "a.*.example.com", NULL},
	{"a long name is hashed", L50 L50 L50 L50 "com", NULL},
	{"a space is hashed", "a b", NULL},
};

static void test_file_names(void **state)
{
	struct ctx ctx;

	(void)state;
	check_begin(&ctx);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *file = filename_for(&ctx, names[i].name);

		if (names[i].file) {
			check_row_text(names[i].sentence, file, names[i].file);
		} else {
			check_row_int(names[i].sentence, (long long)strlen(file), 65);
			check_row(names[i].sentence, file[0] == '_');
			check_row(names[i].sentence, strspn(file + 1, "0123456789abcdef") == 64);
		}
		for (size_t j = 0; j < i; j++)
			check_row(names[i].sentence,
				  strcmp(file, filename_for(&ctx, names[j].name)) != 0);
	}
	ctx_fini(&ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_versions_grow_over_restarts),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_unusable_directory),
		cmocka_unit_test(test_file_names),
	};

	return cmocka_run_group_tests_name("store_files", tests, NULL, NULL);
}
