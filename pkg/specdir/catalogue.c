#include "specdir/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/heap.h"
#include "base/regular.h"
#include "base/text.h"
#include "codec/yaml.h"
#include "specdir/watch.h"

#define FILES_MAX ((size_t)50000)
#define YOUNG	  100  /* a file this fresh may still be being written */
#define TEMPORARY 2000 /* so long an entry that is not read may be somebody's for a moment */
#define ASIDE_MAX ((size_t)20)

struct names {
	const char **items;
	size_t count, capacity, read;
};

/* One reading. What is passed as `scratch` has an arena that ends with each file. */
struct reading {
	struct ctx ctx;	      /* has the new catalogue's arena */
	struct ctx names_ctx; /* has one for the names */
	struct catalogue *catalogue;
	struct catalogue_options options; /* the texts in the catalogue's arena */
	struct names names[SCOPE_COUNT];
	struct names aside;   /* entries of the user's directory that are not read */
	int fds[SCOPE_COUNT]; /* of the directories; -1: cannot be read */
	int scope;	      /* enum scope_name: that is being read; SCOPE_COUNT: none is left */
};

static struct stamp stamp_of(const struct stat *status)
{
	return (struct stamp){
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = status->st_size,
		.modified = status->st_mtim,
		.changed = status->st_ctim,
	};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       is_same_time(a->modified, b->modified) && is_same_time(a->changed, b->changed);
}

/* Wall clocks jump: a time in the future says nothing. */
static bool is_young(struct ctx *ctx, struct timespec time, msec_t limit)
{
	msec_t modified = (msec_t)time.tv_sec * MSEC_PER_SEC + (msec_t)time.tv_nsec / 1000000;
	msec_t age = ctx_wall(ctx) - modified;

	return age >= 0 && age < limit;
}

static int by_path(const void *left, const void *right)
{
	const char *path = left;
	const struct specfile *const *file = right;

	return strcmp(path, (*file)->path);
}

static int by_hostname(const void *left, const void *right)
{
	const struct pending *pending = right;

	return strcmp(left, pending->hostname);
}

const struct specfile *catalogue_find(const struct catalogue *catalogue, const char *path)
{
	struct specfile *const *found;

	if (!catalogue || catalogue->file_count == 0)
		return NULL;
	found = bsearch(path, catalogue->files, catalogue->file_count, sizeof(*found), by_path);
	return found ? *found : NULL;
}

const struct pending *catalogue_find_pending(const struct catalogue *catalogue,
					     const char *hostname)
{
	if (!catalogue || catalogue->pending_count == 0)
		return NULL;
	return bsearch(hostname, catalogue->pending, catalogue->pending_count,
		       sizeof(*catalogue->pending), by_hostname);
}

bool catalogue_is_in(const char *directory, const char *path)
{
	size_t length = strlen(directory);

	return path && strncmp(path, directory, length) == 0 && path[length] == '/' &&
	       !strchr(path + length + 1, '/');
}

enum scope_name catalogue_scope_of(const struct catalogue *catalogue, const char *path)
{
	return catalogue_is_in(catalogue->scopes[SCOPE_API].directory, path) ? SCOPE_API
									     : SCOPE_USER;
}

static void keep(struct reading *reading, struct specfile *file)
{
	struct catalogue *catalogue = reading->catalogue;

	catalogue->files[catalogue->file_count++] = file;
	catalogue->scopes[reading->scope].files++;
	catalogue->unsettled += !file->is_settled;
}

/* Waits for a second look; until then what the file said before holds. */
static void keep_unsettled(struct reading *reading, struct specfile *file,
			   const struct specfile *before)
{
	struct specfile *kept = before ? specfile_copy(&reading->ctx, before)
				       : specfile_copy(&reading->ctx, file);

	kept->stamp = file->stamp;
	kept->is_settled = false;
	kept->may_hide = true;
	keep(reading, kept);
}

/* The first look at a young file only notes its stamp; a second that finds the same one reads it.
 */
static bool looks_half_written(struct reading *reading, const struct specfile *file,
			       const struct specfile *before)
{
	if (file->is_api || !is_young(&reading->ctx, file->stamp.modified, YOUNG))
		return false;
	return !before || before->is_settled || !is_same_stamp(&before->stamp, &file->stamp);
}

static void read_file(struct reading *reading, struct ctx *scratch, const char *name,
		      struct specfile *file, const struct specfile *before)
{
	struct stat status;
	size_t size;
	char *text;
	enum err err = regular_read(scratch, reading->fds[reading->scope], name, YAML_SIZE_MAX,
				    &text, &size, &status);

	/* Gone since it was listed: the next scan will not list it. */
	if (err == E_NOTFOUND ||
	    (err == E_AGAIN && text_equals(scratch->fault.reason, "FileChanging"))) {
		keep_unsettled(reading, file, before);
		return;
	}
	if (err == E_OK) {
		file->stamp = stamp_of(&status);
		specfile_parse(scratch, file, text, size);
	} else {
		/* Trouble may pass without the file changing: no stamp, no taking over. */
		if (err == E_AGAIN)
			file->stamp = (struct stamp){.size = -1};
		specfile_fail(scratch, file, scratch->fault.text);
	}
	keep(reading, specfile_copy(&reading->ctx, file));
}

/* What cannot even be asked about, and what is there in place of a file; NULL for an entry that is
 * gone (then there is no mode), or may be one of ours. */
static const char *why_unreadable(struct reading *reading, const char *name, const char *path,
				  struct stat *status)
{
	int fd = reading->fds[reading->scope], number;
	struct stat link = {.st_mode = 0};

	if (fstatat(fd, name, &link, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return NULL;
	if (S_ISLNK(link.st_mode) && reading->options.watch)
		watch_follow(&reading->ctx, reading->options.watch, path);
	if (fstatat(fd, name, status, 0) == 0)
		return S_ISDIR(status->st_mode) ? "is a directory, where a file should be" : NULL;
	number = errno;
	status->st_mode = 0;
	if (number == ENOENT && fstatat(fd, name, &link, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	if (number == ENOENT)
		return "is a symbolic link to nothing";
	return arena_printf(reading->ctx.arena, "cannot be read: %s", strerror(number));
}

static void read_entry(struct reading *reading, struct ctx *scratch, const char *name)
{
	const char *directory = reading->catalogue->scopes[reading->scope].directory, *wrong;
	struct specfile file = {.path = fs_join(scratch, directory, name),
				.is_api = reading->scope == SCOPE_API,
				.hostname_flags = reading->options.hostname_flags,
				.is_settled = true};
	const struct specfile *before = catalogue_find(reading->options.before, file.path);
	struct stat status = {.st_mode = 0};

	problems_init(&file.problems);
	wrong = why_unreadable(reading, name, file.path, &status);
	if (wrong) {
		file.stamp.size = -1;
		specfile_fail(scratch, &file, wrong);
		keep(reading, specfile_copy(&reading->ctx, &file));
		return;
	}
	if (status.st_mode == 0)
		return;
	file.stamp = stamp_of(&status);
	if (before && before->is_settled && before->hostname_flags == file.hostname_flags &&
	    is_same_stamp(&before->stamp, &file.stamp))
		keep(reading, specfile_copy(&reading->ctx, before));
	else if (looks_half_written(reading, &file, before))
		keep_unsettled(reading, &file, before);
	else
		read_file(reading, scratch, name, &file, before);
}

static void add_name(struct ctx *ctx, struct names *names, const char *name)
{
	if (names->count == names->capacity) {
		const char **grown;

		names->capacity = names->capacity ? 2 * names->capacity : 64;
		grown = arena_new_array(ctx->arena, const char *, names->capacity);
		if (names->count > 0)
			memcpy(grown, names->items, names->count * sizeof(*grown));
		names->items = grown;
	}
	names->items[names->count++] = arena_strdup(ctx->arena, name);
}

static void add_aside(struct reading *reading, enum scope_name scope, const char *name)
{
	const struct catalogue_options *options = &reading->options;

	if (scope == SCOPE_API || watch_is_aside(name) ||
	    text_equals(fs_join(&reading->names_ctx, options->directory, name),
			options->api_directory))
		return;
	if (reading->aside.count < FILES_MAX)
		add_name(&reading->names_ctx, &reading->aside, name);
}

/* False, with errno set, when the listing is not the whole. */
static bool list_names(struct reading *reading, DIR *dir, enum scope_name scope)
{
	struct names *names = &reading->names[scope];
	struct dirent *entry;

	while (errno = 0, (entry = readdir(dir))) {
		if (!watch_is_spec_name(entry->d_name)) {
			add_aside(reading, scope, entry->d_name);
			continue;
		}
		if (names->count == FILES_MAX) {
			errno = EFBIG;
			return false;
		}
		add_name(&reading->names_ctx, names, entry->d_name);
	}
	return errno == 0;
}

/* An arena for each: the nodes of ten thousand files are not kept until the last is read. */
static void read_entry_apart(struct reading *reading, const char *name)
{
	struct ctx scratch = reading->ctx;

	scratch.arena = arena_new();
	read_entry(reading, &scratch, name);
	arena_free(scratch.arena);
}

static int by_name(const void *left, const void *right)
{
	const char *const *a = left, *const *b = right;

	return strcmp(*a, *b);
}

static void sort_names(struct names *names)
{
	if (names->count > 1)
		qsort(names->items, names->count, sizeof(*names->items), by_name);
}

/* What could be listed is read even when the listing broke off: only removals need the whole. */
static void list_scope(struct reading *reading, enum scope_name name)
{
	struct scope *scope = &reading->catalogue->scopes[name];
	struct names *names = &reading->names[name];
	DIR *dir = opendir(scope->directory);

	reading->fds[name] = -1;
	if (!dir) {
		scope->is_missing = errno == ENOENT || errno == ENOTDIR;
		scope->trouble = arena_printf(reading->ctx.arena, "%s cannot be read: %s",
					      scope->directory, strerror(errno));
		return;
	}
	scope->is_readable = list_names(reading, dir, name);
	if (!scope->is_readable)
		scope->trouble = arena_printf(reading->ctx.arena, "%s cannot be listed: %s",
					      scope->directory, strerror(errno));
	sort_names(names);
	reading->fds[name] = fcntl(dirfd(dir), F_DUPFD_CLOEXEC, 0);
	if (reading->fds[name] < 0) {
		scope->is_readable = false;
		scope->trouble = arena_printf(reading->ctx.arena, "%s cannot be read: %s",
					      scope->directory, strerror(errno));
		names->count = 0;
	}
	closedir(dir);
}

/* The files of each directory come in order already. */
static struct specfile **merge(struct arena *arena, struct specfile **files, size_t count,
			       size_t first)
{
	struct specfile **merged = arena_new_array(arena, struct specfile *, count);

	for (size_t at = 0, i = 0, j = first; at < count; at++) {
		bool is_left = j == count ||
			       (i < first && strcmp(files[i]->path, files[j]->path) < 0);

		merged[at] = is_left ? files[i++] : files[j++];
	}
	return merged;
}

struct reading *catalogue_begin(struct ctx *ctx, const struct catalogue_options *options)
{
	struct reading *reading = heap_calloc(1, sizeof(*reading));
	struct arena *arena = arena_new();
	struct catalogue *catalogue = arena_new_one(arena, struct catalogue);

	*reading = (struct reading){
		.ctx = *ctx, .names_ctx = *ctx, .catalogue = catalogue, .options = *options};
	reading->ctx.arena = catalogue->arena = arena;
	reading->names_ctx.arena = arena_new();
	reading->options.directory = arena_strdup(arena, options->directory);
	reading->options.api_directory = arena_strdup(arena, options->api_directory);
	problems_init(&catalogue->problems);
	problems_init(&catalogue->aside);
	catalogue->listed = ctx_mono(ctx);
	catalogue->scopes[SCOPE_USER].directory = reading->options.directory;
	catalogue->scopes[SCOPE_API].directory = reading->options.api_directory;
	list_scope(reading, SCOPE_USER);
	reading->fds[SCOPE_API] = -1;
	if (options->api_trouble)
		catalogue->scopes[SCOPE_API].trouble = arena_strdup(arena, options->api_trouble);
	else
		list_scope(reading, SCOPE_API);
	catalogue->files =
		arena_new_array(arena, struct specfile *,
				reading->names[SCOPE_USER].count + reading->names[SCOPE_API].count);
	return reading;
}

bool catalogue_read_on(struct reading *reading, msec_t until)
{
	while (reading->scope < SCOPE_COUNT) {
		struct names *names = &reading->names[reading->scope];

		if (names->read == names->count) {
			reading->scope++;
			continue;
		}
		read_entry_apart(reading, names->items[names->read++]);
		if (ctx_mono(&reading->ctx) >= until)
			return false;
	}
	return true;
}

/* What is not read */

/* NULL for what is gone, or may be in a moment. */
static const char *why_aside(struct reading *reading, const char *name)
{
	const char *endings[] = {".yaml", ".yml", ".json"}, *dot = strrchr(name, '.');
	struct stat status;

	if (fstatat(reading->fds[SCOPE_USER], name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	if (is_young(&reading->ctx, status.st_mtim, TEMPORARY) ||
	    is_young(&reading->ctx, status.st_ctim, TEMPORARY)) {
		reading->catalogue->is_aside_young = true;
		return NULL;
	}
	if (S_ISLNK(status.st_mode) && fstatat(reading->fds[SCOPE_USER], name, &status, 0) < 0)
		status.st_mode = 0;
	if (S_ISDIR(status.st_mode))
		return "is not read: sub-directories are not looked into";
	for (size_t i = 0; dot && i < ARRAY_SIZE(endings); i++)
		if (text_equals_nocase(dot, endings[i]))
			return "is not read: write its ending in lower case";
	return dot ? "is not read: its name does not end in .yaml, .yml or .json"
		   : "is not read: its name has no ending, .yaml, .yml or .json";
}

static void tell_aside(struct reading *reading)
{
	struct catalogue *catalogue = reading->catalogue;
	struct names *names = &reading->aside;
	size_t more = 0;

	sort_names(names);
	for (size_t i = 0; i < names->count; i++) {
		const char *why = why_aside(reading, names->items[i]);

		if (why && catalogue->aside.warnings < ASIDE_MAX)
			problems_add(&reading->ctx, &catalogue->aside, true,
				     fs_join(&reading->names_ctx, reading->options.directory,
					     names->items[i]),
				     0, 0, "", "%s", why);
		else
			more += why != NULL;
	}
	if (more > 0)
		problems_add(&reading->ctx, &catalogue->aside, true, reading->options.directory, 0,
			     0, "", "holds more entries that are not read");
}

/* Then what is missing may well be in the other one. */
static void check_replaced(struct reading *reading, enum scope_name name)
{
	struct scope *scope = &reading->catalogue->scopes[name];
	struct stat read, now;

	if (reading->fds[name] < 0 ||
	    (fstat(reading->fds[name], &read) == 0 && stat(scope->directory, &now) == 0 &&
	     read.st_dev == now.st_dev && read.st_ino == now.st_ino))
		return;
	reading->catalogue->is_replaced = true;
	scope->is_readable = false;
	scope->trouble = arena_printf(reading->ctx.arena, "%s was replaced while it was read",
				      scope->directory);
}

struct catalogue *catalogue_end(struct reading *reading)
{
	struct catalogue *catalogue = reading->catalogue;

	tell_aside(reading);
	catalogue->files = merge(catalogue->arena, catalogue->files, catalogue->file_count,
				 catalogue->scopes[SCOPE_USER].files);
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		check_replaced(reading, (enum scope_name)scope);
		if (reading->fds[scope] >= 0)
			close(reading->fds[scope]);
	}
	arena_free(reading->names_ctx.arena);
	free(reading);
	return catalogue;
}

void catalogue_free(struct catalogue *catalogue)
{
	if (catalogue)
		arena_free(catalogue->arena);
}
