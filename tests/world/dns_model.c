#include "world/dns_model.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "world/owners.h"

#define SERVER	    "192.0.2.53:53"
#define CA_IDENTITY "acme.test"

struct dns_record {
	struct dns_record *next;
	const char *hostname;
	const char *addresses; /* NULL: the gateway's */
	const char *caa_tag, *caa_value;
};

struct dns_model {
	struct dns dns;
	struct world *world;
};

static struct dns_record *find(const struct world *world, const char *hostname)
{
	struct dns_record *record;

	for (record = world->dns_records; record; record = record->next)
		if (text_equals_nocase(record->hostname, hostname))
			return record;
	return NULL;
}

static struct dns_record *need(struct world *world, const char *hostname)
{
	struct dns_record *record = find(world, hostname);

	if (record)
		return record;
	record = arena_new_one(world->keep.arena, struct dns_record);
	record->hostname = arena_strdup(world->keep.arena, hostname);
	record->next = world->dns_records;
	world->dns_records = record;
	return record;
}

static const struct gateway *first_gateway(const struct world *world)
{
	return (const struct gateway *)world->places[PLACE_GATEWAY];
}

static const char *addresses_of(const struct world *world, const char *hostname)
{
	const struct dns_record *record = find(world, hostname);

	return record && record->addresses ? record->addresses : first_gateway(world)->ip;
}

void dns_model_set(struct world *world, const char *hostname, const char *addresses)
{
	pthread_mutex_lock(&world->lock);
	need(world, hostname)->addresses = addresses ? arena_strdup(world->keep.arena, addresses)
						     : NULL;
	pthread_mutex_unlock(&world->lock);
}

void dns_model_set_caa(struct world *world, const char *hostname, const char *tag,
		       const char *value)
{
	struct dns_record *record;

	pthread_mutex_lock(&world->lock);
	record = need(world, hostname);
	record->caa_tag = tag ? arena_strdup(world->keep.arena, tag) : NULL;
	record->caa_value = tag ? arena_strdup(world->keep.arena, value) : NULL;
	pthread_mutex_unlock(&world->lock);
}

unsigned dns_model_lookups(struct world *world)
{
	unsigned count;

	pthread_mutex_lock(&world->lock);
	count = world->dns_lookups;
	pthread_mutex_unlock(&world->lock);
	return count;
}

bool dns_model_leads_to_gateway(struct world *world, const char *hostname, const char **trouble)
{
	const char *addresses = addresses_of(world, hostname);

	*trouble = NULL;
	if (text_equals(addresses, "NXDOMAIN"))
		*trouble = "DNS problem: NXDOMAIN looking up A";
	else if (text_equals(addresses, "SERVFAIL"))
		*trouble = "DNS problem: SERVFAIL looking up A";
	else if (text_equals(addresses, "NODATA"))
		*trouble = "No valid IP addresses found";
	return owners_by_ip(world, addresses);
}

/* RFC 8659: the closest ancestor with a record decides. */
static const struct dns_record *find_caa(const struct world *world, const char *hostname)
{
	const struct dns_record *record;

	for (; hostname; hostname = strchr(hostname, '.') ? strchr(hostname, '.') + 1 : NULL) {
		record = find(world, hostname);
		if (record && record->caa_tag)
			return record;
	}
	return NULL;
}

bool dns_model_allows(const struct world *world, const char *hostname)
{
	const struct dns_record *record = find_caa(world, hostname);

	return !record || !text_equals(record->caa_tag, "issue") ||
	       text_equals(record->caa_value, CA_IDENTITY);
}

static void split(struct ctx *ctx, const char *list, struct dns_answer *out)
{
	out->addresses = arena_new_array(ctx->arena, const char *, DNS_ADDRESSES_MAX);
	while (*list && out->count < DNS_ADDRESSES_MAX) {
		size_t length = strcspn(list, ",");

		out->addresses[out->count++] = arena_strndup(ctx->arena, list, length);
		list += length + (list[length] == ',');
	}
}

static enum err resolve(struct ctx *ctx, struct dns *dns, const char *hostname,
			struct dns_answer *out)
{
	struct world *world = ((struct dns_model *)dns)->world;
	char *list;

	pthread_mutex_lock(&world->lock);
	world->dns_lookups++;
	list = arena_strdup(ctx->arena, addresses_of(world, hostname));
	pthread_mutex_unlock(&world->lock);
	memset(out, 0, sizeof(*out));
	out->canonical = arena_strdup(ctx->arena, hostname);
	out->server = SERVER;
	if (text_equals(list, "NXDOMAIN"))
		return fault_set(ctx, E_NOTFOUND, "NXDomain", "%s says that %s does not exist",
				 SERVER, hostname);
	if (text_equals(list, "NODATA"))
		return fault_set(ctx, E_NOTFOUND, "NoAddress", "%s says that %s has no address",
				 SERVER, hostname);
	if (text_equals(list, "SERVFAIL"))
		return fault_set(ctx, E_AGAIN, "LookupFailed", "%s: SERVFAIL for %s", SERVER,
				 hostname);
	if (text_equals(list, "GARBLED"))
		return fault_set(ctx, E_AGAIN, "LookupFailed", "%s sent a garbled answer for %s",
				 SERVER, hostname);
	split(ctx, list, out);
	return E_OK;
}

static enum err caa(struct ctx *ctx, struct dns *dns, const char *hostname, struct dns_caa_set *out)
{
	struct world *world = ((struct dns_model *)dns)->world;
	const struct dns_record *record;

	memset(out, 0, sizeof(*out));
	out->server = SERVER;
	pthread_mutex_lock(&world->lock);
	record = find_caa(world, hostname);
	if (record) {
		out->items = arena_new_one(ctx->arena, struct dns_caa);
		out->items->tag = arena_strdup(ctx->arena, record->caa_tag);
		out->items->value = arena_strdup(ctx->arena, record->caa_value);
		out->owner = arena_strdup(ctx->arena, record->hostname);
		out->count = 1;
	}
	pthread_mutex_unlock(&world->lock);
	return E_OK;
}

struct dns *dns_model_new(struct arena *arena, struct world *world)
{
	struct dns_model *model = arena_new_one(arena, struct dns_model);

	model->dns.resolve = resolve;
	model->dns.caa = caa;
	model->world = world;
	return &model->dns;
}
