#include "server_rig.h"

#define HOSTNAMES "/apis/gatecert/v1/hostnames"
#define SHOP	  "{\"hostnames\":[\"shop.example.com\"]}"
#define BLOG	  "{\"hostnames\":[\"blog.example.net\"]}"

static const char *example_com[] = {"example.com"}, *example_net[] = {"example.net"};

#define SCOPE(list) .hostnames = {list, 1}

static const struct api_key key_before = {.name = "portal", .key = RIG_KEY, SCOPE(example_com)};

/* What the configuration says once the head of a request has come, and its body has not. */
static const struct {
	const char *sentence, *method, *target, *body;
	struct api_key after;
	bool is_anonymous;
	int status;
} rows[] = {
	{"the same key serves",
	 "POST",
	 RIG_START,
	 SHOP,
	 {.name = "portal", .key = RIG_KEY, SCOPE(example_com)},
	 false,
	 202},
	{"and reaches no further",
	 "POST",
	 RIG_START,
	 BLOG,
	 {.name = "portal", .key = RIG_KEY, SCOPE(example_com)},
	 false,
	 403},
	{"a key with another name serves",
	 "POST",
	 RIG_START,
	 SHOP,
	 {.name = "shop", .key = RIG_KEY},
	 false,
	 202},
	{"a key that reaches further now does",
	 "POST",
	 RIG_START,
	 BLOG,
	 {.name = "portal", .key = RIG_KEY},
	 false,
	 202},
	{"a key that reaches elsewhere now does",
	 "POST",
	 RIG_START,
	 SHOP,
	 {.name = "portal", .key = RIG_KEY, SCOPE(example_net)},
	 false,
	 403},
	{"a key that may only look now does",
	 "POST",
	 RIG_START,
	 SHOP,
	 {.name = "portal", .key = RIG_KEY, .is_read_only = true},
	 false,
	 403},
	{"a key that was taken away is none",
	 "POST",
	 RIG_START,
	 SHOP,
	 {.name = "portal", .key = "another"},
	 false,
	 401},
	{"nor does it need to be one where starts are anonymous now",
	 "POST",
	 RIG_START,
	 BLOG,
	 {.name = "portal", .key = "another"},
	 true,
	 202},
	{"no watch is opened with a key that was taken away",
	 "GET",
	 HOSTNAMES "?watch=true",
	 "  ",
	 {.name = "portal", .key = "another"},
	 false,
	 401},
	{"no list is shown with it",
	 "GET",
	 HOSTNAMES,
	 "  ",
	 {.name = "portal", .key = "another"},
	 false,
	 401},
};

static void send_text(int fd, const char *text, size_t size)
{
	assert_int_equal(send(fd, text, size, MSG_NOSIGNAL), size);
}

/* The configuration is read again while half of the body is on its way. */
static struct rig_reply ask_around(struct rig *rig, const char *method, const char *target,
				   const char *body)
{
	const char *head = arena_printf(rig->ctx.arena,
					"%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
					"x-functions-key: " RIG_KEY "\r\nContent-Length: "
					"%zu\r\n\r\n",
					method, target, strlen(body));
	size_t half = strlen(body) / 2;
	struct buf out cleanup_buf;
	struct rig_reply reply;
	int fd = rig_connect(rig);

	buf_init(&out, (size_t)1 << 20);
	send_text(fd, head, strlen(head));
	send_text(fd, body, half);
	rig_let_read(rig);
	assert_int_equal(server_reconfigure(&rig->ctx, rig->server, &rig->options), E_OK);
	send_text(fd, body + half, strlen(body) - half);
	rig_receive(rig, fd, &out);
	close(fd);
	reply = rig_read_reply(rig, out.data, out.size);
	return reply;
}

static void test_between_head_and_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rig_reply reply;
		struct rig rig;

		rig_open(&rig, NULL, true, false);
		rig.key = key_before;
		assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_OK);
		rig.key = rows[i].after;
		rig.options.allow_anonymous_start = rows[i].is_anonymous;
		reply = ask_around(&rig, rows[i].method, rows[i].target, rows[i].body);
		if (reply.status != rows[i].status)
			fail_msg("%s: got %d %s", rows[i].sentence, reply.status, reply.body);
		assert_int_equal(rig_desired_count, reply.status == 202);
		rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_between_head_and_body),
	};

	return cmocka_run_group_tests_name("server_reload", tests, NULL, NULL);
}
