#include "specdir_rig.h"

#include "api/dnsname.h"
#include "mutate.h"
#include "specdir/specfile.h"

/* What one file makes of an empty store. */

static const struct {
	const char *sentence, *file, *text, *in_force;
	size_t errors, warnings;
	const char *says; /* in the problems; NULL: nothing */
} files[] = {
	{"a native document", "a.yaml", NATIVE("a.example.com"), "a.example.com", 0, 0, NULL},
	{"a native document as JSON", "a.json",
	 "{\"apiVersion\":\"gatecert/"
	 "v1\",\"kind\":\"Hostname\",\"metadata\":{\"name\":\"a.example.com\"}}",
	 "a.example.com", 0, 0, NULL},
	{"a spec", "a.yml", NATIVE("a.example.com") "spec:\n  keyType: EC-P256\n",
	 "a.example.com(EC)", 0, 0, NULL},
	{"an empty spec", "a.yml", NATIVE("a.example.com") "spec:\n", "a.example.com", 0, 0, NULL},
	{"labels and annotations", "a.yml",
	 NATIVE("a.example.com") "  labels: {team: web}\n  annotations: {note: hello}\n",
	 "a.example.com", 0, 0, NULL},
	{"several documents", "a.yaml", NATIVE("a.example.com") "---\n" NATIVE("b.example.com"),
	 "a.example.com b.example.com", 0, 0, NULL},
	{"the short form with strings", "a.yaml", "hostnames:\n- a.example.com\n- b.example.com\n",
	 "a.example.com b.example.com", 0, 0, NULL},
	{"the short form with objects", "a.yaml",
	 "hostnames:\n- hostname: a.example.com\n- b.example.com\n", "a.example.com b.example.com",
	 0, 0, NULL},
	{"the short form as JSON", "a.json", "{\"hostnames\":[{\"hostname\":\"a.example.com\"}]}",
	 "a.example.com", 0, 0, NULL},
	{"both forms in one file", "a.yaml",
	 "hostnames: [a.example.com]\n---\n" NATIVE("b.example.com"), "a.example.com b.example.com",
	 0, 0, NULL},
	{"names are normalised", "a.yaml", "hostnames: [A.Example.COM., b\xc3\xbc.example.com]",
	 "a.example.com xn--b-eha.example.com", 0, 0, NULL},
	{"an empty list is fine", "a.yaml", "hostnames: []\n", "", 0, 0, NULL},
	{"status is ignored with a warning", "a.yaml",
	 NATIVE("a.example.com") "status: {step: x}\n", "a.example.com", 0, 1, "status: ignored"},
	{"an unknown member stops its document alone", "a.yaml",
	 NATIVE("a.example.com") "spce: {}\n---\n" NATIVE("b.example.com"), "b.example.com", 1, 0,
	 "a.yaml:5:1: unknown member: did you mean spec?"},
	{"a key twice stops its document alone", "a.yaml",
	 NATIVE("a.example.com") "kind: Hostname\n---\n" NATIVE("b.example.com"), "b.example.com",
	 1, 0, "a.yaml:5:1: duplicate key, first in line 2"},
	{"a key twice where nobody looks", "a.yaml",
	 NATIVE("a.example.com") "status: {a: {b: 1, b: 2}}\n", "", 1, 1,
	 "a.yaml:5:20: duplicate key"},
	{"a key twice and all the rest", "a.yaml",
	 NATIVE("a.example.com") "spec: {keyType: x}\nkind: y\nspce: {}\n", "", 3, 0,
	 "a.yaml:6:1: duplicate key"},
	{"a list twice", "a.yaml", "hostnames: [a.example.com]\nhostnames: [b.example.com]\n", "",
	 1, 0, "a.yaml:2:1: duplicate key"},
	{"lines behind a byte order mark", "a.yaml", "\xEF\xBB\xBF" NATIVE("a.example.com"),
	 "a.example.com", 0, 0, NULL},
	{"an unknown member of the spec", "a.yaml",
	 NATIVE("a.example.com") "spec: {keytype: EC-P256}\n", "", 1, 0,
	 "a.yaml:5:8: spec: unknown member: did you mean keyType?"},
	{"an unknown member of the metadata", "a.yaml", NATIVE("a.example.com") "  zone: x\n", "",
	 1, 0, "unknown member"},
	{"what the API and Kubernetes' clients add is dropped", "a.yaml",
	 NATIVE("a.example.com") "  uid: x\n  resourceVersion: '1'\n  namespace: ''\n"
				 "  creationTimestamp:\n  managedFields: [{a: b}]\n",
	 "a.example.com", 0, 0, NULL},
	{"a namespace is no promise of ours", "a.yaml",
	 NATIVE("a.example.com") "  namespace: default\n", "", 1, 0,
	 "metadata.namespace: is not supported"},
	{"a wrong version", "a.yaml",
	 "apiVersion: gatecert/v2\nkind: Hostname\nmetadata: {name: a.example.com}\n", "", 1, 0,
	 "a.yaml:1:13: apiVersion: must be gatecert/v1"},
	{"a wrong kind", "a.yaml",
	 "apiVersion: gatecert/v1\nkind: Gateway\nmetadata: {name: a.example.com}\n", "", 1, 0,
	 "kind: must be Hostname"},
	{"no kind", "a.yaml", "apiVersion: gatecert/v1\nmetadata: {name: a.example.com}\n", "", 1,
	 0, "kind: required"},
	{"no name", "a.yaml", HEAD "metadata: {labels: {a: b}}\n", "", 1, 0,
	 "metadata.name: required"},
	{"a bad hostname", "a.yaml", NATIVE("a_b.example.com"), "", 1, 0,
	 "a.yaml:4:9: metadata.name: is not a valid hostname"},
	{"a wildcard has no business in a user's file", "a.yaml", NATIVE("'*.example.com'"), "", 1,
	 0, "wildcard"},
	{"a bad entry stops itself alone", "a.yaml",
	 "hostnames: [a.example.com, nodots, b.example.com]\n", "a.example.com b.example.com", 1, 0,
	 "a.yaml:1:28: hostnames[1]: is not"},
	{"a wildcard that is quoted", "a.yaml", "hostnames: ['*.example.com']\n", "", 1, 0,
	 "a.yaml:1:13: hostnames[0]: is not a valid hostname: a wildcard has to be imported"},
	{"a star elsewhere", "a.yaml", "hostnames: ['a*.example.com']\n", "", 1, 0,
	 "the character '*' is not allowed"},
	{"a hostname without a value", "a.yaml", "hostnames:\n- hostname:\n- a.example.com\n",
	 "a.example.com", 1, 0, "a.yaml:2:12: hostnames[0]: the hostname is missing"},
	{"an entry without a value", "a.yaml", "hostnames:\n-\n- a.example.com\n", "a.example.com",
	 1, 0, "a.yaml:2:2: hostnames[0]: the hostname is missing"},
	{"hostnames without a value", "a.yaml", "hostnames:\n", "", 1, 0,
	 "a.yaml:1:11: hostnames: is empty: for none write hostnames: []"},
	{"JSON with a comma too many", "a.json", "{\"hostnames\": [\n\"a.example.com\",\n]}", "", 1,
	 0, "a.json:2:16: a comma too many: ']' follows it"},
	{"flow style is fine in YAML", "a.yaml", "{hostnames: [a.example.com,],}", "a.example.com",
	 0, 0, NULL},
	{"JSON documents between marks", "a.json",
	 "{\"hostnames\":[\"a.example.com\"]}\n---\n{\"hostnames\":[\"b.example.com\"]}\n",
	 "a.example.com b.example.com", 0, 0, NULL},
	{"an entry with another member", "a.yaml",
	 "hostnames:\n- hostname: a.example.com\n  port: 1\n- b.example.com\n", "b.example.com", 1,
	 0, "hostnames[0]: an entry is a hostname"},
	{"an entry that is a list", "a.yaml", "hostnames: [[a.example.com]]\n", "", 1, 0,
	 "hostnames[0]"},
	{"the short form with something else", "a.yaml", "hostnames: [a.example.com]\nspec: {}\n",
	 "", 1, 0, "no other member"},
	{"hostnames that are no list", "a.yaml", "hostnames: a.example.com\n", "", 1, 0,
	 "expected a list of hostnames"},
	{"a private key in an entry", "a.yaml",
	 "hostnames:\n- hostname: a.example.com\n  privatekey: SECRETSECRET\n", "", 1, 0,
	 "a.yaml:3:3: hostnames[0]: privatekey does not belong in a file"},
	{"a password in a document", "a.yaml", NATIVE("a.example.com") "Password: SECRETSECRET\n",
	 "", 1, 0, "password does not belong"},
	{"a certificate in a spec", "a.yaml",
	 NATIVE("a.example.com") "spec: {certificate: SECRETSECRET}\n", "", 1, 0,
	 "certificate does not belong"},
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
	{"an editor's lock", "#a.yaml#", NATIVE("a.example.com"), "", 0, 0, NULL},
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
			fail_msg("%s: \"%s\" does not say \"%s\"", files[i].sentence,
				 problems(&rig), files[i].says);
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
	{"a changed spec arrives", NATIVE("a.example.com"),
	 NATIVE("a.example.com") "spec: {keyType: EC-P256}", "a.example.com(EC)"},
	{"an invalid document keeps its own hostname",
	 NATIVE("a.example.com") "spec: {keyType: EC-P256}\n---\n" NATIVE("b.example.com"),
	 NATIVE("a.example.com") "spec: {keyType: RSA-1}\n---\n" NATIVE("b.example.com"),
	 "a.example.com(EC)! b.example.com"},
	{"a misspelt name keeps whatever the file named",
	 NATIVE("a.example.com") "---\n" NATIVE("b.example.com"),
	 NATIVE("a_.example.com") "---\n" NATIVE("b.example.com"), "a.example.com! b.example.com"},
	{"a name given twice keeps whatever the file named",
	 NATIVE("a.example.com") "---\n" NATIVE("b.example.com"),
	 NATIVE("b.example.com") "  name: a.example.com\n", "a.example.com! b.example.com!"},
	{"a dropped entry goes", "hostnames: [a.example.com, b.example.com]",
	 "hostnames: [b.example.com]", "b.example.com"},
	{"a dropped entry stays while another is wrong",
	 "hostnames: [a.example.com, b.example.com]", "hostnames: [b.example.com, nodots]",
	 "a.example.com! b.example.com"},
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

/* Whatever stands in a file: what is claimed can be used, or says why not, and nothing is hidden by
 * silence. */

static size_t mutants;

static void check_mutant(const char *text, size_t size, void *data)
{
	struct specfile file = {.path = "/specs/a.yaml"};
	struct ctx ctx;

	(void)data;
	check_begin(&ctx);
	specfile_parse(&ctx, &file, text, size);
	mutants++;
	for (size_t i = 0; i < file.count; i++) {
		const struct claim *claim = &file.claims[i];
		const char *again;

		assert_int_equal(hostname_normalise(&ctx, claim->hostname, 0, &again), E_OK);
		assert_string_equal(again, claim->hostname);
		assert_true((claim->content == NULL) == (claim->problem != NULL));
		assert_true(claim->line > 0);
	}
	assert_true(file.may_hide || file.problems.errors == 0 || file.count > 0);
	assert_true(!file.may_hide || file.problem);
	ctx_fini(&ctx);
}

static void test_mutants(void **state)
{
	static const char *const seeds[] = {
		HEAD
		"metadata:\n  name: a.example.com\n  labels: {a: b}\nspec:\n  keyType: EC-P256\n",
		"hostnames:\n- a.example.com\n- hostname: b.example.com\n---\nhostnames: []\n",
		"{\"hostnames\":[{\"hostname\":\"a.example.com\"},\"b.example.com\"]}",
	};
	struct mutate mutate = {.visit = check_mutant};

	(void)state;
	mutate_seeds(&mutate, seeds, ARRAY_SIZE(seeds));
	assert_true(mutants > 8000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_mutants),
	};

	return cmocka_run_group_tests_name("specdir", tests, NULL, NULL);
}
