#include "tempdir.h"

#include <time.h>

#include "api/hostname.h"
#include "specdir/specdir.h"
#include "specdir/watch.h"
#include "store/dirstore.h"

/* Monotonic time is the test's, wall time the system's: files carry that one. */
static msec_t mono, mono_step;

static msec_t test_mono(struct clock *clock)
{
	(void)clock;
	mono += mono_step;
	return mono;
}

static bool is_full;

static enum err full_write(struct ctx *ctx, struct fs *fs, const char *path, const void *data,
			   size_t size, mode_t mode)
{
	(void)fs;
	if (is_full && strstr(path, "/state/"))
		return fault_set(ctx, E_AGAIN, "StateNotDurable", "cannot write: full");
	return fs_system()->write(ctx, fs_system(), path, data, size, mode);
}

/* Without waiting for the disk: for tests of many. */
static enum err quick_write(struct ctx *ctx, struct fs *fs, const char *path, const void *data,
			    size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	(void)ctx, (void)fs;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
	return E_OK;
}

struct rig {
	struct clock clock;
	struct fs fs;
	struct doors doors;
	struct ctx ctx;
	const char *root, *specs, *api;
	struct store *store;
	struct specdir *specdir;
	enum err err; /* of the last scan */
};

static void start(struct rig *rig)
{
	struct specdir_options options = {.directory = rig->specs};

	assert_int_equal(dirstore_open(&rig->ctx, fs_join(&rig->ctx, rig->root, "state"), &rig->store),
			 E_OK);
	options.store = rig->store;
	rig->specdir = specdir_new(&options);
}

static void stop(struct rig *rig)
{
	specdir_free(rig->specdir);
	dirstore_close(rig->store);
}

static void restart(struct rig *rig)
{
	stop(rig);
	start(rig);
}

static void set_up(struct rig *rig)
{
	mono = 1000;
	mono_step = 0;
	is_full = false;
	rig->clock = *clock_system();
	rig->clock.mono = test_mono;
	rig->fs = *fs_system();
	rig->fs.write = full_write;
	rig->doors = (struct doors){&rig->clock, rng_system(), &rig->fs, NULL};
	ctx_init(&rig->ctx, &rig->doors);
	rig->root = tempdir_make(&rig->ctx);
	rig->specs = fs_join(&rig->ctx, rig->root, "specs");
	rig->api = fs_join(&rig->ctx, rig->specs, "api.d");
	assert_int_equal(mkdir(rig->specs, 0755), 0);
	start(rig);
}

static void tear_down(struct rig *rig)
{
	stop(rig);
	tempdir_remove(rig->root);
	ctx_fini(&rig->ctx);
}

static const char *path(struct rig *rig, const char *file)
{
	return fs_join(&rig->ctx, rig->specs, file);
}

static void write_spec(struct rig *rig, const char *file, const char *text)
{
	tempdir_write(path(rig, file), text, 5);
}

static msec_t scan(struct rig *rig)
{
	msec_t next = -1;
	struct ctx ctx;

	ctx_init(&ctx, &rig->doors);
	rig->err = specdir_scan(&ctx, rig->specdir, &next);
	ctx_fini(&ctx);
	assert_true(next >= 0);
	return next;
}

/* As the loop does: again when it is told to, until a removal would have had its second look. */
static void settle(struct rig *rig)
{
	for (int i = 0; i < 4; i++) {
		msec_t next = scan(rig);

		mono += next < 3000 ? next : 3000;
	}
}

static const struct hostname *get(struct rig *rig, const char *name)
{
	const void *out;

	return store_get(&rig->ctx, rig->store, KIND_HOSTNAME, name, &out) == E_OK ? out : NULL;
}

/* "a.example.com b.example.com!": with a mark where the newest content is not in force. */
static const char *in_force(struct rig *rig)
{
	const char *text = "";
	const void **items;
	size_t count;

	store_list(&rig->ctx, rig->store, KIND_HOSTNAME, &items, &count);
	for (size_t i = 0; i < count; i++) {
		const struct hostname *hostname = items[i];

		text = arena_printf(rig->ctx.arena, "%s%s%s%s%s", text, i ? " " : "", hostname->meta.name,
				    hostname->spec.key_type == KEY_TYPE_EC_P256 ? "(EC)" : "",
				    hostname->source.problem ? "!" : "");
	}
	return text;
}

static const char *problems(struct rig *rig)
{
	return problems_print(&rig->ctx, &specdir_report(rig->specdir)->problems, "\n");
}

static enum err desire(struct rig *rig, const char *hostname, bool *introduced)
{
	return specdir_desire(&rig->ctx, rig->specdir, hostname, NULL, introduced);
}

#define HEAD "apiVersion: gatecert/v1\nkind: Hostname\n"
#define NATIVE(name) HEAD "metadata:\n  name: " name "\n"
#define BROKEN "hostnames: [a.example.com\n"

/* What one file makes of an empty store. */

static const struct {
	const char *sentence, *file, *text, *in_force;
	size_t errors, warnings;
	const char *says; /* in the problems; NULL: nothing */
} files[] = {
	{"a native document", "a.yaml", NATIVE("a.example.com"), "a.example.com", 0, 0, NULL},
	{"a native document as JSON", "a.json",
	 "{\"apiVersion\":\"gatecert/v1\",\"kind\":\"Hostname\",\"metadata\":{\"name\":\"a.example.com\"}}",
	 "a.example.com", 0, 0, NULL},
	{"a spec", "a.yml", NATIVE("a.example.com") "spec:\n  keyType: EC-P256\n", "a.example.com(EC)", 0, 0,
	 NULL},
	{"an empty spec", "a.yml", NATIVE("a.example.com") "spec:\n", "a.example.com", 0, 0, NULL},
	{"labels and annotations", "a.yml",
	 NATIVE("a.example.com") "  labels: {team: web}\n  annotations: {note: hello}\n", "a.example.com", 0,
	 0, NULL},
	{"several documents", "a.yaml", NATIVE("a.example.com") "---\n" NATIVE("b.example.com"),
	 "a.example.com b.example.com", 0, 0, NULL},
	{"the short form with strings", "a.yaml", "hostnames:\n- a.example.com\n- b.example.com\n",
	 "a.example.com b.example.com", 0, 0, NULL},
	{"the short form with objects", "a.yaml", "hostnames:\n- hostname: a.example.com\n- b.example.com\n",
	 "a.example.com b.example.com", 0, 0, NULL},
	{"the short form as JSON", "a.json", "{\"hostnames\":[{\"hostname\":\"a.example.com\"}]}",
	 "a.example.com", 0, 0, NULL},
	{"both forms in one file", "a.yaml", "hostnames: [a.example.com]\n---\n" NATIVE("b.example.com"),
	 "a.example.com b.example.com", 0, 0, NULL},
	{"names are normalised", "a.yaml", "hostnames: [A.Example.COM., b\xc3\xbc.example.com]",
	 "a.example.com xn--b-eha.example.com", 0, 0, NULL},
	{"an empty list is fine", "a.yaml", "hostnames: []\n", "", 0, 0, NULL},
	{"status is ignored with a warning", "a.yaml", NATIVE("a.example.com") "status: {step: x}\n",
	 "a.example.com", 0, 1, "status: ignored"},
	{"an unknown member stops its document alone", "a.yaml",
	 NATIVE("a.example.com") "spce: {}\n---\n" NATIVE("b.example.com"), "b.example.com", 1, 0,
	 "a.yaml:5:1: unknown member spce: did you mean spec?"},
	{"an unknown member of the spec", "a.yaml", NATIVE("a.example.com") "spec: {keytype: EC-P256}\n", "",
	 1, 0, "a.yaml:5:8: spec: unknown member keytype: did you mean keyType?"},
	{"an unknown member of the metadata", "a.yaml", NATIVE("a.example.com") "  uid: x\n", "", 1, 0,
	 "unknown member uid"},
	{"a wrong version", "a.yaml",
	 "apiVersion: gatecert/v2\nkind: Hostname\nmetadata: {name: a.example.com}\n", "", 1, 0,
	 "a.yaml:1:13: apiVersion: must be gatecert/v1"},
	{"a wrong kind", "a.yaml", "apiVersion: gatecert/v1\nkind: Gateway\nmetadata: {name: a.example.com}\n",
	 "", 1, 0, "kind: must be Hostname"},
	{"no kind", "a.yaml", "apiVersion: gatecert/v1\nmetadata: {name: a.example.com}\n", "", 1, 0,
	 "kind: required"},
	{"no name", "a.yaml", HEAD "metadata: {labels: {a: b}}\n", "", 1, 0, "metadata.name: required"},
	{"a bad hostname", "a.yaml", NATIVE("a_b.example.com"), "", 1, 0,
	 "a.yaml:4:9: metadata.name: \"a_b.example.com\" is not a valid hostname"},
	{"a wildcard has no business in a user's file", "a.yaml", NATIVE("'*.example.com'"), "", 1, 0,
	 "wildcard"},
	{"a bad entry stops itself alone", "a.yaml", "hostnames: [a.example.com, nodots, b.example.com]\n",
	 "a.example.com b.example.com", 1, 0, "a.yaml:1:28: hostnames[1]: \"nodots\""},
	{"an entry with another member", "a.yaml",
	 "hostnames:\n- hostname: a.example.com\n  port: 1\n- b.example.com\n", "b.example.com", 1, 0,
	 "hostnames[0]: an entry is a hostname"},
	{"an entry that is a list", "a.yaml", "hostnames: [[a.example.com]]\n", "", 1, 0, "hostnames[0]"},
	{"the short form with something else", "a.yaml", "hostnames: [a.example.com]\nspec: {}\n", "", 1, 0,
	 "no other member"},
	{"hostnames that are no list", "a.yaml", "hostnames: a.example.com\n", "", 1, 0,
	 "expected a list of hostnames"},
	{"a private key in an entry", "a.yaml",
	 "hostnames:\n- hostname: a.example.com\n  privatekey: SECRETSECRET\n", "", 1, 0,
	 "a.yaml:3:3: hostnames[0]: privatekey does not belong in a file"},
	{"a password in a document", "a.yaml", NATIVE("a.example.com") "Password: SECRETSECRET\n", "", 1, 0,
	 "password does not belong"},
	{"a certificate in a spec", "a.yaml", NATIVE("a.example.com") "spec: {certificate: SECRETSECRET}\n",
	 "", 1, 0, "certificate does not belong"},
	{"a list at the top", "a.yaml", "- a.example.com\n", "", 1, 0, "expected a document"},
	{"no YAML", "a.yaml", BROKEN, "", 1, 0, "a.yaml:"},
	{"no UTF-8", "a.yaml", "hostnames: [\xff]\n", "", 1, 0, "a.yaml"},
	{"an alias", "a.yaml", "hostnames: [&x a.example.com, *x]\n", "", 1, 0, "a.yaml:1:13"},
	{"nothing", "a.yaml", "# soon\n", "", 0, 1, "holds no document"},
	{"twice in one file", "a.yaml", "hostnames: [a.example.com, A.example.com]\n", "", 2, 0,
	 "a.example.com is also named at"},
	{"an editor's swap file", ".a.yaml.swp", NATIVE("a.example.com"), "", 0, 0, NULL},
	{"a dot file", ".a.yaml", NATIVE("a.example.com"), "", 0, 0, NULL},
	{"a backup", "a.yaml~", NATIVE("a.example.com"), "", 0, 0, NULL},
	{"a temporary file", "a.yaml.tmp", NATIVE("a.example.com"), "", 0, 0, NULL},
	{"an editor's probe", "4913", NATIVE("a.example.com"), "", 0, 0, NULL},
	{"a text file", "README.txt", NATIVE("a.example.com"), "", 0, 0, NULL},
};

static void test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const struct specdir_report *report;
		struct rig rig;

		set_up(&rig);
		write_spec(&rig, files[i].file, files[i].text);
		check_row_int(files[i].sentence, scan(&rig), 5 * MSEC_PER_MIN);
		report = specdir_report(rig.specdir);
		check_row_text(files[i].sentence, in_force(&rig), files[i].in_force);
		check_row_int(files[i].sentence, (long long)report->problems.errors,
			      (long long)files[i].errors);
		check_row_int(files[i].sentence, (long long)report->problems.warnings,
			      (long long)files[i].warnings);
		if (files[i].says && !strstr(problems(&rig), files[i].says))
			fail_msg("%s: \"%s\" does not say \"%s\"", files[i].sentence, problems(&rig),
				 files[i].says);
		check_row(files[i].sentence, !strstr(problems(&rig), "SECRETSECRET"));
		tear_down(&rig);
	}
}

/* What a second content makes of what is in force. */

static const struct {
	const char *sentence, *before, *after, *in_force;
} edits[] = {
	{"a broken file keeps its hostnames", "hostnames: [a.example.com, b.example.com]", BROKEN,
	 "a.example.com! b.example.com!"},
	{"an emptied file keeps them", "hostnames: [a.example.com]", "", "a.example.com!"},
	{"a changed spec arrives", NATIVE("a.example.com"), NATIVE("a.example.com") "spec: {keyType: EC-P256}",
	 "a.example.com(EC)"},
	{"an invalid document keeps its own hostname",
	 NATIVE("a.example.com") "spec: {keyType: EC-P256}\n---\n" NATIVE("b.example.com"),
	 NATIVE("a.example.com") "spec: {keyType: RSA-1}\n---\n" NATIVE("b.example.com"),
	 "a.example.com(EC)! b.example.com"},
	{"a misspelt name keeps whatever the file named",
	 NATIVE("a.example.com") "---\n" NATIVE("b.example.com"),
	 NATIVE("a_.example.com") "---\n" NATIVE("b.example.com"), "a.example.com! b.example.com"},
	{"a dropped entry goes", "hostnames: [a.example.com, b.example.com]", "hostnames: [b.example.com]",
	 "b.example.com"},
	{"a dropped entry stays while another is wrong", "hostnames: [a.example.com, b.example.com]",
	 "hostnames: [b.example.com, nodots]", "a.example.com! b.example.com"},
	{"an empty list removes", "hostnames: [a.example.com]", "hostnames: []", ""},
};

static void test_edits(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		for (int with_restart = 0; with_restart < 2; with_restart++) {
			struct rig rig;

			set_up(&rig);
			write_spec(&rig, "a.yaml", edits[i].before);
			settle(&rig);
			check_row(edits[i].sentence, !strchr(in_force(&rig), '!'));
			write_spec(&rig, "a.yaml", edits[i].after);
			if (with_restart)
				restart(&rig);
			settle(&rig);
			check_row_text(edits[i].sentence, in_force(&rig), edits[i].in_force);
			/* And back: the problem is gone with its cause. */
			write_spec(&rig, "a.yaml", edits[i].before);
			settle(&rig);
			check_row(edits[i].sentence, !strchr(in_force(&rig), '!'));
			tear_down(&rig);
		}
	}
}

static void test_source(void **state)
{
	const struct hostname *hostname;
	int64_t version;
	struct rig rig;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "a.yaml", "# comment\n" NATIVE("a.example.com") "  labels: {team: web}\n");
	scan(&rig);
	hostname = get(&rig, "a.example.com");
	assert_string_equal(hostname->source.file, path(&rig, "a.yaml"));
	assert_int_equal(hostname->source.line, 5);
	assert_int_equal(hostname->meta.labels.count, 1);
	assert_string_equal(hostname->meta.labels.items[0].value, "web");
	/* Settled means that nothing is written, also after a restart. */
	version = store_version(rig.store);
	settle(&rig);
	assert_int_equal(store_version(rig.store), version);
	restart(&rig);
	version = store_version(rig.store);
	settle(&rig);
	assert_int_equal(store_version(rig.store), version);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	scan(&rig);
	hostname = get(&rig, "a.example.com");
	assert_int_equal(hostname->source.line, 4);
	assert_int_equal(hostname->meta.labels.count, 0);
	assert_int_equal(hostname->meta.generation, 1);
	tear_down(&rig);
}

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
	/* The one that was in force goes: the other takes over, and nothing is removed in between. */
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
		struct json *spec = NULL;
		bool introduced = true;

		if (rows[i].spec)
			assert_int_equal(json_parse(&rig.ctx, rows[i].spec, strlen(rows[i].spec), &spec),
					 E_OK);
		check_row(rows[i].sentence, specdir_desire(&rig.ctx, rig.specdir, rows[i].hostname, spec,
							   &introduced) == E_REFUSED);
		check_row(rows[i].sentence, !introduced);
		check_row(rows[i].sentence, !strstr(rig.ctx.fault.text, "SECRETSECRET"));
		check_row_text(rows[i].sentence, in_force(&rig), "");
		check_row_int(rows[i].sentence, (long long)tempdir_count(rig.api), 0);
	}
	tear_down(&rig);
}

static void test_desire_on_a_full_disk(void **state)
{
	bool introduced;
	struct rig rig;

	(void)state;
	set_up(&rig);
	scan(&rig);
	is_full = true;
	assert_int_equal(desire(&rig, "a.example.com", &introduced), E_AGAIN);
	assert_false(introduced);
	is_full = false;
	settle(&rig);
	assert_string_equal(in_force(&rig), "");
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
	{"a link to nothing", make_dangling, "a.yaml: is a symbolic link to nothing", "a.example.com!"},
	{"a link to itself", make_loop, "a.yaml: cannot be read", "a.example.com!"},
	{"a link to a device", make_device, "a.yaml: is not a regular file", "a.example.com!"},
	{"a large file", make_large, "a.yaml: is larger than 65536 bytes", "a.example.com!"},
	{"a directory is no file", make_directory, "", ""},
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

static void test_young_file(void **state)
{
	struct rig rig;
	msec_t next;

	(void)state;
	set_up(&rig);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	settle(&rig);
	tempdir_write(path(&rig, "a.yaml"), NATIVE("b.example.com"), 0);
	next = scan(&rig);
	if (next > 1000)
		skip(); /* the machine took more than 100 ms to get here */
	assert_string_equal(in_force(&rig), "a.example.com");
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
	write_spec(&rig, "4913", "x");
	assert_int_equal(specdir_drain(&rig.ctx, rig.specdir), -1);
	write_spec(&rig, "a.yaml", NATIVE("a.example.com"));
	wait = specdir_drain(&rig.ctx, rig.specdir);
	assert_true(wait > 0 && wait <= 100);
	assert_int_equal(specdir_drain(&rig.ctx, rig.specdir), -1);
	/* Events that never end do not put it off for ever. */
	mono += 980;
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

/* With a clock that runs, a scan stops writing after a while and asks to be called again at once. */
static void test_many_writes_are_spread(void **state)
{
	size_t scans = 0;
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (int i = 0; i < 40; i++)
		write_spec(&rig, arena_printf(rig.ctx.arena, "%d.yaml", i),
			   arena_printf(rig.ctx.arena, NATIVE("h%d.example.com"), i));
	mono_step = 20;
	while (scan(&rig) == 0)
		scans++;
	assert_in_range(scans, 2, 20);
	assert_int_equal(store_count(rig.store, KIND_HOSTNAME), 40);
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
	assert_int_equal(count_lines(&rig.ctx, log, "nodots"), 1);
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
	write_spec(&rig, "a.yaml", arena_printf(rig.ctx.arena, "%s]\n---\n%sspce: 1\n", text,
						NATIVE("late.example.com")));
	scan(&rig);
	assert_string_equal(in_force(&rig), "good.example.com");
	assert_int_equal(specdir_report(rig.specdir)->problems.errors, 151);
	tear_down(&rig);
}

/* 10,000 hostnames: a scan that finds nothing new must not be felt by the API that shares its thread. */
static void test_ten_thousand(void **state)
{
	struct timespec begin, end;
	double seconds;
	struct rig rig;
	int64_t version;

	(void)state;
	set_up(&rig);
	rig.fs.write = quick_write;
	for (int i = 0; i < 500; i++) {
		char *text = arena_strdup(rig.ctx.arena, "hostnames:\n");

		for (int j = 0; j < 20; j++)
			text = arena_printf(rig.ctx.arena, "%s- host-%d-%d.example.com\n", text, i, j);
		write_spec(&rig, arena_printf(rig.ctx.arena, "%d.yaml", i), text);
	}
	scan(&rig);
	assert_int_equal(store_count(rig.store, KIND_HOSTNAME), 10000);
	version = store_version(rig.store);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < 3; i++)
		scan(&rig);
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	print_message("a scan of 10,000 unchanged hostnames: %.3f s\n", seconds / 3);
	assert_int_equal(store_version(rig.store), version);
	assert_true(seconds / 3 < 1.0);
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_removal_needs_two_scans),
		cmocka_unit_test(test_last_file_may_go),
		cmocka_unit_test(test_sudden_emptiness),
		cmocka_unit_test(test_confirmed_emptiness),
		cmocka_unit_test(test_missing_directory),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_conflict_of_new_ones),
		cmocka_unit_test(test_desire),
		cmocka_unit_test(test_desire_refuses),
		cmocka_unit_test(test_desire_on_a_full_disk),
		cmocka_unit_test(test_wildcard_of_the_api),
		cmocka_unit_test(test_withdraw),
		cmocka_unit_test(test_user_file_takes_over),
		cmocka_unit_test(test_desire_rescues_from_removal),
		cmocka_unit_test(test_api_survives_lost_state),
		cmocka_unit_test(test_api_directory_vanishes),
		cmocka_unit_test(test_kubernetes_volume),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_young_file),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_full_store),
		cmocka_unit_test(test_many_writes_are_spread),
		cmocka_unit_test(test_problems_are_logged_once),
		cmocka_unit_test(test_more_problems_than_are_kept),
		cmocka_unit_test(test_ten_thousand),
	};

	return cmocka_run_group_tests_name("specdir", tests, NULL, NULL);
}
