#include <grp.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "httpd/listen.h"
#include "unit/check.h"
#include "unit/server_rig.h"

#define HOSTNAMES "/apis/gatecert/v1/hostnames"
#define STRANGER  65533 /* neither root nor whoever runs the tests */

struct local_rig {
	struct rig rig;
	char path[SCRATCH_SIZE + 24];
};

/* A server with a key and a Unix socket; opening the latter gives `expected`. */
static void local_open(struct local_rig *local, bool has_key, enum err expected)
{
	struct rig *rig = &local->rig;

	rig->options.unix_socket = local->path;
	rig->options.api_key_count = has_key;
	assert_int_equal(server_start(&rig->ctx, &rig->options, &rig->server), expected);
}

static void set_up(struct local_rig *local)
{
	rig_open(&local->rig, NULL, true, false);
	server_stop(local->rig.server);
	local->rig.server = NULL;
	snprintf(local->path, sizeof(local->path), "%s/api.sock", local->rig.directory);
}

static int local_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Groups of a user: the first is its own, the others are those that it is a member of. */
#define GROUPS_MAX 4

struct who {
	uid_t user;
	size_t count;
	gid_t groups[GROUPS_MAX];
};

/* The credentials of a peer are those of when it connected. */
static int connect_as(const struct who *who, const char *path)
{
	gid_t ours[NGROUPS_MAX];
	int fd, count = getgroups(NGROUPS_MAX, ours);

	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(setgroups(who->count - 1, who->groups + 1), 0);
	assert_int_equal(setegid(who->groups[0]), 0);
	assert_int_equal(seteuid(who->user), 0);
	fd = local_connect(path);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
	assert_int_equal(setgroups((size_t)count, ours), 0);
	assert_true(fd >= 0);
	return fd;
}

static struct rig_reply talk(struct local_rig *local, int fd, const char *method,
			     const char *target, const char *headers, const char *body)
{
	struct rig *rig = &local->rig;
	const char *request = arena_printf(
		rig->ctx.arena,
		"%s %s HTTP/1.1\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s", method,
		target, headers, strlen(body), body);
	struct rig_reply reply;
	struct buf out cleanup_buf;

	assert_true(fd >= 0);
	buf_init(&out, (size_t)1 << 20);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	rig_receive(rig, fd, &out);
	close(fd);
	reply = rig_read_reply(rig, out.data, out.size);
	return reply;
}

static void test_the_own_user_needs_no_key(void **state)
{
	struct local_rig local;
	struct rig_reply reply;
	struct stat status;

	(void)state;
	set_up(&local);
	local_open(&local, true, E_OK);
	assert_int_equal(stat(local.path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 0777, 0660);
	server_set_ready(local.rig.server, true);
	reply = talk(&local, local_connect(local.path), "GET", HOSTNAMES, "Host: localhost\r\n",
		     "");
	assert_int_equal(reply.status, 200);
	reply = talk(&local, local_connect(local.path), "POST", RIG_START, "Host: localhost\r\n",
		     "{\"hostnames\":[\"shop.example.com\"]}");
	assert_int_equal(reply.status, 202);
	assert_true(
		text_starts_with(rig_header(&local.rig, &reply, "Location"), "http://localhost/"));
	reply = rig_call(&local.rig, "GET", HOSTNAMES, "", NULL);
	assert_int_equal(reply.status, 401);
	rig_close(&local.rig);
	assert_int_equal(lstat(local.path, &status), -1);
}

static void test_a_stranger_needs_a_key(void **state)
{
	static const struct {
		const char *sentence, *headers;
		bool has_key;
		int status;
	} table[] = {
		{"a stranger without a key is asked for one", "", true, 401},
		{"a stranger with a wrong key is refused", "x-functions-key: guess\r\n", true, 401},
		{"a stranger with the key is served", "x-functions-key: " RIG_KEY "\r\n", true,
		 200},
		{"without keys everybody on this machine is served", "", false, 200},
	};
	static const struct who stranger = {STRANGER, 1, {STRANGER}};
	struct local_rig local;

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const char *headers;
		struct rig_reply reply;
		int fd;

		set_up(&local);
		assert_int_equal(chmod(local.rig.directory, 0711), 0);
		local_open(&local, table[i].has_key, E_OK);
		headers = arena_printf(local.rig.ctx.arena, "Host: localhost\r\n%s",
				       table[i].headers);
		fd = connect_as(&stranger, local.path);
		reply = talk(&local, fd, "GET", HOSTNAMES, headers, "");
		check_row_int(table[i].sentence, reply.status, table[i].status);
		rig_close(&local.rig);
	}
}

static void test_members_of_the_group_need_no_key(void **state)
{
	static const struct {
		const char *sentence;
		struct who who;
		int status;
	} table[] = {
		{"whose own group is the daemon's", {STRANGER, 1, {0}}, 200},
		{"who is a member of it", {STRANGER, 2, {STRANGER, 0}}, 200},
		{"who is a member of it among others", {STRANGER, 4, {STRANGER, 7, 0, 9}}, 200},
		{"who is a member of others alone", {STRANGER, 3, {STRANGER, 7, 9}}, 401},
		{"who is a member of none", {STRANGER, 1, {STRANGER}}, 401},
	};
	struct local_rig local;

	(void)state;
	if (geteuid() != 0)
		skip();
	set_up(&local);
	assert_int_equal(chmod(local.rig.directory, 0711), 0);
	local_open(&local, true, E_OK);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int fd = connect_as(&table[i].who, local.path);

		check_row_int(table[i].sentence,
			      talk(&local, fd, "GET", HOSTNAMES, "Host: localhost\r\n", "").status,
			      table[i].status);
	}
	rig_close(&local.rig);
}

static void leave_stale_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void test_what_a_killed_daemon_left_is_replaced(void **state)
{
	struct local_rig local;

	(void)state;
	set_up(&local);
	leave_stale_socket(local.path);
	assert_int_equal(local_connect(local.path), -1);
	local_open(&local, true, E_OK);
	assert_int_equal(
		talk(&local, local_connect(local.path), "GET", "/healthz", "Host: a\r\n", "")
			.status,
		200);
	rig_close(&local.rig);
}

static void test_what_is_not_ours_stays(void **state)
{
	struct local_rig local;
	struct server *first;
	struct stat status;
	FILE *file;

	(void)state;
	set_up(&local);
	local_open(&local, true, E_OK);
	first = local.rig.server;
	local_open(&local, true, E_REFUSED);
	assert_string_equal(local.rig.ctx.fault.reason, LISTEN_NOT_FREE);
	assert_non_null(strstr(local.rig.ctx.fault.text, "another process serves it"));
	fault_clear(&local.rig.ctx);
	assert_int_equal(
		talk(&local, local_connect(local.path), "GET", "/healthz", "Host: a\r\n", "")
			.status,
		200);
	/* Its place taken by a file: neither the end of the first nor the start of another removes
	 * that. */
	assert_int_equal(unlink(local.path), 0);
	file = fopen(local.path, "w");
	assert_non_null(file);
	fclose(file);
	server_stop(first);
	local_open(&local, true, E_REFUSED);
	assert_non_null(strstr(local.rig.ctx.fault.text, "no socket"));
	fault_clear(&local.rig.ctx);
	assert_int_equal(lstat(local.path, &status), 0);
	assert_true(S_ISREG(status.st_mode));
	local.rig.server = NULL;
	rig_close(&local.rig);
}

/* 192.0.2.0/24 is nobody's (RFC 5737). systemd goes on trying: it may move here from another
 * machine. */
static void test_an_address_that_is_not_here_may_come(void **state)
{
	struct listen_socket out;
	struct ctx ctx cleanup_ctx;

	(void)state;
	check_begin(&ctx);
	assert_int_equal(listen_open(&ctx, "192.0.2.1:8400", &out), E_AGAIN);
	assert_string_equal(ctx.fault.reason, LISTEN_NOT_FREE);
}

static void test_a_socket_that_nobody_asked_for_keeps_no_daemon_from_starting(void **state)
{
	struct local_rig local;
	struct server *first;

	(void)state;
	set_up(&local);
	local_open(&local, true, E_OK);
	first = local.rig.server;
	local.rig.options.is_socket_optional = true;
	local_open(&local, true, E_OK);
	assert_int_equal(rig_call(&local.rig, "GET", "/healthz", "", NULL).status, 200);
	server_stop(local.rig.server);
	local.rig.server = first;
	assert_int_equal(
		talk(&local, local_connect(local.path), "GET", "/healthz", "Host: a\r\n", "")
			.status,
		200);
	rig_close(&local.rig);
}

static void test_a_path_that_cannot_be(void **state)
{
	struct local_rig local;

	(void)state;
	set_up(&local);
	snprintf(local.path, sizeof(local.path), "%s/missing/api.sock", local.rig.directory);
	local_open(&local, true, E_REFUSED);
	assert_non_null(strstr(local.rig.ctx.fault.text, "No such file or directory"));
	local.rig.server = NULL;
	rig_close(&local.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_own_user_needs_no_key),
		cmocka_unit_test(test_a_stranger_needs_a_key),
		cmocka_unit_test(test_members_of_the_group_need_no_key),
		cmocka_unit_test(test_what_a_killed_daemon_left_is_replaced),
		cmocka_unit_test(test_what_is_not_ours_stays),
		cmocka_unit_test(test_an_address_that_is_not_here_may_come),
		cmocka_unit_test(test_a_socket_that_nobody_asked_for_keeps_no_daemon_from_starting),
		cmocka_unit_test(test_a_path_that_cannot_be),
	};

	return cmocka_run_group_tests_name("server_unix", tests, NULL, NULL);
}
