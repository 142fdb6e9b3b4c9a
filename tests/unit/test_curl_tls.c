#include "http/curl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/fs.h"
#include "base/text.h"
#include "unit/scratch.h"
#include "unit/tcp_peer.h"

struct world {
	struct doors doors;
	struct ctx ctx;
	struct peer peer; /* speaks no TLS */
	int fd;
	unsigned port;
	pthread_t thread;
	SSL_CTX *tls;
	unsigned served; /* read after the thread has ended */
	char ca_file[SCRATCH_SIZE];
};

/* --- a TLS server --- */

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"peer", -1, -1,
				   0);
	X509_set_issuer_name(certificate, name);
	X509_set_pubkey(certificate, key);
	X509_add_ext(certificate, san, -1);
	X509_EXTENSION_free(san);
	assert(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static void make_identity(struct world *world)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make_certificate(key);
	int fd;
	FILE *file;

	fd = mkstemp(scratch_template(world->ca_file, scratch_disk(), "ca"));
	assert(fd >= 0);
	file = fdopen(fd, "w");
	PEM_write_X509(file, certificate);
	fclose(file);
	world->tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_PrivateKey(world->tls, key);
	SSL_CTX_use_certificate(world->tls, certificate);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static const char *answer_to(const char *request)
{
	if (strstr(request, " /endless "))
		return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello";
	if (strstr(request, " /empty "))
		return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
	return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
}

/* One request per connection, which ends without TLS's goodbye. */
static void serve_one(struct world *world, int fd)
{
	SSL *ssl = SSL_new(world->tls);
	char text[4096];
	int size;

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && (size = SSL_read(ssl, text, sizeof(text) - 1)) > 0) {
		text[size] = '\0';
		world->served++;
		SSL_write(ssl, answer_to(text), (int)strlen(answer_to(text)));
	}
	shutdown(fd, SHUT_WR);
	while (recv(fd, text, sizeof(text), 0) > 0)
		;
	SSL_free(ssl);
	close(fd);
}

static void *serve(void *arg)
{
	struct world *world = arg;
	int fd;

	while ((fd = accept(world->fd, NULL, NULL)) >= 0)
		serve_one(world, fd);
	return NULL;
}

static bool answer_plainly(struct peer_connection *connection, const char *method, const char *path)
{
	(void)method;
	(void)path;
	return peer_say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

static void start(struct world *world)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);

	make_identity(world);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	world->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(world->fd, (struct sockaddr *)&address, size) != 0 || listen(world->fd, 8) != 0)
		abort();
	getsockname(world->fd, (struct sockaddr *)&address, &size);
	world->port = ntohs(address.sin_port);
	pthread_create(&world->thread, NULL, serve, world);
	peer_start(&world->peer, answer_plainly);
}

static unsigned stop(struct world *world)
{
	shutdown(world->fd, SHUT_RDWR);
	pthread_join(world->thread, NULL);
	close(world->fd);
	SSL_CTX_free(world->tls);
	unlink(world->ca_file);
	peer_stop(&world->peer);
	return world->served;
}

/* --- tests --- */

enum target { TLS, OTHER_NAME, PLAIN };

struct row {
	const char *sentence;
	enum target target;
	const char *path, *ca_file; /* NULL: the server's own */
	enum http_kind kind;
	enum err expected;
	const char *reason, *text; /* text: how it goes on behind the origin */
	unsigned served;
};

static const struct row rows[] = {
	{"a trusted server is heard", TLS, "/x", NULL, HTTP_ONE_SHOT, E_OK, NULL, NULL, 1},
	{"an untrusted server gets no request", TLS, "/x?secret", "", HTTP_ONE_SHOT, E_AGAIN,
	 "TlsFailed",
	 ": its certificate is not trusted (SSL certificate problem: self-signed "
	 "certificate)",
	 0},
	{"a certificate for another name is not trusted", OTHER_NAME, "/x?secret", NULL,
	 HTTP_ONE_SHOT, E_AGAIN, "TlsFailed",
	 ": its certificate is not trusted (SSL: no "
	 "alternative certificate subject name matches target host name 'shop.example.com')",
	 0},
	{"a missing file of CAs trusts nobody", TLS, "/x", "/nonexistent", HTTP_ONE_SHOT, E_AGAIN,
	 "TlsFailed", ": the file of trusted CAs cannot be read", 0},
	{"a server that never answers the handshake got no request", PLAIN, "/x", NULL,
	 HTTP_ONE_SHOT, E_AGAIN, "Timeout", ": no connection in time", 0},
	{"an answer that ends with its connection may have been cut", TLS, "/endless", NULL,
	 HTTP_ONE_SHOT, E_CONFLICT, "ReplyMalformed", ": the answer does not say how long it is",
	 1},
	{"an answer without a body may end with its connection", TLS, "/empty", NULL, HTTP_ONE_SHOT,
	 E_OK, NULL, NULL, 1},
};

static const char *target_url(struct world *world, const struct row *row,
			      struct http_request *request)
{
	struct arena *arena = world->ctx.arena;

	if (row->target == OTHER_NAME) {
		request->connect_to = arena_printf(arena, "127.0.0.1:%u", world->port);
		return arena_printf(arena, "https://shop.example.com%s", row->path);
	}
	return arena_printf(arena, "https://127.0.0.1:%u%s",
			    row->target == TLS ? world->port : world->peer.port, row->path);
}

static void check_row(struct world *world, const struct row *row)
{
	struct curl_options options = {
		.user_agent = "t", .timeout = MSEC_PER_MIN, .no_proxy = true};
	struct http_request request = {.kind = row->kind, .method = "POST"};
	struct http_reply reply;
	struct http *http;
	const char *behind;
	enum err err;

	options.ca_file = !row->ca_file ? world->ca_file : *row->ca_file ? row->ca_file : NULL;
	request.url = target_url(world, row, &request);
	http = curl_new(&options);
	err = http_send(&world->ctx, http, &request, &reply);
	curl_close(http);
	behind = strstr(world->ctx.fault.text, ": ");
	if (err != row->expected ||
	    (row->reason && strcmp(world->ctx.fault.reason, row->reason) != 0) ||
	    (row->text && !text_equals(behind, row->text)))
		fail_msg("%s: got %s %s (%s)", row->sentence, err_name(err),
			 world->ctx.fault.reason, world->ctx.fault.text);
}

static void test_tls(void **state)
{
	struct world world;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&world, 0, sizeof(world));
		world.doors = (struct doors){clock_system(), rng_system(), fs_system(), NULL};
		ctx_init(&world.ctx, &world.doors);
		start(&world);
		check_row(&world, &rows[i]);
		if (stop(&world) != rows[i].served)
			fail_msg("%s: the server got %u requests", rows[i].sentence, world.served);
		ctx_fini(&world.ctx);
	}
}

/* And what was taken unseen for one request is not trusted by the next. */
static void test_any_certificate_where_asked_for(void **state)
{
	const struct curl_options options = {
		.user_agent = "t", .timeout = MSEC_PER_MIN, .no_proxy = true};
	struct http_request request = {.kind = HTTP_READ, .method = "GET", .allow_plain = true};
	struct http_reply reply;
	struct world world = {0};
	struct http *http;

	(void)state;
	world.doors = (struct doors){clock_system(), rng_system(), fs_system(), NULL};
	ctx_init(&world.ctx, &world.doors);
	start(&world);
	http = curl_new(&options);
	request.connect_to = arena_printf(world.ctx.arena, "127.0.0.1:%u", world.port);
	request.url = "https://shop.example.com/x";
	request.accept_any_certificate = true;
	assert_int_equal(http_send(&world.ctx, http, &request, &reply), E_OK);
	assert_string_equal(reply.body, "hello");
	request.accept_any_certificate = false;
	assert_int_equal(http_send(&world.ctx, http, &request, &reply), E_AGAIN);
	assert_string_equal(world.ctx.fault.reason, "TlsFailed");
	curl_close(http);
	assert_int_equal(stop(&world), 1);
	ctx_fini(&world.ctx);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_any_certificate_where_asked_for),
	};

	curl_library_init();
	return cmocka_run_group_tests_name("curl_tls", tests, NULL, NULL);
}
