/* What a DNS server sent. Names and texts that come out are printable, data lies inside the
 * message, and an address reads as the octets it was written from. */
#include <arpa/inet.h>

#include "dns/message.h"
#include "fuzz/fuzz.h"

#define HEADER_SIZE 12

static void check_name(const char *name)
{
	assert(strlen(name) < MESSAGE_NAME_MAX);
	for (const char *at = name; *at; at++)
		assert(*at > ' ' && *at < 127 && *at != '\\' && !(*at >= 'A' && *at <= 'Z'));
}

static void check_printable(const char *text)
{
	for (; *text; text++)
		assert(*text >= ' ' && *text < 127);
}

static void check_address(struct ctx *ctx, const struct message_record *record)
{
	int family = record->type == MESSAGE_A ? AF_INET : AF_INET6;
	const char *text = message_address(ctx, record);
	unsigned char octets[16];

	assert((text != NULL) == (record->size == (family == AF_INET ? 4u : 16u)));
	if (text)
		assert(inet_pton(family, text, octets) == 1 &&
		       memcmp(octets, record->data, record->size) == 0);
}

static void check_caa(struct ctx *ctx, const struct message_record *record)
{
	const char *tag, *value;
	unsigned flags;

	if (!message_caa(ctx, record, &flags, &tag, &value))
		return;
	assert(*tag && 2 + strlen(tag) + strlen(value) == record->size && flags <= 255);
	check_printable(tag);
	for (const char *at = tag; *at; at++)
		assert(!(*at >= 'A' && *at <= 'Z'));
	check_printable(value);
}

static void check_record(struct ctx *ctx, const struct message_record *record, const uint8_t *data,
			 size_t size)
{
	assert(record->data >= data + HEADER_SIZE && record->data <= data + size);
	assert(record->size <= (size_t)(data + size - record->data));
	check_name(record->owner);
	switch (record->type) {
	case MESSAGE_A:
	case MESSAGE_AAAA: check_address(ctx, record); break;
	case MESSAGE_CNAME: check_name(record->target); break;
	case MESSAGE_CAA: check_caa(ctx, record); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctx ctx cleanup_ctx;
	struct message message;
	const char *flaw;

	fuzz_begin(&ctx);
	flaw = message_flaw(data, size);
	assert(flaw || size >= HEADER_SIZE);
	if (!message_parse(&ctx, data, size, &message))
		return 0;
	assert(message.count <= MESSAGE_RECORDS_MAX && !(message.count && message.is_referral));
	for (size_t i = 0; i < message.count; i++)
		check_record(&ctx, &message.records[i], data, size);
	return 0;
}
