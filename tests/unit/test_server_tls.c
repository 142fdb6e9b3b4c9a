#include <fcntl.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "httpd/door.h"
#include "httpd/tls.h"
#include "objects/watch.h"
#include "unit/check.h"
#include "unit/server_rig.h"

static char directory[SCRATCH_SIZE];
static char certificate[256], key[256], other_key[256], empty[256];

static void run(const char *command)
{
	char line[640];

	snprintf(line, sizeof(line), "cd %s && (%s) >/dev/null 2>&1", directory, command);
	assert_int_equal(system(line), 0);
}

/* NAME.crt and NAME.key, by the certificate of `issuer`, or by itself. */
static void make_client(const char *name, const char *issuer, const char *extension, int days)
{
	char line[400], signer[64];

	snprintf(signer, sizeof(signer),
		 issuer[0] ? "-CA %s.crt -CAkey %s.key" : "-signkey %s%s.key", issuer,
		 issuer[0] ? issuer : name);
	snprintf(
		line, sizeof(line),
		"openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=%s "
		"-keyout %s.key -out csr && echo %s >ext && openssl x509 -req -in csr -extfile ext "
		"-days %d %s -out %s.crt",
		name, name, extension, days, signer, name);
	run(line);
}

static int make_files(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(scratch_template(directory, scratch_disk(), "tls")));
	snprintf(certificate, sizeof(certificate), "%s/api.crt", directory);
	snprintf(key, sizeof(key), "%s/api.key", directory);
	snprintf(other_key, sizeof(other_key), "%s/other.key", directory);
	snprintf(empty, sizeof(empty), "%s/empty", directory);
	run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=first -keyout api.key "
	    "-out api.crt "
	    "&& openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key "
	    "&& touch empty && chmod 600 *.key");
	make_client("clients", "", "basicConstraints=CA:TRUE", 2);
	make_client("client", "clients", "extendedKeyUsage=clientAuth", 2);
	make_client("server", "clients", "extendedKeyUsage=serverAuth", 2);
	make_client("late", "clients", "extendedKeyUsage=clientAuth", -1);
	make_client("stranger", "", "extendedKeyUsage=clientAuth", 2);
	return 0;
}

static int remove_files(void **state)
{
	char line[256];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", directory);
	return system(line);
}

static void test_files_that_cannot_be_used(void **state)
{
	const struct {
		const char *sentence, *certificate, *key, *client_ca;
		enum err err;
		const char *says;
	} table[] = {
		{"a pair is taken", certificate, key, NULL, E_OK, NULL},
		{"with a CA for clients too", certificate, key, certificate, E_OK, NULL},
		{"a key of another certificate is refused", certificate, other_key, NULL, E_REFUSED,
		 "/api.crt cannot be used for TLS: with the key of"},
		{"a file without a certificate is refused", empty, key, NULL, E_REFUSED,
		 "/empty cannot be used for TLS"},
		{"a key in the certificate's place is refused", key, key, NULL, E_REFUSED,
		 "/api.key cannot be used for TLS"},
		{"a file without a key is refused", certificate, empty, NULL, E_REFUSED,
		 "cannot be used for TLS"},
		{"a file without a CA is refused", certificate, key, empty, E_REFUSED,
		 "/empty cannot be used for TLS"},
		{"a key in the CA's place is refused", certificate, key, key, E_REFUSED,
		 "/api.key cannot be used for TLS"},
		{"a missing file is named", certificate, "/nowhere/api.key", NULL, E_NOTFOUND,
		 "/nowhere/api.key"},
		{"a directory is no file", certificate, directory, NULL, E_REFUSED, directory},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct tls_files files = {table[i].certificate, table[i].key, table[i].client_ca};
		struct tls *tls = NULL;
		struct ctx ctx;

		check_begin(&ctx);
		check_row_int(table[i].sentence, tls_open(&ctx, &files, &tls), table[i].err);
		check_row(table[i].sentence, (tls != NULL) == (table[i].err == E_OK));
		if (table[i].says && !strstr(ctx.fault.text, table[i].says))
			fail_msg("%s: it says \"%s\"", table[i].sentence, ctx.fault.text);
		tls_close(tls);
		ctx_fini(&ctx);
	}
}

#define GET_HEALTH "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

struct outcome {
	int status;    /* 0: there was no answer */
	int alert;     /* that ended it; 0: none did */
	bool is_asked; /* for a certificate */
};

static void take_client(gnutls_certificate_credentials_t credentials, const char *client)
{
	char files[2][256];

	snprintf(files[0], sizeof(files[0]), "%s/%s.crt", directory, client);
	snprintf(files[1], sizeof(files[1]), "%s/%s.key", directory, client);
	assert_true(gnutls_certificate_set_x509_key_file(credentials, files[0], files[1],
							 GNUTLS_X509_FMT_PEM) >= 0);
}

struct client {
	int fd, result; /* of the last call that could not be completed */
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
};

/* One that trusts anybody, and has the certificate `name` or none. */
static struct client connect_as(struct rig *rig, const char *name, const char *priorities)
{
	struct client client = {.fd = rig_connect(rig)};

	assert_int_equal(gnutls_certificate_allocate_credentials(&client.credentials), 0);
	if (name)
		take_client(client.credentials, name);
	assert_int_equal(
		gnutls_init(&client.session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL),
		0);
	assert_int_equal(gnutls_priority_set_direct(client.session, priorities, NULL), 0);
	gnutls_credentials_set(client.session, GNUTLS_CRD_CERTIFICATE, client.credentials);
	assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
	gnutls_transport_set_int(client.session, client.fd);
	rig_until(rig, client.fd,
		  (client.result = gnutls_handshake(client.session)) != GNUTLS_E_AGAIN);
	return client;
}

static void hang_up(struct client *client)
{
	gnutls_deinit(client->session);
	gnutls_certificate_free_credentials(client->credentials);
	close(client->fd);
}

static void take_subject(gnutls_session_t session, char *subject, size_t size)
{
	unsigned count;
	const gnutls_datum_t *peer = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t shown;

	assert_int_equal(gnutls_x509_crt_init(&shown), 0);
	assert_int_equal(gnutls_x509_crt_import(shown, peer, GNUTLS_X509_FMT_DER), 0);
	assert_int_equal(gnutls_x509_crt_get_dn(shown, subject, &size), 0);
	gnutls_x509_crt_deinit(shown);
}

/* The beginning of what comes, as text. */
static void receive(struct rig *rig, struct client *client, char *out, size_t size)
{
	rig_until(rig, client->fd,
		  (client->result = (int)gnutls_record_recv(client->session, out, size - 1)) !=
			  GNUTLS_E_AGAIN);
}

static struct outcome ask_as(struct rig *rig, const char *name, const char *priorities,
			     const char *request, char *subject, size_t size)
{
	struct client client = connect_as(rig, name, priorities);
	struct outcome outcome = {0, 0, false};
	char reply[4096] = "";

	if (client.result == 0) {
		take_subject(client.session, subject, size);
		assert_int_equal(gnutls_record_send(client.session, request, strlen(request)),
				 strlen(request));
		receive(rig, &client, reply, sizeof(reply));
		if (sscanf(reply, "HTTP/1.1 %d", &outcome.status) != 1)
			outcome.status = 0;
	}
	if (client.result == GNUTLS_E_FATAL_ALERT_RECEIVED)
		outcome.alert = (int)gnutls_alert_get(client.session);
	outcome.is_asked = gnutls_certificate_client_get_request_status(client.session);
	hang_up(&client);
	return outcome;
}

static int ask(struct rig *rig, const char *priorities, const char *request, char *subject,
	       size_t size)
{
	return ask_as(rig, NULL, priorities, request, subject, size).status;
}

static void serve(struct rig *rig, const char *client_ca)
{
	rig_open(rig, NULL, true, false);
	server_stop(rig->server);
	rig->options.tls = (struct tls_files){certificate, key, client_ca};
	assert_int_equal(server_start(&rig->ctx, &rig->options, &rig->server), E_OK);
	server_set_ready(rig->server, true);
}

/* The first half of what a client says first. */
struct hello {
	unsigned char bytes[2048];
	size_t size;
};

static ssize_t keep_hello(gnutls_transport_ptr_t handle, const void *data, size_t size)
{
	struct hello *hello = handle;

	assert_true(size <= sizeof(hello->bytes) - hello->size);
	memcpy(hello->bytes + hello->size, data, size);
	hello->size += size;
	return (ssize_t)size;
}

static ssize_t say_nothing(gnutls_transport_ptr_t handle, void *data, size_t size)
{
	(void)handle, (void)data, (void)size;
	errno = EAGAIN;
	return -1;
}

static void say_hello(struct hello *hello)
{
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;

	hello->size = 0;
	assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
	assert_int_equal(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
	assert_int_equal(gnutls_set_default_priority(session), 0);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
	gnutls_transport_set_ptr(session, hello);
	gnutls_transport_set_push_function(session, keep_hello);
	gnutls_transport_set_pull_function(session, say_nothing);
	assert_int_equal(gnutls_handshake(session), GNUTLS_E_AGAIN);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(credentials);
}

/* Runs the server, and waits as long as it says: 1, 2, 4 .. 50 ms. */
static msec_t pause_of(struct rig *rig)
{
	msec_t due = server_run(rig->server);
	struct pollfd look = {.fd = server_fd(rig->server), .events = POLLIN};

	assert_true(poll(&look, 1, due > 100 ? 100 : (int)due) >= 0);
	return due;
}

static void test_a_handshake_that_stops_wants_no_run(void **state)
{
	char subject[64] = "";
	struct rig rig;
	struct hello hello;
	int stalled[8];

	(void)state;
	say_hello(&hello);
	serve(&rig, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(stalled); i++) {
		stalled[i] = rig_connect(&rig);
		assert_int_equal(send(stalled[i], hello.bytes, hello.size / 2, 0), hello.size / 2);
	}
	wait_doing(pause_of(&rig) == DOOR_PAUSE_MAX, (void)0);
	assert_int_equal(ask(&rig, "NORMAL", GET_HEALTH, subject, sizeof(subject)), 200);
	for (size_t i = 0; i < ARRAY_SIZE(stalled); i++)
		close(stalled[i]);
	rig_close(&rig);
}

#define WATCH                                                           \
	"GET /apis/gatecert/v1/hostnames?watch=true HTTP/1.1\r\nHost: " \
	"a\r\nx-functions-key: " RIG_KEY "\r\n\r\n"

/* The status of its answer. */
static int watch_over_tls(struct rig *rig, struct client *client)
{
	char head[64] = "";
	int status = 0;

	*client = connect_as(rig, NULL, "NORMAL");
	assert_int_equal(client->result, 0);
	assert_int_equal(gnutls_record_send(client->session, WATCH, strlen(WATCH)), strlen(WATCH));
	receive(rig, client, head, sizeof(head));
	sscanf(head, "HTTP/1.1 %d", &status);
	return status;
}

static void test_a_watcher_that_says_goodbye_gives_its_place_back(void **state)
{
	static const struct {
		const char *sentence;
		bool has_word, has_fin;
	} table[] = {
		{"with a word, and no FIN yet", true, false},
		{"with a word and a FIN", true, true},
		{"with a FIN alone", false, true},
	};
	struct client clients[WATCHES_MAX], late;
	struct rig rig;

	(void)state;
	serve(&rig, NULL);
	for (size_t i = 0; i < WATCHES_MAX; i++)
		assert_int_equal(watch_over_tls(&rig, &clients[i]), 200);
	for (size_t row = 0; row < ARRAY_SIZE(table); row++) {
		check_row_int(table[row].sentence, watch_over_tls(&rig, &late), 429);
		if (table[row].has_word)
			gnutls_bye(clients[row].session, GNUTLS_SHUT_WR);
		if (table[row].has_fin)
			shutdown(clients[row].fd, SHUT_WR);
		hang_up(&late);
		wait_doing(watch_over_tls(&rig, &late) != 429, hang_up(&late));
		hang_up(&clients[row]);
		clients[row] = late;
	}
	for (size_t i = 0; i < WATCHES_MAX; i++)
		hang_up(&clients[i]);
	rig_close(&rig);
}

static void test_versions(void **state)
{
	static const struct {
		const char *sentence, *priorities;
		int status;
	} table[] = {
		{"TLS 1.3 is spoken", "NORMAL:-VERS-ALL:+VERS-TLS1.3", 200},
		{"TLS 1.2 is spoken", "NORMAL:-VERS-ALL:+VERS-TLS1.2", 200},
		{"TLS 1.2 without forward secrecy is not",
		 "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", 0},
		{"TLS 1.1 is not", "LEGACY:-VERS-ALL:+VERS-TLS1.1", 0},
	};
	struct rig rig;

	(void)state;
	serve(&rig, NULL);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char subject[64] = "";

		check_row_int(table[i].sentence,
			      ask(&rig, table[i].priorities, GET_HEALTH, subject, sizeof(subject)),
			      table[i].status);
	}
	rig_close(&rig);
}

#define ONLY(version) "NORMAL:-VERS-ALL:+VERS-TLS" version

static const struct {
	const char *sentence, *client; /* NULL: has none */
	bool has_ca;
	struct outcome tls12, tls13;
} clients[] = {
	{"without a CA of clients nobody is asked",
	 "client",
	 false,
	 {200, 0, false},
	 {200, 0, false}},
	{"nor is one who has none", NULL, false, {200, 0, false}, {200, 0, false}},
	{"a client of the CA is served", "client", true, {200, 0, true}, {200, 0, true}},
	{"one without a certificate is told that one is needed",
	 NULL,
	 true,
	 {0, GNUTLS_A_HANDSHAKE_FAILURE, true},
	 {0, GNUTLS_A_CERTIFICATE_REQUIRED, true}},
	{"another's client is told that the CA is unknown",
	 "stranger",
	 true,
	 {0, GNUTLS_A_UNKNOWN_CA, true},
	 {0, GNUTLS_A_UNKNOWN_CA, true}},
	{"a late one is told so",
	 "late",
	 true,
	 {0, GNUTLS_A_CERTIFICATE_EXPIRED, true},
	 {0, GNUTLS_A_CERTIFICATE_EXPIRED, true}},
	{"a certificate for servers is told to be of no use",
	 "server",
	 true,
	 {0, GNUTLS_A_UNSUPPORTED_CERTIFICATE, true},
	 {0, GNUTLS_A_UNSUPPORTED_CERTIFICATE, true}},
};

static void check_outcome(const char *sentence, const char *version, struct outcome got,
			  struct outcome expected)
{
	if (got.status != expected.status || got.alert != expected.alert ||
	    got.is_asked != expected.is_asked)
		fail_msg("%s, TLS %s: status %d, alert %d, asked %d", sentence, version, got.status,
			 got.alert, got.is_asked);
}

static void test_clients(void **state)
{
	char subject[64] = "", ca[256];

	(void)state;
	snprintf(ca, sizeof(ca), "%s/clients.crt", directory);
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		struct rig rig;

		serve(&rig, clients[i].has_ca ? ca : NULL);
		check_outcome(clients[i].sentence, "1.2",
			      ask_as(&rig, clients[i].client, ONLY("1.2"), GET_HEALTH, subject,
				     sizeof(subject)),
			      clients[i].tls12);
		check_outcome(clients[i].sentence, "1.3",
			      ask_as(&rig, clients[i].client, ONLY("1.3"), GET_HEALTH, subject,
				     sizeof(subject)),
			      clients[i].tls13);
		rig_close(&rig);
	}
}

static void test_a_reload_shows_the_new_certificate_and_a_bad_one_changes_nothing(void **state)
{
	char subject[64] = "";
	struct rig rig;

	(void)state;
	serve(&rig, NULL);
	assert_int_equal(ask(&rig, "NORMAL", GET_HEALTH, subject, sizeof(subject)), 200);
	assert_string_equal(subject, "CN=first");
	run("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=second -keyout new.key "
	    "-out api.crt");
	assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_OK);
	assert_int_equal(ask(&rig, "NORMAL", GET_HEALTH, subject, sizeof(subject)), 200);
	assert_string_equal(subject, "CN=first");
	run("mv new.key api.key");
	assert_int_equal(server_reconfigure(&rig.ctx, rig.server, &rig.options), E_OK);
	assert_int_equal(ask(&rig, "NORMAL", GET_HEALTH, subject, sizeof(subject)), 200);
	assert_string_equal(subject, "CN=second");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_that_cannot_be_used),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_a_handshake_that_stops_wants_no_run),
		cmocka_unit_test(test_a_watcher_that_says_goodbye_gives_its_place_back),
		cmocka_unit_test(
			test_a_reload_shows_the_new_certificate_and_a_bad_one_changes_nothing),
	};

	return cmocka_run_group_tests_name("server_tls", tests, make_files, remove_files);
}
