/*
 * watcher - a client that watches the hostnames of a server_rig.
 */
#pragma once

#include "server_rig.h"

#define HOSTNAMES "/apis/gatecert/v1/hostnames"

/* One watching client; what it has received so far, without the chunks' sizes. */
struct watcher {
	struct rig *rig;
	int fd;
	struct buf received;
};

static inline void begin_watching(struct rig *rig, struct watcher *watcher, const char *query)
{
	const char *bytes = arena_printf(rig->ctx.arena,
					 "GET " HOSTNAMES "?watch=true%s HTTP/1.1\r\nHost: a\r\n"
					 "x-functions-key: " RIG_KEY "\r\n\r\n",
					 query);

	*watcher = (struct watcher){.rig = rig, .fd = rig_connect(rig)};
	buf_init(&watcher->received, (size_t)1 << 26);
	assert_int_equal(send(watcher->fd, bytes, strlen(bytes), 0), strlen(bytes));
}

static inline void stop_watching(struct watcher *watcher)
{
	close(watcher->fd);
	buf_fini(&watcher->received);
}

/* Until the server closes. */
static inline void expect_end(struct watcher *watcher)
{
	rig_receive(watcher->rig, watcher->fd, &watcher->received);
}

/* Whether `text` has come, or cannot come any more. */
static inline bool has_come(struct watcher *watcher, const char *text)
{
	bool is_open = rig_take(watcher->fd, &watcher->received);

	return !is_open || (watcher->received.data && strstr(watcher->received.data, text));
}

static inline void expect(struct watcher *watcher, const char *text)
{
	msec_t end = patience_now() + PATIENCE;

	while (!has_come(watcher, text) && patience_now() < end)
		rig_turn(watcher->rig, watcher->fd, 10);
	if (!watcher->received.data || !strstr(watcher->received.data, text))
		fail_msg("'%s' is not in: %s", text, watcher->received.data);
}

static inline size_t count_events(const struct watcher *watcher)
{
	const char *at = watcher->received.data;
	size_t count = 0;

	while (at && (at = strstr(at, "{\"type\":\""))) {
		count++;
		at++;
	}
	return count;
}

static inline const char *from(struct rig *rig, const char *version)
{
	return arena_printf(rig->ctx.arena, "&resourceVersion=%s", version);
}

/* The version of the last event that was received. */
static inline const char *last_version(struct rig *rig, const struct watcher *watcher)
{
	static const char member[] = "\"resourceVersion\":\"";
	const char *last = NULL, *at = watcher->received.data;

	while ((at = strstr(at, member))) {
		at += strlen(member);
		last = at;
	}
	assert_non_null(last);
	return arena_strndup(rig->ctx.arena, last, strcspn(last, "\""));
}

static inline void put(struct rig *rig, const char *name, const char *body)
{
	const char *target = arena_printf(rig->ctx.arena, HOSTNAMES "/%s", name);
	int status = rig_call(rig, "PUT", target, NULL, body).status;

	assert_true(status == 200 || status == 201);
}

static inline const char *list_version(struct rig *rig)
{
	struct rig_reply reply = rig_call(rig, "GET", HOSTNAMES "?limit=1", NULL, NULL);

	return json_get_text(json_get(reply.json, "metadata"), "resourceVersion");
}
