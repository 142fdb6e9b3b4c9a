/* What is written together: numbers, what waits for room, and what a reconciler writes meanwhile.
 */
#include "store_rig.h"

#include "api/instance.h"
#include "base/log.h"
#include "store/batch.h"
#include "store/journal.h"

#define ID "0123456789abcdef0123456789abcdef"

/* After so many writes from now on the disk is full. */
static unsigned lasts;

/* Time stands still, or each look at the clock costs some: then every slice does one thing. */
static msec_t mono, mono_step;
static struct clock test_clock;

static msec_t tell_mono(struct clock *clock)
{
	(void)clock;
	mono += mono_step;
	return mono;
}

static enum err lasting_write(struct ctx *ctx, struct fs *fs, const char *path, const void *data,
			      size_t size, mode_t mode)
{
	if (lasts && lasts-- == 1)
		is_full = true;
	return counted_write(ctx, fs, path, data, size, mode);
}

static void open_rig(struct rig *rig)
{
	struct hostname other;

	set_up(rig);
	rig->fs.write = lasting_write;
	lasts = 0;
	mono_step = 0;
	test_clock = *clock_system();
	test_clock.mono = tell_mono;
	rig->doors.clock = &test_clock;
	other = make("other.example.com");
	assert_int_equal(put(rig, &other), E_OK); /* so that versions are reserved */
}

static struct batch *fill(struct rig *rig)
{
	struct batch *batch = batch_new(&rig->ctx, rig->store);
	struct instance instance = {.meta = {.name = ID}, .spec = {.function = "Test"}};
	struct hostname hostname = make(NAME);

	hostname.asked = batch_number(batch);
	batch_put(&rig->ctx, batch, KIND_HOSTNAME, &hostname);
	batch_put(&rig->ctx, batch, KIND_INSTANCE, &instance);
	return batch;
}

static bool has_journal(struct rig *rig)
{
	return tempdir_exists(fs_join(&rig->ctx, rig->directory, "journal.json"));
}

/* The journal can be written, and nothing behind it. */
static void commit_without_room(struct rig *rig)
{
	struct batch *batch = fill(rig);

	lasts = 2;
	assert_int_equal(batch_commit(&rig->ctx, batch), E_OK);
	assert_true(has_journal(rig));
	assert_non_null(get(rig, NAME));
	assert_false(tempdir_exists(file_of(rig, NAME ".json")));
}

static void test_numbers_grow(void **state)
{
	int64_t before = 0;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	for (int i = 0; i < 5; i++) {
		struct batch *batch = fill(&rig);

		assert_true(batch_number(batch) > before);
		before = batch_number(batch);
		assert_int_equal(batch_commit(&rig.ctx, batch), E_OK);
		assert_int_equal(get(&rig, NAME)->asked, before);
		assert_false(has_journal(&rig));
		if (i % 2)
			reopen(&rig);
	}
	tear_down(&rig);
}

static void test_what_waits_for_room_is_written_when_there_is(void **state)
{
	struct rig rig;

	(void)state;
	open_rig(&rig);
	commit_without_room(&rig);
	assert_int_equal(journal_settle(&rig.ctx, rig.store), E_AGAIN);
	assert_int_equal(batch_commit(&rig.ctx, fill(&rig)), E_AGAIN);
	is_full = false;
	assert_int_equal(journal_settle(&rig.ctx, rig.store), E_OK);
	assert_true(tempdir_exists(file_of(&rig, NAME ".json")));
	assert_false(has_journal(&rig));
	tear_down(&rig);
}

static void test_what_waits_survives_a_restart(void **state)
{
	struct rig rig;

	(void)state;
	open_rig(&rig);
	commit_without_room(&rig);
	is_full = false;
	reopen(&rig);
	assert_non_null(get(&rig, NAME));
	assert_int_equal(store_count(rig.store, KIND_INSTANCE), 1);
	assert_false(has_journal(&rig));
	tear_down(&rig);
}

/* What a reconciler found meanwhile is newer than what stands in the journal. */
static void test_a_status_of_meanwhile_stays(void **state)
{
	struct hostname hostname;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	commit_without_room(&rig);
	is_full = false;
	hostname = *get(&rig, NAME);
	hostname.status.step = "Completed";
	assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &hostname), E_OK);
	reopen(&rig);
	assert_string_equal(get(&rig, NAME)->status.step, "Completed");
	assert_true(get(&rig, NAME)->asked > 0);
	tear_down(&rig);
}

/* It would be brought back. */
static void test_nothing_is_erased_while_something_waits(void **state)
{
	struct rig rig;

	(void)state;
	open_rig(&rig);
	commit_without_room(&rig);
	is_full = false;
	assert_int_equal(store_delete(&rig.ctx, rig.store, KIND_INSTANCE, ID), E_AGAIN);
	assert_int_equal(journal_settle(&rig.ctx, rig.store), E_OK);
	assert_int_equal(store_delete(&rig.ctx, rig.store, KIND_INSTANCE, ID), E_OK);
	reopen(&rig);
	assert_int_equal(store_count(rig.store, KIND_INSTANCE), 0);
	tear_down(&rig);
}

#define MANY 12

static const char *name_of_many(struct rig *rig, int number)
{
	return arena_printf(rig->ctx.arena, "n%02d.example.com", number);
}

/* So much that the time for it is over with the first thing. */
static void commit_many(struct rig *rig)
{
	struct batch *batch = batch_new(&rig->ctx, rig->store);

	for (int i = 0; i < MANY; i++) {
		struct hostname hostname = make(name_of_many(rig, i));

		batch_put(&rig->ctx, batch, KIND_HOSTNAME, &hostname);
	}
	mono_step = 10;
	assert_int_equal(batch_commit(&rig->ctx, batch), E_OK);
}

static size_t count_files(struct rig *rig)
{
	size_t count = 0;

	for (int i = 0; i < MANY; i++)
		count += tempdir_exists(
			file_of(rig, arena_printf(rig->ctx.arena, "n%02d.example.com.json", i)));
	return count;
}

static bool settle_one(struct rig *rig)
{
	return journal_settle_on(&rig->ctx, rig->store, mono);
}

static void test_what_takes_long_is_written_in_slices(void **state)
{
	struct rig rig;

	(void)state;
	open_rig(&rig);
	commit_many(&rig);
	assert_int_equal(store_count(rig.store, KIND_HOSTNAME), MANY + 1);
	for (size_t files = 1; files < MANY - 1; files++) {
		assert_int_equal(count_files(&rig), files);
		assert_true(has_journal(&rig));
		assert_false(journal_is_settled(rig.store));
		assert_int_equal(store_forget(&rig.ctx, rig.store, KIND_HOSTNAME, NAME), E_OK);
		assert_int_equal(
			store_delete(&rig.ctx, rig.store, KIND_HOSTNAME, name_of_many(&rig, 0)),
			E_AGAIN);
		assert_false(settle_one(&rig));
	}
	assert_true(settle_one(&rig));
	assert_true(journal_is_settled(rig.store));
	assert_false(has_journal(&rig));
	assert_int_equal(count_files(&rig), MANY);
	tear_down(&rig);
}

/* A kill, a status of a reconciler, another batch, a full disk: behind every slice. */
static void test_between_two_slices_nothing_is_lost(void **state)
{
	for (int slices = 0; slices < MANY; slices++) {
		struct hostname last;
		struct rig rig;

		(void)state;
		open_rig(&rig);
		commit_many(&rig);
		for (int i = 0; i < slices; i++)
			settle_one(&rig);
		last = *get(&rig, name_of_many(&rig, MANY - 1));
		last.status.step = "Completed";
		assert_int_equal(store_put_status(&rig.ctx, rig.store, KIND_HOSTNAME, &last), E_OK);
		if (slices % 3 == 0) {
			mono_step = 0;
			assert_int_equal(batch_commit(&rig.ctx, fill(&rig)), E_OK);
			assert_false(has_journal(&rig));
			assert_int_equal(count_files(&rig), MANY);
		} else if (slices % 3 == 1) {
			is_full = true;
			while (!settle_one(&rig))
				continue;
			is_full = false;
			assert_int_equal(journal_settle(&rig.ctx, rig.store), E_OK);
			assert_int_equal(count_files(&rig), MANY);
		}
		reopen(&rig);
		assert_false(has_journal(&rig));
		assert_int_equal(count_files(&rig), MANY);
		assert_int_equal(store_count(rig.store, KIND_HOSTNAME),
				 MANY + 1 + (slices % 3 == 0));
		assert_string_equal(get(&rig, name_of_many(&rig, MANY - 1))->status.step,
				    "Completed");
		tear_down(&rig);
	}
}

static void test_later_puts_see_earlier_ones(void **state)
{
	struct batch *batch;
	const void *found;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	batch = fill(&rig);
	assert_int_equal(batch_get(&rig.ctx, batch, KIND_HOSTNAME, NAME, &found), E_OK);
	batch_withdraw(&rig.ctx, batch, KIND_HOSTNAME, NAME);
	assert_int_equal(batch_get(&rig.ctx, batch, KIND_HOSTNAME, NAME, &found), E_NOTFOUND);
	assert_int_equal(batch_commit(&rig.ctx, batch), E_OK);
	assert_null(get(&rig, NAME));
	tear_down(&rig);
}

/* Where a file was to go is no more: that keeps nobody from working. */
static void test_a_directory_that_is_gone_is_not_waited_for(void **state)
{
	struct batch *batch;
	struct rig rig;

	(void)state;
	open_rig(&rig);
	batch = fill(&rig);
	batch_file(&rig.ctx, batch, fs_join(&rig.ctx, rig.directory, "gone/a.json"), "{}");
	assert_int_equal(batch_commit(&rig.ctx, batch), E_OK);
	assert_false(has_journal(&rig));
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_grow),
		cmocka_unit_test(test_what_waits_for_room_is_written_when_there_is),
		cmocka_unit_test(test_what_waits_survives_a_restart),
		cmocka_unit_test(test_a_status_of_meanwhile_stays),
		cmocka_unit_test(test_nothing_is_erased_while_something_waits),
		cmocka_unit_test(test_what_takes_long_is_written_in_slices),
		cmocka_unit_test(test_between_two_slices_nothing_is_lost),
		cmocka_unit_test(test_later_puts_see_earlier_ones),
		cmocka_unit_test(test_a_directory_that_is_gone_is_not_waited_for),
	};

	log_open(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
