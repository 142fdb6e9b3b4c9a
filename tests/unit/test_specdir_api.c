#include "specdir_rig.h"

#include "api/dnsname.h"

/* api.d */

static void test_desire(void **state)
{
	const struct hostname *hostname;
	bool introduced;
	msec_t requested;
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	assert_int_equal(desire(&rig, "A.example.com", &introduced), E_OK);
	assert_true(introduced);
	hostname = get(&rig, "a.example.com");
	assert_string_equal(hostname->source.file, path(&rig, "api.d/a.example.com.json"));
	assert_true(tempdir_exists(hostname->source.file));
	requested = hostname->requested;
	assert_true(requested > 0);
	while (clock_system()->wall(clock_system()) == requested)
		continue;
	assert_int_equal(desire(&rig, "a.example.com", &introduced), E_OK);
	assert_false(introduced);
	assert_true(get(&rig, "a.example.com")->requested > requested);
	assert_int_equal(get(&rig, "a.example.com")->meta.generation, 1);
	/* The scan finds what was written and has nothing to add. */
	requested = store_version(rig.store);
	settle(&rig);
	restart(&rig);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com");
	assert_true(store_version(rig.store) - requested < 1001);
	assert_int_equal(get(&rig, "a.example.com")->meta.resource_version, requested);
	tear_down(&rig);
}

static void test_desire_refuses(void **state)
{
	static const struct {
		const char *sentence, *hostname, *spec;
	} rows[] = {
		{"a path", "../../etc/passwd", NULL},
		{"no hostname", "", NULL},
		{"an unknown key type", "a.example.com", "{\"keyType\":\"RSA-1\"}"},
		{"an unknown member", "a.example.com", "{\"colour\":\"red\"}"},
		{"a private key", "a.example.com", "{\"privatekey\":\"SECRETSECRET\"}"},
	};
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct batch *batch = batch_new(&rig.ctx, rig.store);
		struct json *spec = NULL;
		bool introduced = true;

		if (rows[i].spec)
			assert_int_equal(
				json_parse(&rig.ctx, rows[i].spec, strlen(rows[i].spec), &spec),
				E_OK);
		check_row(rows[i].sentence,
			  specdir_desire(&rig.ctx, rig.specdir, batch, rows[i].hostname, spec, NULL,
					 &introduced) == E_REFUSED);
		check_row(rows[i].sentence, !introduced);
		check_row(rows[i].sentence, !strstr(rig.ctx.fault.text, "SECRETSECRET"));
		check_row_text(rows[i].sentence, in_force(&rig), "");
		check_row_int(rows[i].sentence, (long long)tempdir_count(rig.api), 0);
	}
	tear_down(&rig);
}

static void test_wildcard_of_the_api(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	assert_int_equal(desire(&rig, "*.example.com", &introduced), E_OK);
	assert_true(tempdir_exists(path(&rig, "api.d/_wildcard.example.com.json")));
	settle(&rig);
	restart(&rig);
	settle(&rig);
	assert_string_equal(in_force(&rig), "*.example.com");
	assert_int_equal(specdir_report(rig.specdir)->problems.errors, 0);
	assert_int_equal(specdir_withdraw(&rig.ctx, rig.specdir, "*.example.com"), E_OK);
	assert_int_equal(tempdir_count(rig.api), 0);
	tear_down(&rig);
}

static void test_withdraw(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "u.yaml", NATIVE("u.example.com"));
	scan(&rig);
	assert_int_equal(specdir_withdraw(&rig.ctx, rig.specdir, "a.example.com"), E_NOTFOUND);
	assert_int_equal(specdir_withdraw(&rig.ctx, rig.specdir, "u.example.com"), E_REFUSED);
	assert_string_equal(rig.ctx.fault.reason, "OwnedByFile");
	assert_non_null(strstr(rig.ctx.fault.text, path(&rig, "u.yaml")));
	desire(&rig, "a.example.com", &introduced);
	desire(&rig, "b.example.com", &introduced);
	settle(&rig);
	assert_int_equal(specdir_withdraw(&rig.ctx, rig.specdir, "a.example.com"), E_OK);
	assert_int_equal(specdir_withdraw(&rig.ctx, rig.specdir, "b.example.com"), E_OK);
	assert_string_equal(in_force(&rig), "u.example.com");
	/* By our own hand: no sudden emptiness. */
	settle(&rig);
	assert_null(specdir_report(rig.specdir)->held_back);
	desire(&rig, "a.example.com", &introduced);
	assert_true(introduced);
	tear_down(&rig);
}

static void test_user_file_takes_over(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	desire(&rig, "a.example.com", &introduced);
	write_spec(&rig, "u.yaml", NATIVE("a.example.com") "spec: {keyType: EC-P256}\n");
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com(EC)");
	assert_string_equal(get(&rig, "a.example.com")->source.file, path(&rig, "u.yaml"));
	assert_int_equal(tempdir_count(rig.api), 0);
	assert_int_equal(specdir_report(rig.specdir)->problems.errors, 0);
	assert_int_equal(desire(&rig, "a.example.com", &introduced), E_OK);
	assert_false(introduced);
	assert_int_equal(tempdir_count(rig.api), 0);
	unlink(path(&rig, "u.yaml"));
	settle(&rig);
	assert_string_equal(in_force(&rig), "");
	tear_down(&rig);
}

static void test_user_file_takes_over_when_time_is_short(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	assert_int_equal(desire(&rig, "a.example.com", &introduced), E_OK);
	write_spec(&rig, "u.yaml", NATIVE("a.example.com"));
	mono_step = 60; /* each slice of the scan has time for one hostname */
	while (!text_equals(get(&rig, "a.example.com")->source.file, path(&rig, "u.yaml")))
		scan(&rig);
	mono_step = 0;
	assert_string_equal(get(&rig, "a.example.com")->source.file, path(&rig, "u.yaml"));
	assert_false(tempdir_exists(path(&rig, "api.d/a.example.com.json")));
	assert_int_equal(unlink(path(&rig, "u.yaml")), 0);
	settle(&rig);
	assert_string_equal(in_force(&rig), "");
	tear_down(&rig);
}

static void test_desire_rescues_from_removal(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "u.yaml", NATIVE("a.example.com"));
	scan(&rig);
	unlink(path(&rig, "u.yaml"));
	scan(&rig);
	assert_int_equal(desire(&rig, "a.example.com", &introduced), E_OK);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com");
	assert_int_equal(tempdir_count(rig.api), 1);
	tear_down(&rig);
}

/* The state directory is lost, the spec directory is not. */
static void test_api_survives_lost_state(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	desire(&rig, "a.example.com", &introduced);
	stop(&rig);
	tempdir_remove(fs_join(&rig.ctx, rig.root, "state"));
	start(&rig);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com");
	tear_down(&rig);
}

static void test_api_directory_vanishes(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	desire(&rig, "a.example.com", &introduced);
	desire(&rig, "b.example.com", &introduced);
	write_spec(&rig, "u.yaml", NATIVE("u.example.com"));
	settle(&rig);
	tempdir_remove(rig.api);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com b.example.com u.example.com");
	assert_non_null(specdir_report(rig.specdir)->held_back);
	/* What the user's directory says still counts. */
	unlink(path(&rig, "u.yaml"));
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com b.example.com");
	tear_down(&rig);
}

static struct json *parse(struct rig *rig, const char *text)
{
	struct json *json;

	assert_int_equal(json_parse(&rig->ctx, text, strlen(text), &json), E_OK);
	return json;
}

static enum err put(struct rig *rig, const char *hostname, const char *wanted)
{
	return specdir_put(&rig->ctx, rig->specdir, hostname, parse(rig, wanted));
}

static void test_put(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "u.yaml", NATIVE("u.example.com"));
	scan(&rig);
	assert_int_equal(put(&rig, "u.example.com", "{}"), E_REFUSED);
	assert_string_equal(rig.ctx.fault.reason, "OwnedByFile");
	assert_string_equal(specdir_owner(&rig.ctx, rig.specdir, "u.example.com"),
			    path(&rig, "u.yaml"));
	assert_int_equal(put(&rig, "A.example.com", "{\"spec\":{\"keyType\":\"EC-P256\"}}"), E_OK);
	assert_null(specdir_owner(&rig.ctx, rig.specdir, "a.example.com"));
	assert_string_equal(in_force(&rig), "a.example.com(EC) u.example.com");
	assert_int_equal(
		put(&rig, "a.example.com", "{\"metadata\":{\"labels\":{\"team\":\"web\"}}}"), E_OK);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com u.example.com");
	assert_int_equal(get(&rig, "a.example.com")->meta.labels.count, 1);
	assert_int_equal(tempdir_count(rig.api), 1);
	assert_int_equal(put(&rig, "a.example.com", "{\"spec\":{\"keyType\":\"DSA\"}}"), E_REFUSED);
	assert_string_equal(rig.ctx.fault.reason, "InvalidSpec");
	assert_int_equal(put(&rig, "nodots", "{}"), E_REFUSED);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com u.example.com");
	tear_down(&rig);
}

/* Whoever says that it is desired leaves a number, also who says the same again; who only asks for
 * a try does not. */
static void test_who_has_written_it_last(void **state)
{
	int64_t written, posted;
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	desire(&rig, "a.example.com", &introduced);
	assert_int_equal(get(&rig, "a.example.com")->written, 0);
	posted = get(&rig, "a.example.com")->posted;
	assert_true(posted > 0);
	assert_int_equal(put(&rig, "a.example.com", "{}"), E_OK);
	written = get(&rig, "a.example.com")->written;
	assert_true(written > posted);
	assert_int_equal(put(&rig, "a.example.com", "{}"), E_OK);
	assert_true(get(&rig, "a.example.com")->written > written);
	written = get(&rig, "a.example.com")->written;
	assert_int_equal(specdir_request(&rig.ctx, rig.specdir, "a.example.com"), E_OK);
	settle(&rig);
	restart(&rig);
	settle(&rig);
	assert_int_equal(get(&rig, "a.example.com")->written, written);
	assert_int_equal(get(&rig, "a.example.com")->posted, posted);
	assert_true(get(&rig, "a.example.com")->asked > written);
	write_spec(&rig, "u.yaml", NATIVE("a.example.com"));
	settle(&rig);
	assert_true(get(&rig, "a.example.com")->written > written);
	tear_down(&rig);
}

/* The file can be written, the store cannot: nobody is told that it worked, so nothing may come of
 * it. */
static void test_what_the_store_has_no_room_for(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "pending.yaml", NATIVE("p.example.com"));
	scan(&rig);
	assert_int_equal(put(&rig, "old.example.com", "{}"), E_OK);
	unlink(path(&rig, "pending.yaml"));
	scan(&rig);
	assert_int_equal(put(&rig, "young.example.com", "{}"), E_OK);
	is_full = true;
	assert_int_equal(desire(&rig, "a.example.com", &introduced), E_AGAIN);
	assert_false(introduced);
	assert_int_equal(desire(&rig, "p.example.com", &introduced), E_AGAIN);
	assert_int_equal(put(&rig, "b.example.com", "{}"), E_AGAIN);
	assert_int_equal(put(&rig, "old.example.com", "{\"spec\":{\"keyType\":\"EC-P256\"}}"),
			 E_AGAIN);
	assert_int_equal(put(&rig, "young.example.com", "{\"spec\":{\"keyType\":\"EC-P256\"}}"),
			 E_AGAIN);
	is_full = false;
	settle(&rig);
	assert_string_equal(in_force(&rig), "old.example.com young.example.com");
	assert_int_equal(tempdir_count(rig.api), 2);
	tear_down(&rig);
}

static void test_what_is_no_file_of_ours_is_not_written_over(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	write_spec(&rig, "u.yaml", "hostnames: []\n");
	assert_int_equal(put(&rig, "a.example.com", "{}"), E_OK);
	assert_int_equal(unlink(path(&rig, "api.d/a.example.com.json")), 0);
	assert_int_equal(symlink("../u.yaml", path(&rig, "api.d/a.example.com.json")), 0);
	assert_int_equal(put(&rig, "a.example.com", "{\"spec\":{\"keyType\":\"EC-P256\"}}"),
			 E_AGAIN);
	assert_int_equal(readlink(path(&rig, "api.d/a.example.com.json"), (char[16]){0}, 16), 9);
	tear_down(&rig);
}

static struct hostname preview(struct rig *rig, const char *hostname, const char *wanted)
{
	struct hostname shown;

	assert_int_equal(
		specdir_preview(&rig->ctx, rig->specdir, hostname, parse(rig, wanted), &shown),
		E_OK);
	return shown;
}

static const char *many_labels(struct rig *rig)
{
	struct json *json = json_object(&rig->ctx), *labels = json_object(&rig->ctx);
	struct json *metadata = json_object(&rig->ctx);

	for (int i = 0; i < 4000; i++)
		json_set_text(&rig->ctx, labels, arena_printf(rig->ctx.arena, "l%d", i), "x");
	json_set(&rig->ctx, metadata, "labels", labels);
	json_set(&rig->ctx, json, "metadata", metadata);
	return json_print(&rig->ctx, json);
}

/* A dry run says what the write would, and writes nothing. */
static void test_preview(void **state)
{
	struct hostname shown, found;
	const char *too_much;
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	shown = preview(&rig, "A.example.com", "{\"spec\":{\"keyType\":\"ec-p256\"}}");
	assert_string_equal(shown.meta.name, "a.example.com");
	assert_int_equal(shown.spec.key_type, KEY_TYPE_EC_P256);
	assert_string_equal(in_force(&rig), "");
	put(&rig, "a.example.com", "{\"spec\":{\"keyType\":\"EC-P256\"}}");
	found = *get(&rig, "a.example.com");
	assert_string_equal(found.source.file, shown.source.file);
	shown = preview(&rig, "a.example.com", "{\"metadata\":{\"labels\":{}},\"spec\":null}");
	assert_string_equal(shown.meta.uid, found.meta.uid);
	assert_int_equal(shown.spec.key_type, KEY_TYPE_DEFAULT);
	assert_string_equal(in_force(&rig), "a.example.com(EC)");
	too_much = many_labels(&rig);
	assert_int_equal(specdir_preview(&rig.ctx, rig.specdir, "a.example.com",
					 parse(&rig, too_much), &shown),
			 E_REFUSED);
	assert_int_equal(put(&rig, "a.example.com", too_much), E_REFUSED);
	assert_string_equal(rig.ctx.fault.reason, "InvalidSpec");
	assert_null(strstr(rig.ctx.fault.text, ".json"));
	tear_down(&rig);
}

/* One policy for files and API; a stricter one takes nothing away that is in force. */
static void test_public_names_only(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "u.yaml", NATIVE("u.corp.internal"));
	write_spec(&rig, "v.yaml", NATIVE("v.example.com"));
	scan(&rig);
	assert_int_equal(desire(&rig, "a.corp.internal", &introduced), E_OK);
	specdir_set_hostname_flags(rig.specdir, HOSTNAME_PUBLIC_ONLY);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.corp.internal! u.corp.internal! v.example.com");
	assert_non_null(strstr(problems(&rig), "u.yaml:4:9: metadata.name: is not a valid "
					       "hostname: it does not end in a public suffix"));
	assert_non_null(strstr(problems(&rig), "a.corp.internal.json"));
	assert_int_equal(desire(&rig, "b.corp.internal", &introduced), E_REFUSED);
	assert_string_equal(rig.ctx.fault.reason, "InvalidHostname");
	assert_int_equal(put(&rig, "a.corp.internal", "{}"), E_REFUSED);
	assert_int_equal(desire(&rig, "*.co.uk", &introduced), E_REFUSED);
	assert_int_equal(desire(&rig, "*.b.example.com", &introduced), E_OK);
	assert_int_equal(specdir_withdraw(&rig.ctx, rig.specdir, "a.corp.internal"), E_OK);
	specdir_set_hostname_flags(rig.specdir, 0);
	settle(&rig);
	assert_string_equal(in_force(&rig), "*.b.example.com u.corp.internal v.example.com");
	assert_string_equal(problems(&rig), "");
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_desire),
		cmocka_unit_test(test_desire_refuses),
		cmocka_unit_test(test_wildcard_of_the_api),
		cmocka_unit_test(test_put),
		cmocka_unit_test(test_who_has_written_it_last),
		cmocka_unit_test(test_what_the_store_has_no_room_for),
		cmocka_unit_test(test_what_is_no_file_of_ours_is_not_written_over),
		cmocka_unit_test(test_preview),
		cmocka_unit_test(test_withdraw),
		cmocka_unit_test(test_user_file_takes_over),
		cmocka_unit_test(test_user_file_takes_over_when_time_is_short),
		cmocka_unit_test(test_desire_rescues_from_removal),
		cmocka_unit_test(test_api_survives_lost_state),
		cmocka_unit_test(test_api_directory_vanishes),
		cmocka_unit_test(test_public_names_only),
	};

	return cmocka_run_group_tests_name("specdir_api", tests, NULL, NULL);
}
