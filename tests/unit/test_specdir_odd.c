#include "specdir_rig.h"
#include "unit/patience.h"

#include <time.h>

/* Odd files */

static void test_kubernetes_volume(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	mkdir(path(&rig, "..1"), 0755);
	mkdir(path(&rig, "..2"), 0755);
	write_spec(&rig, "..1/a.yaml", NATIVE("a.example.com"));
	write_spec(&rig, "..2/a.yaml", NATIVE("b.example.com"));
	assert_int_equal(symlink("..1", path(&rig, "..data")), 0);
	assert_int_equal(symlink("..data/a.yaml", path(&rig, "a.yaml")), 0);
	settle(&rig);
	assert_string_equal(in_force(&rig), "a.example.com");
	assert_true(specdir_drain(&rig.ctx, rig.specdir) < 0);
	assert_int_equal(symlink("..2", path(&rig, "..data_tmp")), 0);
	assert_int_equal(rename(path(&rig, "..data_tmp"), path(&rig, "..data")), 0);
	assert_true(specdir_drain(&rig.ctx, rig.specdir) >= 0);
	settle(&rig);
	assert_string_equal(in_force(&rig), "b.example.com");
	tear_down(&rig);
}

static void make_fifo(struct rig *rig)
{
	assert_int_equal(mkfifo(path(rig, "a.yaml"), 0644), 0);
}

static void make_directory(struct rig *rig)
{
	assert_int_equal(mkdir(path(rig, "a.yaml"), 0755), 0);
}

static void make_dangling(struct rig *rig)
{
	assert_int_equal(symlink("nowhere", path(rig, "a.yaml")), 0);
}

static void make_loop(struct rig *rig)
{
	assert_int_equal(symlink("a.yaml", path(rig, "a.yaml")), 0);
}

static void make_device(struct rig *rig)
{
	assert_int_equal(symlink("/dev/zero", path(rig, "a.yaml")), 0);
}

static void make_large(struct rig *rig)
{
	char *text = arena_alloc(rig->ctx.arena, 70000);

	memset(text, '#', 69999);
	write_spec(rig, "a.yaml", text);
}

static const struct {
	const char *sentence;
	void (*make)(struct rig *rig);
	const char *says, *in_force;
} odd[] = {
	{"a FIFO", make_fifo, "a.yaml: is not a regular file", "a.example.com!"},
	{"a link to nothing", make_dangling, "a.yaml: is a symbolic link to nothing",
	 "a.example.com!"},
	{"a link to itself", make_loop, "a.yaml: cannot be read", "a.example.com!"},
	{"a link to a device", make_device, "a.yaml: is not a regular file", "a.example.com!"},
	{"a large file", make_large, "a.yaml: is larger than 65536 bytes", "a.example.com!"},
	{"a directory", make_directory, "a.yaml: is a directory, where a file should be",
	 "a.example.com!"},
};

/* In place of a file that named a hostname. */
static void test_odd_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		struct rig rig;

		set_up(&rig);
		write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
		settle(&rig);
		unlink(path(&rig, "a.yaml"));
		odd[i].make(&rig);
		settle(&rig);
		if (!strstr(problems(&rig), odd[i].says))
			fail_msg("%s: \"%s\" does not say \"%s\"", odd[i].sentence, problems(&rig),
				 odd[i].says);
		check_row_text(odd[i].sentence, in_force(&rig), odd[i].in_force);
		tear_down(&rig);
	}
}

static msec_t held_time;

static msec_t held_wall(struct clock *clock)
{
	(void)clock;
	return held_time;
}

static void test_young_file(void **state)
{
	struct stat status;
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	settle(&rig);
	tempdir_write(path(&rig, "a.yaml"), NATIVE("b.example.com"), 0);
	assert_int_equal(stat(path(&rig, "a.yaml"), &status), 0);
	held_time = status.st_mtim.tv_sec * MSEC_PER_SEC + status.st_mtim.tv_nsec / 1000000 + 99;
	rig.clock.wall = held_wall;
	assert_in_range(scan(&rig), 1, 1000);
	assert_string_equal(in_force(&rig), "a.example.com");
	held_time++;
	scan(&rig);
	assert_string_equal(in_force(&rig), "a.example.com b.example.com");
	tear_down(&rig);
}

/* Time and trouble */

static void test_events(void **state)
{
	struct rig rig;
	msec_t wait;

	(void)state;
	set_up(&rig);
	scan(&rig);
	assert_true(specdir_fd(rig.specdir) >= 0);
	assert_int_equal(specdir_drain(&rig.ctx, rig.specdir), -1);
	write_spec(&rig, ".a.yaml.swp", "x");
	write_spec(&rig, "#a.yaml#", "x");
	assert_int_equal(specdir_drain(&rig.ctx, rig.specdir), -1);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	wait = specdir_drain(&rig.ctx, rig.specdir);
	assert_true(wait > 0 && wait <= 100);
	assert_int_equal(specdir_drain(&rig.ctx, rig.specdir), -1);
	/* Events that never end do not put it off for ever. */
	mono += 480;
	write_spec(&rig, "b.yaml", "x");
	wait = specdir_drain(&rig.ctx, rig.specdir);
	assert_true(wait >= 0 && wait <= 20);
	scan(&rig);
	/* Another directory of the same name, and api.d in it, are watched as well. */
	rename(rig.specs, fs_join(&rig.ctx, rig.root, "away"));
	assert_true(specdir_drain(&rig.ctx, rig.specdir) >= 0);
	mkdir(rig.specs, 0755);
	mkdir(rig.api, 0755);
	scan(&rig);
	specdir_drain(&rig.ctx, rig.specdir);
	write_spec(&rig, "c.yaml", "x");
	assert_true(specdir_drain(&rig.ctx, rig.specdir) >= 0);
	write_spec(&rig, "api.d/d.json", "x");
	assert_true(specdir_drain(&rig.ctx, rig.specdir) >= 0);
	tear_down(&rig);
}

static void test_full_store(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	is_full = true;
	assert_true(scan(&rig) <= 10000);
	assert_int_equal(rig.err, E_AGAIN);
	assert_string_equal(in_force(&rig), "");
	is_full = false;
	scan(&rig);
	assert_int_equal(rig.err, E_OK);
	assert_string_equal(in_force(&rig), "a.example.com");
	tear_down(&rig);
}

static size_t count_lines(struct ctx *ctx, const char *file, const char *needle)
{
	size_t count = 0;

	for (const char *at = tempdir_read(ctx, file); at && (at = strstr(at, needle)); at++)
		count++;
	return count;
}

static void test_problems_are_logged_once(void **state)
{
	const char *log;
	int saved, fd;
	struct rig rig;

	(void)state;
	set_up(&rig);
	log = fs_join(&rig.ctx, rig.root, "log");
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	saved = dup(2);
	dup2(fd, 2);
	write_spec(&rig, "a.yaml", BROKEN);
	settle(&rig);
	write_spec(&rig, "b.yaml", "hostnames: [nodots]\n");
	settle(&rig);
	unlink(path(&rig, "a.yaml"));
	unlink(path(&rig, "b.yaml"));
	settle(&rig);
	dup2(saved, 2);
	close(saved);
	close(fd);
	assert_int_equal(count_lines(&rig.ctx, log, "a.yaml"), 1);
	assert_int_equal(count_lines(&rig.ctx, log, "hostnames[0]"), 1);
	assert_int_equal(count_lines(&rig.ctx, log, "no problems"), 1);
	assert_int_equal(count_lines(&rig.ctx, log, "not as expected"), 1);
	tear_down(&rig);
}

static void test_more_problems_than_are_kept(void **state)
{
	char *text = NULL;
	struct rig rig;

	(void)state;
	set_up(&rig);
	text = arena_strdup(rig.ctx.arena, "hostnames: [good.example.com");
	for (int i = 0; i < 150; i++)
		text = arena_printf(rig.ctx.arena, "%s, nodots%d", text, i);
	write_spec(&rig, "a.yaml",
		   arena_printf(rig.ctx.arena, "%s]\n---\n%sspce: 1\n", text,
				NATIVE("late.example.com")));
	scan(&rig);
	assert_string_equal(in_force(&rig), "good.example.com");
	assert_int_equal(specdir_report(rig.specdir)->problems.errors, 151);
	tear_down(&rig);
}

/* 10,000 hostnames: a scan that finds nothing new must not be felt by the API that shares its
 * thread. */
static void test_ten_thousand(void **state)
{
	struct rig rig;
	msec_t begun;
	int64_t version;

	(void)state;
	set_up(&rig);
	rig.fs.write = quick_write;
	for (int i = 0; i < 500; i++) {
		char *text = arena_strdup(rig.ctx.arena, "hostnames:\n");

		for (int j = 0; j < 20; j++)
			text = arena_printf(rig.ctx.arena, "%s- host-%d-%d.example.com\n", text, i,
					    j);
		write_spec(&rig, arena_printf(rig.ctx.arena, "%d.yaml", i), text);
	}
	scan(&rig);
	assert_int_equal(store_count(rig.store, KIND_HOSTNAME), 10000);
	version = store_version(rig.store);
	begun = patience_spent();
	for (int i = 0; i < 3; i++)
		scan(&rig);
	assert_int_equal(store_version(rig.store), version);
	assert_true(patience_spent() - begun < 3 * MSEC_PER_SEC);
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kubernetes_volume),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_young_file),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_full_store),
		cmocka_unit_test(test_problems_are_logged_once),
		cmocka_unit_test(test_more_problems_than_are_kept),
		cmocka_unit_test(test_ten_thousand),
	};

	return cmocka_run_group_tests_name("specdir_odd", tests, NULL, NULL);
}
