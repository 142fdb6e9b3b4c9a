/*
 * Every operation that writes more than one file, disturbed at every single write: killed before
 * and after it, that one failing, that one and all behind it failing. What was answered with an
 * error has changed nothing, then or after scans or a restart; what was killed is not there or
 * there as a whole; what was accepted is there as a whole.
 */
#include "specdir_rig.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "api/instance.h"
#include "base/log.h"
#include "base/text.h"
#include "durable/functions.h"
#include "durable/instances.h"
#include "objects/objectwrites.h"
#include "pki/key.h"
#include "world/crypto.h"

#define WRITES_MAX 40
#define ID_SIZE	   33

enum trouble { NO_TROUBLE, DIES_BEFORE, DIES_BEHIND, ONE_FAILS, NO_ROOM, ALL_FAIL };

static const struct {
	const char *sentence;
	enum trouble trouble;
} troubles[] = {
	{"killed before", DIES_BEFORE}, {"killed behind", DIES_BEHIND}, {"one fails", ONE_FAILS},
	{"no room from", NO_ROOM},	{"all fail from", ALL_FAIL},
};

/* A disk that is disturbed at the write with this number; the one before is the last good one. */
static struct {
	enum trouble trouble;
	unsigned count, at;
	bool is_dead;
} disk;

static enum err broken(struct ctx *ctx)
{
	return fault_set(ctx, E_AGAIN, "StateNotDurable", "no space left on device");
}

/* E_OK: it happens. `is_growing`: it needs room. */
static enum err meet(struct ctx *ctx, bool is_growing)
{
	bool is_here;

	if (disk.is_dead)
		return broken(ctx);
	is_here = ++disk.count == disk.at;
	if (disk.trouble == NO_TROUBLE || disk.count < disk.at)
		return E_OK;
	if (is_here && disk.trouble == DIES_BEFORE)
		disk.is_dead = true;
	if (disk.is_dead || disk.trouble == ALL_FAIL || (disk.trouble == ONE_FAILS && is_here) ||
	    (disk.trouble == NO_ROOM && is_growing))
		return broken(ctx);
	return E_OK;
}

static enum err behind(struct ctx *ctx, enum err err)
{
	if (disk.trouble != DIES_BEHIND || disk.count != disk.at)
		return err;
	disk.is_dead = true;
	return broken(ctx);
}

static enum err disk_write(struct ctx *ctx, struct fs *fs, const char *path, const void *data,
			   size_t size, mode_t mode)
{
	TRY(meet(ctx, true));
	return behind(ctx, quick_write(ctx, fs, path, data, size, mode));
}

static enum err disk_remove(struct ctx *ctx, struct fs *fs, const char *path)
{
	(void)fs;
	TRY(meet(ctx, false));
	unlink(path);
	return behind(ctx, E_OK);
}

/* One run of one operation. */
struct run {
	struct rig rig;
	struct sealed_box *sealed;
	const char *posted, *imported; /* ids of requests that were accepted before */
	struct response response;
};

static void open_box(struct run *run)
{
	assert_int_equal(sealed_box_open(&run->rig.ctx,
					 fs_join(&run->rig.ctx, run->rig.root, "state"),
					 &run->sealed),
			 E_OK);
}

static void set_seal_key(struct run *run)
{
	static EVP_PKEY *pair;
	unsigned char raw[512];
	BIGNUM *n = NULL;
	struct seal_key key = {.kid = "https://vault.test/keys/gatecert-seal/1", .e = "AQAB"};

	if (!pair)
		pair = EVP_RSA_gen(2048);
	EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_RSA_N, &n);
	key.n = base64url_encode(&run->rig.ctx, raw, (size_t)BN_bn2bin(n, raw));
	BN_free(n);
	assert_int_equal(sealed_box_set_key(&run->rig.ctx, run->sealed, &key), E_OK);
}

static void start_again(struct run *run)
{
	sealed_box_close(run->sealed);
	restart(&run->rig);
	open_box(run);
}

/* The client */

static void call(struct run *run, handler_fn *handler, const struct request *request)
{
	struct service service = {.doors = &run->rig.doors,
				  .store = run->rig.store,
				  .specdir = run->rig.specdir,
				  .sealed = run->sealed,
				  .task_hub = "hub",
				  .is_ready = true};
	enum err err;

	run->response = (struct response){0};
	err = handler(&run->rig.ctx, &service, request, &run->response);
	if (err != E_OK)
		run->response.status = 503;
	fault_clear(&run->rig.ctx);
}

static void post(struct run *run, handler_fn *handler, const char *body)
{
	struct request request = {.method = "POST", .body = body, .body_size = strlen(body)};

	call(run, handler, &request);
}

static const char *import_body(struct run *run, const char *hostname, bool is_other)
{
	static EVP_PKEY *keys[2];
	struct ctx *ctx = &run->rig.ctx;
	struct json *entry = json_object(ctx);
	EVP_PKEY **key = &keys[is_other];
	struct crypto_issue issue;
	X509 *leaf;

	if (!*key)
		*key = crypto_ec_new("P-256");
	issue = (struct crypto_issue){
		.issuer_key = *key,
		.key = *key,
		.common_name = hostname,
		.dns_names = &hostname,
		.dns_name_count = 1,
		.not_before = ctx_wall(ctx) / 1000,
		.not_after = ctx_wall(ctx) / 1000 + 86400,
		.rng = ctx->doors->rng,
	};
	leaf = crypto_issue(&issue);
	json_set_text(ctx, entry, "hostname", hostname);
	json_set_text(ctx, entry, "privatekey", crypto_key_pem(ctx, *key));
	json_set_text(ctx, entry, "certificate", crypto_cert_pem(ctx, leaf));
	X509_free(leaf);
	return arena_printf(ctx->arena, "{\"hostnames\":[%s]}", json_print(ctx, entry));
}

static const char *new_id(struct run *run)
{
	struct json *json;

	assert_int_equal(run->response.status, 202);
	assert_int_equal(
		json_parse(&run->rig.ctx, run->response.body, run->response.body_size, &json),
		E_OK);
	return json_get_text(json, "id");
}

static void put(struct run *run, const char *hostname, const char *body)
{
	struct request request = {
		.method = "PUT", .args = {hostname}, .body = body, .body_size = strlen(body)};

	call(run, objectwrites_put, &request);
}

/* The operations. posted.example.com was brought in by a request and import.example.com by one with
 * a certificate; put.example.com and file.example.com were not. */

static void add_new(struct run *run)
{
	post(run, functions_add_one, "{\"hostnames\":[\"new.example.com\"]}");
}

static void add_again(struct run *run)
{
	post(run, functions_add_one, "{\"hostnames\":[\"posted.example.com\"]}");
}

static void add_several(struct run *run)
{
	post(run, functions_add_several,
	     "{\"hostnames\":[\"new.example.com\",\"file.example.com\",\"import.example.com\","
	     "\"newer.example.com\"]}");
}

static void import_new(struct run *run)
{
	post(run, functions_import, import_body(run, "new.example.com", false));
}

static void import_over(struct run *run)
{
	post(run, functions_import, import_body(run, "put.example.com", false));
}

static void import_another(struct run *run)
{
	post(run, functions_import, import_body(run, "import.example.com", true));
}

static void put_new(struct run *run)
{
	put(run, "new.example.com", "{\"spec\":{\"keyType\":\"EC-P256\"}}");
}

static void put_over(struct run *run)
{
	put(run, "put.example.com", "{\"spec\":{\"keyType\":\"EC-P256\"}}");
}

static void put_same(struct run *run)
{
	put(run, "posted.example.com", "{}");
}

static void delete (struct run *run)
{
	struct request request = {.method = "DELETE", .args = {"put.example.com"}, .body = ""};

	call(run, objectwrites_delete, &request);
}

static void terminate(struct run *run, const char *id)
{
	struct request request = {.method = "POST", .args = {id}};

	call(run, instances_terminate, &request);
}

static void terminate_posted(struct run *run)
{
	terminate(run, run->posted);
}

static void terminate_imported(struct run *run)
{
	terminate(run, run->imported);
}

static void retry(struct run *run)
{
	struct request request = {.method = "POST", .args = {run->posted, "Retry"}};

	request_add_header(&run->rig.ctx, &request, "Content-Type", "application/json");
	call(run, instances_raise_event, &request);
}

static void take_over(struct run *run)
{
	write_spec(&run->rig, "taken.yaml", NATIVE("put.example.com"));
	scan(&run->rig);
	run->response.status = 0; /* nobody is told */
}

static const struct operation {
	const char *sentence;
	void (*run)(struct run *run);
	int status;
} operations[] = {
	{"a request for a new hostname", add_new, 202},
	{"a request for one that is desired", add_again, 202},
	{"a request for several, new and old", add_several, 202},
	{"an import of a new hostname", import_new, 202},
	{"an import over one that is desired", import_over, 202},
	{"another import", import_another, 202},
	{"PUT of a new one", put_new, 201},
	{"PUT of one that is there", put_over, 200},
	{"PUT that says the same", put_same, 200},
	{"DELETE", delete, 200},
	{"terminate", terminate_posted, 202},
	{"terminate of an import", terminate_imported, 202},
	{"Retry", retry, 202},
	{"a user's file takes over", take_over, 0},
};

/* What stands, in words; with numbers and ids only where two moments of one run are compared. */

static const char *describe_hostname(struct run *run, const struct hostname *hostname,
				     bool is_exact)
{
	struct ctx *ctx = &run->rig.ctx;
	const char *instance = hostname->wish.instance;
	const char *key = arena_printf(ctx->arena, "%s/state/sealed/%s.json", run->rig.root,
				       instance ? instance : "none");
	const char *shape =
		arena_printf(ctx->arena, "%s %s%s%s from %s\n", hostname->meta.name,
			     key_type_names[hostname->spec.key_type],
			     hostname->wish.source == SOURCE_IMPORT ? " import" : "",
			     instance ? (tempdir_exists(key) ? " with key" : " WITHOUT KEY") : "",
			     strrchr(hostname->source.file, '/') + 1);

	if (!is_exact)
		return shape;
	return arena_printf(ctx->arena, "%s %lld %lld %lld %s\n", shape, (long long)hostname->asked,
			    (long long)hostname->written, (long long)hostname->posted, instance);
}

static const char *describe_instance(struct run *run, const struct instance *instance,
				     bool is_exact)
{
	const struct instance_spec *spec = &instance->spec;

	return arena_printf(run->rig.ctx.arena, "%s%s %s%s introduced %zu, %zu events%s\n",
			    is_exact ? instance->meta.name : "", spec->function,
			    spec->hostnames.items[0], spec->is_terminated ? " terminated" : "",
			    spec->introduced.count, spec->events.count,
			    spec->retry ? ", again" : "");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *describe_instances(struct run *run, bool is_exact)
{
	struct ctx *ctx = &run->rig.ctx;
	const char *text = "", **lines;
	const void **items;
	size_t count;

	store_list(ctx, run->rig.store, KIND_INSTANCE, &items, &count);
	lines = arena_new_array(ctx->arena, const char *, count);
	for (size_t i = 0; i < count; i++)
		lines[i] = describe_instance(run, items[i], is_exact);
	qsort(lines, count, sizeof(*lines), by_text);
	for (size_t i = 0; i < count; i++)
		text = arena_printf(ctx->arena, "%s%s", text, lines[i]);
	return text;
}

static const char *describe_files(struct run *run)
{
	struct ctx *ctx = &run->rig.ctx;
	const char *text = "";
	char **names;
	size_t count;

	assert_int_equal(fs_system()->list(ctx, fs_system(), run->rig.api, &names, &count), E_OK);
	for (size_t i = 0; i < count; i++)
		text = arena_printf(ctx->arena, "%s%s %s", text, names[i],
				    tempdir_read(ctx, fs_join(ctx, run->rig.api, names[i])));
	return text;
}

static const char *describe(struct run *run, bool is_exact, bool with_files)
{
	struct ctx *ctx = &run->rig.ctx;
	const char *text = "";
	const void **items;
	size_t count;

	store_list(ctx, run->rig.store, KIND_HOSTNAME, &items, &count);
	for (size_t i = 0; i < count; i++)
		text = arena_printf(ctx->arena, "%s%s", text,
				    describe_hostname(run, items[i], is_exact));
	return arena_printf(ctx->arena, "%s%s%s", text, describe_instances(run, is_exact),
			    with_files ? describe_files(run) : "");
}

static void begin(struct run *run)
{
	memset(&disk, 0, sizeof(disk));
	set_up(&run->rig);
	run->rig.fs.write = disk_write;
	run->rig.fs.remove = disk_remove;
	open_box(run);
	set_seal_key(run);
	write_spec(&run->rig, "u.yaml", NATIVE("file.example.com"));
	settle(&run->rig);
	put(run, "put.example.com", "{}");
	post(run, functions_add_one, "{\"hostnames\":[\"posted.example.com\"]}");
	run->posted = new_id(run);
	post(run, functions_import, import_body(run, "import.example.com", false));
	run->imported = new_id(run);
	settle(&run->rig);
}

static void end(struct run *run)
{
	sealed_box_close(run->sealed);
	tear_down(&run->rig);
}

static void break_disk(enum trouble trouble, unsigned at)
{
	memset(&disk, 0, sizeof(disk));
	disk.trouble = trouble;
	disk.at = at;
}

/* There is room again, and whatever waited for it is done. */
static void mend_disk(struct run *run)
{
	memset(&disk, 0, sizeof(disk));
	settle(&run->rig);
	assert_int_equal(sealed_purge(&run->rig.ctx, run->sealed), E_OK);
}

static void check(const struct operation *operation, size_t row, unsigned at, const char *when,
		  const char *is, const char *wanted)
{
	if (!text_equals(is, wanted))
		fail_msg("%s, %s write %u, %s:\n%s\ninstead of:\n%s", operation->sentence,
			 troubles[row].sentence, at, when, is, wanted);
}

/* What an operation makes of what was there. */
struct shapes {
	const char *before, *after, *after_files;
};

/* A process that was killed tells nobody anything: it did all or nothing. */
static void check_killed(struct run *run, const struct operation *operation, size_t row,
			 unsigned at, const struct shapes *shapes)
{
	const char *now;

	memset(&disk, 0, sizeof(disk));
	start_again(run);
	settle(&run->rig);
	now = describe(run, false, true);
	if (!text_equals(now, shapes->before) || operation->run == take_over)
		check(operation, row, at, "after a restart", now, shapes->after_files);
}

static void check_refused(struct run *run, const struct operation *operation, size_t row,
			  unsigned at, const char *exact)
{
	check(operation, row, at, "at once", describe(run, true, true), exact);
	settle(&run->rig);
	check(operation, row, at, "after scans", describe(run, true, true), exact);
	mend_disk(run);
	check(operation, row, at, "with room again", describe(run, true, true), exact);
	start_again(run);
	settle(&run->rig);
	check(operation, row, at, "after a restart", describe(run, true, true), exact);
}

/* The files may have to wait for room; whether the process lives so long or not. */
static void check_accepted(struct run *run, const struct operation *operation, size_t row,
			   unsigned at, const struct shapes *shapes, bool is_killed)
{
	if (operation->run != take_over)
		check(operation, row, at, "at once", describe(run, false, false), shapes->after);
	if (is_killed) {
		memset(&disk, 0, sizeof(disk));
		start_again(run);
		settle(&run->rig);
	} else {
		settle(&run->rig);
		mend_disk(run);
	}
	check(operation, row, at, "in the end", describe(run, false, true), shapes->after_files);
}

/* True when the trouble came to pass. */
static bool disturb(const struct operation *operation, size_t row, unsigned at, bool is_killed,
		    const struct shapes *shapes)
{
	const char *exact;
	bool happened;
	struct run run;

	begin(&run);
	exact = describe(&run, true, true);
	break_disk(troubles[row].trouble, at);
	operation->run(&run);
	happened = disk.count >= at;
	if (disk.is_dead)
		check_killed(&run, operation, row, at, shapes);
	else if (run.response.status == operation->status)
		check_accepted(&run, operation, row, at, shapes, is_killed);
	else
		check_refused(&run, operation, row, at, exact);
	end(&run);
	return happened;
}

/* The texts live as long as the run. */
static void learn(struct run *run, const struct operation *operation, struct shapes *shapes)
{
	begin(run);
	shapes->before = describe(run, false, true);
	operation->run(run);
	if (run->response.status != operation->status)
		fail_msg("%s: %d %s", operation->sentence, run->response.status,
			 run->response.body);
	shapes->after = describe(run, false, false);
	settle(&run->rig);
	shapes->after_files = describe(run, false, true);
	if (strstr(shapes->after_files, "WITHOUT KEY"))
		fail_msg("%s: %s", operation->sentence, shapes->after_files);
}

static unsigned sweep(const struct operation *operation, size_t row, const struct shapes *shapes)
{
	unsigned at = 1;

	while (disturb(operation, row, at, false, shapes)) {
		if (troubles[row].trouble >= ONE_FAILS)
			disturb(operation, row, at, true, shapes);
		assert_true(++at < WRITES_MAX);
	}
	return at - 1;
}

static void test_all_or_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		unsigned writes = 0;
		struct shapes shapes;
		struct run run;

		learn(&run, &operations[i], &shapes);
		for (size_t row = 0; row < ARRAY_SIZE(troubles); row++)
			writes = sweep(&operations[i], row, &shapes);
		end(&run);
		print_message("%s: %u writes\n", operations[i].sentence, writes);
		assert_true(writes > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"what is written together is written as a whole or not at all",
		 test_all_or_nothing, NULL, NULL, NULL},
	};

	log_open(LOG_LEVEL_ERROR);
	setenv("TMPDIR", scratch_memory(), 1); /* hundreds of runs, and no power cut among them */
	return cmocka_run_group_tests_name("one_write", tests, NULL, NULL);
}
