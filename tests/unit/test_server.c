#include "server_rig.h"

#include "base/utf8.h"

struct row {
	const char *sentence;
	const char *method, *target, *headers, *body;
	int status;
	const char *header; /* a line of the head, or NULL */
	const char *text;   /* stands in the body, or NULL */
};

#define KEY    "x-functions-key: " RIG_KEY "\r\n"
#define ONE    "{\"hostnames\":[{\"hostname\":\"example.com\"}]}"
#define ID     "0123456789abcdef0123456789abcdef"
#define IMPORT "/api/AddCertificateWithPrivateKeyFunctions_HttpStart"

static const struct row rows[] = {
	{"health needs no key", "GET", "/healthz", "", NULL, 200, NULL, "\"ok\""},
	{"ready needs no key", "GET", "/readyz", "", NULL, 200, NULL, "\"status\":\"ready\""},
	{"an unknown path is 404 before the key is asked for", "GET", "/nope", "", NULL, 404, NULL,
	 "\"code\":\"NotFound\""},
	{"a path that does not decode is 404", "GET", "/healthz%zz", "", NULL, 404, NULL, NULL},
	{"a NUL in the path is 404", "GET", "/healthz%00", "", NULL, 404, NULL, NULL},
	{"the root is 404", "GET", "/", "", NULL, 404, NULL, NULL},
	{"a wrong method is 405 before the key is asked for", "GET", RIG_START, "", NULL, 405,
	 "Allow: POST", "\"code\":\"MethodNotAllowed\""},
	{"405 names all methods of a path", "PUT", RIG_INSTANCES "/" ID, "", NULL, 405,
	 "Allow: GET, HEAD, DELETE", NULL},
	{"no key is 401", "POST", RIG_START, "", ONE, 401, "WWW-Authenticate: Bearer",
	 "\"code\":\"Unauthorized\""},
	{"a wrong key is 401", "POST", RIG_START, "x-functions-key: wrong\r\n", ONE, 401, NULL,
	 NULL},
	{"401 comes before 415", "POST", RIG_START, "Content-Type: image/png\r\n", ONE, 401, NULL,
	 NULL},
	{"the key as x-functions-key", "POST", RIG_START, KEY, ONE, 202, NULL, NULL},
	{"the key as code", "POST", RIG_START "?code=" RIG_KEY, "", ONE, 202, NULL, NULL},
	{"the key as bearer", "POST", RIG_START, "Authorization: bearer " RIG_KEY "\r\n", ONE, 202,
	 NULL, NULL},
	{"a right key beside a wrong one", "POST", RIG_START "?code=wrong", KEY, ONE, 202, NULL,
	 NULL},
	{"paths match in any case", "POST", "/API/addcertificatefunctions_httpstart/", KEY, ONE,
	 202, NULL, NULL},
	{"Retry-After of a 202", "POST", RIG_START, KEY, ONE, 202, "Retry-After: 10", NULL},
	{"the content type of answers", "POST", RIG_START, KEY, ONE, 202,
	 "Content-Type: application/json; charset=utf-8", NULL},
	{"form-urlencoded is read as JSON", "POST", RIG_START,
	 KEY "Content-Type: application/x-www-form-urlencoded\r\n", ONE, 202, NULL, NULL},
	{"text is read as JSON", "POST", RIG_START, KEY "Content-Type: text/plain\r\n", ONE, 202,
	 NULL, NULL},
	{"JSON with a charset", "POST", RIG_START,
	 KEY "Content-Type: Application/JSON ; charset=UTF-8\r\n", ONE, 202, NULL, NULL},
	{"multipart is 415", "POST", RIG_START,
	 KEY "Content-Type: multipart/form-data; boundary=x\r\n", ONE, 415, NULL,
	 "multipart/form-data"},
	{"binary is 415", "POST", RIG_START, KEY "Content-Type: application/octet-stream\r\n", ONE,
	 415, NULL, "\"code\":\"UnsupportedMediaType\""},
	{"compressed is 415", "POST", RIG_START, KEY "Content-Encoding: gzip\r\n", ONE, 415, NULL,
	 NULL},
	{"a bare string is a hostname", "POST", RIG_START, KEY,
	 "{\"hostnames\":[\"b.example.com\"]}", 202, NULL, NULL},
	{"member names match in any case", "POST", RIG_START, KEY,
	 "{\"HostNames\":[{\"HOSTNAME\":\"c.example.com\"}]}", 202, NULL, NULL},
	{"members that nobody knows are ignored", "POST", RIG_START, KEY,
	 "{\"x\":1,\"hostnames\":[{\"hostname\":\"c.example.com\",\"privatekey\":null}]}", 202,
	 NULL, NULL},
	{"a byte order mark is ignored", "POST", RIG_START, KEY, "\xef\xbb\xbf" ONE, 202, NULL,
	 NULL},
	{"not JSON is 400 with its place", "POST", RIG_START, KEY, "{\n  \"hostnames\": [}", 400,
	 NULL, "line 2, column 17"},
	{"an empty body is 400", "POST", RIG_START, KEY, "", 400, NULL, "\"code\":\"InvalidJson\""},
	{"a list as body is 400", "POST", RIG_START, KEY, "[\"a.example.com\"]", 400, NULL,
	 "not a JSON object"},
	{"no hostnames is 400", "POST", RIG_START, KEY, "{}", 400, NULL, "HostnamesMissing"},
	{"hostnames null is 400", "POST", RIG_START, KEY, "{\"hostnames\":null}", 400, NULL,
	 "HostnamesMissing"},
	{"hostnames as a string is 400", "POST", RIG_START, KEY,
	 "{\"hostnames\":\"a.example.com\"}", 400, NULL, "is not a list"},
	{"an empty list is 400", "POST", RIG_START, KEY, "{\"hostnames\":[]}", 400, NULL,
	 "HostnamesEmpty"},
	{"hostnames twice in different case is 400", "POST", RIG_START, KEY,
	 "{\"hostnames\":[\"a.example.com\"],\"Hostnames\":[\"b.example.com\"]}", 400, NULL,
	 "more than once"},
	{"two hostnames for one names the other endpoint", "POST", RIG_START, KEY,
	 "{\"hostnames\":[\"a.example.com\",\"b.example.com\"]}", 400, NULL,
	 "/api/AddMultipleCertificatesFunctions_HttpStart"},
	{"the list endpoint takes one", "POST", RIG_START_SEVERAL, KEY, ONE, 202, NULL, NULL},
	{"a number as entry is 400 and names the entry", "POST", RIG_START, KEY,
	 "{\"hostnames\":[7]}", 400, NULL, "hostnames[0]"},
	{"an entry without hostname is 400", "POST", RIG_START, KEY, "{\"hostnames\":[{}]}", 400,
	 NULL, "has no \\\"hostname\\\""},
	{"an invalid hostname is 400", "POST", RIG_START, KEY,
	 "{\"hostnames\":[\"-a.example.com\"]}", 400, NULL, "\"code\":\"InvalidHostname\""},
	{"a wildcard is 400 here", "POST", RIG_START, KEY, "{\"hostnames\":[\"*.example.com\"]}",
	 400, NULL, "InvalidHostname"},
	{"an IP address is 400", "POST", RIG_START, KEY, "{\"hostnames\":[\"192.0.2.1\"]}", 400,
	 NULL, "InvalidHostname"},
	{"every bad entry is told (first)", "POST", RIG_START_SEVERAL, KEY,
	 "{\"hostnames\":[\"bad_one.example.com\",\"ok.example.com\",\"nodot\"]}", 400, NULL,
	 "bad_one.example.com"},
	{"every bad entry is told (last)", "POST", RIG_START_SEVERAL, KEY,
	 "{\"hostnames\":[\"bad_one.example.com\",\"ok.example.com\",\"nodot\"]}", 400, NULL,
	 "\"target\":\"hostnames[2]\""},
	{"17 levels of JSON are 400", "POST", RIG_START, KEY,
	 "{\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]],\"hostnames\":[\"a.example.com\"]}", 400, NULL,
	 "nested"},
	{"import names the field that is missing", "POST", IMPORT, KEY, ONE, 400, NULL,
	 "hostnames[0].privatekey"},
	{"import has an older name", "POST", "/api/ImportCertificateFunctions_HttpStart", KEY, ONE,
	 400, NULL, "hostnames[0].certificate"},
	{"import asks for the key first", "POST", IMPORT, "", ONE, 401, NULL, NULL},
	{"an unknown instance is 404", "GET", RIG_INSTANCES "/" ID, KEY, NULL, 404, NULL,
	 "\"code\":\"InstanceNotFound\""},
	{"an instance without key or code is 401", "GET", RIG_INSTANCES "/" ID, "", NULL, 401, NULL,
	 NULL},
	{"an instance with a made-up code is 401", "GET", RIG_INSTANCES "/" ID "?code=abc", "",
	 NULL, 401, NULL, NULL},
	{"a path that is no UTF-8 is quoted", "GET", RIG_INSTANCES "/%ff%fe", KEY, NULL, 404, NULL,
	 "no instance \\\"\\\\xFF\\\\xFE\\\""},
	{"a long one is cut between characters", "GET",
	 RIG_INSTANCES "/x%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc"
		       "%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc"
		       "%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc%c3%bc",
	 KEY, NULL, 404, NULL, "\xc3\xbc...\\\""},
	{"a hostname that is no UTF-8", "GET", "/apis/gatecert/v1/hostnames/a%ff.example.com", KEY,
	 NULL, 404, NULL, "a\\\\xFF.example.com"},
	{"writing one", "PUT", "/apis/gatecert/v1/hostnames/a%ff.example.com", KEY, "{}", 400, NULL,
	 "InvalidHostname"},
	{"a gateway that is no UTF-8", "GET", "/apis/gatecert/v1/gateways/%ff", KEY, NULL, 404,
	 NULL, "\\\\xFF"},
	{"an object that is no UTF-8", "GET", "/apis/gatecert/v1/instances/%c3", KEY, NULL, 404,
	 NULL, "\\\\xC3"},
	{"a content type that is no UTF-8", "POST", RIG_START, KEY "Content-Type: image/\xff\r\n",
	 ONE, 415, NULL, "\\\\xFF"},
	{"a text that is cut within a character", "PUT",
	 "/apis/gatecert/v1/hostnames/x.example.com", KEY,
	 "{\"metadata\":{\"resourceVersion\":\"1234567890123456789012345678901\xc3\xbc\"}}", 409,
	 NULL, "78901...\\\""},
	{"the list of hostnames needs a key", "GET", "/apis/gatecert/v1/hostnames", "", NULL, 401,
	 NULL, NULL},
	{"the list of hostnames", "GET", "/apis/gatecert/v1/hostnames", KEY, NULL, 200, NULL,
	 "\"kind\":\"HostnameList\""},
	{"an unknown hostname is 404", "GET", "/apis/gatecert/v1/hostnames/x.example.com", KEY,
	 NULL, 404, NULL, "\"code\":\"NotFound\""},
};

static void check_row(struct rig *rig, const struct row *row)
{
	struct rig_reply reply = rig_call(rig, row->method, row->target, row->headers, row->body);
	bool is_error_shaped = json_get_text(json_get(reply.json, "error"), "code") &&
			       json_get_text(json_get(reply.json, "error"), "message") &&
			       json_is_array(json_path(reply.json, "error.details"));

	if (reply.status != row->status || !reply.json ||
	    utf8_check(reply.body, strlen(reply.body)) < strlen(reply.body) ||
	    (row->header && !strstr(reply.head, row->header)) ||
	    (row->text && !strstr(reply.body, row->text)) ||
	    (row->status >= 400 && !is_error_shaped))
		fail_msg("%s: got %d\n%s\n%s", row->sentence, reply.status, reply.head, reply.body);
}

static void test_answers_each_row(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check_row(&rig, &rows[i]);
	rig_close(&rig);
}

/* Bytes that a polite client never sends. `%H` stands for a good Host line. */
static const struct {
	const char *sentence, *bytes;
	int status; /* 0: any status, but closed */
} rude[] = {
	{"no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400},
	{"two Hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
	{"a Host that is none", "GET /healthz HTTP/1.1\r\nHost: a/b@c\r\n\r\n", 400},
	{"Content-Length twice",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
	 400},
	{"Content-Length with Transfer-Encoding",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
	 "chunked\r\n\r\n0\r\n\r\n",
	 400},
	{"Content-Length with a Transfer-Encoding that has a blank before its colon",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding : "
	 "chunked\r\n\r\n0\r\n\r\n",
	 400},
	{"two lengths, one with a blank before its colon",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length : "
	 "2\r\n\r\nxy",
	 400},
	{"two Hosts, one with a blank before its colon",
	 "GET /healthz HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n", 400},
	{"a length with a tab before its colon, and a request in what it counts",
	 "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length\t: 35\r\n\r\nGET /readyz "
	 "HTTP/1.1\r\nHost: a\r\n\r\n",
	 400},
	{"a header line that begins with a blank",
	 "GET /healthz HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", 400},
	{"chunked twice",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
	 "chunked\r\n\r\n0\r\n\r\n",
	 400},
	{"the encoding identity",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\nxy", 400},
	{"gzip below chunked",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, "
	 "chunked\r\n\r\n0\r\n\r\n",
	 400},
	{"identity above chunked",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, "
	 "identity\r\n\r\n0\r\n\r\n",
	 400},
	{"an encoding without a name",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400},
	{"a target with a control character", "GET /heal\x01thz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
	{"a Content-Length that nobody can count to",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 0},
	{"a Content-Length that is no number",
	 "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 0},
	{"something else than HTTP", "\x16\x03\x01\x02\r\n\r\n", 0},
};

static void test_closes_on_ambiguous_requests(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	for (size_t i = 0; i < ARRAY_SIZE(rude); i++) {
		struct rig_reply reply = rig_send(&rig, rude[i].bytes, strlen(rude[i].bytes));

		if ((rude[i].status &&
		     (reply.status != rude[i].status || strstr(reply.body, "HTTP/1.1 "))) ||
		    (reply.status >= 200 && reply.status < 300))
			fail_msg("%s: got %d %s", rude[i].sentence, reply.status, reply.body);
	}
	rig_close(&rig);
}

static const char *repeat(struct rig *rig, char letter, size_t count)
{
	char *text = arena_alloc(rig->ctx.arena, count + 1);

	memset(text, letter, count);
	return text;
}

static void test_limits_have_their_own_status(void **state)
{
	struct rig rig;
	struct arena *arena;
	const char *chunked;

	(void)state;
	rig_open(&rig, NULL, true, false);
	arena = rig.ctx.arena;
	assert_int_equal(rig_call(&rig, "GET",
				  arena_printf(arena, "/healthz?x=%s", repeat(&rig, 'a', 4000)), "",
				  NULL)
				 .status,
			 200);
	assert_int_equal(rig_call(&rig, "GET",
				  arena_printf(arena, "/healthz?x=%s", repeat(&rig, 'a', 4090)), "",
				  NULL)
				 .status,
			 414);
	assert_int_equal(rig_call(&rig, "GET", "/healthz",
				  arena_printf(arena, "X: %s\r\n", repeat(&rig, 'a', 17000)), NULL)
				 .status,
			 431);
	assert_int_equal(rig_call(&rig, "POST", RIG_START, NULL, repeat(&rig, ' ', 65537)).status,
			 413);
	assert_int_equal(rig_call(&rig, "POST", RIG_START, NULL, repeat(&rig, ' ', 65536)).status,
			 400);
	assert_int_equal(rig_call(&rig, "POST", RIG_START, NULL, repeat(&rig, ' ', 3000000)).status,
			 413);
	assert_int_equal(rig_call(&rig, "POST", RIG_START, "", repeat(&rig, ' ', 65537)).status,
			 401);
	chunked = arena_printf(arena,
			       "POST " RIG_START " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" KEY
			       "Transfer-Encoding: chunked\r\n\r\n10001\r\n%s\r\n0\r\n\r\n",
			       repeat(&rig, ' ', 65537));
	assert_int_equal(rig_send(&rig, chunked, strlen(chunked)).status, 413);
	rig_close(&rig);
}

static void test_takes_chunked_bodies(void **state)
{
	static const char bytes[] =
		"POST " RIG_START " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" KEY
		"Transfer-Encoding: chunked\r\n\r\n"
		"10\r\n{\"hostnames\":[{\"\r\n1a\r\nhostname\":\"example.com\"}]}\r\n0\r\n\r\n";
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	assert_int_equal(rig_send(&rig, bytes, sizeof(bytes) - 1).status, 202);
	rig_close(&rig);
}

static void test_too_many_hostnames_are_refused_together(void **state)
{
	struct buf body cleanup_buf;
	struct rig_reply reply;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	buf_init(&body, 65536);
	buf_adds(&body, "{\"hostnames\":[");
	for (int i = 0; i < 100; i++)
		buf_addf(&body, "%s\"h%d.example.com\"", i ? "," : "", i);
	buf_adds(&body, "]}");
	assert_int_equal(rig_call(&rig, "POST", RIG_START_SEVERAL, NULL, body.data).status, 202);
	assert_int_equal(rig_desired_count, 100);
	body.size -= 2;
	buf_adds(&body, ",\"z.example.com\"]}");
	reply = rig_call(&rig, "POST", RIG_START_SEVERAL, NULL, body.data);
	assert_int_equal(reply.status, 400);
	assert_non_null(strstr(reply.body, "TooManyHostnames"));
	assert_int_equal(rig_desired_count, 100);
	rig_close(&rig);
}

static void test_a_bad_entry_rejects_the_whole_request(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	assert_int_equal(rig_call(&rig, "POST", RIG_START_SEVERAL, NULL,
				  "{\"hostnames\":[\"ok.example.com\",\"nodot\"]}")
				 .status,
			 400);
	assert_int_equal(rig_desired_count, 0);
	assert_int_equal(store_count(rig.store, KIND_INSTANCE), 0);
	rig_close(&rig);
}

static void test_the_202_names_its_links_in_order(void **state)
{
	struct rig_reply reply;
	const char *id, *query, *base, *expected;
	struct rig rig;

	(void)state;
	rig_open(&rig, "https://cert.example.com/", true, false);
	reply = rig_call(&rig, "POST", RIG_START, NULL, ONE);
	id = json_get_text(reply.json, "id");
	assert_int_equal(strlen(id), 32);
	assert_int_equal(strspn(id, "0123456789abcdef"), 32);
	query = strstr(json_get_text(reply.json, "purgeHistoryDeleteUri"), "taskHub=");
	assert_true(text_starts_with(query, "taskHub=hub&connection=Storage&code="));
	assert_int_equal(strlen(query), strlen("taskHub=hub&connection=Storage&code=") + 43);
	base = arena_printf(rig.ctx.arena, "https://cert.example.com" RIG_INSTANCES "/%s", id);
	expected = arena_printf(
		rig.ctx.arena,
		"{\"id\":\"%s\","
		"\"statusQueryGetUri\":\"%s?%s&returnInternalServerErrorOnFailure=true\","
		"\"sendEventPostUri\":\"%s/raiseEvent/{eventName}?%s\","
		"\"terminatePostUri\":\"%s/terminate?reason={text}&%s\","
		"\"purgeHistoryDeleteUri\":\"%s?%s\"}",
		id, base, query, base, query, base, query, base, query);
	assert_string_equal(reply.body, expected);
	assert_string_equal(rig_header(&rig, &reply, "Location"),
			    json_get_text(reply.json, "statusQueryGetUri"));
	rig_close(&rig);
}

static void test_links_follow_the_host_of_the_request(void **state)
{
	struct rig rig;
	struct rig_reply reply;
	const char *expected;

	(void)state;
	rig_open(&rig, NULL, true, false);
	reply = rig_call(&rig, "POST", RIG_START, NULL, ONE);
	expected = arena_printf(rig.ctx.arena, "http://127.0.0.1:%u" RIG_INSTANCES "/",
				server_port(rig.server));
	assert_true(text_starts_with(json_get_text(reply.json, "statusQueryGetUri"), expected));
	rig_close(&rig);
}

static void test_nothing_is_accepted_that_is_not_stored(void **state)
{
	struct rig rig;
	struct rig_reply reply;

	(void)state;
	rig_open(&rig, NULL, true, false);
	rig_specdir_fails = true;
	reply = rig_call(&rig, "POST", RIG_START, NULL, ONE);
	assert_int_equal(reply.status, 503);
	assert_non_null(rig_header(&rig, &reply, "Retry-After"));
	assert_null(strstr(reply.body, "/etc"));
	assert_int_equal(store_count(rig.store, KIND_INSTANCE), 0);
	rig_specdir_fails = false;
	server_set_ready(rig.server, false);
	assert_int_equal(rig_call(&rig, "POST", RIG_START, NULL, ONE).status, 503);
	assert_int_equal(rig_call(&rig, "GET", "/readyz", NULL, NULL).status, 503);
	assert_int_equal(rig_call(&rig, "GET", "/healthz", NULL, NULL).status, 200);
	rig_close(&rig);
}

static void test_anonymous_starts_open_nothing_else(void **state)
{
	struct rig rig;
	struct rig_reply reply;
	const char *target;

	(void)state;
	rig_open(&rig, NULL, true, true);
	reply = rig_call(&rig, "POST", RIG_START, "", ONE);
	assert_int_equal(reply.status, 202);
	assert_int_equal(rig_call(&rig, "GET", RIG_INSTANCES, "", NULL).status, 401);
	assert_int_equal(rig_call(&rig, "GET", "/apis/gatecert/v1/hostnames", "", NULL).status,
			 401);
	target = strstr(json_get_text(reply.json, "statusQueryGetUri"), "/runtime");
	assert_int_equal(rig_call(&rig, "GET", target, "", NULL).status, 202);
	rig_close(&rig);
}

static void test_without_keys_only_local_hosts_are_served(void **state)
{
	static const struct {
		const char *host;
		int status;
	} hosts[] = {
		{"localhost", 200},
		{"localhost:1234", 200},
		{"127.0.0.1", 200},
		{"127.8.8.8:80", 200},
		{"[::1]:80", 200},
		{"cert.example.com", 200},
		{"CERT.example.com", 200},
		{"evil.example.com", 403},
		{"127.evil.example.com", 403},
		{"localhost.example.com", 403},
		{"[::2]", 403},
		{"192.0.2.1", 403},
	};
	struct rig rig;

	(void)state;
	rig_open(&rig, "https://cert.example.com", false, false);
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		const char *bytes = arena_printf(
			rig.ctx.arena, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
			"/apis/gatecert/v1/hostnames", hosts[i].host);
		struct rig_reply reply = rig_send(&rig, bytes, strlen(bytes));

		if (reply.status != hosts[i].status)
			fail_msg("%s: got %d", hosts[i].host, reply.status);
	}
	rig_close(&rig);
}

static void test_others_need_a_key_to_be_let_in(void **state)
{
	struct server *server = NULL;
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	rig.options.api_key_count = 0;
	rig.options.listen = "0.0.0.0:0";
	assert_int_equal(server_start(&rig.ctx, &rig.options, &server), E_REFUSED);
	assert_string_equal(rig.ctx.fault.reason, "ApiKeyRequired");
	rig.options.listen = "nonsense";
	assert_int_equal(server_start(&rig.ctx, &rig.options, &server), E_REFUSED);
	assert_string_equal(rig.ctx.fault.reason, "ListenFailed");
	rig_close(&rig);
}

static void test_keys_change_without_a_restart(void **state)
{
	struct api_key keys[] = {{.name = "old", .key = RIG_KEY},
				 {.name = "new", .key = "another"}};
	struct rig rig;

	(void)state;
	rig_open(&rig, NULL, true, false);
	rig.options.api_keys = keys;
	rig.options.api_key_count = 2;
	assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_OK);
	assert_int_equal(rig_call(&rig, "GET", RIG_INSTANCES "?code=another", "", NULL).status,
			 200);
	assert_int_equal(rig_call(&rig, "GET", RIG_INSTANCES, NULL, NULL).status, 200);
	rig.options.api_keys = keys + 1;
	rig.options.api_key_count = 1;
	assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_OK);
	assert_int_equal(rig_call(&rig, "GET", RIG_INSTANCES, NULL, NULL).status, 401);
	rig.options.public_base_url = "not a url";
	assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_REFUSED);
	assert_int_equal(rig_call(&rig, "GET", RIG_INSTANCES "?code=another", "", NULL).status,
			 200);
	rig_close(&rig);
}

static void test_links_outlive_a_restart(void **state)
{
	struct rig rig;
	struct rig_reply reply;
	const char *target;

	(void)state;
	rig_open(&rig, NULL, true, false);
	reply = rig_call(&rig, "POST", RIG_START, NULL, ONE);
	target = strstr(json_get_text(reply.json, "statusQueryGetUri"), "/runtime");
	server_stop(rig.server);
	assert_int_equal(server_start(&rig.ctx, &rig.options, &rig.server), E_OK);
	assert_int_equal(rig_call(&rig, "GET", target, "", NULL).status, 202);
	rig_close(&rig);
}

static void test_keeps_connections_alive(void **state)
{
	static const char two[] =
		"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
		"POST /api/nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
		"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	struct rig rig;
	struct rig_reply reply;

	(void)state;
	rig_open(&rig, NULL, true, false);
	reply = rig_send(&rig, two, sizeof(two) - 1);
	assert_int_equal(reply.status, 200);
	assert_non_null(strstr(reply.body, "HTTP/1.1 404"));
	assert_non_null(strstr(strstr(reply.body, "HTTP/1.1 404"), "HTTP/1.1 200"));
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_each_row),
		cmocka_unit_test(test_closes_on_ambiguous_requests),
		cmocka_unit_test(test_limits_have_their_own_status),
		cmocka_unit_test(test_takes_chunked_bodies),
		cmocka_unit_test(test_too_many_hostnames_are_refused_together),
		cmocka_unit_test(test_a_bad_entry_rejects_the_whole_request),
		cmocka_unit_test(test_the_202_names_its_links_in_order),
		cmocka_unit_test(test_links_follow_the_host_of_the_request),
		cmocka_unit_test(test_nothing_is_accepted_that_is_not_stored),
		cmocka_unit_test(test_anonymous_starts_open_nothing_else),
		cmocka_unit_test(test_without_keys_only_local_hosts_are_served),
		cmocka_unit_test(test_others_need_a_key_to_be_let_in),
		cmocka_unit_test(test_keys_change_without_a_restart),
		cmocka_unit_test(test_links_outlive_a_restart),
		cmocka_unit_test(test_keeps_connections_alive),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
