#include "http/url.h"

#include "unit/mutate.h"
#include "unit/ctx_fixture.h" /* last: it declares ctx */

struct good {
	const char *sentence, *text, *scheme, *host;
	unsigned port;
	const char *path, *query, *origin;
};

static const struct good good[] = {
	{"the scheme gives the port", "https://example.com/a/b?c=d", "https", "example.com", 443,
	 "/a/b", "c=d", "https://example.com"},
	{"a missing path is the root", "http://example.com", "http", "example.com", 80, "/", NULL,
	 "http://example.com"},
	{"scheme and host are lower case, the path is not", "HTTPS://EXAMPLE.com:8443/A?B", "https",
	 "example.com", 8443, "/A", "B", "https://example.com:8443"},
	{"the path stays as it is written", "https://h/a/../b/./%2e%2E/%2f//c", "https", "h", 443,
	 "/a/../b/./%2e%2E/%2f//c", NULL, "https://h"},
	{"the scheme's own port is not told", "https://h:443/", "https", "h", 443, "/", NULL,
	 "https://h"},
	{"the other scheme's port is told", "https://h:80/", "https", "h", 80, "/", NULL,
	 "https://h:80"},
	{"IPv6 stands in brackets", "http://[2001:DB8::1]:8080/x", "http", "[2001:db8::1]", 8080,
	 "/x", NULL, "http://[2001:db8::1]:8080"},
	{"a query may follow the host", "https://h?x=y", "https", "h", 443, "/", "x=y",
	 "https://h"},
	{"a query may hold questions and URLs", "https://h/?a=https://x/?y", "https", "h", 443, "/",
	 "a=https://x/?y", "https://h"},
};

static void test_urls_are_taken_apart(void **state)
{
	const struct good *row;
	struct url url;

	(void)state;
	for (row = good; row < good + ARRAY_SIZE(good); row++) {
		if (url_parse(&ctx, row->text, &url) != E_OK)
			fail_msg("%s: %s", row->sentence, ctx.fault.text);
		if (strcmp(url.scheme, row->scheme) != 0 || strcmp(url.host, row->host) != 0 ||
		    url.port != row->port || strcmp(url.path, row->path) != 0 ||
		    !text_equals(url.query, row->query) ||
		    strcmp(url_origin(&ctx, &url), row->origin) != 0)
			fail_msg("%s: %s %s %u %s %s %s", row->sentence, url.scheme, url.host,
				 url.port, url.path, url.query, url_origin(&ctx, &url));
	}
}

static const char *const bad[][2] = {
	{"nothing", ""},
	{"a path alone", "/acme/order/1"},
	{"a host alone", "example.com/x"},
	{"no scheme", "//example.com/x"},
	{"one slash", "https:/example.com/x"},
	{"three slashes", "https:///example.com/x"},
	{"no host", "https://"},
	{"no host but a path", "https:///x"},
	{"no host but a port", "https://:443/x"},
	{"a user", "https://user@example.com/"},
	{"a user and a password", "https://user:pass@example.com/"},
	{"an empty user", "https://@example.com/"},
	{"a host hidden behind a user", "https://good.example%2f@evil.example/"},
	{"a fragment", "https://example.com/#x"},
	{"an empty fragment", "https://example.com/#"},
	{"a file", "file:///etc/passwd"},
	{"a file on a host", "file://host/etc/passwd"},
	{"gopher", "gopher://example.com/"},
	{"ftp", "ftp://example.com/"},
	{"javascript", "javascript:alert(1)"},
	{"a space", "https://example.com/a b"},
	{"a space in front", " https://example.com/"},
	{"a line end", "https://example.com/\r\nHost: evil"},
	{"a tab", "https://example.com/\t"},
	{"no ASCII", "https://ex\xc3\xa4mple.com/"},
	{"no ASCII in the path", "https://example.com/\xc3\xa4"},
	{"a backslash", "https://good.example\\@evil.example/"},
	{"port 0", "https://example.com:0/"},
	{"a port too large", "https://example.com:65536/"},
	{"a port that is no number", "https://example.com:x/"},
	{"a negative port", "https://example.com:-1/"},
	{"an IPv6 address without an end", "https://[::1/"},
	{"a zone", "https://[fe80::1%25eth0]/"},
};

static void test_what_is_no_url_is_refused(void **state)
{
	struct url url;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (url_parse(&ctx, bad[i][1], &url) != E_REFUSED ||
		    strcmp(ctx.fault.reason, "InvalidUrl") != 0)
			fail_msg("%s: got %s at %s", bad[i][0], ctx.fault.text, url.host);
}

static void test_the_length_is_bounded(void **state)
{
	char *text = arena_alloc(ctx.arena, (size_t)16 * 1024 + 2);
	struct url url;

	(void)state;
	memset(text, 'a', (size_t)16 * 1024);
	memcpy(text, "https://h/", 10);
	assert_int_equal(url_parse(&ctx, text, &url), E_OK);
	text[(size_t)16 * 1024] = 'a';
	assert_int_equal(url_parse(&ctx, text, &url), E_REFUSED);
	assert_string_equal(ctx.fault.text, "the URL is longer than 16 KiB");
}

struct origin {
	const char *sentence, *base, *text;
	bool is_same;
};

static const struct origin origins[] = {
	{"the same", "https://ca.example/directory", "https://ca.example/order/1?x", true},
	{"the port may be written", "https://ca.example/", "https://ca.example:443/", true},
	{"the case of the host does not matter", "https://ca.example/", "HTTPS://CA.EXAMPLE/",
	 true},
	{"another host", "https://ca.example/", "https://evil.example/", false},
	{"a host that begins like ours", "https://ca.example/", "https://ca.example.evil/", false},
	{"a host that ends like ours", "https://ca.example/", "https://evilca.example/", false},
	{"a final dot is another host", "https://ca.example/", "https://ca.example./", false},
	{"another port", "https://ca.example/", "https://ca.example:8443/", false},
	{"plain http", "https://ca.example/", "http://ca.example/", false},
	{"plain http on our port", "https://ca.example/", "http://ca.example:443/", false},
	{"our host as the user", "https://ca.example/", "https://ca.example@evil.example/", false},
	{"our host as the user, with a port", "https://ca.example/",
	 "https://ca.example:443@evil.example/", false},
	{"our host in the path", "https://ca.example/", "https://evil.example/https://ca.example/",
	 false},
	{"our host before a backslash", "https://ca.example/", "https://evil.example\\.ca.example/",
	 false},
	{"an address for the name", "https://localhost/", "https://127.0.0.1/", false},
	{"the metadata service", "https://ca.example/", "http://169.254.169.254/metadata", false},
	{"a path alone", "https://ca.example/", "/order/1", false},
	{"nothing", "https://ca.example/", "", false},
};

static void test_a_peer_cannot_send_us_elsewhere(void **state)
{
	const struct origin *row;
	enum err err;

	(void)state;
	for (row = origins; row < origins + ARRAY_SIZE(origins); row++) {
		err = url_check_origin(&ctx, row->base, row->text);
		if (err != (row->is_same ? E_OK : E_REFUSED))
			fail_msg("%s: got %s", row->sentence, err_name(err));
		if (err != E_OK && strcmp(ctx.fault.reason, "ForeignUrl") != 0)
			fail_msg("%s: got reason %s", row->sentence, ctx.fault.reason);
	}
}

static void test_texts_tell_no_secrets(void **state)
{
	(void)state;
	url_check_origin(&ctx, "https://ca.example/", "https://evil.example/x?code=secret");
	assert_string_equal(ctx.fault.text, "https://ca.example sent a URL that leads elsewhere: "
					    "\"https://evil.example/x\"");
	url_check_origin(&ctx, "https://ca.example/", "https://u:secret@evil.example/");
	assert_string_equal(ctx.fault.text, "https://ca.example sent a URL that is malformed");
	url_check_origin(&ctx, "https://ca.example/", "/order/1?token=secret#secret");
	assert_string_equal(ctx.fault.text,
			    "https://ca.example sent a URL that is not absolute: \"/order/1\"");
	url_check_origin(&ctx, "https://ca.example/", "//ca.example/order/1");
	assert_string_equal(
		ctx.fault.text,
		"https://ca.example sent a URL that is not absolute: \"//ca.example/order/1\"");
}

static void test_escaping(void **state)
{
	(void)state;
	assert_string_equal(url_escape(&ctx, "AZaz09-._~"), "AZaz09-._~");
	assert_string_equal(url_escape(&ctx, "a b/c?d#%+\xc3\xa4"), "a%20b%2Fc%3Fd%23%25%2B%C3%A4");
	assert_string_equal(url_escape(&ctx, ""), "");
}

/* Whatever is accepted has all its parts, and its origin is accepted again as the same. */
static void visit_damaged(const char *text, size_t size, void *data)
{
	struct url url, again;

	(void)size;
	(void)data;
	ctx_fini(&ctx);
	check_begin(&ctx);
	if (url_parse(&ctx, text, &url) != E_OK)
		return;
	assert_true(url.scheme && url.host && url.path && url.port);
	if (url_parse(&ctx, url_origin(&ctx, &url), &again) != E_OK ||
	    strcmp(again.host, url.host) != 0 || again.port != url.port)
		fail_msg("%s becomes %s", text, url_origin(&ctx, &url));
}

static void test_damaged_urls_stay_harmless(void **state)
{
	static const struct mutate mutate = {.is_terminated = true, .visit = visit_damaged};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		mutate_seed(&mutate, good[i].text, strlen(good[i].text));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_urls_are_taken_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_url_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_length_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_peer_cannot_send_us_elsewhere, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_texts_tell_no_secrets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_escaping, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_urls_stay_harmless, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
