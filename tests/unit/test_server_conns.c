#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "httpd/conns.h"

struct peer {
	struct conn *conn;
	int ours, theirs;
};

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage out = {0};
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out;
	struct sockaddr_in *in = (struct sockaddr_in *)&out;

	if (strchr(text, ':')) {
		in6->sin6_family = AF_INET6;
		assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	} else {
		in->sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
	}
	return out;
}

static struct peer join(struct conns *conns, const char *address, msec_t now)
{
	struct sockaddr_storage from = address_of(address);
	struct peer peer;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	peer.ours = pair[0];
	peer.theirs = pair[1];
	peer.conn = conns_add(conns, pair[0], (struct sockaddr *)&from, now);
	return peer;
}

/* One that only takes a place. */
static struct peer join_unseen(struct conns *conns, msec_t now)
{
	struct sockaddr_storage from = address_of("127.0.0.1");

	return (struct peer){conns_add(conns, -1, (struct sockaddr *)&from, now), -1, -1};
}

static bool is_open(const struct peer *peer)
{
	char byte;

	return recv(peer->theirs, &byte, 1, MSG_DONTWAIT) < 0;
}

static void leave(struct conns *conns, struct peer *peer)
{
	conns_remove(conns, peer->conn);
	if (peer->ours < 0)
		return;
	close(peer->ours);
	close(peer->theirs);
}

static void test_a_request_has_ten_seconds_however_it_drips(void **state)
{
	struct conns conns;
	struct peer peer;

	(void)state;
	conns_init(&conns);
	assert_int_equal(conns_sweep(&conns, 0), -1);
	peer = join(&conns, "192.0.2.1", 1000);
	assert_int_equal(conns_sweep(&conns, 2000), 9000);
	conns_begin_request(&conns, peer.conn, 9000);
	assert_int_equal(conns_sweep(&conns, 10999), 1);
	assert_true(is_open(&peer));
	conns_sweep(&conns, 11000);
	assert_false(is_open(&peer));
	assert_int_equal(conns_sweep(&conns, 12000), -1);
	leave(&conns, &peer);
}

static void test_a_kept_connection_may_be_idle_longer(void **state)
{
	struct conns conns;
	struct peer peer;

	(void)state;
	conns_init(&conns);
	peer = join(&conns, "192.0.2.1", 0);
	conns_begin_answer(&conns, peer.conn, 5000 + CONNS_REQUEST_MSEC);
	conns_sweep(&conns, 14999);
	assert_true(is_open(&peer));
	conns_end_answer(&conns, peer.conn, 6000);
	conns_sweep(&conns, 35999);
	assert_true(is_open(&peer));
	conns_begin_request(&conns, peer.conn, 7000);
	conns_sweep(&conns, 16999);
	assert_true(is_open(&peer));
	conns_sweep(&conns, 17000);
	assert_false(is_open(&peer));
	leave(&conns, &peer);
}

static void test_an_answer_that_nobody_takes_ends(void **state)
{
	struct conns conns;
	struct peer peer;

	(void)state;
	conns_init(&conns);
	peer = join(&conns, "192.0.2.1", 0);
	conns_begin_answer(&conns, peer.conn, 100 + CONNS_REQUEST_MSEC);
	conns_sweep(&conns, 10100);
	assert_false(is_open(&peer));
	leave(&conns, &peer);
}

static void test_a_crowd_pushes_out_the_oldest_without_a_request(void **state)
{
	static struct peer peers[CONNS_CROWDED + 2];
	struct conns conns;

	(void)state;
	conns_init(&conns);
	for (size_t i = 0; i < CONNS_CROWDED; i++)
		peers[i] = i < 4 ? join(&conns, "127.0.0.1", (msec_t)i)
				 : join_unseen(&conns, (msec_t)i);
	conns_begin_answer(&conns, peers[0].conn, 5000 + CONNS_REQUEST_MSEC);
	assert_true(is_open(&peers[1]));
	peers[CONNS_CROWDED] = join_unseen(&conns, 5000);
	assert_true(is_open(&peers[0]));
	assert_false(is_open(&peers[1]));
	assert_true(is_open(&peers[2]));
	peers[CONNS_CROWDED + 1] = join_unseen(&conns, 5000);
	assert_false(is_open(&peers[2]));
	assert_true(is_open(&peers[3]));
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		leave(&conns, &peers[i]);
	assert_int_equal(conns.count, 0);
	assert_null(conns.oldest);
	assert_null(conns.newest);
}

/* The first four can be seen to be shut. */
static void crowd(struct conns *conns, struct peer *peers, size_t count)
{
	conns_init(conns);
	for (size_t i = 0; i < count; i++)
		peers[i] = i < 4 ? join(conns, "127.0.0.1", 0) : join_unseen(conns, 0);
}

static void disperse(struct conns *conns, struct peer *peers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		leave(conns, &peers[i]);
	assert_int_equal(conns->count, 0);
	assert_int_equal(conns->shut_count, 0);
}

static void test_who_waits_for_a_delayed_answer_makes_room(void **state)
{
	static struct peer peers[CONNS_CROWDED + 1];
	struct conns conns;

	(void)state;
	crowd(&conns, peers, CONNS_CROWDED);
	for (size_t i = 0; i < CONNS_CROWDED; i++)
		conns_delay_answer(&conns, peers[i].conn, 1000);
	peers[CONNS_CROWDED] = join(&conns, "127.0.0.1", 0);
	assert_true(is_open(&peers[CONNS_CROWDED]));
	assert_false(is_open(&peers[0]));
	conns_sweep(&conns, 10999);
	assert_true(is_open(&peers[1]));
	conns_sweep(&conns, 11000);
	assert_false(is_open(&peers[1]));
	disperse(&conns, peers, ARRAY_SIZE(peers));
}

static void test_there_are_so_many_places_and_no_more(void **state)
{
	static struct peer peers[CONNS_MAX];
	struct sockaddr_storage from = address_of("127.0.0.1");
	const struct sockaddr *address = (const struct sockaddr *)&from;
	const struct sockaddr local = {.sa_family = AF_UNIX};
	struct conns conns;

	(void)state;
	crowd(&conns, peers, CONNS_CROWDED);
	for (size_t i = 0; i < CONNS_CROWDED; i++)
		conns_begin_answer(&conns, peers[i].conn, 0);
	for (size_t i = CONNS_CROWDED; i < CONNS_MAX; i++) {
		assert_true(conns_admit(&conns, address));
		peers[i] = join(&conns, "127.0.0.1", 0);
		assert_true(is_open(&peers[i]));
		conns_begin_answer(&conns, peers[i].conn, 0);
	}
	assert_false(conns_admit(&conns, address));
	assert_false(conns_admit(&conns, &local));
	conns_sweep(&conns, 10000);
	assert_true(conns_admit(&conns, address));
	disperse(&conns, peers, ARRAY_SIZE(peers));
}

static const struct {
	const char *sentence, *there, *comes;
	bool is_admitted;
} addresses[] = {
	{"the same address is one too many", "192.0.2.1", "192.0.2.1", false},
	{"another one is not", "192.0.2.1", "192.0.2.2", true},
	{"IPv4 in IPv6 clothing is the same", "192.0.2.1", "::ffff:192.0.2.1", false},
	{"an IPv6 network is one", "2001:db8::1", "2001:db8::2", false},
	{"another IPv6 network is not", "2001:db8::1", "2001:db8:0:1::1", true},
	{"loopback is exempt", "127.0.0.1", "127.0.0.1", true},
	{"all of it", "127.3.2.1", "127.3.2.1", true},
	{"IPv6 loopback is exempt", "::1", "::1", true},
	{"mapped loopback is exempt", "::ffff:127.0.0.1", "::ffff:127.0.0.1", true},
	{"a proxy is exempt", "198.51.100.7", "198.51.100.7", true},
	{"its neighbour is not", "198.51.100.8", "198.51.100.8", false},
	{"a network of proxies is exempt", "203.0.113.129", "203.0.113.129", true},
	{"in IPv6 clothing too", "::ffff:203.0.113.129", "::ffff:203.0.113.129", true},
	{"what is beside it is not", "203.0.113.127", "203.0.113.127", false},
	{"an IPv6 network of proxies is exempt", "2001:db8:7::1", "2001:db8:7::1", true},
};

static void test_an_address_gets_its_share(void **state)
{
	static const char *const texts[] = {"198.51.100.7", "203.0.113.128/25", "2001:db8:7::/48"};
	struct network proxies[ARRAY_SIZE(texts)];
	struct peer peers[CONNS_MAX_PER_ADDRESS];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_true(network_parse(texts[i], &proxies[i]));
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		struct sockaddr_storage from = address_of(addresses[i].comes);
		struct conns conns;

		conns_init(&conns);
		conns.proxies = proxies;
		conns.proxy_count = ARRAY_SIZE(proxies);
		for (size_t k = 0; k < ARRAY_SIZE(peers); k++) {
			assert_true(conns_admit(&conns, (struct sockaddr *)&from));
			peers[k] = join(&conns, addresses[i].there, 0);
		}
		if (conns_admit(&conns, (struct sockaddr *)&from) != addresses[i].is_admitted)
			fail_msg("%s", addresses[i].sentence);
		for (size_t k = 0; k < ARRAY_SIZE(peers); k++)
			leave(&conns, &peers[k]);
	}
}

static const struct {
	const char *text;
	bool is_network;
} networks[] = {
	{"192.0.2.1", true},
	{"192.0.2.1/32", true},
	{"10.0.0.0/8", true},
	{"0.0.0.0/0", true},
	{"::/0", true},
	{"2001:db8::1", true},
	{"2001:db8::/32", true},
	{"::ffff:192.0.2.1", true},
	{"", false},
	{"/8", false},
	{"10.0.0.0/", false},
	{"10.0.0.0/33", false},
	{"10.0.0.1/8", false},
	{"10.0.0.0/8x", false},
	{"10.0.0.0/-1", false},
	{"10.0.0.0/0008", false},
	{"10.0.0/8", false},
	{"2001:db8::/129", false},
	{"2001:db8::1/64", false},
	{"proxy.example.com", false},
	{"192.0.2.1:80", false},
	{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", false},
};

static void test_what_is_a_network(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
		struct network network;

		if (network_parse(networks[i].text, &network) != networks[i].is_network)
			fail_msg("%s", networks[i].text);
	}
}

static void test_everything_is_in_the_network_of_all(void **state)
{
	static const char *const texts[] = {"192.0.2.1", "2001:db8::1"};
	const struct sockaddr local = {.sa_family = AF_UNIX};
	struct network all[2];

	(void)state;
	assert_true(network_parse("0.0.0.0/0", &all[0]) && network_parse("::/0", &all[1]));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct sockaddr_storage from = address_of(texts[i]);
		const struct sockaddr *address = (const struct sockaddr *)&from;

		assert_int_equal(network_has(all, 1, address), i == 0);
		assert_true(network_has(all, 2, address));
		assert_false(network_has(all, 0, address));
	}
	assert_false(network_has(all, 2, &local));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_has_ten_seconds_however_it_drips),
		cmocka_unit_test(test_a_kept_connection_may_be_idle_longer),
		cmocka_unit_test(test_an_answer_that_nobody_takes_ends),
		cmocka_unit_test(test_a_crowd_pushes_out_the_oldest_without_a_request),
		cmocka_unit_test(test_who_waits_for_a_delayed_answer_makes_room),
		cmocka_unit_test(test_there_are_so_many_places_and_no_more),
		cmocka_unit_test(test_an_address_gets_its_share),
		cmocka_unit_test(test_what_is_a_network),
		cmocka_unit_test(test_everything_is_in_the_network_of_all),
	};

	return cmocka_run_group_tests_name("server connections", tests, NULL, NULL);
}
