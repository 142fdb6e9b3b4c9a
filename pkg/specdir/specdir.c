#include "specdir/specdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/dnsname.h"
#include "base/fs.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/yaml.h"
#include "specdir/desired.h"
#include "specdir/scan.h"
#include "specdir/watch.h"
#include "store/filename.h"
#include "store/journal.h"

#define API_DIRECTORY	 "api.d"
#define RESCAN		 (5 * MSEC_PER_MIN)
#define UNWATCHED_RESCAN (10 * MSEC_PER_SEC)
#define STALE_RESCAN	 ((msec_t)75)
#define POLL		 (MSEC_PER_SEC / 2)
#define SLICE		 ((msec_t)5)

struct specdir {
	char *directory, *api_directory;
	struct store *store;
	unsigned hostname_flags;
	struct watch *watch;
	struct catalogue *catalogue; /* of the last scan; NULL before the first */
	struct scan *scan;	     /* that is under way; NULL: none is */
	bool is_stale; /* something happened that the scan under way may not have seen */
	msec_t due;    /* mono, of the next scan unless something happens */
	bool is_confirmed[SCOPE_COUNT]; /* since the scan under way began, or the last one ended */
	bool is_given[SCOPE_COUNT];	/* to the scan under way */
	struct specdir_report report;	/* borrows from the catalogue */
};

/* Paths are compared as text, so they are built in one way alone. */
static char *without_slashes(const char *path)
{
	char *copied = heap_strdup(path);
	size_t length = strlen(copied);

	while (length > 1 && copied[length - 1] == '/')
		copied[--length] = '\0';
	return copied;
}

static char *default_api_directory(const char *directory)
{
	size_t size = strlen(directory) + sizeof("/" API_DIRECTORY);
	char *path = heap_malloc(size);

	snprintf(path, size, "%s/" API_DIRECTORY, directory);
	return path;
}

struct specdir *specdir_new(const struct specdir_options *options)
{
	struct specdir *specdir = heap_calloc(1, sizeof(*specdir));

	specdir->store = options->store;
	specdir->hostname_flags = options->hostname_flags;
	specdir->directory = without_slashes(options->directory);
	specdir->api_directory = options->api_directory ? without_slashes(options->api_directory)
							: default_api_directory(specdir->directory);
	specdir->watch = watch_new(specdir->directory, specdir->api_directory);
	problems_init(&specdir->report.problems);
	return specdir;
}

void specdir_free(struct specdir *specdir)
{
	if (!specdir)
		return;
	watch_free(specdir->watch);
	scan_abandon(specdir->scan);
	catalogue_free(specdir->catalogue);
	free(specdir->directory);
	free(specdir->api_directory);
	free(specdir);
}

int specdir_fd(struct specdir *specdir)
{
	return watch_fd(specdir->watch);
}

msec_t specdir_drain(struct ctx *ctx, struct specdir *specdir)
{
	msec_t wait = watch_drain(ctx, specdir->watch);

	if (wait < 0)
		return wait;
	specdir->is_stale = true;
	return specdir->scan ? 0 : wait;
}

void specdir_set_hostname_flags(struct specdir *specdir, unsigned hostname_flags)
{
	specdir->hostname_flags = hostname_flags;
	specdir->is_stale = true;
}

void specdir_confirm_empty(struct specdir *specdir)
{
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		specdir->is_confirmed[scope] = true;
	specdir->is_stale = true;
}

const struct specdir_report *specdir_report(struct specdir *specdir)
{
	return &specdir->report;
}

/* Logging: what is new since the last scan. */

static bool is_same_problem(const struct problem *a, const struct problem *b)
{
	return a->line == b->line && a->column == b->column && text_equals(a->file, b->file) &&
	       text_equals(a->field, b->field) && text_equals(a->text, b->text);
}

static bool is_listed(const struct problems *problems, const struct problem *problem)
{
	for (const struct problem *p = problems->first; p; p = p->next)
		if (is_same_problem(p, problem))
			return true;
	return false;
}

static void log_changes(struct ctx *ctx, const struct specdir_report *before,
			const struct catalogue *now)
{
	for (const struct problem *p = now->problems.first; p; p = p->next)
		if (!is_listed(&before->problems, p))
			log_warn(ctx, "problem in a spec file", "problem", problem_print(ctx, p),
				 NULL);
	if (before->problems.first && !now->problems.first)
		log_info(ctx, "no problems in spec files any more", NULL);
	if (now->held_back && !text_equals(before->held_back, now->held_back))
		log_warn(ctx, "spec directory not as expected, nothing is removed", "why",
			 now->held_back, NULL);
	if (before->held_back && !now->held_back)
		log_info(ctx, "spec directory is as expected again", NULL);
}

/* A confirmation is for the emptiness that was there, not for one to come: it lasts as long as
 * that.
 */
static void spend_confirmations(struct specdir *specdir, const struct catalogue *catalogue)
{
	for (int name = 0; name < SCOPE_COUNT; name++) {
		const struct scope *scope = &catalogue->scopes[name];

		if (scope->is_readable && scope->files == 0)
			specdir->is_confirmed[name] |= specdir->is_given[name];
	}
}

static void take_over(struct ctx *ctx, struct specdir *specdir, struct catalogue *catalogue)
{
	log_changes(ctx, &specdir->report, catalogue);
	spend_confirmations(specdir, catalogue);
	catalogue_free(specdir->catalogue);
	specdir->catalogue = catalogue;
	specdir->report = (struct specdir_report){
		.files = catalogue->file_count,
		.hostnames = catalogue->hostnames,
		.problems = catalogue->problems,
		.held_back = catalogue->held_back,
	};
}

static void begin_scan(struct ctx *ctx, struct specdir *specdir)
{
	struct scan_options options = {
		.reading = {.directory = specdir->directory,
			    .api_directory = specdir->api_directory,
			    .hostname_flags = specdir->hostname_flags,
			    .before = specdir->catalogue,
			    .watch = specdir->watch},
		.apply = {.store = specdir->store, .before = specdir->catalogue},
	};

	/* Until it is written api.d is not what it should be; people's files are read all the same.
	 */
	if (journal_settle(ctx, specdir->store) != E_OK)
		options.reading.api_trouble = arena_strdup(ctx->arena, ctx->fault.text);
	fault_clear(ctx);
	specdir->is_stale = false;
	if (!specdir->catalogue)
		ctx->doors->fs->sweep(ctx, ctx->doors->fs, specdir->api_directory);
	memcpy(options.apply.is_confirmed, specdir->is_confirmed, sizeof(specdir->is_confirmed));
	memcpy(specdir->is_given, specdir->is_confirmed, sizeof(specdir->is_given));
	memset(specdir->is_confirmed, false, sizeof(specdir->is_confirmed));
	specdir->scan = scan_begin(ctx, &options);
}

static enum err end_scan(struct ctx *ctx, struct specdir *specdir, msec_t *next)
{
	bool is_watched = watch_settle(specdir->watch);
	msec_t rescan = specdir->is_stale ? STALE_RESCAN : is_watched ? RESCAN : UNWATCHED_RESCAN;
	struct catalogue *catalogue;
	enum err err = scan_end(ctx, specdir->scan, next, &catalogue);

	specdir->scan = NULL;
	if (*next > rescan)
		*next = rescan;
	specdir->due = ctx_mono(ctx) + *next;
	if (watch_must_poll(specdir->watch) && *next > POLL)
		*next = POLL;
	take_over(ctx, specdir, catalogue);
	return err;
}

/* Whether there is nothing but entries to be looked at that cannot be watched, and they are as they
 * were. */
static bool is_at_rest(struct ctx *ctx, struct specdir *specdir, msec_t *next)
{
	msec_t left = specdir->due - ctx_mono(ctx);

	if (specdir->scan || specdir->is_stale || left <= 0 || !watch_must_poll(specdir->watch) ||
	    watch_has_moved(specdir->watch))
		return false;
	*next = left < POLL ? left : POLL;
	return true;
}

enum err specdir_scan(struct ctx *ctx, struct specdir *specdir, msec_t *next_scan)
{
	msec_t until = ctx_mono(ctx) + SLICE;
	bool is_done;
	enum err err;

	if (is_at_rest(ctx, specdir, next_scan))
		return E_OK;
	*next_scan = 0;
	if (!specdir->scan && !journal_settle_on(ctx, specdir->store, until))
		return E_OK;
	*next_scan = APPLY_TROUBLE_LOOK;
	if (!specdir->scan)
		begin_scan(ctx, specdir);
	err = scan_on(ctx, specdir->scan, until, &is_done);
	if (err != E_OK) {
		scan_abandon(specdir->scan);
		specdir->scan = NULL;
		specdir->due = 0;
		return err;
	}
	if (is_done)
		return end_scan(ctx, specdir, next_scan);
	*next_scan = 0;
	return E_OK;
}

static void overtake(struct specdir *specdir, const char *hostname)
{
	if (specdir->scan)
		scan_overtake(specdir->scan, hostname);
	specdir->is_stale = true;
}

/* The API's door */

static enum err normalise(struct ctx *ctx, const struct specdir *specdir, const char *hostname,
			  const char **out)
{
	return hostname_normalise(ctx, hostname, HOSTNAME_ALLOW_WILDCARD | specdir->hostname_flags,
				  out);
}

/* What is in force stays so without anything being written: a file names it, or the removal is held
 * back. */
static bool is_in_force(struct ctx *ctx, struct specdir *specdir, const char *hostname,
			const struct hostname **object)
{
	const void *found;

	*object = NULL;
	if (store_get(ctx, specdir->store, KIND_HOSTNAME, hostname, &found) != E_OK) {
		fault_clear(ctx);
		return false;
	}
	*object = found;
	return !catalogue_find_pending(specdir->catalogue, hostname);
}

static const char *api_path(struct ctx *ctx, const struct specdir *specdir, const char *hostname)
{
	return fs_join(ctx, specdir->api_directory,
		       arena_printf(ctx->arena, "%s.json", filename_for(ctx, hostname)));
}

static void take_member(struct ctx *ctx, struct json *to, const struct json *from,
			const char *member)
{
	const struct json *found = json_get(from, member);

	if (json_size(found) > 0)
		json_set(ctx, to, member, json_dup(ctx, found));
}

/* Of `wanted` counts what people may write: labels, annotations and spec. */
static char *render(struct ctx *ctx, const char *hostname, const struct json *wanted)
{
	struct json *document = json_object(ctx), *metadata = json_object(ctx);

	json_set_text(ctx, metadata, "name", hostname);
	take_member(ctx, metadata, json_get(wanted, "metadata"), "labels");
	take_member(ctx, metadata, json_get(wanted, "metadata"), "annotations");
	json_set_text(ctx, document, "apiVersion", API_VERSION);
	json_set_text(ctx, document, "kind", kind_info(KIND_HOSTNAME)->name);
	json_set(ctx, document, "metadata", metadata);
	take_member(ctx, document, wanted, "spec");
	return arena_printf(ctx->arena, "%s\n", json_print_pretty(ctx, document));
}

/* What a client is told has neither path nor lines: both are ours. */
static const char *complaints(struct ctx *ctx, struct problems *problems)
{
	for (struct problem *problem = problems->first; problem; problem = problem->next) {
		problem->file = NULL;
		problem->line = 0;
	}
	return problems_print(ctx, problems, "; ");
}

/* The document as it will stand in api.d, read as a scan will read it: what cannot be read then is
 * refused now. */
static enum err prepare(struct ctx *ctx, const struct specdir *specdir, const char *hostname,
			const struct json *wanted, struct specfile *file, const char **text)
{
	*text = render(ctx, hostname, wanted);
	*file = (struct specfile){.path = api_path(ctx, specdir, hostname),
				  .is_api = true,
				  .may_quote = true,
				  .hostname_flags = specdir->hostname_flags};
	specfile_parse(ctx, file, *text, strlen(*text));
	if (file->problems.errors > 0)
		return fault_set(ctx, E_REFUSED, "InvalidSpec", "%s",
				 complaints(ctx, &file->problems));
	return E_OK;
}

/* Whether the text stands there. What is no file of ours is not written over. */
static enum err is_there(struct ctx *ctx, const char *path, const char *text, bool *there)
{
	struct fs *fs = ctx->doors->fs;
	char *found;
	size_t size;
	enum err err = fs->read(ctx, fs, path, YAML_SIZE_MAX, &found, &size);

	*there = err == E_OK && size == strlen(text) && memcmp(found, text, size) == 0;
	if (err != E_OK && err != E_NOTFOUND)
		return E_AGAIN;
	fault_clear(ctx);
	return E_OK;
}

/* Behind the journal no error is possible, so what will fail has to be told before. */
static enum err check_writable_here(struct ctx *ctx, const char *directory)
{
	const char *slash = strrchr(directory, '/'), *place = directory;

	if (faccessat(AT_FDCWD, directory, F_OK, AT_EACCESS) != 0 && errno == ENOENT &&
	    slash > directory)
		place = arena_strndup(ctx->arena, directory, (size_t)(slash - directory));
	if (faccessat(AT_FDCWD, place, W_OK | X_OK, AT_EACCESS) == 0 || errno == ENOENT)
		return E_OK;
	return fault_set(ctx, E_AGAIN, "StateNotDurable",
			 "cannot write into %s: %s; set ApiSpecDirectory to a directory that the "
			 "daemon may write",
			 place, strerror(errno));
}

static enum err put_document(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
			     const char *hostname, const struct json *wanted, enum desired_by by,
			     const struct certificate_wish *wish, bool *is_new)
{
	struct fs *fs = ctx->doors->fs;
	bool stands;
	struct specfile file;
	const char *text;

	overtake(specdir, hostname);
	TRY(prepare(ctx, specdir, hostname, wanted, &file, &text));
	TRY(check_writable_here(ctx, specdir->api_directory));
	TRY(fs->mkdir(ctx, fs, specdir->api_directory, 0755));
	TRY(is_there(ctx, file.path, text, &stands));
	TRY(desired_put(ctx, batch, &file.claims[0], NULL, by, wish, is_new));
	if (!stands)
		batch_file(ctx, batch, file.path, text);
	return E_OK;
}

static enum err introduce(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
			  const char *hostname, const struct json *spec,
			  const struct certificate_wish *wish)
{
	struct json *wanted = json_object(ctx);
	bool is_new;

	if (spec)
		json_set(ctx, wanted, "spec", json_dup(ctx, spec));
	return put_document(ctx, specdir, batch, hostname, wanted, DESIRED_BY_POST, wish, &is_new);
}

enum err specdir_desire(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
			const char *hostname, const struct json *spec,
			const struct certificate_wish *wish, bool *introduced)
{
	const struct hostname *object;
	const char *name;

	*introduced = false;
	TRY(normalise(ctx, specdir, hostname, &name));
	if (is_in_force(ctx, specdir, name, &object))
		return desired_request(ctx, batch, name, DESIRED_BY_POST, wish);
	TRY(introduce(ctx, specdir, batch, name, spec, wish));
	*introduced = true;
	return E_OK;
}

/* The user's file that names it, or NULL. */
static const char *find_owner(const struct specdir *specdir, const char *hostname)
{
	const struct catalogue *catalogue = specdir->catalogue;

	for (size_t i = 0; catalogue && i < catalogue->file_count; i++) {
		const struct specfile *file = catalogue->files[i];

		for (size_t j = 0; !file->is_api && j < file->count; j++)
			if (text_equals(file->claims[j].hostname, hostname))
				return file->path;
	}
	return NULL;
}

const char *specdir_owner(struct ctx *ctx, struct specdir *specdir, const char *hostname)
{
	const char *owner = find_owner(specdir, hostname);
	const struct hostname *object;
	bool is_named = is_in_force(ctx, specdir, hostname, &object);

	if (!owner && is_named && !catalogue_is_in(specdir->api_directory, object->source.file))
		owner = object->source.file;
	return owner;
}

static enum err refuse_owned(struct ctx *ctx, const char *hostname, const char *owner)
{
	return fault_set(ctx, E_REFUSED, "OwnedByFile", "%s is named in %s: change it in that file",
			 hostname, owner);
}

static enum err check_writable(struct ctx *ctx, struct specdir *specdir, const char *hostname,
			       const char **name)
{
	const char *owner;

	TRY(normalise(ctx, specdir, hostname, name));
	owner = specdir_owner(ctx, specdir, *name);
	return owner ? refuse_owned(ctx, *name, owner) : E_OK;
}

enum err specdir_put(struct ctx *ctx, struct specdir *specdir, const char *hostname,
		     const struct json *wanted)
{
	struct batch *batch = batch_new(ctx, specdir->store);
	const char *name;
	bool is_new;

	TRY(check_writable(ctx, specdir, hostname, &name));
	TRY(put_document(ctx, specdir, batch, name, wanted, DESIRED_BY_PUT, NULL, &is_new));
	TRY(batch_commit(ctx, batch));
	if (is_new)
		log_info(ctx, "hostname is desired", "hostname", name, NULL);
	return E_OK;
}

enum err specdir_preview(struct ctx *ctx, struct specdir *specdir, const char *hostname,
			 const struct json *wanted, struct hostname *out)
{
	const char *name, *text;
	struct specfile file;

	TRY(check_writable(ctx, specdir, hostname, &name));
	TRY(prepare(ctx, specdir, name, wanted, &file, &text));
	return desired_preview(ctx, specdir->store, &file.claims[0], out);
}

enum err specdir_request(struct ctx *ctx, struct specdir *specdir, const char *hostname)
{
	struct batch *batch = batch_new(ctx, specdir->store);

	TRY(desired_request(ctx, batch, hostname, DESIRED_BY_EVENT, NULL));
	return batch_commit(ctx, batch);
}

enum err specdir_leave(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
		       const char *hostname)
{
	const char *owner = specdir_owner(ctx, specdir, hostname);
	const struct hostname *object;

	is_in_force(ctx, specdir, hostname, &object);
	if (!object)
		return fault_set(ctx, E_NOTFOUND, "NotFound", "%s is not desired", hostname);
	if (owner)
		return refuse_owned(ctx, hostname, owner);
	overtake(specdir, hostname);
	if (catalogue_is_in(specdir->api_directory, object->source.file))
		batch_file(ctx, batch, object->source.file, NULL);
	batch_withdraw(ctx, batch, KIND_HOSTNAME, hostname);
	return E_OK;
}

enum err specdir_withdraw(struct ctx *ctx, struct specdir *specdir, const char *hostname)
{
	struct batch *batch = batch_new(ctx, specdir->store);

	TRY(specdir_leave(ctx, specdir, batch, hostname));
	TRY(batch_commit(ctx, batch));
	log_info(ctx, "hostname is withdrawn", "hostname", hostname, NULL);
	return E_OK;
}
