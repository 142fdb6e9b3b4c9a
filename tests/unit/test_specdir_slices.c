#include <errno.h>

#include "check.h"
#include "specdir_rig.h"
#include "unprivileged.h"

/* A scan that does one thing in each slice, and what happens between two of them. */

#define COUNT 6

static struct json *wanted(struct rig *rig, const char *key_type)
{
	struct json *json;
	const char *text = arena_printf(rig->ctx.arena, "{\"spec\":{\"keyType\":\"%s\"}}",
					key_type);

	assert_int_equal(json_parse(&rig->ctx, text, strlen(text), &json), E_OK);
	return json;
}

static void put(struct rig *rig, const char *key_type)
{
	assert_int_equal(
		specdir_put(&rig->ctx, rig->specdir, "a.example.com", wanted(rig, key_type)), E_OK);
}

/* Neighbours on both sides, so that there are slices before and behind. */
static void fill(struct rig *rig)
{
	for (int i = 0; i < COUNT; i++)
		write_spec(rig, arena_printf(rig->ctx.arena, "%c.yaml", '0' + i),
			   arena_printf(rig->ctx.arena, "hostnames: [%c.example.com]\n",
					i % 2 ? '0' + i : 'x' - i));
}

static void make_new(struct rig *rig)
{
	(void)rig;
}

static void make_old(struct rig *rig)
{
	put(rig, "RSA-2048");
}

static void write_it(struct rig *rig)
{
	put(rig, "EC-P256");
}

static void withdraw_it(struct rig *rig)
{
	assert_int_equal(specdir_withdraw(&rig->ctx, rig->specdir, "a.example.com"), E_OK);
}

static void drop_file(struct rig *rig)
{
	write_spec(rig, "late.yaml", "hostnames: [late.example.com]\n");
}

static bool is_written(struct rig *rig)
{
	return get(rig, "a.example.com") &&
	       get(rig, "a.example.com")->spec.key_type == KEY_TYPE_EC_P256;
}

static bool is_gone(struct rig *rig)
{
	return !get(rig, "a.example.com");
}

static bool is_found(struct rig *rig)
{
	return get(rig, "late.example.com");
}

/* False: the scan was over before that slice. */
static bool scan_until(struct rig *rig, int slice)
{
	for (int i = 0; i < slice; i++)
		if (scan(rig) != 0)
			return false;
	return true;
}

static void finish(struct rig *rig)
{
	while (scan(rig) == 0)
		continue;
}

static void test_between_two_slices(void **state)
{
	static const struct {
		const char *sentence;
		void (*before)(struct rig *rig), (*meanwhile)(struct rig *rig);
		bool (*holds)(struct rig *rig);
		bool is_at_once; /* or with the next scan */
	} rows[] = {
		{"what is put stays as it was put", make_old, write_it, is_written, true},
		{"what is made stays", make_new, write_it, is_written, true},
		{"what is withdrawn stays away", make_old, withdraw_it, is_gone, true},
		{"a file that comes is found", make_new, drop_file, is_found, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool is_over = false;

		for (int slice = 1; !is_over; slice++) {
			struct rig rig;

			set_up(&rig);
			fill(&rig);
			rows[i].before(&rig);
			settle(&rig);
			write_spec(&rig, "new.yaml", "hostnames: [new.example.com]\n");
			mono_step = 10;
			is_over = !scan_until(&rig, slice);
			rows[i].meanwhile(&rig);
			specdir_drain(&rig.ctx, rig.specdir);
			finish(&rig);
			check_row(rows[i].sentence, !rows[i].is_at_once || rows[i].holds(&rig));
			mono_step = 0;
			settle(&rig);
			check_row(rows[i].sentence, rows[i].holds(&rig));
			assert_int_equal(rig.err, E_OK);
			tear_down(&rig);
		}
	}
}

static void test_what_happens_meanwhile_is_looked_at_soon(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fill(&rig);
	settle(&rig);
	write_spec(&rig, "new.yaml", "hostnames: [new.example.com]\n");
	mono_step = 10;
	assert_true(scan_until(&rig, 3));
	specdir_drain(&rig.ctx, rig.specdir);
	drop_file(&rig);
	assert_int_equal(specdir_drain(&rig.ctx, rig.specdir), 0);
	for (msec_t next = 0; next == 0;) {
		next = scan(&rig);
		assert_true(next < MSEC_PER_SEC);
	}
	tear_down(&rig);
}

/* Two looks at the directory have to agree, and not two ends of scans. */
static void test_a_file_that_is_away_for_a_moment_is_not_removed(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fill(&rig);
	settle(&rig);
	assert_int_equal(unlink(path(&rig, "1.yaml")), 0);
	finish(&rig);
	mono += 100;
	mono_step = 10;
	assert_true(scan_until(&rig, 2));
	/* The scan has listed the directory, and takes long. */
	mono += 3000;
	write_spec(&rig, "1.yaml", "hostnames: [1.example.com]\n");
	finish(&rig);
	mono_step = 0;
	assert_non_null(get(&rig, "1.example.com"));
	settle(&rig);
	assert_non_null(get(&rig, "1.example.com"));
	tear_down(&rig);
}

static void test_a_confirmation_during_a_scan_is_for_the_next(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	fill(&rig);
	settle(&rig);
	write_spec(&rig, "0.yaml", "hostnames: [x.example.com] # again\n");
	mono_step = 10;
	assert_true(scan_until(&rig, 2));
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(unlink(path(&rig, arena_printf(rig.ctx.arena, "%d.yaml", i))), 0);
	specdir_confirm_empty(rig.specdir);
	finish(&rig);
	mono_step = 0;
	settle(&rig);
	settle(&rig);
	assert_int_equal(store_count(rig.store, KIND_HOSTNAME), 0);
	tear_down(&rig);
}

/* What cannot be written into api.d waits, and people's files do not. */
static void test_files_are_read_while_the_journal_waits(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	settle(&rig);
	put(&rig, "RSA-2048");
	is_api_full = true;
	write_it(&rig);
	write_spec(&rig, "late.yaml", "hostnames: [late.example.com]\n");
	settle(&rig);
	assert_true(is_found(&rig));
	assert_true(is_written(&rig));
	assert_non_null(specdir_report(rig.specdir)->held_back);
	is_api_full = false;
	mono += 10000;
	settle(&rig);
	assert_null(specdir_report(rig.specdir)->held_back);
	assert_true(is_written(&rig));
	restart(&rig);
	settle(&rig);
	assert_true(is_written(&rig));
	tear_down(&rig);
}

static void test_what_cannot_be_written_is_refused_before_it_counts(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	settle(&rig);
	put(&rig, "RSA-2048");
	unprivileged_set(true);
	assert_int_equal(chmod(rig.api, 0555), 0);
	assert_int_equal(
		specdir_put(&rig.ctx, rig.specdir, "a.example.com", wanted(&rig, "EC-P256")),
		E_AGAIN);
	assert_non_null(strstr(rig.ctx.fault.text, "Permission denied"));
	chmod(rig.api, 0755);
	unprivileged_set(false);
	settle(&rig);
	assert_false(is_written(&rig));
	tear_down(&rig);
}

static void test_a_slice_does_a_little(void **state)
{
	size_t slices = 1;
	struct rig rig;

	(void)state;
	set_up(&rig);
	fill(&rig);
	mono_step = 10;
	while (scan(&rig) == 0)
		slices++;
	/* Each file is read in one, and each hostname settled in one. */
	assert_in_range(slices, 2 * COUNT - 1, 2 * COUNT + 1);
	tear_down(&rig);
}

static void test_a_scan_may_be_left_in_the_middle(void **state)
{
	(void)state;
	for (int slice = 1; slice < 2 * COUNT; slice++) {
		struct rig rig;

		set_up(&rig);
		fill(&rig);
		mono_step = 10;
		assert_true(scan_until(&rig, slice));
		mono_step = 0;
		restart(&rig);
		settle(&rig);
		assert_int_equal(store_count(rig.store, KIND_HOSTNAME), COUNT);
		tear_down(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_between_two_slices),
		cmocka_unit_test(test_what_happens_meanwhile_is_looked_at_soon),
		cmocka_unit_test(test_a_file_that_is_away_for_a_moment_is_not_removed),
		cmocka_unit_test(test_a_confirmation_during_a_scan_is_for_the_next),
		cmocka_unit_test(test_files_are_read_while_the_journal_waits),
		cmocka_unit_test(test_what_cannot_be_written_is_refused_before_it_counts),
		cmocka_unit_test(test_a_slice_does_a_little),
		cmocka_unit_test(test_a_scan_may_be_left_in_the_middle),
	};

	return cmocka_run_group_tests_name("specdir_slices", tests, NULL, NULL);
}
