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

/* False: the server has closed. */
static inline bool receive(struct watcher *watcher)
{
	char chunk[65536];
	ssize_t got;

	rig_turn(watcher->rig, watcher->fd, 20);
	got = recv(watcher->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (got > 0)
		assert_true(buf_add(&watcher->received, chunk, (size_t)got));
	return got > 0 || (got < 0 && errno == EAGAIN);
}

static inline void expect(struct watcher *watcher, const char *text)
{
	for (int i = 0; i < 1500; i++) {
		if (watcher->received.data && strstr(watcher->received.data, text))
			return;
		receive(watcher);
	}
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
