/* A state directory as an earlier version (165f245) wrote it, with hostnames in several states: it
 * is read whole, and what is read is what stands there. */
#include "tempdir.h"

#include "api/gateway.h"
#include "api/hostname.h"
#include "api/instance.h"
#include "base/fs.h"
#include "service/view.h"
#include "store/dirstore.h"

#define FILE_BYTES_MAX ((size_t)64 * 1024)

static struct doors doors;
static struct ctx ctx;
static const char *directory;
static struct store *store;

/* Beside this file. */
static const char *kept(const char *name)
{
	const char *here = __FILE__;
	const char *folder = arena_printf(ctx.arena, "%.*skept_state",
					  (int)(strrchr(here, '/') + 1 - here), here);

	return name ? fs_join(&ctx, folder, name) : folder;
}

static void copy_files(const char *from, const char *to)
{
	struct fs *fs = ctx.doors->fs;
	char **names, *data;
	size_t count, size;

	assert_int_equal(fs->mkdir(&ctx, fs, to, 0700), E_OK);
	assert_int_equal(fs->list(&ctx, fs, from, &names, &count), E_OK);
	for (size_t i = 0; i < count; i++) {
		if (!text_ends_with(names[i], ".json"))
			continue;
		assert_int_equal(fs->read(&ctx, fs, fs_join(&ctx, from, names[i]), FILE_BYTES_MAX,
					  &data, &size),
				 E_OK);
		assert_int_equal(fs->write(&ctx, fs, fs_join(&ctx, to, names[i]), data, size, 0600),
				 E_OK);
	}
}

static int set_up(void **state)
{
	(void)state;
	doors = (struct doors){clock_system(), rng_system(), fs_system(), NULL};
	ctx_init(&ctx, &doors);
	directory = tempdir_make(&ctx);
	copy_files(kept(NULL), directory);
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		const char *plural = kind_info((enum kind)kind)->plural;

		copy_files(kept(plural), fs_join(&ctx, directory, plural));
	}
	return dirstore_open(&ctx, directory, &store) == E_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	dirstore_close(store);
	tempdir_remove(directory);
	ctx_fini(&ctx);
	return 0;
}

/* On the disk, under the name that the store gave it. */
static struct json *written(enum kind kind, const char *name)
{
	const char *path = fs_join(&ctx, kept(kind_info(kind)->plural),
				   arena_printf(ctx.arena, "%s.json", name));
	struct json *json;
	char *data;
	size_t size;

	assert_int_equal(
		ctx.doors->fs->read(&ctx, ctx.doors->fs, path, FILE_BYTES_MAX, &data, &size), E_OK);
	assert_int_equal(json_parse(&ctx, data, size, &json), E_OK);
	return json;
}

static bool says_all(const struct json *whole, const struct json *part);

static bool one_says(const struct json *array, const struct json *part)
{
	json_for_each (element, array)
		if (says_all(element, part))
			return true;
	return false;
}

/* All that `part` says is said by `whole`, which may know more by now, and in another order. */
static bool says_all(const struct json *whole, const struct json *part)
{
	if (!json_is_array(part) && !json_is_object(part))
		return json_equal(whole, part);
	json_for_each (child, part)
		if (json_is_array(part) ? !one_says(whole, child)
					: !says_all(json_get(whole, json_name(child)), child))
			return false;
	return true;
}

static void test_every_object_is_what_was_written(void **state)
{
	static const size_t expected[KIND_COUNT] = {
		[KIND_HOSTNAME] = 4, [KIND_GATEWAY] = 1, [KIND_INSTANCE] = 2};

	(void)state;
	for (int i = 0; i < KIND_COUNT; i++) {
		enum kind kind = (enum kind)i;
		const void **items;
		size_t count;

		assert_int_equal(store_list(&ctx, store, kind, &items, &count), E_OK);
		check_row_int(kind_info(kind)->plural, (int)count, (int)expected[kind]);
		for (size_t k = 0; k < count; k++) {
			const struct meta *meta = items[k];

			check_row(meta->name, says_all(object_to_json(&ctx, kind, meta, 0),
						       written(kind, meta->name)));
		}
	}
	assert_int_equal(tempdir_count(fs_join(&ctx, directory, "hostnames")), 4);
}

static void test_hostnames_are_shown_as_they_stood(void **state)
{
	static const struct {
		const char *name;
		int ready;
		const char *reason, *error;
		bool is_imported;
	} rows[] = {
		{"serving.example.com", CONDITION_TRUE, "Serving", NULL, false},
		{"imported.example.com", CONDITION_TRUE, "Serving", NULL, true},
		{"waiting.example.com", CONDITION_FALSE, "WrongTarget",
		 "HostnameNotResolvingToApplicationGateway", false},
		{"refused.example.com", CONDITION_FALSE, "ForbiddenByRbac", "ForbiddenByRbac",
		 false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct hostname *hostname;
		const struct condition *ready;
		const void *found;

		assert_int_equal(store_get(&ctx, store, KIND_HOSTNAME, rows[i].name, &found), E_OK);
		hostname = found;
		ready = condition_find(&hostname->status.conditions, CONDITION_READY);
		check_row(rows[i].name, ready && ready->status == rows[i].ready);
		check_row_text(rows[i].name, ready->reason, rows[i].reason);
		check_row_text(rows[i].name, hostname->status.refusal.error, rows[i].error);
		check_row(rows[i].name,
			  hostname->status.certificate.is_imported == rows[i].is_imported);
		check_row_text(rows[i].name,
			       json_text(json_path(view_render(&ctx, KIND_HOSTNAME, found),
						   "status.displayName")),
			       rows[i].name);
	}
}

static void test_the_gateway_and_the_requests_are_there(void **state)
{
	const struct gateway *gateway;
	const void *found;
	const void **instances;
	size_t count;

	(void)state;
	assert_int_equal(store_get(&ctx, store, KIND_GATEWAY, "gateway", &found), E_OK);
	gateway = found;
	assert_non_null(gateway_find_programmed(gateway, "serving.example.com"));
	assert_non_null(gateway_find_programmed(gateway, "imported.example.com"));
	assert_null(gateway_find_programmed(gateway, "waiting.example.com"));
	assert_int_equal(store_list(&ctx, store, KIND_INSTANCE, &instances, &count), E_OK);
	for (size_t i = 0; i < count; i++) {
		const struct instance *instance = instances[i];
		bool is_import = text_equals(instance->spec.hostnames.items[0],
					     "imported.example.com");

		assert_int_equal(instance->status.runtime_status,
				 is_import ? RUNTIME_COMPLETED : RUNTIME_FAILED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_object_is_what_was_written, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_hostnames_are_shown_as_they_stood, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_gateway_and_the_requests_are_there, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
