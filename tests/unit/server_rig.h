/*
 * server_rig - the HTTP server in this process, and a client that speaks raw bytes to it.
 *
 * One thread: the client writes, then runs the server until what it waits for has come (rig_until).
 * specdir is a model that remembers what was desired and can refuse; the store is the real one in a
 * temporary directory. Where times are told, or limits of them are tested, the server has a clock
 * that only waiting moves (rig_take_clock): then nothing depends on how fast the machine is.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/hostname.h"
#include "api/instance.h"
#include "base/buf.h"
#include "base/fs.h"
#include "base/text.h"
#include "server/server.h"
#include "specdir/desired.h"
#include "store/dirstore.h"
#include "unit/patience.h"
#include "unit/scratch.h"

#define RIG_KEY		"correct-horse-battery-staple"
#define RIG_DESIRED_MAX 400

struct rig {
	struct doors doors;
	struct ctx ctx;
	char directory[SCRATCH_SIZE];
	struct store *store;
	struct server *server;
	struct server_options options;
	struct api_key key;
};

struct rig_reply {
	int status;	  /* 0: the server closed without an answer */
	const char *head; /* status line and headers */
	const char *body;
	struct json *json; /* NULL: the body is none */
};

/* The model of specdir. */
static bool rig_specdir_fails;
static char rig_desired[RIG_DESIRED_MAX][256];
static size_t rig_desired_count;
static struct specdir_report rig_report;
static struct store *rig_store;
static const char *rig_owned; /* a hostname that a user's file names */

enum err specdir_desire(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
			const char *hostname, const struct json *spec,
			const struct certificate_wish *wish, bool *introduced)
{
	(void)specdir;
	(void)spec;
	*introduced = false;
	if (rig_specdir_fails)
		return fault_set(ctx, E_AGAIN, "StateNotDurable",
				 "cannot write /etc/gatecert/hostnames.d/api.d: no space");
	for (size_t i = 0; i < rig_desired_count; i++)
		if (text_equals(rig_desired[i], hostname))
			return desired_request(ctx, batch, hostname, DESIRED_BY_POST, wish);
	assert_true(rig_desired_count < RIG_DESIRED_MAX);
	if (rig_store) {
		struct hostname object = {.meta = {.name = hostname}};

		batch_put(ctx, batch, KIND_HOSTNAME, &object);
		TRY(desired_request(ctx, batch, hostname, DESIRED_BY_POST, wish));
	}
	snprintf(rig_desired[rig_desired_count++], sizeof(rig_desired[0]), "%s", hostname);
	*introduced = true;
	return E_OK;
}

const char *specdir_owner(struct ctx *ctx, struct specdir *specdir, const char *hostname)
{
	(void)ctx;
	(void)specdir;
	return text_equals(rig_owned, hostname) ? "/etc/gatecert/hostnames.d/shop.yaml" : NULL;
}

/* Of `wanted` counts what people may write. */
static enum err rig_read(struct ctx *ctx, const char *hostname, const struct json *wanted,
			 struct hostname *out)
{
	static const char *const members[] = {"labels", "annotations"};
	struct json *json = json_object(ctx), *metadata = json_object(ctx);

	json_set_text(ctx, metadata, "name", hostname);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (json_get(json_get(wanted, "metadata"), members[i]))
			json_set(ctx, metadata, members[i],
				 json_dup(ctx, json_get(json_get(wanted, "metadata"), members[i])));
	json_set(ctx, json, "metadata", metadata);
	if (json_get(wanted, "spec"))
		json_set(ctx, json, "spec", json_dup(ctx, json_get(wanted, "spec")));
	TRY(object_from_json(ctx, KIND_HOSTNAME, json, out));
	out->source = (struct hostname_source){"/etc/gatecert/hostnames.d/api.d/x.json", 1, NULL};
	return E_OK;
}

enum err specdir_put(struct ctx *ctx, struct specdir *specdir, const char *hostname,
		     const struct json *wanted)
{
	struct hostname object;

	(void)specdir;
	if (rig_specdir_fails)
		return fault_set(ctx, E_AGAIN, "StateNotDurable", "cannot write");
	TRY(rig_read(ctx, hostname, wanted, &object));
	object.written = store_version(rig_store) + 1;
	return store_put_spec(ctx, rig_store, KIND_HOSTNAME, &object);
}

enum err specdir_preview(struct ctx *ctx, struct specdir *specdir, const char *hostname,
			 const struct json *wanted, struct hostname *out)
{
	(void)specdir;
	return rig_read(ctx, hostname, wanted, out);
}

enum err specdir_leave(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
		       const char *hostname)
{
	(void)specdir;
	batch_withdraw(ctx, batch, KIND_HOSTNAME, hostname);
	return E_OK;
}

enum err specdir_withdraw(struct ctx *ctx, struct specdir *specdir, const char *hostname)
{
	(void)specdir;
	return store_withdraw(ctx, rig_store, KIND_HOSTNAME, hostname);
}

const struct specdir_report *specdir_report(struct specdir *specdir)
{
	(void)specdir;
	return &rig_report;
}

static inline void rig_open(struct rig *rig, const char *base_url, bool has_key, bool is_anonymous)
{
	*rig = (struct rig){.doors = {clock_system(), rng_system(), fs_system(), NULL}};
	rig_specdir_fails = false;
	rig_desired_count = 0;
	rig_report = (struct specdir_report){.files = 2, .hostnames = 3};
	assert_non_null(mkdtemp(scratch_template(rig->directory, scratch_disk(), "server")));
	ctx_init(&rig->ctx, &rig->doors);
	assert_int_equal(dirstore_open(&rig->ctx, rig->directory, &rig->store), E_OK);
	rig_store = rig->store;
	rig_owned = NULL;
	rig->key = (struct api_key){.name = "test", .key = RIG_KEY};
	rig->options = (struct server_options){
		.listen = "127.0.0.1:0",
		.public_base_url = base_url,
		.task_hub = "hub",
		.api_keys = &rig->key,
		.api_key_count = has_key,
		.allow_anonymous_start = is_anonymous,
		.state_directory = rig->directory,
		.store = rig->store,
	};
	assert_int_equal(server_start(&rig->ctx, &rig->options, &rig->server), E_OK);
	server_set_ready(rig->server, true);
}

/* What rig_turn waited for in vain, and what a test adds. */
static msec_t rig_time;

static inline msec_t rig_mono(struct clock *clock)
{
	(void)clock;
	return rig_time;
}

static inline msec_t rig_wall(struct clock *clock)
{
	(void)clock;
	return clock_system()->wall(clock_system());
}

/* From now on the server's time passes only where nothing is left to do, and by the test's hand. */
static inline void rig_take_clock(struct rig *rig)
{
	static struct clock clock = {rig_wall, rig_mono, NULL};

	rig_time = ctx_mono(&rig->ctx);
	rig->doors.clock = &clock;
}

static inline void rig_close(struct rig *rig)
{
	char command[256];

	server_stop(rig->server);
	dirstore_close(rig->store);
	ctx_fini(&rig->ctx);
	snprintf(command, sizeof(command), "rm -rf %s", rig->directory);
	assert_int_equal(system(command), 0);
}

/* `unread`: how much of what is sent to it may lie with the kernel; 0: as usual. */
static inline int rig_connect_slow(struct rig *rig, int unread)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)server_port(rig->server)),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (unread)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &unread, sizeof(unread)), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline int rig_connect(struct rig *rig)
{
	return rig_connect_slow(rig, 0);
}

/* Runs the server as a main loop would, for at most `wait` or until `fd` has news. */
static inline void rig_turn(struct rig *rig, int fd, int wait)
{
	struct pollfd polls[2] = {{.fd = server_fd(rig->server), .events = POLLIN},
				  {.fd = fd, .events = POLLIN}};
	msec_t due = server_run(rig->server);
	int count;

	if (due >= 0 && due < wait)
		wait = (int)due;
	count = poll(polls, fd < 0 ? 1 : 2, wait);
	assert_true(count >= 0 || errno == EINTR);
	if (count == 0)
		rig_time += wait;
}

/* Runs the server until `claim` holds, however slow the machine is; `fd` (-1: none) may have news
 * of it. */
#define rig_until(rig, fd, claim) wait_doing(claim, rig_turn(rig, fd, 10))

/* What is there by now. False: the other side has closed, and all was read. */
static inline bool rig_take(int fd, struct buf *out)
{
	char chunk[65536];
	ssize_t got;

	while ((got = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		assert_true(buf_add(out, chunk, (size_t)got));
	return got < 0 && errno == EAGAIN;
}

static inline size_t rig_receive(struct rig *rig, int fd, struct buf *out)
{
	rig_until(rig, fd, !rig_take(fd, out));
	return out->size;
}

static inline struct rig_reply rig_read_reply(struct rig *rig, const char *text, size_t size)
{
	struct rig_reply reply = {.head = "", .body = ""};
	char *copy = arena_strndup(rig->ctx.arena, text ? text : "", size), *blank;

	if (sscanf(copy, "HTTP/1.%*d %d", &reply.status) != 1)
		return reply;
	blank = strstr(copy, "\r\n\r\n");
	assert_non_null(blank);
	blank[2] = '\0';
	reply.head = copy;
	reply.body = blank + 4;
	if (json_parse(&rig->ctx, reply.body, strlen(reply.body), &reply.json) != E_OK)
		reply.json = NULL;
	return reply;
}

/* Whether all of it is gone, or nobody is left to take it. */
static inline bool rig_put(int fd, const char **bytes, size_t *size)
{
	ssize_t put = send(fd, *bytes, *size, MSG_DONTWAIT | MSG_NOSIGNAL);

	*bytes += put > 0 ? put : 0;
	*size -= put > 0 ? (size_t)put : 0;
	return *size == 0 || (put < 0 && errno != EAGAIN);
}

/* Sends these bytes and runs the server until it closes: "Connection: close" is the caller's to
 * send. */
static inline struct rig_reply rig_send(struct rig *rig, const char *bytes, size_t size)
{
	struct buf out cleanup_buf;
	struct rig_reply reply;
	int fd = rig_connect(rig);

	buf_init(&out, (size_t)1 << 24);
	rig_until(rig, -1, rig_put(fd, &bytes, &size));
	rig_receive(rig, fd, &out);
	close(fd);
	reply = rig_read_reply(rig, out.data, out.size);
	return reply;
}

/* `headers`: further lines, each with CRLF; NULL: the key. */
static inline struct rig_reply rig_call(struct rig *rig, const char *method, const char *target,
					const char *headers, const char *body)
{
	const char *request = arena_printf(
		rig->ctx.arena,
		"%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n%sContent-Length: "
		"%zu\r\n\r\n%s",
		method, target, server_port(rig->server),
		headers ? headers : "x-functions-key: " RIG_KEY "\r\n", body ? strlen(body) : 0,
		body ? body : "");

	return rig_send(rig, request, strlen(request));
}

/* NULL: the reply has none of that name. */
static inline const char *rig_header(struct rig *rig, const struct rig_reply *reply,
				     const char *name)
{
	const char *mark = arena_printf(rig->ctx.arena, "\r\n%s: ", name);
	const char *line = strcasestr(reply->head, mark);

	if (!line)
		return NULL;
	line += strlen(mark);
	return arena_strndup(rig->ctx.arena, line, strcspn(line, "\r"));
}

/* Until the server has read whatever was sent before, on any connection: it reads all that is there
 * before it has answered somebody who came later. */
static inline void rig_let_read(struct rig *rig)
{
	assert_int_equal(rig_call(rig, "GET", "/healthz", "", NULL).status, 200);
}

#define RIG_START	  "/api/AddCertificateFunctions_HttpStart"
#define RIG_START_SEVERAL "/api/AddMultipleCertificatesFunctions_HttpStart"
#define RIG_INSTANCES	  "/runtime/webhooks/durabletask/instances"

/* Starts a request and gives its id. */
static inline const char *rig_start(struct rig *rig, const char *target, const char *body)
{
	struct rig_reply reply = rig_call(rig, "POST", target, NULL, body);

	assert_int_equal(reply.status, 202);
	return json_get_text(reply.json, "id");
}

/* What the reconciler would write. */
static inline void rig_set_status(struct rig *rig, const char *id,
				  const struct instance_status *status)
{
	const void *found;
	struct instance instance;

	assert_int_equal(store_get(&rig->ctx, rig->store, KIND_INSTANCE, id, &found), E_OK);
	memcpy(&instance, found, sizeof(instance));
	instance.status = *status;
	assert_int_equal(store_put_status(&rig->ctx, rig->store, KIND_INSTANCE, &instance), E_OK);
}

static inline const struct instance *rig_instance(struct rig *rig, const char *id)
{
	const void *found;

	if (store_get(&rig->ctx, rig->store, KIND_INSTANCE, id, &found) != E_OK)
		return NULL;
	return found;
}
