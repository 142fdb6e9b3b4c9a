#include "dns/dns.h"

#include "dns/message.h"
#include "unit/check.h"
#include "unit/dns_peer.h"
#include "unit/mutate.h"
#include "unit/patience.h"

#define HASTE ((msec_t)300) /* where no answer comes */
#define NO_RECORD             \
	{                     \
		NULL, A, NULL \
	}

static const struct dns_entry zone[] = {
	{"v4.example.com", A, NOERROR_, PROPER, {{"v4.example.com", A, "203.0.113.7"}}},
	{"v6.example.com",
	 AAAA,
	 NOERROR_,
	 PROPER,
	 {{"v6.example.com", AAAA, "2001:db8:0:0::0001"}}},
	{"both.example.com",
	 A,
	 NOERROR_,
	 PROPER,
	 {{"both.example.com", A, "203.0.113.7"}, {"both.example.com", A, "203.0.113.8"}}},
	{"both.example.com", AAAA, NOERROR_, PROPER, {{"BOTH.Example.Com", AAAA, "64:ff9b::1"}}},
	{"alias.example.com",
	 A,
	 NOERROR_,
	 PROPER,
	 {{"alias.example.com", CNAME, "mid.example.net"},
	  {"mid.example.net", CNAME, "END.example.org"},
	  {"end.example.org", A, "203.0.113.9"}}},
	{"reversed.example.com",
	 A,
	 NOERROR_,
	 PROPER,
	 {{"end.example.org", A, "203.0.113.9"},
	  {"mid.example.net", CNAME, "end.example.org"},
	  {"reversed.example.com", CNAME, "mid.example.net"}}},
	{"lazy.example.com", A, NOERROR_, PROPER, {{"lazy.example.com", CNAME, "v4.example.com"}}},
	{"lazy.example.com",
	 AAAA,
	 NOERROR_,
	 PROPER,
	 {{"lazy.example.com", CNAME, "v4.example.com"}}},
	{"stray.example.com",
	 A,
	 NOERROR_,
	 PROPER,
	 {{"stray.example.com", A, "203.0.113.7"}, {"other.example.com", A, "192.0.2.66"}}},
	{"only-stray.example.com", A, NOERROR_, PROPER, {{"other.example.com", A, "192.0.2.66"}}},
	{"eight.example.com",
	 A,
	 NOERROR_,
	 PROPER,
	 {{"eight.example.com", CNAME, "c1"},
	  {"c1", CNAME, "c2"},
	  {"c2", CNAME, "c3"},
	  {"c3", CNAME, "c4"},
	  {"c4", CNAME, "c5"},
	  {"c5", CNAME, "c6"},
	  {"c6", CNAME, "c7"},
	  {"c7", CNAME, "c8"},
	  {"c8", A, "203.0.113.8"}}},
	{"nine.example.com",
	 A,
	 NOERROR_,
	 PROPER,
	 {{"nine.example.com", CNAME, "c1"},
	  {"c1", CNAME, "c2"},
	  {"c2", CNAME, "c3"},
	  {"c3", CNAME, "c4"},
	  {"c4", CNAME, "c5"},
	  {"c5", CNAME, "c6"},
	  {"c6", CNAME, "c7"},
	  {"c7", CNAME, "c8"},
	  {"c8", CNAME, "c9"},
	  {"c9", A, "203.0.113.9"}}},
	{"loop.example.com",
	 A,
	 NOERROR_,
	 PROPER,
	 {{"loop.example.com", CNAME, "loop.example.com"}}},
	{"slow-loop.example.com",
	 A,
	 NOERROR_,
	 PROPER,
	 {{"slow-loop.example.com", CNAME, "slow-loop2.example.com"}}},
	{"slow-loop2.example.com",
	 A,
	 NOERROR_,
	 PROPER,
	 {{"slow-loop2.example.com", CNAME, "slow-loop.example.com"}}},
	{"gone.example.com", A, NXDOMAIN_, PROPER, {NO_RECORD}},
	{"gone.example.com", AAAA, NXDOMAIN_, PROPER, {NO_RECORD}},
	{"dangling.example.com",
	 A,
	 NXDOMAIN_,
	 PROPER,
	 {{"dangling.example.com", CNAME, "gone.example.net"}}},
	{"dangling.example.com",
	 AAAA,
	 NXDOMAIN_,
	 PROPER,
	 {{"dangling.example.com", CNAME, "gone.example.net"}}},
	{"servfail.example.com", A, SERVFAIL_, PROPER, {NO_RECORD}},
	{"half.example.com", A, NOERROR_, PROPER, {{"half.example.com", A, "203.0.113.7"}}},
	{"half.example.com", AAAA, SERVFAIL_, PROPER, {NO_RECORD}},
	{"refused.example.com", A, REFUSED_, PROPER, {NO_RECORD}},
	{"formerr.example.com", A, FORMERR_, PROPER, {NO_RECORD}},
	{"odd.example.com", A, (enum dns_rcode)12, PROPER, {NO_RECORD}},
	{"silent.example.com", A, NOERROR_, SILENT, {NO_RECORD}},
	{"garbled.example.com", A, NOERROR_, GARBLED, {{"garbled.example.com", A, "203.0.113.7"}}},
	{"large.example.com", A, NOERROR_, OVER_TCP, {{"large.example.com", A, "203.0.113.7"}}},
	{"many.example.com", A, NOERROR_, MANY, {{"many.example.com", A, "203.0.113.7"}}},
	{"asks.example.com", A, NOERROR_, ASKS_BACK, {NO_RECORD}},
	{"asks-with.example.com",
	 A,
	 NOERROR_,
	 ASKS_BACK,
	 {{"asks-with.example.com", A, "192.0.2.1"}}},
	{"asks-gone.example.com", A, NXDOMAIN_, ASKS_BACK, {NO_RECORD}},
	{"notify.example.com", A, NOERROR_, OTHER_OPCODE, {NO_RECORD}},
	{"cut.example.com", A, NOERROR_, CUT_SHORT, {NO_RECORD}},
	{"unasked.example.com", A, NOERROR_, OTHER_NAME, {NO_RECORD}},
	{"chaos.example.com", A, NOERROR_, OTHER_CLASS, {{"chaos.example.com", A, "192.0.2.1"}}},
	{"referral.example.com", A, NOERROR_, REFERRAL, {NO_RECORD}},
	{"unreferred.example.com", A, NOERROR_, EMPTY_AUTHORITY, {NO_RECORD}},
	{"undecided.example.com",
	 A,
	 NXDOMAIN_,
	 PROPER,
	 {{"undecided.example.com", A, "203.0.113.7"}}},
	{"asks.caa.example.com", CAA, NOERROR_, ASKS_BACK, {NO_RECORD}},
	{"own.caa.example.com",
	 CAA,
	 NOERROR_,
	 PROPER,
	 {{"own.caa.example.com", CAA, "0 ISSUE letsencrypt.org"},
	  {"own.caa.example.com", CAA, "128 issuewild ;"}}},
	{"caa.example.com",
	 CAA,
	 NOERROR_,
	 PROPER,
	 {{"caa.example.com", CAA, "0 issue pki.example"}}},
	{"aliased.caa.example.com",
	 CAA,
	 NOERROR_,
	 PROPER,
	 {{"aliased.caa.example.com", CNAME, "x.example.org"},
	  {"x.example.org", CAA, "0 issue other.example"}}},
	{"empty-alias.caa.example.com",
	 CAA,
	 NOERROR_,
	 PROPER,
	 {{"empty-alias.caa.example.com", CNAME, "nothing.example.org"}}},
	{"gone.caa.example.com", CAA, NXDOMAIN_, PROPER, {NO_RECORD}},
	{"odd.example.net",
	 CAA,
	 NOERROR_,
	 PROPER,
	 {{"odd.example.net", CAA,
	   "0 issue a\x01\xff"
	   "b"}}},
	{"com.broken", CAA, SERVFAIL_, PROPER, {NO_RECORD}},
	{.name = NULL},
};

static const struct dns_entry other_zone[] = {
	{"servfail.example.com", A, NOERROR_, PROPER, {{"servfail.example.com", A, "192.0.2.1"}}},
	{"gone.example.com", A, NOERROR_, PROPER, {{"gone.example.com", A, "192.0.2.1"}}},
	{"refused.example.com", A, REFUSED_, PROPER, {NO_RECORD}},
	{.name = NULL},
};

struct world {
	struct dns_peer peer, other;
	struct cancel *cancel;
	struct doors doors;
	struct ctx ctx;
	struct dns *one, *two; /* asks only peer; asks peer, then other */
	struct dns *hasty;     /* as one */
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char first[32], second[32];
	const char *servers[] = {first, second};

	dns_peer_start(&world->peer, zone);
	dns_peer_start(&world->other, other_zone);
	snprintf(first, sizeof(first), "127.0.0.1:%u", world->peer.port);
	snprintf(second, sizeof(second), "127.0.0.1:%u", world->other.port);
	world->cancel = cancel_new();
	world->doors = (struct doors){clock_system(), rng_system(), fs_system(), world->cancel};
	ctx_init(&world->ctx, &world->doors);
	world->one = dns_new(servers, 1, PATIENCE);
	world->two = dns_new(servers, 2, PATIENCE);
	world->hasty = dns_new(servers, 1, HASTE);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	dns_free(world->one);
	dns_free(world->two);
	dns_free(world->hasty);
	dns_peer_stop(&world->peer);
	dns_peer_stop(&world->other);
	ctx_fini(&world->ctx);
	cancel_free(world->cancel);
	free(world);
	return 0;
}

/* S1 and S2 in the text become the servers' addresses. */
static const char *with_servers(struct world *world, const char *text)
{
	struct arena *arena = world->ctx.arena;
	const char *out = "", *at;

	for (at = text; *at; at++) {
		if (at[0] == 'S' && (at[1] == '1' || at[1] == '2')) {
			out = arena_printf(arena, "%s127.0.0.1:%u", out,
					   at[1] == '1' ? world->peer.port : world->other.port);
			at++;
		} else {
			out = arena_printf(arena, "%s%c", out, *at);
		}
	}
	return out;
}

/* --- addresses --- */

struct row {
	const char *sentence, *name;
	bool asks_two;
	enum err expected;
	const char *said; /* the addresses, or the reason */
	const char *text; /* the canonical name and the server, or the text */
};

static const struct row rows[] = {
	{"one IPv4 address", "v4.example.com", false, E_OK, "203.0.113.7", "v4.example.com S1"},
	{"one IPv6 address, in its canonical form", "v6.example.com", false, E_OK, "2001:db8::1",
	 "v6.example.com S1"},
	{"IPv4 before IPv6", "both.example.com", false, E_OK, "203.0.113.7 203.0.113.8 64:ff9b::1",
	 "both.example.com S1"},
	{"a chain of CNAMEs", "alias.example.com", false, E_OK, "203.0.113.9",
	 "end.example.org S1"},
	{"the order of records does not matter", "reversed.example.com", false, E_OK, "203.0.113.9",
	 "end.example.org S1"},
	{"a server that does not follow CNAMEs", "lazy.example.com", false, E_OK, "203.0.113.7",
	 "v4.example.com S1"},
	{"records of other names do not count", "stray.example.com", false, E_OK, "203.0.113.7",
	 "stray.example.com S1"},
	{"only records of other names", "only-stray.example.com", false, E_NOTFOUND, "NoAddress",
	 "S1 said NODATA (neither A nor AAAA) for only-stray.example.com"},
	{"eight CNAMEs", "eight.example.com", false, E_OK, "203.0.113.8", "c8 S1"},
	{"nine CNAMEs", "nine.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 said that nine.example.com is a chain of more than 8 CNAMEs"},
	{"a name that is its own CNAME", "loop.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 said that loop.example.com is a chain of more than 8 CNAMEs"},
	{"two names that are each other's CNAME", "slow-loop.example.com", false, E_AGAIN,
	 "LookupFailed", "S1 said that slow-loop.example.com is a chain of more than 8 CNAMEs"},
	{"no such name", "gone.example.com", false, E_NOTFOUND, "NXDomain",
	 "S1 said NXDOMAIN for gone.example.com"},
	{"a CNAME to no such name", "dangling.example.com", false, E_NOTFOUND, "NXDomain",
	 "S1 said NXDOMAIN for gone.example.net, the CNAME of dangling.example.com"},
	{"a name without addresses", "empty.example.com", false, E_NOTFOUND, "NoAddress",
	 "S1 said NODATA (neither A nor AAAA) for empty.example.com"},
	{"a server in trouble", "servfail.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 said SERVFAIL for servfail.example.com"},
	{"trouble with IPv6 alone", "half.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 said SERVFAIL for half.example.com"},
	{"a server that refuses", "refused.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 said REFUSED for refused.example.com"},
	{"a server that does not understand", "formerr.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 said FORMERR for formerr.example.com"},
	{"a server that speaks in riddles", "odd.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 said an unknown error for odd.example.com"},
	{"a server that does not answer", "silent.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 gave no answer for silent.example.com in time"},
	{"an answer that ends too early", "garbled.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 sent a garbled answer for garbled.example.com"},
	{"a question instead of an answer", "asks.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 sent a question instead of an answer for asks.example.com"},
	{"a question with addresses", "asks-with.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 sent a question instead of an answer for asks-with.example.com"},
	{"a question that says NXDOMAIN", "asks-gone.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 sent a question instead of an answer for asks-gone.example.com"},
	{"an answer of another opcode", "notify.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 sent the answer to another kind of question for notify.example.com"},
	{"cut off where it need not be", "cut.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 sent an answer that is cut off for cut.example.com"},
	{"an answer to what was not asked", "unasked.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 gave no answer for unasked.example.com in time"},
	{"addresses of another class", "chaos.example.com", false, E_NOTFOUND, "NoAddress",
	 "S1 said NODATA (neither A nor AAAA) for chaos.example.com"},
	{"a server that looks nothing up", "referral.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 sent the names of other servers, as one that looks nothing up, for "
	 "referral.example.com"},
	{"the zone's own server has nothing", "unreferred.example.com", false, E_NOTFOUND,
	 "NoAddress", "S1 said NODATA (neither A nor AAAA) for unreferred.example.com"},
	{"no such name, and its address", "undecided.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 said that undecided.example.com does not exist and what it has"},
	{"an answer too large for UDP", "large.example.com", false, E_OK, "203.0.113.7",
	 "large.example.com S1"},
	{"more addresses than we look at", "many.example.com", false, E_AGAIN, "LookupFailed",
	 "S1 sent more than 32 addresses for many.example.com"},
	{"the second server helps out", "servfail.example.com", true, E_OK, "192.0.2.1",
	 "servfail.example.com S2"},
	{"NXDOMAIN of the first server decides", "gone.example.com", true, E_NOTFOUND, "NXDomain",
	 "S1 said NXDOMAIN for gone.example.com"},
	{"both servers are named when both fail", "refused.example.com", true, E_AGAIN,
	 "LookupFailed",
	 "S1 said REFUSED for refused.example.com; S2 said REFUSED for refused.example.com"},
};

static void check_answer(struct world *world, const struct row *row,
			 const struct dns_answer *answer)
{
	const char *addresses = "";
	size_t i;

	for (i = 0; i < answer->count; i++)
		addresses = arena_printf(world->ctx.arena, "%s%s%s", addresses, i ? " " : "",
					 answer->addresses[i]);
	check_row_text(row->sentence, addresses, row->said);
	check_row_text(row->sentence,
		       arena_printf(world->ctx.arena, "%s %s", answer->canonical, answer->server),
		       with_servers(world, row->text));
}

static void test_what_a_name_resolves_to(void **state)
{
	struct world *world = *state;
	const struct row *row;
	struct dns_answer answer;
	struct dns *dns;
	enum err err;

	for (row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		dns = row->asks_two ? world->two : world->one;
		if (strstr(row->text, "in time"))
			dns = world->hasty;
		fault_clear(&world->ctx);
		err = dns->resolve(&world->ctx, dns, row->name, &answer);
		if (err != row->expected)
			fail_msg("%s: got %s (%s)", row->sentence, err_name(err),
				 world->ctx.fault.text);
		if (err == E_OK) {
			check_answer(world, row, &answer);
			continue;
		}
		check_row_text(row->sentence, world->ctx.fault.reason, row->said);
		check_row_text(row->sentence, world->ctx.fault.text,
			       with_servers(world, row->text));
	}
}

static enum err resolve_at(struct world *world, const char *server, const char *name)
{
	struct dns *dns = dns_new(&server, 1, PATIENCE);
	struct dns_answer answer;
	enum err err = dns->resolve(&world->ctx, dns, name, &answer);

	dns_free(dns);
	return err;
}

static void test_a_server_that_is_not_there(void **state)
{
	struct world *world = *state;

	assert_int_equal(resolve_at(world, "127.0.0.1:1", "a.example.com"), E_AGAIN);
	assert_string_equal(world->ctx.fault.text,
			    "127.0.0.1:1 cannot be reached to look up a.example.com");
	assert_int_equal(resolve_at(world, "::1", "a.example.com"), E_AGAIN);
	assert_true(text_starts_with(world->ctx.fault.text, "[::1]:53 "));
	assert_int_equal(resolve_at(world, "no.server.example", "a.example.com"), E_AGAIN);
	assert_true(
		text_starts_with(world->ctx.fault.text, "no.server.example:53 cannot be asked: "));
}

static void test_a_server_is_not_waited_for_longer_than_told(void **state)
{
	struct world *world = *state;
	msec_t before = ctx_mono(&world->ctx);
	struct dns_answer answer;

	assert_int_equal(
		world->hasty->resolve(&world->ctx, world->hasty, "silent.example.com", &answer),
		E_AGAIN);
	/* c-ares' own time is 75 s. */
	assert_in_range(ctx_mono(&world->ctx) - before, HASTE - 50, PATIENCE);
}

/* --- CAA --- */

struct caa_row {
	const char *sentence, *name;
	enum err expected;
	const char *owner, *said; /* flags tag=value of each, or the text */
};

static const struct caa_row caa_rows[] = {
	{"records of its own", "own.caa.example.com", E_OK, "own.caa.example.com",
	 "0 issue=letsencrypt.org, 128 issuewild=;"},
	{"the parent's", "plain.caa.example.com", E_OK, "caa.example.com", "0 issue=pki.example"},
	{"an ancestor's", "a.b.c.caa.example.com", E_OK, "caa.example.com", "0 issue=pki.example"},
	{"of a name that does not exist", "gone.caa.example.com", E_OK, "caa.example.com",
	 "0 issue=pki.example"},
	{"of a wildcard", "*.own.caa.example.com", E_OK, "own.caa.example.com",
	 "0 issue=letsencrypt.org, 128 issuewild=;"},
	{"behind a CNAME", "aliased.caa.example.com", E_OK, "x.example.org",
	 "0 issue=other.example"},
	{"behind a CNAME without any, the parent's of the name", "empty-alias.caa.example.com",
	 E_OK, "caa.example.com", "0 issue=pki.example"},
	{"none at all", "free.example.com", E_OK, NULL, ""},
	{"octets that are no text", "odd.example.net", E_OK, "odd.example.net", "0 issue=a??b"},
	{"a question instead of an answer", "asks.caa.example.com", E_AGAIN, NULL,
	 "S1 sent a question instead of an answer for asks.caa.example.com"},
	{"trouble at an ancestor", "shop.com.broken", E_AGAIN, NULL,
	 "S1 said SERVFAIL for com.broken"},
};

static void test_who_may_issue(void **state)
{
	struct world *world = *state;
	const struct caa_row *row;
	struct dns_caa_set set;
	const char *said;
	size_t i;

	for (row = caa_rows; row < caa_rows + ARRAY_SIZE(caa_rows); row++) {
		check_row_int(row->sentence,
			      world->one->caa(&world->ctx, world->one, row->name, &set),
			      row->expected);
		if (row->expected != E_OK) {
			check_row_text(row->sentence, world->ctx.fault.text,
				       with_servers(world, row->said));
			continue;
		}
		for (said = "", i = 0; i < set.count; i++)
			said = arena_printf(world->ctx.arena, "%s%s%u %s=%s", said, i ? ", " : "",
					    set.items[i].flags, set.items[i].tag,
					    set.items[i].value);
		check_row_text(row->sentence, said, row->said);
		check_row_text(row->sentence, set.owner, row->owner);
		check_row_text(row->sentence, set.server, with_servers(world, "S1"));
	}
}

/* --- cancelling --- */

struct canceller {
	struct world *world;
	msec_t requested_at;
};

static void *cancel_when_asked(void *arg)
{
	struct canceller *canceller = arg;
	struct world *world = canceller->world;

	while (!__atomic_load_n(&world->peer.questions, __ATOMIC_RELAXED))
		nap();
	canceller->requested_at = world->doors.clock->mono(world->doors.clock);
	cancel_request(world->cancel);
	return NULL;
}

static void test_a_cancelled_lookup_returns_at_once(void **state)
{
	struct world *world = *state;
	struct canceller canceller = {.world = world};
	const char *server = with_servers(world, "S1");
	struct dns *patient = dns_new(&server, 1, 20 * PATIENCE);
	struct dns_answer answer;
	pthread_t thread;
	msec_t returned_at;

	pthread_create(&thread, NULL, cancel_when_asked, &canceller);
	assert_int_equal(patient->resolve(&world->ctx, patient, "silent.example.com", &answer),
			 E_CANCELLED);
	returned_at = ctx_mono(&world->ctx);
	pthread_join(thread, NULL);
	assert_in_range(returned_at - canceller.requested_at, 0, PATIENCE);
	dns_free(patient);
}

/* --- several threads --- */

static void *resolve_often(void *arg)
{
	struct world *world = arg;
	struct dns_answer answer;
	struct ctx ctx;
	unsigned i;

	ctx_init(&ctx, &world->doors);
	for (i = 0; i < 50; i++)
		if (world->one->resolve(&ctx, world->one, "both.example.com", &answer) != E_OK ||
		    answer.count != 3)
			break;
	ctx_fini(&ctx);
	return i == 50 ? arg : NULL;
}

static void test_workers_share_one(void **state)
{
	pthread_t threads[4];
	void *result;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, resolve_often, *state);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &result);
		assert_non_null(result);
	}
}

/* --- damage --- */

static void visit_damaged(const char *text, size_t size, void *data)
{
	const char *tag, *value;
	struct message message;
	unsigned flags;
	struct ctx ctx;
	size_t i;

	(void)data;
	check_begin(&ctx);
	if (message_parse(&ctx, (const unsigned char *)text, size, &message)) {
		assert_in_range(message.count, 0, MESSAGE_RECORDS_MAX);
		for (i = 0; i < message.count; i++) {
			assert_true(strlen(message.records[i].owner) <= MESSAGE_NAME_MAX);
			if (message.records[i].type == MESSAGE_CAA)
				message_caa(&ctx, &message.records[i], &flags, &tag, &value);
			else if (message.records[i].type != MESSAGE_CNAME)
				message_address(&ctx, &message.records[i]);
		}
	}
	ctx_fini(&ctx);
}

static void test_damaged_messages_stay_harmless(void **state)
{
	static const char compressed[] = "\x12\x34\x81\x80\0\1\0\3\0\0\0\0"
					 "\4shop\7example\3com\0\0\1\0\1"
					 "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\6\3www\xc0\x11"
					 "\xc0\x2e\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\7"
					 "\xc0\x0c\1\1\0\1\0\0\0\x3c\0\x0e\0\5issueca.test";
	struct mutate mutate = {.visit = visit_damaged};
	struct message message;
	struct ctx ctx;

	(void)state;
	check_begin(&ctx);
	assert_true(message_parse(&ctx, (const unsigned char *)compressed, sizeof(compressed) - 1,
				  &message));
	assert_int_equal(message.count, 3);
	assert_string_equal(message.records[0].target, "www.example.com");
	assert_string_equal(message.records[1].owner, "www.example.com");
	assert_string_equal(message_address(&ctx, &message.records[1]), "203.0.113.7");
	ctx_fini(&ctx);
	mutate_seed(&mutate, compressed, sizeof(compressed) - 1);
}

struct garbled {
	const char *sentence, *data;
	size_t size;
};

#define HEAD(answers) "\0\0\x81\x80\0\0\0" answers "\0\0\0\0"
#define GARBLED(sentence, data)                  \
	{                                        \
		sentence, data, sizeof(data) - 1 \
	}

static const struct garbled garbled[] = {
	GARBLED("nothing", ""),
	GARBLED("half a header", "\0\0\x81\x80\0\0"),
	GARBLED("a pointer to itself", HEAD("\1") "\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd"),
	GARBLED("a pointer ahead", HEAD("\1") "\xc0\x0e\0\1\0\1\0\0\0\0\0\4abcd"),
	GARBLED("a pointer out of the message", HEAD("\1") "\xff\xff\0\1\0\1\0\0\0\0\0\4abcd"),
	GARBLED("half a pointer", HEAD("\1") "\xc0"),
	GARBLED("a label of an unknown kind", HEAD("\1") "\x80\0\0\1\0\1\0\0\0\0\0\4abcd"),
	GARBLED("a label with a dot", HEAD("\1") "\3a.b\0\0\1\0\1\0\0\0\0\0\4abcd"),
	GARBLED("a label with a NUL", HEAD("\1") "\3a\0b\0\0\1\0\1\0\0\0\0\0\4abcd"),
	GARBLED("data beyond the end", HEAD("\1") "\1a\0\0\1\0\1\0\0\0\0\0\5abcd"),
	GARBLED("a CNAME with something behind it", HEAD("\1") "\1a\0\0\5\0\1\0\0\0\0\0\4\1b\0x"),
	GARBLED("a CNAME longer than its data", HEAD("\2") "\1a\0\0\5\0\1\0\0\0\0\0\2\1b\0"),
	GARBLED("an answer that is not there", HEAD("\1")),
};

static void test_garbled_messages_are_seen(void **state)
{
	struct message message;
	struct ctx ctx;
	size_t i;

	(void)state;
	check_begin(&ctx);
	for (i = 0; i < ARRAY_SIZE(garbled); i++)
		check_row(garbled[i].sentence,
			  !message_parse(&ctx, (const unsigned char *)garbled[i].data,
					 garbled[i].size, &message));
	assert_true(message_parse(&ctx, (const unsigned char *)HEAD("\0"), 12, &message));
	ctx_fini(&ctx);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_what_a_name_resolves_to),
		T(test_a_server_that_is_not_there),
		T(test_a_server_is_not_waited_for_longer_than_told),
		T(test_who_may_issue),
		T(test_a_cancelled_lookup_returns_at_once),
		T(test_workers_share_one),
		cmocka_unit_test(test_damaged_messages_stay_harmless),
		cmocka_unit_test(test_garbled_messages_are_seen),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
