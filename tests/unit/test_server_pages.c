/* What web pages may ask that the browser of a user shows who needs no key. */
#include <sys/un.h>

#include "unit/server_rig.h"

#define BASE	  "https://cert.example.com"
#define HOSTNAMES "/apis/gatecert/v1/hostnames"
#define ONE	  "{\"hostnames\":[\"shop.example.com\"]}"
#define SHOP	  HOSTNAMES "/shop.example.com"
#define KEY	  "x-functions-key: " RIG_KEY "\r\n"
#define PAGE	  "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n"
#define LOCAL	  "127.0.0.1:8400"
#define OWN	  "Origin: http://" LOCAL "\r\n"

enum door {
	OPEN,	   /* TCP, no key is configured */
	SOCKET,	   /* a trusted user's, with keys */
	BARE,	   /* the same without keys */
	ANONYMOUS, /* TCP, with keys, and starts that need none */
	GUARDED,   /* TCP, with keys */
};

#define DOORS 5

static const struct {
	bool has_key, is_anonymous, is_local;
} doors[DOORS] = {
	[OPEN] = {false, false, false},	  [SOCKET] = {true, false, true},
	[BARE] = {false, false, true},	  [ANONYMOUS] = {true, true, false},
	[GUARDED] = {true, false, false},
};

static const struct {
	const char *sentence;
	enum door door;
	const char *method, *target, *host, *headers, *body;
	int status;
	const char *code;
} rows[] = {
	{"a script lists", OPEN, "GET", HOSTNAMES, LOCAL, "", "", 200, NULL},
	{"a script writes", OPEN, "PUT", SHOP, LOCAL, "", "{}", 201, NULL},
	{"a script starts", OPEN, "POST", RIG_START, LOCAL, "", ONE, 202, NULL},
	{"a page does not start", OPEN, "POST", RIG_START, LOCAL, PAGE, ONE, 403,
	 "CrossSiteRequest"},
	{"a page does not list", OPEN, "GET", HOSTNAMES, LOCAL, PAGE, "", 403, "CrossSiteRequest"},
	{"a page does not write", OPEN, "PUT", SHOP, LOCAL, PAGE, "{}", 403, "CrossSiteRequest"},
	{"a page does not delete", OPEN, "DELETE", SHOP, LOCAL, PAGE, "", 403, "CrossSiteRequest"},
	{"Origin is enough", OPEN, "POST", RIG_START, LOCAL, "Origin: https://evil.example\r\n",
	 ONE, 403, "CrossSiteRequest"},
	{"so is Sec-Fetch-Site", OPEN, "POST", RIG_START, LOCAL, "Sec-Fetch-Site: cross-site\r\n",
	 ONE, 403, "CrossSiteRequest"},
	{"a file's page is nobody's", OPEN, "POST", RIG_START, LOCAL, "Origin: null\r\n", ONE, 403,
	 "CrossSiteRequest"},
	{"an empty Origin is nobody's", OPEN, "POST", RIG_START, LOCAL, "Origin:\r\n", ONE, 403,
	 "CrossSiteRequest"},
	{"one good Origin hides no other", OPEN, "POST", RIG_START, LOCAL,
	 OWN "Origin: https://evil.example\r\n", ONE, 403, "CrossSiteRequest"},
	{"another port of this machine is another's page", OPEN, "POST", RIG_START, LOCAL,
	 "Origin: http://127.0.0.1:3000\r\n", ONE, 403, "CrossSiteRequest"},
	{"that browsers call the same site", OPEN, "GET", HOSTNAMES, LOCAL,
	 "Sec-Fetch-Site: same-site\r\n", "", 403, "CrossSiteRequest"},
	{"the own origin starts", OPEN, "POST", RIG_START, LOCAL,
	 OWN "Sec-Fetch-Site: same-origin\r\n", ONE, 202, NULL},
	{"so does that of PublicBaseUrl", OPEN, "POST", RIG_START, "cert.example.com",
	 "Origin: " BASE "\r\n", ONE, 202, NULL},
	{"not over http", OPEN, "POST", RIG_START, "cert.example.com",
	 "Origin: http://cert.example.com\r\n", ONE, 403, "CrossSiteRequest"},
	{"the address bar reads", OPEN, "GET", HOSTNAMES, LOCAL, "Sec-Fetch-Site: none\r\n", "",
	 200, NULL},
	{"a name that was pointed at us", OPEN, "GET", HOSTNAMES, "evil.example:8400", "", "", 403,
	 "HostNotAllowed"},
	{"is no origin of ours", OPEN, "POST", RIG_START, "evil.example:8400",
	 "Origin: http://evil.example:8400\r\nSec-Fetch-Site: same-origin\r\n", ONE, 403,
	 "HostNotAllowed"},
	{"a supervisor reads whatever it sends", OPEN, "GET", "/healthz", "any.example", PAGE, "",
	 200, NULL},
	{"also readyz", OPEN, "GET", "/readyz", "any.example", PAGE, "", 200, NULL},
	{"there is nothing to forbid at no path", OPEN, "POST", "/none", LOCAL, PAGE, "", 404,
	 "NotFound"},

	{"a trusted user lists", SOCKET, "GET", HOSTNAMES, "localhost", "", "", 200, NULL},
	{"a forwarded port is a loopback one", SOCKET, "GET", HOSTNAMES, "127.0.0.1:8401", "", "",
	 200, NULL},
	{"a trusted proxy has the public name", SOCKET, "GET", HOSTNAMES, "cert.example.com", "",
	 "", 200, NULL},
	{"a page behind a forwarded port does not start", SOCKET, "POST", RIG_START,
	 "127.0.0.1:8401", PAGE, ONE, 403, "CrossSiteRequest"},
	{"nor by a name that was pointed at it", SOCKET, "POST", RIG_START, "evil.example:8401", "",
	 ONE, 403, "HostNotAllowed"},
	{"nor follows a request", SOCKET, "GET", RIG_INSTANCES "/0123456789abcdef0123456789abcdef",
	 "localhost", PAGE, "", 403, "CrossSiteRequest"},
	{"with the key any Host will do", SOCKET, "GET", HOSTNAMES, "any.example", KEY, "", 200,
	 NULL},
	{"the same without keys", BARE, "GET", HOSTNAMES, "any.example", "", "", 403,
	 "HostNotAllowed"},
	{"a page finds no door without keys", BARE, "POST", RIG_START, "localhost", PAGE, ONE, 403,
	 "CrossSiteRequest"},

	{"an anonymous client knows us by any name", ANONYMOUS, "POST", RIG_START, "any.example",
	 "", ONE, 202, NULL},
	{"an anonymous page does not start", ANONYMOUS, "POST", RIG_START, LOCAL, PAGE, ONE, 403,
	 "CrossSiteRequest"},
	{"nor one that pointed its name at us", ANONYMOUS, "POST", RIG_START, "evil.example:8400",
	 "Origin: http://evil.example:8400\r\n", ONE, 403, "CrossSiteRequest"},
	{"the portal behind PublicBaseUrl does", ANONYMOUS, "POST", RIG_START, "cert.example.com",
	 "Origin: " BASE "\r\nSec-Fetch-Site: same-origin\r\n", ONE, 202, NULL},
	{"a page without a key is asked for one elsewhere", ANONYMOUS, "GET", HOSTNAMES, LOCAL,
	 PAGE, "", 401, "Unauthorized"},

	{"401 comes first", GUARDED, "POST", RIG_START, LOCAL, PAGE, ONE, 401, "Unauthorized"},
	{"a page that knows the key starts", GUARDED, "POST", RIG_START, "any.example", PAGE KEY,
	 ONE, 202, NULL},
};

static void open_door(struct rig *rig, enum door door, struct sockaddr_un *address)
{
	rig_open(rig, BASE, doors[door].has_key, doors[door].is_anonymous);
	if (!doors[door].is_local)
		return;
	server_stop(rig->server);
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/api.sock", rig->directory);
	rig->options.unix_socket = address->sun_path;
	assert_int_equal(server_start(&rig->ctx, &rig->options, &rig->server), E_OK);
	server_set_ready(rig->server, true);
}

static struct rig_reply ask_socket(struct rig *rig, const struct sockaddr_un *address,
				   const char *request)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct buf out cleanup_buf;

	buf_init(&out, (size_t)1 << 20);
	assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	rig_receive(rig, fd, &out);
	close(fd);
	return rig_read_reply(rig, out.data, out.size);
}

static void test_pages_need_a_key_where_others_need_none(void **state)
{
	(void)state;
	for (int door = 0; door < DOORS; door++) {
		struct sockaddr_un address;
		struct rig rig;

		open_door(&rig, (enum door)door, &address);
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			const char *request =
				arena_printf(rig.ctx.arena,
					     "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s"
					     "Content-Length: %zu\r\n\r\n%s",
					     rows[i].method, rows[i].target, rows[i].host,
					     rows[i].headers, strlen(rows[i].body), rows[i].body);
			struct rig_reply reply;

			if (rows[i].door != (enum door)door)
				continue;
			reply = doors[door].is_local ? ask_socket(&rig, &address, request)
						     : rig_send(&rig, request, strlen(request));
			if (reply.status != rows[i].status ||
			    (rows[i].code && !strstr(reply.body, rows[i].code)))
				fail_msg("%s: got %d %s", rows[i].sentence, reply.status,
					 reply.body);
		}
		rig_close(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages_need_a_key_where_others_need_none),
	};

	return cmocka_run_group_tests_name("server pages", tests, NULL, NULL);
}
