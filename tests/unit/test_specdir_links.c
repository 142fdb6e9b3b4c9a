#include "specdir_rig.h"
#include "unprivileged.h"

/* Where the spec directory, its files, or what leads to them are symbolic links, and what lies in
 * it that is not read. */

static const char *below(struct rig *rig, const char *name)
{
	return fs_join(&rig->ctx, rig->root, name);
}

static void make_dir(struct rig *rig, const char *name)
{
	assert_int_equal(mkdir(below(rig, name), 0755), 0);
}

static void make_link(struct rig *rig, const char *name, const char *target)
{
	assert_int_equal(symlink(target, below(rig, name)), 0);
}

/* As ln -sfn does not, and git-sync and kubelet do. */
static void swap_link(struct rig *rig, const char *name, const char *target)
{
	make_link(rig, "swap", target);
	assert_int_equal(rename(below(rig, "swap"), below(rig, name)), 0);
}

static void move(struct rig *rig, const char *from, const char *to)
{
	assert_int_equal(rename(below(rig, from), below(rig, to)), 0);
}

static void put(struct rig *rig, const char *name, const char *text)
{
	tempdir_write(below(rig, name), text, 5);
}

#define A NATIVE("a.example.com")
#define B NATIVE("b.example.com")

/* Two directories "1" and "2" with a file s.yaml, which names a and b. */
static void make_versions(struct rig *rig)
{
	make_dir(rig, "1");
	make_dir(rig, "2");
	put(rig, "1/s.yaml", A);
	put(rig, "2/s.yaml", B);
}

static void make_linked(struct rig *rig)
{
	make_versions(rig);
	make_link(rig, "specs", "1");
}

static void swap_linked(struct rig *rig)
{
	swap_link(rig, "specs", "2");
}

static void make_absolute(struct rig *rig)
{
	make_versions(rig);
	make_link(rig, "specs", below(rig, "1"));
}

static void swap_absolute(struct rig *rig)
{
	swap_link(rig, "specs", below(rig, "2"));
}

static void swap_by_hand(struct rig *rig)
{
	assert_int_equal(unlink(below(rig, "specs")), 0);
	make_link(rig, "specs", "2");
}

/* specs -> repo/current, repo/current -> ../trees/1 */
static void make_chain(struct rig *rig)
{
	make_dir(rig, "repo");
	make_dir(rig, "trees");
	make_versions(rig);
	move(rig, "1", "trees/1");
	move(rig, "2", "trees/2");
	make_link(rig, "repo/current", "../trees/1");
	make_link(rig, "specs", "repo/./current/");
}

static void swap_inner(struct rig *rig)
{
	swap_link(rig, "repo/current", "../trees/2");
}

static void swap_outer(struct rig *rig)
{
	swap_link(rig, "specs", "trees//2");
}

static void replace_tree(struct rig *rig)
{
	move(rig, "trees/1", "trees/0");
	move(rig, "trees/2", "trees/1");
}

static void replace_trees(struct rig *rig)
{
	move(rig, "trees", "away");
	make_dir(rig, "trees");
	move(rig, "away/2", "trees/1");
}

static void make_appearing(struct rig *rig)
{
	make_chain(rig);
	assert_int_equal(unlink(below(rig, "repo/current")), 0);
}

static void appear(struct rig *rig)
{
	make_link(rig, "repo/current", "../trees/2");
}

static void make_plain(struct rig *rig)
{
	make_versions(rig);
	move(rig, "1", "specs");
}

static void replace_plain(struct rig *rig)
{
	move(rig, "specs", "1");
	move(rig, "2", "specs");
}

static void make_volume(struct rig *rig)
{
	make_versions(rig);
	make_dir(rig, "specs");
	move(rig, "1", "specs/..1");
	move(rig, "2", "specs/..2");
	make_link(rig, "specs/..data", "..1");
	make_link(rig, "specs/s.yaml", "..data/s.yaml");
}

static void swap_data(struct rig *rig)
{
	swap_link(rig, "specs/..data", "..2");
}

static void make_linked_file(struct rig *rig)
{
	make_versions(rig);
	make_dir(rig, "specs");
	make_link(rig, "specs/s.yaml", "../1/s.yaml");
}

static void replace_target(struct rig *rig)
{
	put(rig, "1/s.yaml", B);
}

static void write_target(struct rig *rig)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_NOW}};
	int fd = open(below(rig, "1/s.yaml"), O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	clock_gettime(CLOCK_REALTIME, &times[1]);
	times[1].tv_sec -= 4;
	assert_int_equal(write(fd, B, strlen(B)), strlen(B));
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

static void swap_file(struct rig *rig)
{
	swap_link(rig, "specs/s.yaml", "../2/s.yaml");
}

static void replace_above_target(struct rig *rig)
{
	move(rig, "1", "0");
	move(rig, "2", "1");
}

static void make_dangling(struct rig *rig)
{
	make_linked_file(rig);
	move(rig, "1", "0");
}

static void come(struct rig *rig)
{
	move(rig, "2", "1");
}

static void make_in_both(struct rig *rig)
{
	make_chain(rig);
	put(rig, "file", A);
	assert_int_equal(unlink(below(rig, "trees/1/s.yaml")), 0);
	make_link(rig, "trees/1/s.yaml", "../../file");
}

static void write_file(struct rig *rig)
{
	put(rig, "file", B);
}

static void make_link_of_links(struct rig *rig)
{
	make_linked_file(rig);
	make_link(rig, "3", "2/../1");
	swap_link(rig, "specs/s.yaml", "../3/s.yaml");
}

static void swap_three(struct rig *rig)
{
	swap_link(rig, "3", "2");
}

static const struct {
	const char *sentence;
	void (*make)(struct rig *rig);
	const char *before;
	void (*swap)(struct rig *rig);
} swaps[] = {
	{"a link to the directory", make_linked, "a.example.com", swap_linked},
	{"an absolute one", make_absolute, "a.example.com", swap_absolute},
	{"taken away and made anew", make_linked, "a.example.com", swap_by_hand},
	{"the inner one of two links", make_chain, "a.example.com", swap_inner},
	{"the outer one", make_chain, "a.example.com", swap_outer},
	{"the directory at the end of the chain", make_chain, "a.example.com", replace_tree},
	{"the directory above it", make_chain, "a.example.com", replace_trees},
	{"a link in the middle comes", make_appearing, "", appear},
	{"a plain directory", make_plain, "a.example.com", replace_plain},
	{"..data of a volume", make_volume, "a.example.com", swap_data},
	{"what a file leads to, by renaming", make_linked_file, "a.example.com", replace_target},
	{"what a file leads to, in place", make_linked_file, "a.example.com", write_target},
	{"a link that is a file", make_linked_file, "a.example.com", swap_file},
	{"the directory of what a file leads to", make_linked_file, "a.example.com",
	 replace_above_target},
	{"what a file leads to comes", make_dangling, "", come},
	{"a linked file in a linked directory", make_in_both, "a.example.com", write_file},
	{"a link among those that a file leads through", make_link_of_links, "a.example.com",
	 swap_three},
};

static void set_up_with(struct rig *rig, void (*make)(struct rig *rig))
{
	set_up(rig);
	stop(rig);
	assert_int_equal(rmdir(rig->specs), 0);
	make(rig);
	start(rig);
	settle(rig);
}

static void test_swaps_are_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(swaps); i++) {
		struct rig rig;

		set_up_with(&rig, swaps[i].make);
		check_row_text(swaps[i].sentence, in_force(&rig), swaps[i].before);
		put(&rig, "noise", "x");
		check_row_int(swaps[i].sentence, specdir_drain(&rig.ctx, rig.specdir), -1);
		swaps[i].swap(&rig);
		check_row(swaps[i].sentence, specdir_drain(&rig.ctx, rig.specdir) >= 0);
		scan(&rig);
		if (swaps[i].before[0])
			check_row_text(swaps[i].sentence, in_force(&rig),
				       "a.example.com b.example.com");
		settle(&rig);
		check_row_text(swaps[i].sentence, in_force(&rig), "b.example.com");
		check_row_text(swaps[i].sentence, problems(&rig), "");
		tear_down(&rig);
	}
}

/* A directory that may be passed but not listed cannot be watched: the kernel asks for the right to
 * read it. */
static void test_what_cannot_be_watched_is_looked_at(void **state)
{
	struct rig rig;
	msec_t next;

	(void)state;
	unprivileged_set(true);
	set_up_with(&rig, make_chain);
	assert_int_equal(chmod(below(&rig, "repo"), 0300), 0);
	settle(&rig);
	specdir_drain(&rig.ctx, rig.specdir);
	next = scan(&rig);
	assert_in_range(next, 1, 500);
	mono += next;
	assert_in_range(scan(&rig), 1, 500);
	assert_string_equal(in_force(&rig), "a.example.com");
	swap_inner(&rig);
	assert_int_equal(specdir_drain(&rig.ctx, rig.specdir), -1);
	mono += next;
	scan(&rig);
	assert_string_equal(in_force(&rig), "a.example.com b.example.com");
	chmod(below(&rig, "repo"), 0700);
	tear_down(&rig);
	unprivileged_set(false);
}

/* Where api.d cannot be made, and where it cannot be written. */
static void test_a_directory_that_is_read_only_names_the_other_key(void **state)
{
	bool introduced;

	(void)state;
	unprivileged_set(true);
	for (int there = 0; there < 2; there++) {
		struct rig rig;
		const char *closed;

		set_up(&rig);
		closed = there ? rig.api : rig.specs;
		if (there)
			assert_int_equal(mkdir(rig.api, 0755), 0);
		assert_int_equal(chmod(closed, 0555), 0);
		assert_int_equal(desire(&rig, "a.example.com", &introduced), E_AGAIN);
		assert_string_equal(rig.ctx.fault.text,
				    arena_printf(rig.ctx.arena,
						 "cannot write into %s: Permission denied; set "
						 "ApiSpecDirectory to a directory that the daemon "
						 "may write",
						 closed));
		chmod(closed, 0755);
		tear_down(&rig);
	}
	unprivileged_set(false);
}

/* In the middle of a scan, and the old one is emptied. */
static void test_a_directory_that_is_replaced_while_it_is_read(void **state)
{
	struct rig rig;
	msec_t next;

	(void)state;
	set_up_with(&rig, make_chain);
	for (int i = 0; i < 4; i++) {
		put(&rig, arena_printf(rig.ctx.arena, "trees/1/%d.yaml", i),
		    arena_printf(rig.ctx.arena, NATIVE("%d.example.com"), i));
		put(&rig, arena_printf(rig.ctx.arena, "trees/2/%d.yaml", i),
		    arena_printf(rig.ctx.arena, NATIVE("%d.example.com"), i));
	}
	settle(&rig);
	mono_step = 10;
	assert_int_equal(scan(&rig), 0); /* there is more of it */
	swap_inner(&rig);
	tempdir_remove(below(&rig, "trees/1"));
	do
		next = scan(&rig);
	while (next == 0);
	assert_null(specdir_report(rig.specdir)->held_back);
	assert_string_equal(problems(&rig), "");
	assert_string_equal(in_force(&rig), "0.example.com 1.example.com 2.example.com "
					    "3.example.com a.example.com b.example.com");
	mono_step = 0;
	settle(&rig);
	assert_string_equal(in_force(&rig), "0.example.com 1.example.com 2.example.com "
					    "3.example.com b.example.com");
	tear_down(&rig);
}

static void test_a_link_that_leads_nowhere_removes_nothing(void **state)
{
	static const char *const targets[] = {"nowhere", "specs", "file", "/dev/null"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct rig rig;

		set_up_with(&rig, make_linked);
		put(&rig, "file", "x");
		swap_link(&rig, "specs", targets[i]);
		check_row(targets[i], specdir_drain(&rig.ctx, rig.specdir) >= 0);
		settle(&rig);
		check_row_text(targets[i], in_force(&rig), "a.example.com");
		check_row(targets[i], specdir_report(rig.specdir)->held_back != NULL);
		swap_linked(&rig);
		check_row(targets[i], specdir_drain(&rig.ctx, rig.specdir) >= 0);
		settle(&rig);
		check_row_text(targets[i], in_force(&rig), "b.example.com");
		tear_down(&rig);
	}
}

/* Not read */

static msec_t later;

static msec_t later_wall(struct clock *clock)
{
	(void)clock;
	return clock_system()->wall(clock_system()) + later;
}

static const struct {
	const char *name, *says;
} entries[] = {
	{"a.YAML", "is not read: write its ending in lower case"},
	{"b.Json", "is not read: write its ending in lower case"},
	{"c.conf", "is not read: its name does not end in .yaml, .yml or .json"},
	{"d", "is not read: its name has no ending, .yaml, .yml or .json"},
	{"e/", "is not read: sub-directories are not looked into"},
	{"f.yaml.bak", "is not read: its name does not end in .yaml, .yml or .json"},
	{"g@", "is not read: its name has no ending, .yaml, .yml or .json"},
	{".hidden", NULL},
	{"h.yaml~", NULL},
	{"#i.yaml#", NULL},
	{"api.d/", NULL},
	{"lost+found/", NULL},
};

static void make_entry(struct rig *rig, const char *name)
{
	char *copy = arena_strdup(rig->ctx.arena, name);
	size_t last = strlen(copy) - 1;
	char kind = copy[last];

	if (kind == '/' || kind == '@')
		copy[last] = '\0';
	if (kind == '/')
		mkdir(path(rig, copy), 0755);
	else if (kind == '@')
		assert_int_equal(symlink("nowhere", path(rig, copy)), 0);
	else
		write_spec(rig, copy, NATIVE("x.example.com"));
}

static void test_what_is_not_read_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		const char *wanted = "";
		struct rig rig;

		set_up(&rig);
		rig.clock.wall = later_wall;
		later = 0;
		make_entry(&rig, entries[i].name);
		/* It may be gone in a moment. */
		check_row_int(entries[i].name, scan(&rig),
			      entries[i].says ? 2000 : 5 * MSEC_PER_MIN);
		check_row_text(entries[i].name, problems(&rig), "");
		later = 10 * MSEC_PER_SEC;
		settle(&rig);
		if (entries[i].says)
			wanted = arena_printf(rig.ctx.arena, "%s/%.*s: %s", rig.specs,
					      (int)strcspn(entries[i].name, "/@"), entries[i].name,
					      entries[i].says);
		check_row_text(entries[i].name, problems(&rig), wanted);
		check_row_int(entries[i].name,
			      (long long)specdir_report(rig.specdir)->problems.errors, 0);
		check_row_text(entries[i].name, in_force(&rig), "");
		tear_down(&rig);
	}
}

/* However many there are, they hide no problem. */
static void test_many_that_are_not_read(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	rig.clock.wall = later_wall;
	later = 10 * MSEC_PER_SEC;
	for (int i = 0; i < 150; i++)
		write_spec(&rig, arena_printf(rig.ctx.arena, "%d.txt", i), "x");
	write_spec(&rig, "z.yaml", BROKEN);
	scan(&rig);
	assert_non_null(strstr(problems(&rig), "z.yaml:2:1: "));
	assert_non_null(strstr(problems(&rig), "holds more entries that are not read"));
	assert_int_equal(specdir_report(rig.specdir)->problems.warnings, 21);
	tear_down(&rig);
}

/* A link may lead to any file that the daemon can read. */

#define SECRET "hunter2"

static const char *const secrets[] = {
	SECRET,
	SECRET ": x\n",
	"[" SECRET "]",
	"{\"" SECRET "\": 1",
	"{\"hostnames\": [\"" SECRET "\"],}",
	"hostnames: [" SECRET "]\n",
	"hostnames: ['*." SECRET "']\n",
	"hostnames: ['is not a valid hostname: " SECRET "']\n",
	"hostnames: [{" SECRET ": a}]\n",
	"hostnames: " SECRET "\n",
	SECRET ": 1\n" SECRET ": 2\n",
	"apiVersion: " SECRET "\nkind: " SECRET "\n" SECRET ": 1\n",
	NATIVE("a.example.com") "  labels: {" SECRET ": 1}\n",
	NATIVE("a.example.com") "  labels: " SECRET "\n",
	NATIVE("a.example.com") "spec: {keyType: " SECRET "}\n",
	NATIVE("a.example.com") "spec: {keyTyp" SECRET ": x}\n",
	NATIVE("a.example.com") "spec: " SECRET "\n",
	NATIVE(SECRET),
	NATIVE("{" SECRET ": x}"),
	"&" SECRET " x",
	"*" SECRET,
	"!" SECRET " x",
	"%" SECRET " x\n---\n",
	"\"\\" SECRET "\"",
	"@" SECRET,
	"'" SECRET,
	"x: y: " SECRET,
	"\t" SECRET,
	SECRET "\xff",
	"-----BEGIN PRIVATE KEY-----\n" SECRET "\n-----END PRIVATE KEY-----\n",
	"KEY=" SECRET "\nOTHER=\"" SECRET "\"\n",
};

static void test_nothing_is_quoted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(secrets); i++) {
		struct rig rig;

		set_up(&rig);
		put(&rig, "secret", secrets[i]);
		make_link(&rig, "specs/s.yaml", "../secret");
		settle(&rig);
		check_row(secrets[i], problems(&rig)[0] != '\0');
		if (strstr(problems(&rig), "hunter"))
			fail_msg("%s is quoted: %s", secrets[i], problems(&rig));
		tear_down(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swaps_are_seen),
		cmocka_unit_test(test_what_cannot_be_watched_is_looked_at),
		cmocka_unit_test(test_a_directory_that_is_read_only_names_the_other_key),
		cmocka_unit_test(test_a_directory_that_is_replaced_while_it_is_read),
		cmocka_unit_test(test_a_link_that_leads_nowhere_removes_nothing),
		cmocka_unit_test(test_what_is_not_read_is_said),
		cmocka_unit_test(test_many_that_are_not_read),
		cmocka_unit_test(test_nothing_is_quoted),
	};

	return cmocka_run_group_tests_name("specdir_links", tests, NULL, NULL);
}
