#include "specdir_rig.h"

/* Removal */

static void test_removal_needs_two_scans(void **state)
{
	struct rig rig;
	msec_t next;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	write_spec(&rig, "b.yaml", NATIVE("b.example.com"));
	scan(&rig);
	unlink(path(&rig, "a.yaml"));
	next = scan(&rig);
	assert_true(next > 0 && next <= 5000);
	/* Two scans of one moment are one look. */
	scan(&rig);
	assert_string_equal(in_force(&rig), "a.example.com b.example.com");
	mono += next;
	scan(&rig);
	assert_string_equal(in_force(&rig), "b.example.com");
	/* Back in between: nothing happened. */
	unlink(path(&rig, "b.yaml"));
	scan(&rig);
	write_spec(&rig, "c.yaml", NATIVE("b.example.com"));
	mono += 10000;
	settle(&rig);
	assert_string_equal(in_force(&rig), "b.example.com");
	assert_string_equal(get(&rig, "b.example.com")->source.file, path(&rig, "c.yaml"));
	assert_int_equal(get(&rig, "b.example.com")->meta.generation, 1);
	tear_down(&rig);
}

static void test_last_file_may_go(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	settle(&rig);
	unlink(path(&rig, "a.yaml"));
	settle(&rig);
	assert_string_equal(in_force(&rig), "");
	assert_null(specdir_report(rig.specdir)->held_back);
	tear_down(&rig);
}

static void fill_three(struct rig *rig)
{
	write_spec(rig, "a.yaml", NATIVE("a.example.com"));
	write_spec(rig, "b.yaml", NATIVE("b.example.com"));
	write_spec(rig, "c.yaml", "hostnames: []\n");
}

static void remove_three(struct rig *rig)
{
	unlink(path(rig, "a.yaml"));
	unlink(path(rig, "b.yaml"));
	unlink(path(rig, "c.yaml"));
}

static void test_sudden_emptiness(void **state)
{
	(void)state;
	for (int with_restart = 0; with_restart < 2; with_restart++) {
		struct rig rig;

		set_up(&rig);
		fill_three(&rig);
		settle(&rig);
		remove_three(&rig);
		if (with_restart)
			restart(&rig);
		settle(&rig);
		settle(&rig);
		assert_string_equal(in_force(&rig), "a.example.com b.example.com");
		assert_non_null(strstr(specdir_report(rig.specdir)->held_back, "is empty"));
		assert_int_equal(specdir_report(rig.specdir)->hostnames, 2);
		/* Files come back: the directory is believed again. */
		write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
		settle(&rig);
		assert_null(specdir_report(rig.specdir)->held_back);
		assert_string_equal(in_force(&rig), "a.example.com");
		tear_down(&rig);
	}
}

static void test_confirmed_emptiness(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fill_three(&rig);
	settle(&rig);
	/* A confirmation of a full directory confirms nothing. */
	specdir_confirm_empty(rig.specdir);
	settle(&rig);
	remove_three(&rig);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com b.example.com");
	specdir_confirm_empty(rig.specdir);
	settle(&rig);
	assert_string_equal(in_force(&rig), "");
	assert_null(specdir_report(rig.specdir)->held_back);
	tear_down(&rig);
}

static void test_missing_directory(void **state)
{
	const char *away;
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	settle(&rig);
	away = fs_join(&rig.ctx, rig.root, "away");
	assert_int_equal(rename(rig.specs, away), 0);
	for (int i = 0; i < 2; i++) {
		specdir_confirm_empty(rig.specdir);
		settle(&rig);
		assert_string_equal(in_force(&rig), "a.example.com");
		assert_non_null(strstr(specdir_report(rig.specdir)->held_back, rig.specs));
		restart(&rig);
	}
	/* The mount point without the mount: not confirmed by what was said before. */
	assert_int_equal(rename(away, rig.specs), 0);
	settle(&rig);
	assert_null(specdir_report(rig.specdir)->held_back);
	assert_string_equal(in_force(&rig), "a.example.com");
	tear_down(&rig);
}

/* Conflicts */

static void test_conflict(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "b.yaml", NATIVE("a.example.com") "spec: {keyType: EC-P256}\n");
	settle(&rig);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com") "---\n" NATIVE("x.example.com"));
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com(EC)! x.example.com");
	assert_string_equal(get(&rig, "a.example.com")->source.file, path(&rig, "b.yaml"));
	assert_int_equal(specdir_report(rig.specdir)->problems.errors, 2);
	assert_non_null(strstr(problems(&rig), "a.yaml:4:9: a.example.com is also named at"));
	assert_non_null(strstr(problems(&rig), "b.yaml:4:9: a.example.com is also named at"));
	assert_non_null(strstr(get(&rig, "a.example.com")->source.problem, "a.yaml:4"));
	restart(&rig);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com(EC)! x.example.com");
	/* The one that was in force goes: the other takes over, and nothing is removed in between.
	 */
	unlink(path(&rig, "b.yaml"));
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com x.example.com");
	assert_int_equal(get(&rig, "a.example.com")->meta.generation, 2);
	tear_down(&rig);
}

static void test_conflict_of_new_ones(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	write_spec(&rig, "b.yaml", NATIVE("a.example.com"));
	settle(&rig);
	assert_string_equal(in_force(&rig), "");
	unlink(path(&rig, "a.yaml"));
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com");
	assert_int_equal(specdir_report(rig.specdir)->problems.errors, 0);
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removal_needs_two_scans),
		cmocka_unit_test(test_last_file_may_go),
		cmocka_unit_test(test_sudden_emptiness),
		cmocka_unit_test(test_confirmed_emptiness),
		cmocka_unit_test(test_missing_directory),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_conflict_of_new_ones),
	};

	return cmocka_run_group_tests_name("specdir_removal", tests, NULL, NULL);
}
