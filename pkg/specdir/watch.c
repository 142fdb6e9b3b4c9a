#include "specdir/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/text.h"

#define QUIET  75	    /* after the last event */
#define LATEST MSEC_PER_SEC /* after the first */
#define EVENTS                                                                              \
	(IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | \
	 IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct watch {
	int fd;
	char *paths[2];
	int descriptors[2]; /* -1: not watched */
	bool is_reported;   /* that something cannot be watched */
	msec_t first;	    /* mono, of the first event since the last scan; -1: none */
};

struct watch *watch_new(const char *directory, const char *api_directory)
{
	struct watch *watch = heap_calloc(1, sizeof(*watch));

	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch->paths[0] = heap_strdup(directory);
	watch->paths[1] = heap_strdup(api_directory);
	watch->descriptors[0] = watch->descriptors[1] = -1;
	watch->first = -1;
	return watch;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch->paths[0]);
	free(watch->paths[1]);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->fd;
}

/* Adding is a no-op while the path leads to the same directory; another one gets another
 * descriptor. */
static bool renew_one(struct ctx *ctx, struct watch *watch, size_t which)
{
	int now = watch->fd < 0 ? -1 : inotify_add_watch(watch->fd, watch->paths[which], EVENTS);
	int number = watch->fd < 0 ? EMFILE : errno;

	if (watch->descriptors[which] >= 0 && watch->descriptors[which] != now)
		inotify_rm_watch(watch->fd, watch->descriptors[which]);
	watch->descriptors[which] = now;
	if (now >= 0 || number == ENOENT || number == ENOTDIR || number == EACCES)
		return true;
	if (!watch->is_reported)
		log_warn(ctx, "cannot watch the spec directory, looking every few seconds instead",
			 "directory", watch->paths[which], "error", strerror(number), NULL);
	return false;
}

bool watch_renew(struct ctx *ctx, struct watch *watch)
{
	bool is_watched = renew_one(ctx, watch, 0);

	is_watched = renew_one(ctx, watch, 1) && is_watched;
	watch->is_reported = !is_watched;
	watch->first = -1;
	return is_watched;
}

bool watch_is_spec_name(const char *name)
{
	return name[0] != '.' && (text_ends_with(name, ".yaml") || text_ends_with(name, ".yml") ||
				  text_ends_with(name, ".json"));
}

/* Directories matter by appearing (api.d), "..data" is how Kubernetes' volumes switch to new
 * content. */
static bool matters(const struct inotify_event *event)
{
	if (event->len == 0)
		return (event->mask & ~(unsigned)IN_IGNORED) != 0;
	return (event->mask & IN_ISDIR) || watch_is_spec_name(event->name) ||
	       text_equals(event->name, "..data");
}

static bool read_events(struct watch *watch)
{
	_Alignas(struct inotify_event) char buffer[16 * 1024];
	bool is_found = false;
	ssize_t size;

	while ((size = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			is_found = matters(event) || is_found;
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
