#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "unit/scratch.h"

static char dir[SCRATCH_SIZE];

static const char *path(struct ctx *ctx, const char *name)
{
	return fs_join(ctx, dir, name);
}

static enum err put(struct ctx *ctx, const char *name, const char *text, mode_t mode)
{
	return fs_system()->write(ctx, fs_system(), path(ctx, name), text, strlen(text), mode);
}

static enum err get(struct ctx *ctx, const char *name, size_t max, char **data, size_t *size)
{
	return fs_system()->read(ctx, fs_system(), path(ctx, name), max, data, size);
}

/*
 * In front of the C library: what is made durable, in which order, and what happens when that
 * fails.
 */
static struct {
	char calls[64]; /* f: file, d: directory, r: rename */
	size_t count;
	size_t failing; /* the n-th call from 1 fails, 0: none */
	int number;
} disk;

static bool is_failing(char call)
{
	if (disk.count + 1 < sizeof(disk.calls))
		disk.calls[disk.count] = call;
	disk.count++;
	errno = disk.number;
	return disk.count == disk.failing;
}

int fsync(int fd)
{
	struct stat status;

	fstat(fd, &status);
	return is_failing(S_ISDIR(status.st_mode) ? 'd' : 'f') ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
	return is_failing('r') ? -1 : renameat(AT_FDCWD, from, AT_FDCWD, to);
}

/* Entries of the directory, dot files too. */
static size_t count_all(void)
{
	char command[256];
	unsigned count = 0;
	FILE *pipe;

	snprintf(command, sizeof(command), "ls -A '%s' | wc -l", dir);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%u", &count), 1);
	pclose(pipe);
	return count;
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(scratch_template(dir, scratch_disk(), "fs")) ? 0 : -1;
}

static int remove_entry(const char *name, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(name);
}

static int end(void **state)
{
	(void)state;
	return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void reads_back_what_was_written(void **state)
{
	struct ctx ctx cleanup_ctx;
	size_t size = 99;
	char *data;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(put(&ctx, "a", "first, and longer", 0600), E_OK);
	assert_int_equal(put(&ctx, "a", "second", 0600), E_OK);
	assert_int_equal(get(&ctx, "a", 6, &data, &size), E_OK);
	assert_int_equal(size, 6);
	assert_string_equal(data, "second");
	assert_int_equal(put(&ctx, "a", "", 0600), E_OK);
	assert_int_equal(get(&ctx, "a", 0, &data, &size), E_OK);
	assert_int_equal(size, 0);
	assert_string_equal(data, "");
	assert_int_equal(count_all(), 1);
}

static void the_mode_is_exact_whatever_the_umask(void **state)
{
	static const mode_t modes[] = {0600, 0640, 0644, 0400, 0666};
	mode_t saved = umask(0077);
	struct ctx ctx cleanup_ctx;
	struct stat status;

	(void)state;
	check_begin(&ctx);
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		assert_int_equal(put(&ctx, "a", "x", modes[i]), E_OK);
		assert_int_equal(stat(path(&ctx, "a"), &status), 0);
		assert_int_equal(status.st_mode & 07777, modes[i]);
	}
	umask(saved);
}

static void every_change_is_made_durable_in_order(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct fs *fs = fs_system();

	(void)state;
	check_begin(&ctx);
	memset(&disk, 0, sizeof(disk));
	assert_int_equal(put(&ctx, "a", "x", 0600), E_OK);
	assert_string_equal(disk.calls, "frd");
	assert_int_equal(fs->rename(&ctx, fs, path(&ctx, "a"), path(&ctx, "b")), E_OK);
	assert_string_equal(disk.calls, "frdrd");
	assert_int_equal(fs->remove(&ctx, fs, path(&ctx, "b")), E_OK);
	assert_string_equal(disk.calls, "frdrdd");
	assert_int_equal(fs->mkdir(&ctx, fs, path(&ctx, "d"), 0700), E_OK);
	assert_string_equal(disk.calls, "frdrddd");
}

static void what_the_disk_refuses_is_told_and_leaves_no_litter(void **state)
{
	static const struct {
		const char *sentence;
		size_t failing;
		int number;
		const char *content, *text;
	} rows[] = {
		{"the file cannot be synced", 1, EIO, "old", "write %s/a: Input/output error"},
		{"the disk is full", 1, ENOSPC, "old", "write %s/a: No space left on device"},
		{"the rename fails", 2, EROFS, "old", "write %s/a: Read-only file system"},
		{"the directory cannot be synced", 3, EIO, "new",
		 "sync the directory %s: Input/output error"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ctx ctx cleanup_ctx;
		char *data, text[256];
		size_t size;

		check_begin(&ctx);
		memset(&disk, 0, sizeof(disk));
		assert_int_equal(put(&ctx, "a", "old", 0600), E_OK);
		memset(&disk, 0, sizeof(disk));
		disk.failing = rows[i].failing;
		disk.number = rows[i].number;
		check_row_int(rows[i].sentence, put(&ctx, "a", "new", 0600), E_AGAIN);
		disk.failing = 0;
		check_row_text(rows[i].sentence, ctx.fault.reason, "StateNotDurable");
		snprintf(text, sizeof(text), rows[i].text, dir);
		check_row_text(rows[i].sentence, ctx.fault.text,
			       arena_printf(ctx.arena, "cannot %s", text));
		check_row_int(rows[i].sentence, get(&ctx, "a", 10, &data, &size), E_OK);
		check_row_text(rows[i].sentence, data, rows[i].content);
		check_row_int(rows[i].sentence, (long long)count_all(), 1);
	}
}

static void refuses_what_is_no_regular_file(void **state)
{
	static const struct {
		const char *sentence, *name;
		enum err err;
		const char *reason, *text;
	} rows[] = {
		{"nothing there", "absent", E_NOTFOUND, "FileNotFound", "does not exist"},
		{"a file for a directory", "file/x", E_NOTFOUND, "FileNotFound", "does not exist"},
		{"a symbolic link", "link", E_REFUSED, "NotRegularFile", "is a symbolic link"},
		{"a dangling link", "dangling", E_REFUSED, "NotRegularFile", "is a symbolic link"},
		{"a directory", "dir", E_REFUSED, "NotRegularFile", "is not a regular file"},
		{"a FIFO that nobody writes", "fifo", E_REFUSED, "NotRegularFile",
		 "is not a regular file"},
		{"a file over the limit", "large", E_REFUSED, "FileTooLarge",
		 "is larger than 10 bytes"},
	};
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(put(&ctx, "file", "x", 0600), E_OK);
	assert_int_equal(put(&ctx, "large", "12345678901", 0600), E_OK);
	assert_int_equal(symlink("file", path(&ctx, "link")), 0);
	assert_int_equal(symlink("nowhere", path(&ctx, "dangling")), 0);
	assert_int_equal(mkdir(path(&ctx, "dir"), 0700), 0);
	assert_int_equal(mkfifo(path(&ctx, "fifo"), 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *data = NULL;
		size_t size;

		check_row_int(rows[i].sentence, get(&ctx, rows[i].name, 10, &data, &size),
			      rows[i].err);
		check_row_text(rows[i].sentence, ctx.fault.reason, rows[i].reason);
		check_row_text(
			rows[i].sentence, ctx.fault.text,
			arena_printf(ctx.arena, "%s %s", path(&ctx, rows[i].name), rows[i].text));
	}
}

static void a_failed_write_changes_nothing_and_says_why(void **state)
{
	struct rlimit saved, small;
	struct ctx ctx cleanup_ctx;
	char *data, text[20000];
	size_t size;

	(void)state;
	check_begin(&ctx);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(put(&ctx, "a", "old", 0600), E_OK);
	getrlimit(RLIMIT_FSIZE, &saved);
	small = (struct rlimit){4096, saved.rlim_max};
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(put(&ctx, "a", text, 0600), E_AGAIN);
	setrlimit(RLIMIT_FSIZE, &saved);
	assert_string_equal(ctx.fault.reason, "StateNotDurable");
	assert_string_equal(
		ctx.fault.text,
		arena_printf(ctx.arena, "cannot write %s: File too large", path(&ctx, "a")));
	assert_int_equal(get(&ctx, "a", 100, &data, &size), E_OK);
	assert_string_equal(data, "old");
	assert_int_equal(count_all(), 1);
}

static void says_when_there_is_no_room(void **state)
{
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(put(&ctx, "absent/a", "x", 0600), E_AGAIN);
	assert_string_equal(ctx.fault.reason, "StateNotDurable");
	assert_string_equal(ctx.fault.text,
			    arena_printf(ctx.arena, "cannot create %s: No such file or directory",
					 path(&ctx, "absent/a")));
	assert_int_equal(mkdir(path(&ctx, "d"), 0700), 0);
	assert_int_equal(put(&ctx, "d", "x", 0600), E_AGAIN);
	assert_int_equal(count_all(), 1);
	assert_int_equal(fs_system()->remove(&ctx, fs_system(), path(&ctx, "d")), E_AGAIN);
}

static void replaces_a_link_and_leaves_its_target(void **state)
{
	struct ctx ctx cleanup_ctx;
	size_t size;
	char *data;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(put(&ctx, "target", "old", 0600), E_OK);
	assert_int_equal(symlink("target", path(&ctx, "link")), 0);
	assert_int_equal(put(&ctx, "link", "new", 0600), E_OK);
	assert_int_equal(get(&ctx, "link", 10, &data, &size), E_OK);
	assert_string_equal(data, "new");
	assert_int_equal(get(&ctx, "target", 10, &data, &size), E_OK);
	assert_string_equal(data, "old");
}

static void removes_renames_and_makes_directories(void **state)
{
	struct ctx ctx cleanup_ctx;
	struct fs *fs = fs_system();
	size_t size;
	char *data;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(put(&ctx, "a", "1", 0600), E_OK);
	assert_int_equal(put(&ctx, "b", "2", 0600), E_OK);
	assert_int_equal(fs->rename(&ctx, fs, path(&ctx, "a"), path(&ctx, "b")), E_OK);
	assert_int_equal(fs->rename(&ctx, fs, path(&ctx, "a"), path(&ctx, "b")), E_NOTFOUND);
	assert_int_equal(get(&ctx, "b", 10, &data, &size), E_OK);
	assert_string_equal(data, "1");
	assert_int_equal(fs->remove(&ctx, fs, path(&ctx, "b")), E_OK);
	assert_int_equal(fs->remove(&ctx, fs, path(&ctx, "b")), E_OK);
	assert_int_equal(count_all(), 0);
	assert_int_equal(fs->mkdir(&ctx, fs, path(&ctx, "d"), 0700), E_OK);
	assert_int_equal(fs->mkdir(&ctx, fs, path(&ctx, "d"), 0700), E_OK);
	assert_int_equal(put(&ctx, "f", "", 0600), E_OK);
	assert_int_equal(fs->mkdir(&ctx, fs, path(&ctx, "f"), 0700), E_AGAIN);
	assert_string_equal(ctx.fault.reason, "StateNotDurable");
}

static void lists_names_sorted_without_dot_files(void **state)
{
	static const char *const made[] = {"b", "a", ".hidden", "C", "a.json", "B"};
	static const char *const listed[] = {"B", "C", "a", "a.json", "b"};
	struct ctx ctx cleanup_ctx;
	struct fs *fs = fs_system();
	size_t count;
	char **names;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(fs->list(&ctx, fs, dir, &names, &count), E_OK);
	assert_int_equal(count, 0);
	assert_null(names[0]);
	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		assert_int_equal(put(&ctx, made[i], "", 0600), E_OK);
	assert_int_equal(fs->list(&ctx, fs, dir, &names, &count), E_OK);
	assert_int_equal(count, ARRAY_SIZE(listed));
	for (size_t i = 0; i < count; i++)
		assert_string_equal(names[i], listed[i]);
	assert_null(names[count]);
	assert_int_equal(fs->list(&ctx, fs, path(&ctx, "absent"), &names, &count), E_NOTFOUND);
	assert_int_equal(fs->list(&ctx, fs, path(&ctx, "a"), &names, &count), E_NOTFOUND);
}

static void joins(void **state)
{
	static const char *const rows[][3] = {{"/a", "b", "/a/b"},   {"/a/", "b", "/a/b"},
					      {"/", "b", "/b"},	     {"a", "b", "a/b"},
					      {"/a//", "b", "/a/b"}, {".", "b", "./b"}};
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row_text(rows[i][0], fs_join(&ctx, rows[i][0], rows[i][1]), rows[i][2]);
}

static void *write_often(void *data)
{
	struct ctx ctx;
	void *trouble = NULL;

	check_begin(&ctx);
	for (int i = 0; i < 50; i++) {
		if (put(&ctx, "shared", data, 0600) != E_OK)
			trouble = data;
	}
	ctx_fini(&ctx);
	return trouble;
}

static void readers_see_whole_files_while_writers_race(void **state)
{
	static char texts[2][5000];
	pthread_t threads[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		memset(texts[i], (int)('a' + i), 1000 + 3000 * i);
		write_often(texts[i]);
		assert_int_equal(pthread_create(&threads[i], NULL, write_often, texts[i]), 0);
	}
	for (int i = 0; i < 500; i++) {
		struct ctx ctx cleanup_ctx;
		size_t size;
		char *data;

		check_begin(&ctx);
		assert_int_equal(get(&ctx, "shared", 5000, &data, &size), E_OK);
		assert_string_equal(data, texts[data[0] - 'a']);
	}
	for (size_t i = 0; i < 2; i++) {
		void *trouble;

		pthread_join(threads[i], &trouble);
		assert_null(trouble);
	}
	assert_int_equal(count_all(), 1);
}

#define in_its_directory(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		in_its_directory(reads_back_what_was_written),
		in_its_directory(the_mode_is_exact_whatever_the_umask),
		in_its_directory(every_change_is_made_durable_in_order),
		in_its_directory(what_the_disk_refuses_is_told_and_leaves_no_litter),
		in_its_directory(refuses_what_is_no_regular_file),
		in_its_directory(a_failed_write_changes_nothing_and_says_why),
		in_its_directory(says_when_there_is_no_room),
		in_its_directory(replaces_a_link_and_leaves_its_target),
		in_its_directory(removes_renames_and_makes_directories),
		in_its_directory(lists_names_sorted_without_dot_files),
		in_its_directory(joins),
		in_its_directory(readers_see_whole_files_while_writers_race),
	};

	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
