#include "httpd/door.h"

#include <assert.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"

/* helpers */

static bool has_events(const struct door *door)
{
	struct pollfd look = {.fd = door->events, .events = POLLIN};

	return poll(&look, 1, 0) > 0;
}

static void watch(const struct door *door, int operation, bool is_muted)
{
	struct epoll_event event = {.events = is_muted ? 0 : EPOLLIN};
	int result = epoll_ctl(door->watcher, operation, door->events, &event);

	assert(result == 0);
}

static void mute(struct door *door, bool is_muted)
{
	if (door->is_muted == is_muted)
		return;
	door->is_muted = is_muted;
	watch(door, EPOLL_CTL_MOD, is_muted);
}

static bool has_to_wait(const struct door *door, msec_t now)
{
	if (door->pause == 0 || now >= door->due || *door->activity != door->seen)
		return false;
	return door->is_muted || !has_events(door);
}

static void go_on(struct door *door)
{
	door->pause = 0;
	mute(door, false);
}

/* Events stand where libmicrohttpd cannot take up a connection. */
static msec_t pause_longer(struct ctx *ctx, struct door *door, bool have_events_stayed)
{
	msec_t longer = door->pause ? 2 * door->pause : 1;

	if (longer > DOOR_PAUSE_MAX)
		longer = DOOR_PAUSE_MAX;
	if (longer == DOOR_PAUSE_MAX && door->pause < DOOR_PAUSE_MAX && have_events_stayed)
		log_warn(ctx,
			 "connections wait and cannot be taken up: too many open files, or no "
			 "memory",
			 NULL);
	mute(door, have_events_stayed);
	door->pause = longer;
	door->due = ctx_mono(ctx) + longer;
	return longer;
}

/* public */

void door_open(struct door *door, struct MHD_Daemon *daemon, int watcher, const uint64_t *activity)
{
	*door = (struct door){
		.daemon = daemon,
		.events = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		.watcher = watcher,
		.activity = activity,
	};
	watch(door, EPOLL_CTL_ADD, false);
}

bool door_has_news(const struct door *door)
{
	return door->daemon && !door->is_muted && has_events(door);
}

void door_close(struct door *door)
{
	if (door->daemon)
		MHD_stop_daemon(door->daemon);
	door->daemon = NULL;
}

msec_t door_run(struct ctx *ctx, struct door *door)
{
	MHD_UNSIGNED_LONG_LONG timeout = 0;
	bool had_events, has_timeout;

	if (!door->daemon)
		return -1;
	if (has_to_wait(door, ctx_mono(ctx)))
		return door->due - ctx_mono(ctx);
	had_events = has_events(door);
	door->seen = *door->activity;
	MHD_run(door->daemon);
	has_timeout = MHD_get_timeout(door->daemon, &timeout) == MHD_YES;
	if (*door->activity == door->seen) {
		bool have_stayed = had_events && has_events(door);

		if (have_stayed || (has_timeout && timeout == 0 && !had_events))
			return pause_longer(ctx, door, have_stayed);
	}
	go_on(door);
	return has_timeout ? (msec_t)timeout : -1;
}
