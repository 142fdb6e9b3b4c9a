#include "dns/dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <ares.h>

#include "base/fatal.h"
#include "base/heap.h"
#include "base/text.h"
#include "dns/asker.h"

#define CNAMES_MAX	8
#define SERVERS_MAX	8
#define DEFAULT_TIMEOUT (5 * MSEC_PER_SEC)

struct resolver {
	struct dns dns;
	char **servers; /* immutable after new, as all here */
	size_t count;
	msec_t timeout; /* for one question to one server */
};

/* A name after its CNAMES, as one server tells it. */
struct trail {
	const char *name;
	unsigned cnames;
	struct asker_answer answer; /* for that name, or for one before it */
};

typedef enum err lookup_at(struct asker *asker, const char *hostname, void *out);

/* --- CNAMEs --- */

static const struct message_record *next_record(const struct trail *trail, enum message_type type,
						const struct message_record *after)
{
	const struct message *message = &trail->answer.message;
	size_t i = after ? (size_t)(after - message->records) + 1 : 0;

	for (; i < message->count; i++)
		if (message->records[i].type == type &&
		    text_equals_nocase(message->records[i].owner, trail->name))
			return &message->records[i];
	return NULL;
}

static enum err walk_cnames(struct asker *asker, const char *hostname, struct trail *trail)
{
	const struct message_record *record;

	while ((record = next_record(trail, MESSAGE_CNAME, NULL))) {
		if (++trail->cnames > CNAMES_MAX)
			return fault_set(asker->ctx, E_AGAIN, "LookupFailed",
					 "%s said that %s is a chain of more than 8 CNAMEs",
					 asker->server, hostname);
		trail->name = record->target;
	}
	return E_OK;
}

/* A recursive server answers with the whole chain; another one may leave us to ask on. */
static enum err follow(struct asker *asker, const char *hostname, enum message_type type,
		       struct trail *trail)
{
	const char *asked;

	memset(trail, 0, sizeof(*trail));
	trail->name = hostname;
	do {
		asked = trail->name;
		TRY(asker_ask(asker, asked, type, &trail->answer));
		TRY(walk_cnames(asker, hostname, trail));
	} while (!trail->answer.is_nxdomain && trail->name != asked &&
		 !next_record(trail, type, NULL));
	/* RFC 6604 3: it speaks of the last name of the chain. */
	if (trail->answer.is_nxdomain && next_record(trail, type, NULL))
		return fault_set(asker->ctx, E_AGAIN, "LookupFailed",
				 "%s said that %s does not exist and what it has", asker->server,
				 trail->name);
	return E_OK;
}

/* --- lookups at one server --- */

static enum err add_addresses(struct asker *asker, const struct trail *trail,
			      enum message_type type, struct dns_answer *out)
{
	const struct message_record *record = NULL;
	const char *address;

	while ((record = next_record(trail, type, record))) {
		address = message_address(asker->ctx, record);
		if (!address)
			return fault_set(asker->ctx, E_AGAIN, "LookupFailed",
					 "%s sent a garbled address for %s", asker->server,
					 trail->name);
		if (out->count == DNS_ADDRESSES_MAX)
			return fault_set(asker->ctx, E_AGAIN, "LookupFailed",
					 "%s sent more than 32 addresses for %s", asker->server,
					 trail->name);
		out->addresses[out->count++] = address;
	}
	return E_OK;
}

static enum err nothing_found(struct asker *asker, const char *hostname, const struct trail *trail)
{
	bool is_alias = trail->cnames > 0;
	const char *what = trail->answer.is_nxdomain ? "NXDOMAIN" : "NODATA (neither A nor AAAA)";

	return fault_set(asker->ctx, E_NOTFOUND,
			 trail->answer.is_nxdomain ? "NXDomain" : "NoAddress",
			 "%s said %s for %s%s%s", asker->server, what, trail->name,
			 is_alias ? ", the CNAME of " : "", is_alias ? hostname : "");
}

static enum err resolve_at(struct asker *asker, const char *hostname, void *arg)
{
	struct dns_answer *out = arg;
	struct trail v4, v6;

	memset(out, 0, sizeof(*out));
	out->addresses = arena_new_array(asker->ctx->arena, const char *, DNS_ADDRESSES_MAX);
	out->server = asker->server;
	TRY(follow(asker, hostname, MESSAGE_A, &v4));
	TRY(add_addresses(asker, &v4, MESSAGE_A, out));
	out->canonical = v4.name;
	TRY(follow(asker, hostname, MESSAGE_AAAA, &v6));
	TRY(add_addresses(asker, &v6, MESSAGE_AAAA, out));
	if (!v4.cnames)
		out->canonical = v6.name;
	return out->count ? E_OK : nothing_found(asker, hostname, &v4);
}

static enum err read_caa(struct asker *asker, const struct trail *trail, struct dns_caa_set *out)
{
	const struct message_record *record = NULL;
	struct dns_caa *item;

	out->items = arena_new_array(asker->ctx->arena, struct dns_caa,
				     trail->answer.message.count + 1);
	while ((record = next_record(trail, MESSAGE_CAA, record))) {
		item = &out->items[out->count++];
		if (!message_caa(asker->ctx, record, &item->flags, &item->tag, &item->value))
			return fault_set(asker->ctx, E_AGAIN, "LookupFailed",
					 "%s sent a garbled CAA record for %s", asker->server,
					 trail->name);
	}
	if (out->count)
		out->owner = trail->name;
	return E_OK;
}

/* RFC 8659 3: the closest ancestor counts, up to but not including the root. */
static enum err caa_at(struct asker *asker, const char *hostname, void *arg)
{
	struct dns_caa_set *out = arg;
	const char *name = text_starts_with(hostname, "*.") ? hostname + 2 : hostname;
	struct trail trail;

	memset(out, 0, sizeof(*out));
	out->server = asker->server;
	while (name && *name) {
		TRY(follow(asker, name, MESSAGE_CAA, &trail));
		TRY(read_caa(asker, &trail, out));
		if (out->count)
			break;
		name = strchr(name, '.');
		name = name ? name + 1 : NULL;
	}
	return E_OK;
}

/* --- servers --- */

static enum err lookup_at_server(struct ctx *ctx, const struct resolver *self, const char *server,
				 lookup_at *at, const char *hostname, void *out)
{
	struct asker asker;
	enum err err;

	TRY(asker_open(ctx, server, self->timeout, &asker));
	err = at(&asker, hostname, out);
	asker_close(&asker);
	return err;
}

/* "address:port", with the brackets that an IPv6 address needs. */
static char *full_name(struct arena *arena, const char *server)
{
	const char *colon = strchr(server, ':');

	if (*server == '[')
		return arena_printf(arena, text_ends_with(server, "]") ? "%s:53" : "%s", server);
	if (!colon)
		return arena_printf(arena, "%s:53", server);
	return arena_printf(arena, strchr(colon + 1, ':') ? "[%s]:53" : "%s", server);
}

static const char *print_node(struct arena *arena, const struct ares_addr_port_node *node)
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(node->family, &node->addr, text, sizeof(text)))
		return NULL;
	return arena_printf(arena, node->family == AF_INET6 ? "[%s]:%d" : "%s:%d", text,
			    node->udp_port ? node->udp_port : NAMESERVER_PORT);
}

/* Read each time: the network may have changed since we started. */
static size_t system_servers(struct ctx *ctx, const char *servers[static SERVERS_MAX])
{
	struct ares_addr_port_node *nodes = NULL, *node;
	ares_channel channel;
	size_t count = 0;

	if (ares_init(&channel) != ARES_SUCCESS)
		return 0;
	ares_get_servers_ports(channel, &nodes);
	for (node = nodes; node && count < SERVERS_MAX; node = node->next) {
		servers[count] = print_node(ctx->arena, node);
		if (servers[count])
			count++;
	}
	if (nodes)
		ares_free_data(nodes);
	ares_destroy(channel);
	return count;
}

static size_t list_servers(struct ctx *ctx, const struct resolver *self,
			   const char *servers[static SERVERS_MAX])
{
	size_t i;

	for (i = 0; i < self->count; i++)
		servers[i] = arena_strdup(ctx->arena, self->servers[i]);
	return self->count ? self->count : system_servers(ctx, servers);
}

/* The first that answers decides; when none does, the text tells what each of them said. */
static enum err ask_servers(struct ctx *ctx, struct dns *dns, lookup_at *at, const char *hostname,
			    void *out)
{
	const struct resolver *self = (const struct resolver *)dns;
	const char *servers[SERVERS_MAX], *said = "";
	size_t i, count = list_servers(ctx, self, servers);
	enum err err;

	if (strlen(hostname) > 253)
		return fault_set(ctx, E_REFUSED, "InvalidHostname", "a name of over 253 octets");
	if (count == 0)
		return fault_set(ctx, E_AGAIN, "LookupFailed", "no DNS server is configured");
	for (i = 0; i < count; i++) {
		err = lookup_at_server(ctx, self, servers[i], at, hostname, out);
		if (err != E_AGAIN)
			return err;
		said = arena_printf(ctx->arena, "%s%s%s", said, *said ? "; " : "", ctx->fault.text);
	}
	return fault_set(ctx, E_AGAIN, "LookupFailed", "%s", said);
}

static enum err resolve(struct ctx *ctx, struct dns *dns, const char *hostname,
			struct dns_answer *out)
{
	return ask_servers(ctx, dns, resolve_at, hostname, out);
}

static enum err caa(struct ctx *ctx, struct dns *dns, const char *hostname, struct dns_caa_set *out)
{
	return ask_servers(ctx, dns, caa_at, hostname, out);
}

static void init_library(void)
{
	int status = ares_library_init(ARES_LIB_INIT_ALL);

	if (status != ARES_SUCCESS)
		fatal("c-ares does not start", ares_strerror(status));
}

struct dns *dns_new(const char *const *servers, size_t count, msec_t timeout)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct resolver *self = heap_calloc(1, sizeof(*self));
	struct arena *arena = arena_new();
	size_t i;

	pthread_once(&once, init_library);
	self->dns.resolve = resolve;
	self->dns.caa = caa;
	self->timeout = timeout > 0 ? timeout : DEFAULT_TIMEOUT;
	self->count = count < SERVERS_MAX ? count : SERVERS_MAX;
	self->servers = heap_calloc(self->count + 1, sizeof(self->servers[0]));
	for (i = 0; i < self->count; i++)
		self->servers[i] = heap_strdup(full_name(arena, servers[i]));
	arena_free(arena);
	return &self->dns;
}

void dns_free(struct dns *dns)
{
	struct resolver *self = (struct resolver *)dns;
	size_t i;

	if (!self)
		return;
	for (i = 0; i < self->count; i++)
		free(self->servers[i]);
	free(self->servers);
	free(self);
}
