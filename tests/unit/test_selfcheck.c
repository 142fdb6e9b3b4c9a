/* Our own look at the challenge file: where it connects to, what it follows, and what it says when
 * the file is not there. */
#include "hostname/pass.h"

#include "base/log.h"
#include "base/text.h"
#include "hostname/selfcheck.h"
#include "unit/check.h"
#include "unit/our_clock.h"

#define SHOP		  "shop.example.com"
#define TOKEN		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PATH		  "/.well-known/acme-challenge/" TOKEN
#define KEY_AUTHORIZATION TOKEN ".thumbprint"

struct answer {
	int status; /* 0: nobody answers */
	const char *location, *body;
};

/* Answers as told, and notes who was asked and where: "URL @ address; ...". */
struct scripted {
	struct http http;
	const struct answer *next;
	const char *asked;
};

static enum err answer(struct ctx *ctx, struct http *http, const struct http_request *request,
		       struct http_reply *reply)
{
	struct scripted *self = (struct scripted *)http;
	const struct answer *answer = self->next++;

	assert_true(request->allow_plain && request->accept_any_certificate);
	assert_int_equal(request->kind, HTTP_READ);
	self->asked = arena_printf(ctx->arena, "%s%s%s @ %s", self->asked, *self->asked ? "; " : "",
				   request->url, request->connect_to ? request->connect_to : "-");
	if (!answer->status)
		return fault_set(ctx, E_AGAIN, "ConnectFailed", "cannot reach it");
	*reply = (struct http_reply){.status = answer->status,
				     .body = answer->body ? answer->body : "",
				     .body_size = answer->body ? strlen(answer->body) : 0};
	if (answer->location) {
		reply->headers = arena_new_one(ctx->arena, struct http_header);
		*reply->headers = (struct http_header){"Location", answer->location};
		reply->header_count = 1;
	}
	return E_OK;
}

static const struct {
	const char *sentence;
	unsigned http_port, https_port;
	const char *ip;
	struct answer answers[3];
	const char *reason; /* "": it is there */
	const char *asked;
} rows[] = {
	{"the file",
	 80,
	 443,
	 "203.0.113.7",
	 {{200, NULL, KEY_AUTHORIZATION}, {0}},
	 "",
	 "http://" SHOP PATH " @ 203.0.113.7:80"},
	{"the file with white space behind it",
	 80,
	 443,
	 "203.0.113.7",
	 {{200, NULL, KEY_AUTHORIZATION " \r\n"}, {0}},
	 "",
	 "http://" SHOP PATH " @ 203.0.113.7:80"},
	{"a gateway on other ports",
	 8080,
	 8443,
	 "203.0.113.7",
	 {{200, NULL, KEY_AUTHORIZATION}, {0}},
	 "",
	 "http://" SHOP ":8080" PATH " @ 203.0.113.7:8080"},
	{"a gateway with an IPv6 address",
	 80,
	 443,
	 "2001:db8::7",
	 {{200, NULL, KEY_AUTHORIZATION}, {0}},
	 "",
	 "http://" SHOP PATH " @ [2001:db8::7]:80"},
	{"a redirect to https goes to the port of https",
	 80,
	 443,
	 "203.0.113.7",
	 {{301, "https://" SHOP PATH, NULL}, {200, NULL, KEY_AUTHORIZATION}},
	 "",
	 "http://" SHOP PATH " @ 203.0.113.7:80; https://" SHOP PATH " @ 203.0.113.7:443"},
	{"whichever that is",
	 8080,
	 8443,
	 "203.0.113.7",
	 {{308, "https://" SHOP PATH, NULL}, {200, NULL, KEY_AUTHORIZATION}},
	 "",
	 "http://" SHOP ":8080" PATH " @ 203.0.113.7:8080; https://" SHOP PATH
	 " @ 203.0.113.7:8443"},
	{"also where it is named",
	 8080,
	 8443,
	 "203.0.113.7",
	 {{302, "https://" SHOP ":8443" PATH, NULL}, {200, NULL, KEY_AUTHORIZATION}},
	 "",
	 "http://" SHOP ":8080" PATH " @ 203.0.113.7:8080; https://" SHOP ":8443" PATH
	 " @ 203.0.113.7:8443"},
	{"a redirect within the scheme stays on its port",
	 80,
	 443,
	 "203.0.113.7",
	 {{307, "/elsewhere", NULL}, {200, NULL, KEY_AUTHORIZATION}},
	 "",
	 "http://" SHOP PATH " @ 203.0.113.7:80; http://" SHOP "/elsewhere @ 203.0.113.7:80"},
	{"a redirect to the container is no business of the gateway",
	 80,
	 443,
	 "203.0.113.7",
	 {{302, "https://blob.test/acme" PATH, NULL}, {200, NULL, KEY_AUTHORIZATION}},
	 "",
	 "http://" SHOP PATH " @ 203.0.113.7:80; https://blob.test/acme" PATH " @ -"},
	{"no CA follows to another port",
	 80,
	 443,
	 "203.0.113.7",
	 {{302, "https://" SHOP ":8443" PATH, NULL}, {0}},
	 "ChallengeFileNotFound",
	 "http://" SHOP PATH " @ 203.0.113.7:80"},
	{"nor do we to another host",
	 80,
	 443,
	 "203.0.113.7",
	 {{302, "https://evil.test" PATH, NULL}, {0}},
	 "ChallengeFileNotFound",
	 "http://" SHOP PATH " @ 203.0.113.7:80"},
	{"nor to nowhere",
	 80,
	 443,
	 "203.0.113.7",
	 {{302, NULL, NULL}, {0}},
	 "ChallengeFileNotFound",
	 "http://" SHOP PATH " @ 203.0.113.7:80"},
	{"nothing there",
	 80,
	 443,
	 "203.0.113.7",
	 {{404, NULL, NULL}, {0}},
	 "ChallengeFileNotFound",
	 "http://" SHOP PATH " @ 203.0.113.7:80"},
	{"something else there",
	 80,
	 443,
	 "203.0.113.7",
	 {{200, NULL, "<html>"}, {0}},
	 "ChallengeFileNotValid",
	 "http://" SHOP PATH " @ 203.0.113.7:80"},
	{"nobody there",
	 80,
	 443,
	 "203.0.113.7",
	 {{0}, {0}},
	 "SelfCheckUnreachable",
	 "http://" SHOP PATH " @ 203.0.113.7:80"},
};

/* Unreachable may mean that the gateway was stopped. */
static void count_look(void *handle)
{
	++*(unsigned *)handle;
}

static void test_rows(void **state)
{
	struct doors doors = {&our_clock, rng_system(), fs_system(), NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct scripted scripted = {{answer}, rows[i].answers, ""};
		struct settings settings = {.blob_host = "blob.test",
					    .gateway_http_port = rows[i].http_port,
					    .gateway_https_port = rows[i].https_port};
		unsigned looks = 0;
		struct hostname_world world = {.settings = &settings,
					       .probe = &scripted.http,
					       .wake_gateway = count_look,
					       .handle = &looks};
		const char *ip = rows[i].ip;
		struct gateway gateway = {.status.public_ips = {&ip, 1}};
		struct pass pass = {.world = &world, .name = SHOP, .gateway = &gateway};
		cleanup_ctx struct ctx ctx;
		enum err err;

		ctx_init(&ctx, &doors);
		pass.host.status.issuance.token = TOKEN;
		err = selfcheck_get(&ctx, &pass, KEY_AUTHORIZATION);
		check_row_int(rows[i].sentence, err, *rows[i].reason ? E_REFUSED : E_OK);
		if (err != E_OK)
			check_row_text(rows[i].sentence, ctx.fault.reason, rows[i].reason);
		check_row_text(rows[i].sentence, scripted.asked, rows[i].asked);
		check_row_int(rows[i].sentence, looks,
			      text_equals(rows[i].reason, "SelfCheckUnreachable"));
	}
}

static void test_off_asks_nobody(void **state)
{
	struct settings settings = {.self_check = SELF_CHECK_OFF};
	struct hostname_world world = {.settings = &settings};
	struct pass pass = {.world = &world, .name = SHOP};

	(void)state;
	assert_int_equal(selfcheck_get(NULL, &pass, KEY_AUTHORIZATION), E_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_off_asks_nobody),
	};

	return cmocka_run_group_tests_name("selfcheck", tests, NULL, NULL);
}
