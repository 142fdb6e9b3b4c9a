#include <fcntl.h>
#include <sys/resource.h>

#include "httpd/door.h"
#include "server/answers.h"
#include "unit/check.h"
#include "unit/server_rig.h"

#define HOSTNAMES "/apis/gatecert/v1/hostnames"
#define OTHER_KEY "another-key-of-somebody-else-here"

/* A disk that takes its time: each write costs WRITE_MSEC of the server's, and nothing else does.
 */

#define WRITE_MSEC ((msec_t)4)

static struct fs slow_fs, quick_fs;

static enum err slow_write(struct ctx *ctx, struct fs *fs, const char *path, const void *data,
			   size_t size, unsigned mode)
{
	(void)fs;
	rig_time += WRITE_MSEC;
	return fs_system()->write(ctx, fs_system(), path, data, size, mode);
}

/* Without waiting for the disk. */
static enum err quick_write(struct ctx *ctx, struct fs *fs, const char *path, const void *data,
			    size_t size, unsigned mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	(void)ctx, (void)fs;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
	return E_OK;
}

static void open_slow(struct rig *rig, const struct api_key *keys, size_t count)
{
	rig_open(rig, NULL, true, false);
	server_stop(rig->server);
	slow_fs = *fs_system();
	slow_fs.write = slow_write;
	rig_take_clock(rig);
	rig->doors.fs = &slow_fs;
	rig->options.api_keys = keys;
	rig->options.api_key_count = count;
	assert_int_equal(server_start(&rig->ctx, &rig->options, &rig->server), E_OK);
	server_set_ready(rig->server, true);
}

/* A client that has sent its request and reads nothing yet. */
static int ask(struct rig *rig, const char *method, const char *target, const char *key,
	       const char *body)
{
	const char *text = arena_printf(rig->ctx.arena,
					"%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
					"x-functions-key: %s\r\nContent-Length: %zu\r\n\r\n%s",
					method, target, key, strlen(body), body);
	int fd = rig_connect_slow(rig, 4096);

	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	return fd;
}

static int start(struct rig *rig, const char *key, size_t number)
{
	return ask(rig, "POST", RIG_START, key,
		   arena_printf(rig->ctx.arena, "{\"hostnames\":[\"n%zu.example.com\"]}", number));
}

/* 0: there is none yet. */
static int status_of(int fd)
{
	char head[32] = "";
	int status = 0;

	if (recv(fd, head, sizeof(head) - 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		sscanf(head, "HTTP/1.1 %d", &status);
	return status;
}

static size_t count_answered(const int *fds, size_t count)
{
	size_t answered = 0;

	for (size_t i = 0; i < count; i++)
		answered += status_of(fds[i]) != 0;
	return answered;
}

static void close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

#define CROWD 40

/* With one key, whose requests have all come in and wait, and none was answered. */
static void open_crowd(struct rig *rig, const struct api_key *keys, size_t count, int *fds,
		       size_t size)
{
	open_slow(rig, keys, count);
	for (size_t i = 0; i < size; i++)
		fds[i] = start(rig, RIG_KEY, i);
}

static void close_crowd(struct rig *rig, const int *fds, size_t size)
{
	close_all(fds, size);
	rig_close(rig);
}

/* How many more than `before`; the most of all runs is kept. */
static size_t answered_by_a_run(struct rig *rig, const int *fds, size_t before, size_t *most)
{
	size_t answered;

	rig_turn(rig, -1, 10);
	answered = count_answered(fds, CROWD) - before;
	*most = answered > *most ? answered : *most;
	return answered;
}

static void test_one_run_works_for_a_while_and_no_longer(void **state)
{
	size_t before = 0, most = 0;
	struct api_key keys[] = {{.name = "a", .key = RIG_KEY}};
	int fds[CROWD];
	struct rig rig;

	(void)state;
	open_crowd(&rig, keys, 1, fds, CROWD);
	wait_doing(before == CROWD, before += answered_by_a_run(&rig, fds, before, &most));
	/* Each writes twice: the time of a run is up with the first or the second. */
	assert_true(most <= 2);
	for (size_t i = 0; i < CROWD; i++)
		assert_int_equal(status_of(fds[i]), 202);
	close_crowd(&rig, fds, CROWD);
}

static void test_health_and_others_do_not_wait_for_a_crowd(void **state)
{
	struct api_key keys[] = {{.name = "a", .key = RIG_KEY}, {.name = "b", .key = OTHER_KEY}};
	int fds[CROWD], health, other;
	size_t answered;
	struct rig rig;

	(void)state;
	open_crowd(&rig, keys, 2, fds, CROWD);
	rig_until(&rig, -1, count_answered(fds, CROWD) >= 2);
	answered = count_answered(fds, CROWD);
	health = ask(&rig, "GET", "/healthz", "", "");
	rig_until(&rig, health, status_of(health));
	assert_int_equal(status_of(health), 200);
	assert_true(count_answered(fds, CROWD) - answered <= 4);
	answered = count_answered(fds, CROWD);
	other = start(&rig, OTHER_KEY, CROWD);
	rig_until(&rig, other, status_of(other));
	assert_int_equal(status_of(other), 202);
	assert_true(count_answered(fds, CROWD) - answered <= 12);
	close(health);
	close(other);
	close_crowd(&rig, fds, CROWD);
}

/* Nothing else will happen that could wake the server. */
static void test_nobody_waits_for_the_next_event(void **state)
{
	struct api_key keys[] = {{.name = "a", .key = RIG_KEY}};
	int fds[4];
	struct rig rig;

	(void)state;
	open_crowd(&rig, keys, 1, fds, ARRAY_SIZE(fds));
	while (count_answered(fds, ARRAY_SIZE(fds)) < ARRAY_SIZE(fds)) {
		struct pollfd look = {.fd = server_fd(rig.server), .events = POLLIN};
		msec_t due = server_run(rig.server);

		assert_true(due == 0 || poll(&look, 1, 0) > 0 ||
			    count_answered(fds, ARRAY_SIZE(fds)) == ARRAY_SIZE(fds));
	}
	close_crowd(&rig, fds, ARRAY_SIZE(fds));
}

static enum err slow_remove(struct ctx *ctx, struct fs *fs, const char *path)
{
	(void)fs;
	rig_time += WRITE_MSEC;
	return fs_system()->remove(ctx, fs_system(), path);
}

static void test_a_purge_of_many_is_done_between_others(void **state)
{
	const struct instance_status ended = {.runtime_status = RUNTIME_COMPLETED};
	struct api_key keys[] = {{.name = "a", .key = RIG_KEY}, {.name = "b", .key = OTHER_KEY}};
	int purge, other;
	struct rig rig;

	(void)state;
	open_slow(&rig, keys, 2);
	for (size_t i = 0; i < CROWD; i++)
		rig_set_status(&rig,
			       rig_start(&rig, RIG_START,
					 arena_printf(rig.ctx.arena,
						      "{\"hostnames\":[\"n%zu.example.com\"]}", i)),
			       &ended);
	slow_fs.remove = slow_remove;
	purge = ask(&rig, "DELETE", RIG_INSTANCES "?createdTimeFrom=2020-01-01T00:00:00Z", RIG_KEY,
		    "");
	rig_until(&rig, -1, store_count(rig.store, KIND_INSTANCE) < CROWD);
	other = ask(&rig, "GET", RIG_INSTANCES, OTHER_KEY, "");
	rig_until(&rig, other, status_of(other));
	assert_true(store_count(rig.store, KIND_INSTANCE) > CROWD / 2);
	rig_until(&rig, purge, status_of(purge));
	assert_int_equal(status_of(purge), 200);
	assert_int_equal(store_count(rig.store, KIND_INSTANCE), 0);
	close(purge);
	close(other);
	rig_close(&rig);
}

static void test_who_waits_too_long_is_told_to_come_again(void **state)
{
	struct api_key keys[] = {{.name = "a", .key = RIG_KEY}};
	size_t accepted = 0, refused = 0;
	int fds[CROWD];
	struct rig rig;

	(void)state;
	open_crowd(&rig, keys, 1, fds, CROWD);
	/* By then all have come in. */
	rig_until(&rig, -1, count_answered(fds, CROWD) >= 8);
	rig_time += TURNS_WAIT_MSEC;
	rig_until(&rig, -1, count_answered(fds, CROWD) == CROWD);
	for (size_t i = 0; i < CROWD; i++) {
		accepted += status_of(fds[i]) == 202;
		refused += status_of(fds[i]) == 503;
	}
	assert_int_equal(accepted + refused, CROWD);
	assert_true(refused > CROWD / 2);
	assert_int_equal(store_count(rig.store, KIND_INSTANCE), accepted);
	close_crowd(&rig, fds, CROWD);
}

/* Each is sent alone, so that all of them together hold more than there is room for. */

#define LARGE_BYTES ((size_t)1000 * 1000)
#define LARGE_COUNT (ANSWERS_BYTES_MAX / LARGE_BYTES + 4)

static const char *large_name(struct rig *rig, size_t number)
{
	return arena_printf(rig->ctx.arena, "n%zu.example.com", number);
}

static void put_large_ones(struct rig *rig, size_t count)
{
	char *value = arena_alloc(rig->ctx.arena, LARGE_BYTES + 1);
	struct text_pair pair = {"note", value};
	struct hostname hostname = {.meta = {.annotations = {&pair, 1}}};

	memset(value, 'x', LARGE_BYTES);
	quick_fs = *fs_system();
	quick_fs.write = quick_write;
	rig->doors.fs = &quick_fs;
	for (size_t i = 0; i < count; i++) {
		hostname.meta.name = large_name(rig, i);
		assert_int_equal(store_put_spec(&rig->ctx, rig->store, KIND_HOSTNAME, &hostname),
				 E_OK);
	}
}

static int read_slowly(struct rig *rig, const char *target)
{
	int fd = ask(rig, "GET", target, RIG_KEY, "");

	rig_until(rig, fd, status_of(fd));
	return fd;
}

static void test_slow_readers_hold_what_there_is_and_no_more(void **state)
{
	const char *target = HOSTNAMES "/n0.example.com";
	int fds[LARGE_COUNT];
	size_t count = 0;
	struct rig_reply reply;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put_large_ones(&rig, LARGE_COUNT);
	while (count < LARGE_COUNT) {
		target = arena_printf(rig.ctx.arena, HOSTNAMES "/%s", large_name(&rig, count));
		fds[count] = read_slowly(&rig, target);
		if (status_of(fds[count++]) != 200)
			break;
	}
	assert_int_equal(status_of(fds[count - 1]), 503);
	assert_true(count > LARGE_COUNT - 8);
	reply = rig_call(&rig, "GET", HOSTNAMES, NULL, NULL);
	assert_int_equal(reply.status, 503);
	assert_string_equal(rig_header(&rig, &reply, "Retry-After"), "5");
	assert_string_equal(json_get_text(json_get(reply.json, "error"), "code"), "Overloaded");
	assert_int_equal(rig_call(&rig, "GET", "/healthz", "", NULL).status, 200);
	close_all(fds, count);
	wait_for(rig_call(&rig, "GET", HOSTNAMES "?limit=1", NULL, NULL).status == 200);
	rig_close(&rig);
}

static void test_equal_answers_are_held_once(void **state)
{
	int fds[LARGE_COUNT];
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	put_large_ones(&rig, 1);
	for (size_t i = 0; i < LARGE_COUNT; i++) {
		fds[i] = read_slowly(&rig, HOSTNAMES "/n0.example.com");
		assert_int_equal(status_of(fds[i]), 200);
	}
	close_all(fds, LARGE_COUNT);
	rig_close(&rig);
}

/* So many files are open that the next connection gets none. */
static size_t use_up_files(int *fds, size_t room)
{
	size_t count = 0;

	while (count < room && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	return count;
}

static msec_t pause_of(struct rig *rig)
{
	msec_t due = server_run(rig->server);

	assert_true(poll(NULL, 0, due > 0 ? (int)due : 0) == 0);
	return due;
}

static void test_without_files_it_pauses_and_goes_on(void **state)
{
	struct rlimit before, few;
	int fds[256], client;
	size_t count;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){ARRAY_SIZE(fds) / 2, before.rlim_max};
	client = rig_connect(&rig);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	count = use_up_files(fds, ARRAY_SIZE(fds));
	wait_doing(pause_of(&rig) == DOOR_PAUSE_MAX, (void)0);
	assert_int_equal(
		poll(&(struct pollfd){.fd = server_fd(rig.server), .events = POLLIN}, 1, 0), 0);
	close_all(fds, count);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(send(client, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 36, 0) == 36);
	rig_until(&rig, client, status_of(client));
	assert_int_equal(status_of(client), 200);
	close(client);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_run_works_for_a_while_and_no_longer),
		cmocka_unit_test(test_health_and_others_do_not_wait_for_a_crowd),
		cmocka_unit_test(test_nobody_waits_for_the_next_event),
		cmocka_unit_test(test_a_purge_of_many_is_done_between_others),
		cmocka_unit_test(test_who_waits_too_long_is_told_to_come_again),
		cmocka_unit_test(test_slow_readers_hold_what_there_is_and_no_more),
		cmocka_unit_test(test_equal_answers_are_held_once),
		cmocka_unit_test(test_without_files_it_pauses_and_goes_on),
	};

	return cmocka_run_group_tests_name("server_crowd", tests, NULL, NULL);
}
