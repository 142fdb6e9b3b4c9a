#include "specdir/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/text.h"

#define QUIET	   75		      /* after the last event */
#define LATEST	   (MSEC_PER_SEC / 2) /* after the first */
#define LINKS_MAX  40		      /* as the kernel's, path_resolution(7) */
#define NAMES_MAX  64		      /* of one place; with more of them every name matters */
#define POLLED_MAX ((size_t)1000)
#define STEP_EVENTS                                                                         \
	(IN_CREATE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | \
	 IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD)
#define FILE_EVENTS (STEP_EVENTS | IN_MODIFY | IN_CLOSE_WRITE)

/* A directory that something leads through. */
struct place {
	int descriptor;
	unsigned round;	    /* in which it was last come across */
	bool is_listed;	    /* a spec directory: entries matter that may be spec files */
	bool is_any;	    /* every entry matters */
	const char **names; /* that matter beside those; in the arena of its round */
	size_t count;
};

/* What an entry is, and what it leads to. */
struct print {
	dev_t devices[2];
	ino_t inodes[2];
	struct timespec changed[2];
	int numbers[2]; /* errno; 0: it is there */
};

struct polled {
	const char *path;
	struct print print;
};

struct watch {
	int fd;
	char *paths[2];
	unsigned round;
	struct arena *arena;  /* of the names of this round */
	struct arena *before; /* and of those of the rounds that were not settled */
	struct place *places; /* by descriptor */
	size_t count, capacity;
	struct polled *polled; /* of this round */
	size_t polled_count;
	bool is_short;	  /* of watches, in this round */
	bool is_reported; /* that it was so in the last */
	msec_t first;	  /* mono, of the first event since the last scan; -1: none */
};

struct watch *watch_new(const char *directory, const char *api_directory)
{
	struct watch *watch = heap_calloc(1, sizeof(*watch));

	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch->paths[0] = heap_strdup(directory);
	watch->paths[1] = heap_strdup(api_directory);
	watch->arena = arena_new();
	watch->first = -1;
	return watch;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->fd >= 0)
		close(watch->fd);
	arena_free(watch->arena);
	arena_free(watch->before);
	free(watch->places);
	free(watch->paths[0]);
	free(watch->paths[1]);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->fd;
}

/* Names */

bool watch_is_spec_name(const char *name)
{
	return name[0] != '.' && (text_ends_with(name, ".yaml") || text_ends_with(name, ".yml") ||
				  text_ends_with(name, ".json"));
}

bool watch_is_aside(const char *name)
{
	return name[0] == '.' || name[0] == '#' || text_ends_with(name, "~") ||
	       text_equals(name, "lost+found");
}

static bool has_name(const struct place *place, const char *name)
{
	for (size_t i = 0; i < place->count; i++)
		if (text_equals(place->names[i], name))
			return true;
	return place->is_any;
}

static void add_name(struct watch *watch, struct place *place, const char *name)
{
	if (has_name(place, name))
		return;
	if (place->count == NAMES_MAX) {
		place->is_any = true;
		return;
	}
	if (!place->names)
		place->names = arena_new_array(watch->arena, const char *, NAMES_MAX);
	place->names[place->count++] = arena_strdup(watch->arena, name);
}

/* Places */

/* Where the place of this descriptor is, or would be. */
static size_t find_place(const struct watch *watch, int descriptor)
{
	size_t low = 0, high = watch->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (watch->places[middle].descriptor < descriptor)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct place *take_place(struct watch *watch, int descriptor)
{
	size_t at = find_place(watch, descriptor);
	struct place *place;

	if (at == watch->count || watch->places[at].descriptor != descriptor) {
		if (watch->count == watch->capacity) {
			watch->capacity = watch->capacity ? 2 * watch->capacity : 8;
			watch->places = heap_reallocarray(watch->places, watch->capacity,
							  sizeof(*watch->places));
		}
		place = &watch->places[at];
		memmove(place + 1, place, (watch->count++ - at) * sizeof(*place));
		*place = (struct place){.descriptor = descriptor};
	}
	place = &watch->places[at];
	if (place->round != watch->round)
		*place = (struct place){.descriptor = descriptor, .round = watch->round};
	return place;
}

/* NULL when it is not there, or cannot be watched: the kernel asks for the right to read it. A
 * directory that is watched already gives the same descriptor. */
static struct place *watch_directory(struct watch *watch, const char *path, uint32_t events)
{
	int descriptor = watch->fd < 0 ? -1
				       : inotify_add_watch(watch->fd, *path ? path : "/", events);
	int number = watch->fd < 0 ? EMFILE : errno;

	if (descriptor >= 0)
		return take_place(watch, descriptor);
	if (number != ENOENT && number != ENOTDIR && number != EACCES)
		watch->is_short = true;
	return NULL;
}

static struct print take_print(const char *path)
{
	struct print print = {.numbers = {0, 0}};
	struct stat status;

	for (int i = 0; i < 2; i++) {
		if ((i == 0 ? lstat(path, &status) : stat(path, &status)) != 0) {
			print.numbers[i] = errno;
			continue;
		}
		print.devices[i] = status.st_dev;
		print.inodes[i] = status.st_ino;
		print.changed[i] = status.st_ctim;
	}
	return print;
}

static bool is_same_print(const struct print *a, const struct print *b)
{
	for (int i = 0; i < 2; i++)
		if (a->devices[i] != b->devices[i] || a->inodes[i] != b->inodes[i] ||
		    a->numbers[i] != b->numbers[i] ||
		    a->changed[i].tv_sec != b->changed[i].tv_sec ||
		    a->changed[i].tv_nsec != b->changed[i].tv_nsec)
			return false;
	return true;
}

static void poll_too(struct watch *watch, const char *path)
{
	if (watch->polled_count == POLLED_MAX)
		return;
	for (size_t i = 0; i < watch->polled_count; i++)
		if (text_equals(watch->polled[i].path, path))
			return;
	if (!watch->polled)
		watch->polled = arena_new_array(watch->arena, struct polled, POLLED_MAX);
	watch->polled[watch->polled_count++] = (struct polled){arena_strdup(watch->arena, path),
							       take_print(path)};
}

/* A path, component by component, as path_resolution(7) has it. */
struct walk {
	struct ctx *ctx;
	struct watch *watch;
	const char *real; /* where it has come: free of links; "": the root */
	const char *rest;
	unsigned links;
	bool is_directory; /* that is what it shall lead to */
};

static const char *parent_of(struct ctx *ctx, const char *real)
{
	const char *slash = strrchr(real, '/');

	return slash ? arena_strndup(ctx->arena, real, (size_t)(slash - real)) : "";
}

static const char *read_link(struct ctx *ctx, const char *path)
{
	char target[PATH_MAX];
	ssize_t size = readlink(path, target, sizeof(target));

	return size > 0 ? arena_strndup(ctx->arena, target, (size_t)size) : NULL;
}

/* Watched first and looked at then: nothing can happen unseen in between. False: it ends here. */
static bool take_step(struct walk *walk, const char *name)
{
	struct arena *arena = walk->ctx->arena;
	bool is_last = walk->rest[strspn(walk->rest, "/")] == '\0';
	const char *next = arena_printf(arena, "%s/%s", walk->real, name), *target;
	struct place *place = watch_directory(walk->watch, walk->real,
					      is_last && !walk->is_directory ? FILE_EVENTS
									     : STEP_EVENTS);
	struct stat status;

	if (place)
		add_name(walk->watch, place, name);
	else
		poll_too(walk->watch, next);
	if (lstat(next, &status) != 0)
		return false;
	if (!S_ISLNK(status.st_mode)) {
		walk->real = next;
		return true;
	}
	target = read_link(walk->ctx, next);
	if (!target || ++walk->links > LINKS_MAX)
		return false;
	walk->rest = arena_printf(arena, "%s/%s", target, walk->rest);
	if (target[0] == '/')
		walk->real = "";
	return true;
}

/* NULL when it leads nowhere. */
static const char *walk_to(struct ctx *ctx, struct watch *watch, const char *path,
			   bool is_directory)
{
	struct walk walk = {.ctx = ctx,
			    .watch = watch,
			    .real = path[0] == '/' ? "" : ".",
			    .rest = path,
			    .is_directory = is_directory};

	for (;;) {
		size_t length;
		const char *name;

		walk.rest += strspn(walk.rest, "/");
		length = strcspn(walk.rest, "/");
		if (length == 0)
			return walk.real;
		name = arena_strndup(ctx->arena, walk.rest, length);
		walk.rest += length;
		if (text_equals(name, ".."))
			walk.real = parent_of(ctx, walk.real);
		else if (!text_equals(name, ".") && !take_step(&walk, name))
			return NULL;
	}
}

static void release_arena(void *handle)
{
	arena_free(handle);
}

void watch_renew(struct ctx *ctx, struct watch *watch)
{
	if (watch->before)
		arena_defer(watch->arena, release_arena, watch->before);
	watch->before = watch->arena;
	watch->arena = arena_new();
	watch->round++;
	watch->polled = NULL;
	watch->polled_count = 0;
	watch->is_short = false;
	watch->first = -1;
	for (size_t i = 0; i < ARRAY_SIZE(watch->paths); i++) {
		const char *real = walk_to(ctx, watch, watch->paths[i], true);
		struct place *place = real ? watch_directory(watch, real, FILE_EVENTS) : NULL;

		if (place)
			place->is_listed = true;
	}
	if (watch->is_short && !watch->is_reported)
		log_warn(ctx, "cannot watch the spec directory, looking every few seconds instead",
			 "directory", watch->paths[0], NULL);
	watch->is_reported = watch->is_short;
}

void watch_follow(struct ctx *ctx, struct watch *watch, const char *path)
{
	walk_to(ctx, watch, path, false);
}

bool watch_settle(struct watch *watch)
{
	size_t kept = 0;

	for (size_t i = 0; i < watch->count; i++) {
		if (watch->places[i].round == watch->round)
			watch->places[kept++] = watch->places[i];
		else
			inotify_rm_watch(watch->fd, watch->places[i].descriptor);
	}
	watch->count = kept;
	arena_free(watch->before);
	watch->before = NULL;
	return !watch->is_short;
}

bool watch_must_poll(const struct watch *watch)
{
	return watch->polled_count > 0;
}

bool watch_has_moved(const struct watch *watch)
{
	for (size_t i = 0; i < watch->polled_count; i++) {
		struct print now = take_print(watch->polled[i].path);

		if (!is_same_print(&watch->polled[i].print, &now))
			return true;
	}
	return false;
}

/* Events */

/* An overflow belongs to no place. Directories matter by appearing (api.d). */
static bool matters(const struct watch *watch, const struct inotify_event *event)
{
	size_t at = find_place(watch, event->wd);
	const struct place *place;

	if (event->wd < 0)
		return true;
	if (at == watch->count || watch->places[at].descriptor != event->wd)
		return false;
	place = &watch->places[at];
	if (event->len == 0)
		return (event->mask & ~(unsigned)IN_IGNORED) != 0;
	return has_name(place, event->name) || (place->is_listed && !watch_is_aside(event->name));
}

static bool read_events(struct watch *watch)
{
	_Alignas(struct inotify_event) char buffer[16 * 1024];
	bool is_found = false;
	ssize_t size;

	while ((size = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			is_found = matters(watch, event) || is_found;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return is_found;
}

msec_t watch_drain(struct ctx *ctx, struct watch *watch)
{
	msec_t now = ctx_mono(ctx), latest;

	if (watch->fd < 0 || !read_events(watch))
		return -1;
	if (watch->first < 0)
		watch->first = now;
	latest = watch->first + LATEST - now;
	return latest < 0 ? 0 : latest < QUIET ? latest : QUIET;
}
