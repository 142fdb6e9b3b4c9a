#include "specdir/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/regular.h"
#include "base/text.h"
#include "codec/yaml.h"
#include "specdir/watch.h"

#define FILES_MAX ((size_t)50000)
#define YOUNG	  100 /* a file this fresh may still be being written */

struct names {
	const char **items;
	size_t count, capacity, read;
};

/* One reading. What is passed as `scratch` has an arena that ends with each file. */
struct reading {
	struct ctx ctx;	      /* has the new catalogue's arena */
	struct ctx names_ctx; /* has one for the names */
	struct catalogue *catalogue;
	const struct catalogue *before;
	unsigned hostname_flags;
	struct names names[SCOPE_COUNT];
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
static bool is_young(struct ctx *ctx, const struct stamp *stamp)
{
	msec_t modified = (msec_t)stamp->modified.tv_sec * MSEC_PER_SEC +
			  (msec_t)stamp->modified.tv_nsec / 1000000;
	msec_t age = ctx_wall(ctx) - modified;

	return age >= 0 && age < YOUNG;
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
	if (file->is_api || !is_young(&reading->ctx, &file->stamp))
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

/* What cannot even be asked about: NULL for an entry that is gone, or is none of ours. */
static const char *why_unreadable(struct reading *reading, const char *name, struct stat *status)
{
	int number;

	if (fstatat(reading->fds[reading->scope], name, status, 0) == 0)
		return NULL;
	number = errno;
	if (fstatat(reading->fds[reading->scope], name, status, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT)
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
				.hostname_flags = reading->hostname_flags,
				.is_settled = true};
	const struct specfile *before = catalogue_find(reading->before, file.path);
	struct stat status = {.st_mode = 0};

	problems_init(&file.problems);
	wrong = why_unreadable(reading, name, &status);
	if (wrong) {
		file.stamp.size = -1;
		specfile_fail(scratch, &file, wrong);
		keep(reading, specfile_copy(&reading->ctx, &file));
		return;
	}
	if (status.st_mode == 0 || S_ISDIR(status.st_mode))
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

/* False, with errno set, when the listing is not the whole. */
static bool list_names(struct ctx *ctx, DIR *dir, struct names *names)
{
	struct dirent *entry;

	while (errno = 0, (entry = readdir(dir))) {
		if (!watch_is_spec_name(entry->d_name))
			continue;
		if (names->count == FILES_MAX) {
			errno = EFBIG;
			return false;
		}
		add_name(ctx, names, entry->d_name);
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
	scope->is_readable = list_names(&reading->names_ctx, dir, names);
	if (!scope->is_readable)
		scope->trouble = arena_printf(reading->ctx.arena, "%s cannot be listed: %s",
					      scope->directory, strerror(errno));
	if (names->count > 1)
		qsort(names->items, names->count, sizeof(*names->items), by_name);
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

struct reading *catalogue_begin(struct ctx *ctx, const char *directory, const char *api_directory,
				unsigned hostname_flags, const struct catalogue *before,
				const char *api_trouble)
{
	struct reading *reading = heap_calloc(1, sizeof(*reading));
	struct arena *arena = arena_new();
	struct catalogue *catalogue = arena_new_one(arena, struct catalogue);

	*reading = (struct reading){.ctx = *ctx,
				    .names_ctx = *ctx,
				    .catalogue = catalogue,
				    .before = before,
				    .hostname_flags = hostname_flags};
	reading->ctx.arena = catalogue->arena = arena;
	reading->names_ctx.arena = arena_new();
	problems_init(&catalogue->problems);
	catalogue->listed = ctx_mono(ctx);
	catalogue->scopes[SCOPE_USER].directory = arena_strdup(arena, directory);
	catalogue->scopes[SCOPE_API].directory = arena_strdup(arena, api_directory);
	list_scope(reading, SCOPE_USER);
	reading->fds[SCOPE_API] = -1;
	if (api_trouble)
		catalogue->scopes[SCOPE_API].trouble = arena_strdup(arena, api_trouble);
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

struct catalogue *catalogue_end(struct reading *reading)
{
	struct catalogue *catalogue = reading->catalogue;

	catalogue->files = merge(catalogue->arena, catalogue->files, catalogue->file_count,
				 catalogue->scopes[SCOPE_USER].files);
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		if (reading->fds[scope] >= 0)
			close(reading->fds[scope]);
	arena_free(reading->names_ctx.arena);
	free(reading);
	return catalogue;
}

void catalogue_free(struct catalogue *catalogue)
{
	if (catalogue)
		arena_free(catalogue->arena);
}
