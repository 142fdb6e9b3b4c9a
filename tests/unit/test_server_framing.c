/* Heads that two parsers could read as two different requests, byte by byte. */
#include "server_rig.h"

#define END   "\r\n\r\n"
#define LINE  "GET /healthz HTTP/1.1\r\n"
#define HOST  "Host: 127.0.0.1\r\n"
#define LAST  "Connection: close" END
#define INNER "GET /readyz HTTP/1.1\r\n" HOST LAST

struct head {
	const char *sentence, *bytes;
	size_t size;
	const char *said; /* in the answer; NULL: 200 */
};

#define HEAD(sentence, bytes, said)                      \
	{                                                \
		sentence, bytes, sizeof(bytes) - 1, said \
	}

#define HIDDEN "the head has a NUL"
#define NAME   "the name of a header"
#define VALUE  "the value of a header"
#define ANY    ""

static const struct head heads[] = {
	HEAD("as everybody sends it", LINE HOST LAST, NULL),
	HEAD("no blank behind the colon", LINE "Host:127.0.0.1\r\nConnection:close" END, NULL),
	HEAD("blanks and tabs behind the colon", LINE "Host: \t 127.0.0.1\r\n" LAST, NULL),
	HEAD("an empty value", LINE HOST "A:\r\nB: \r\n" LAST, NULL),
	HEAD("an empty value at the end", LINE HOST "Connection: close\r\nA:" END, NULL),
	HEAD("a tab in a value", LINE HOST "A: b\tc\r\n" LAST, NULL),
	HEAD("UTF-8 in a value", LINE HOST "A: \xc3\xa4\r\n" LAST, NULL),
	HEAD("a value that ends in blanks", LINE HOST "A: b  \r\n" LAST, NULL),
	HEAD("the same header twice", LINE HOST "A: b\r\nA: b\r\n" LAST, NULL),
	HEAD("cookies", LINE HOST "Cookie: a=b; c=\"d\"; e\r\n" LAST, NULL),
	HEAD("a query", "GET /healthz?a=%20b&c&d=+ HTTP/1.1\r\n" HOST LAST, NULL),
	HEAD("the absolute form", "GET http://127.0.0.1/healthz HTTP/1.1\r\n" HOST LAST, NULL),
	HEAD("HTTP/1.0", "GET /healthz HTTP/1.0\r\n" HOST LAST, NULL),
	HEAD("an empty line in front", "\r\n" LINE HOST LAST, NULL),
	HEAD("lines that end in LF",
	     "GET /healthz HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n", NULL),
	HEAD("lines that end in either", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\n" LAST, NULL),

	HEAD("a line goes on", LINE HOST "A: b\r\n c\r\n" LAST, HIDDEN),
	HEAD("a line goes on behind a tab", LINE HOST "A: b\r\n\tc\r\n" LAST, HIDDEN),
	HEAD("a line goes on with nothing", LINE HOST "A: b\r\n \r\n" LAST, HIDDEN),
	HEAD("the last line goes on", LINE HOST "Connection: close\r\n c" END, HIDDEN),
	HEAD("a line goes on, and makes a Host of another name",
	     LINE "Hos: 127.0.0.1\r\n t\r\n" LAST, HIDDEN),
	HEAD("a line goes on as a header", LINE HOST "A: b\r\n c: d\r\n" LAST, NAME),
	HEAD("an empty value goes on", LINE HOST "A:\r\n b\r\n" LAST, HIDDEN),
	HEAD("two lines go on, in few bytes",
	     "GET /healthz HTTP/1.1\nHost:127.0.0.1\nA:b\n c\nB:c\n d\nConnection:close\n\n",
	     HIDDEN),
	HEAD("the first line goes on", LINE " A: b\r\n" HOST LAST, NAME),
	HEAD("a NUL in a value", LINE HOST "A: b\0c\r\n" LAST, HIDDEN),
	HEAD("a NUL at the end of a value", LINE HOST "A: b\0\r\n" LAST, HIDDEN),
	HEAD("a NUL in the last value", LINE HOST "Connection: close\0" END, HIDDEN),
	HEAD("a NUL as a value", LINE HOST "A:\0\r\n" LAST, HIDDEN),
	HEAD("a NUL in Host", LINE "Host: 127.0.0.1\0.example.com\r\n" LAST, HIDDEN),
	HEAD("a NUL in a name", LINE HOST "A\0b: c\r\n" LAST, ANY),
	HEAD("a NUL in front of a name", LINE HOST "\0A: b\r\n" LAST, HIDDEN),
	HEAD("a NUL as a line", LINE HOST "Connection: close\r\n\0" END, HIDDEN),
	HEAD("a NUL in the path", "GET /healthz\0x HTTP/1.1\r\n" HOST LAST, HIDDEN),
	HEAD("a NUL behind the path", "GET /healthz\0 HTTP/1.1\r\n" HOST LAST, HIDDEN),
	HEAD("a NUL in the query", "GET /healthz?a=b\0c HTTP/1.1\r\n" HOST LAST, HIDDEN),
	HEAD("a NUL in the method", "GET\0X /healthz HTTP/1.1\r\n" HOST LAST, HIDDEN),
	HEAD("a NUL behind the method", "GET\0 /healthz HTTP/1.1\r\n" HOST LAST, HIDDEN),
	HEAD("a NUL in the version", "GET /healthz HTTP/1.1\0\r\n" HOST LAST, ANY),
	HEAD("two blanks behind the method", "GET  /healthz HTTP/1.1\r\n" HOST LAST, HIDDEN),
	HEAD("two blanks behind the path", "GET /healthz  HTTP/1.1\r\n" HOST LAST,
	     "percent-encoded"),
	HEAD("a request behind a header without a name", LINE HOST ": b\r\n" INNER, HIDDEN),
	HEAD("a request behind a NUL", LINE HOST "\0\r\n" INNER, HIDDEN),
	HEAD("a CR in a value", LINE HOST "A: b\rc\r\n" LAST, VALUE),
	HEAD("a CR at the end of a value", LINE HOST "A: b\r\r\n" LAST, VALUE),
	HEAD("a line that ends in CR", LINE "A: b\rHost: 127.0.0.1\r\n" LAST, VALUE),
	HEAD("a control character in a value", LINE HOST "A: b\x1b[2J\r\n" LAST, VALUE),
	HEAD("a DEL in a value", LINE HOST "A: b\x7f\r\n" LAST, VALUE),
	HEAD("a CR in the path", "GET /healthz\rx HTTP/1.1\r\n" HOST LAST, "percent-encoded"),
};

static void check(const struct head *head, const struct rig_reply *reply)
{
	bool is_well = head->said ? reply->status == 400 && strstr(reply->body, head->said)
				  : reply->status == 200;

	if (!is_well || strstr(reply->body, "HTTP/1.1 "))
		fail_msg("%s: got %d %s", head->sentence, reply->status, reply->body);
}

static void test_heads(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		struct rig_reply reply = rig_send(&rig, heads[i].bytes, heads[i].size);

		check(&heads[i], &reply);
	}
	rig_close(&rig);
}

/* The library's buffer grows while the head comes in. */
static struct rig_reply send_slowly(struct rig *rig, const char *bytes, size_t size, size_t piece)
{
	struct buf out cleanup_buf;
	struct rig_reply reply;
	int fd = rig_connect(rig);

	buf_init(&out, (size_t)1 << 20);
	for (size_t at = 0; at < size; at += piece) {
		size_t count = size - at < piece ? size - at : piece;

		if (send(fd, bytes + at, count, MSG_NOSIGNAL) < 0)
			break; /* it was answered before its end */
		rig_turn(rig, -1, 0);
		rig_turn(rig, -1, 0);
	}
	rig_receive(rig, fd, &out);
	close(fd);
	reply = rig_read_reply(rig, out.data, out.size);
	return reply;
}

static void test_heads_in_pieces(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t piece = 1; piece <= 7; piece += 3)
		for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
			struct rig_reply reply;

			if (heads[i].said &&
			    memmem(heads[i].bytes, heads[i].size, INNER, strlen(INNER)))
				continue;
			reply = send_slowly(&rig, heads[i].bytes, heads[i].size, piece);
			if ((reply.status == 200) != !heads[i].said)
				fail_msg("%s, in pieces of %zu: got %d %s", heads[i].sentence,
					 piece, reply.status, reply.body);
		}
	rig_close(&rig);
}

/* As much as is taken, and one hidden byte in it. */
static const char *large_head(struct rig *rig, size_t lines, size_t length)
{
	struct buf out;
	const char *text;

	buf_init(&out, 1 << 16);
	buf_add(&out, LINE HOST, strlen(LINE HOST));
	for (size_t i = 0; i < lines; i++) {
		const char *line = arena_printf(rig->ctx.arena, "X-%zu: %*s\r\n", i, (int)length,
						"b");

		buf_add(&out, line, strlen(line));
	}
	buf_add(&out, LAST, strlen(LAST));
	text = arena_strndup(rig->ctx.arena, out.data, out.size);
	buf_fini(&out);
	return text;
}

static void test_large_heads(void **state)
{
	static const size_t lines[] = {1, 98, 40}, lengths[] = {15000, 100, 380};
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *head = large_head(&rig, lines[i], lengths[i]);
		char *spoilt = arena_strdup(rig.ctx.arena, head);
		size_t size = strlen(head);

		assert_int_equal(send_slowly(&rig, head, size, size).status, 200);
		assert_int_equal(send_slowly(&rig, head, size, 900).status, 200);
		spoilt[size - strlen(LAST) - 4] = '\0';
		assert_int_equal(send_slowly(&rig, spoilt, size, size).status, 400);
		assert_int_equal(send_slowly(&rig, spoilt, size, 900).status, 400);
	}
	rig_close(&rig);
}

/* One connection, whose buffer is used again; `bytes` ends it. */
static size_t count_answers(struct rig *rig, const char *bytes, const char *status)
{
	struct buf out cleanup_buf;
	const char *text;
	size_t count = 0;
	int fd = rig_connect(rig);

	buf_init(&out, (size_t)1 << 20);
	assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
	rig_receive(rig, fd, &out);
	close(fd);
	text = arena_strndup(rig->ctx.arena, out.data ? out.data : "", out.size);
	while ((text = strstr(text, status))) {
		count++;
		text++;
	}
	return count;
}

static void test_kept_connections(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	assert_int_equal(count_answers(&rig,
				       LINE HOST "\r\n" LINE "A: b\r\n" HOST "\r\n" LINE HOST LAST,
				       "HTTP/1.1 200"),
			 3);
	assert_int_equal(count_answers(&rig,
				       "POST /healthz HTTP/1.1\r\n" HOST
				       "Content-Length: 3\r\n\r\nabc" LINE HOST LAST,
				       "HTTP/1.1 200"),
			 1);
	assert_int_equal(
		count_answers(&rig, LINE HOST "A: b\r\n c\r\n\r\n" LINE HOST LAST, "HTTP/1.1 "), 1);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a head is read in one way, or not at all", test_heads, NULL, NULL, NULL},
		{"whatever the pieces it comes in", test_heads_in_pieces, NULL, NULL, NULL},
		{"a large one too", test_large_heads, NULL, NULL, NULL},
		{"and one behind another", test_kept_connections, NULL, NULL, NULL},
	};

	return cmocka_run_group_tests_name("server_framing", tests, NULL, NULL);
}
