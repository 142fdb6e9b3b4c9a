#include "dns/message.h"

#include <arpa/inet.h>
#include <string.h>

#define HEADER_SIZE 12
#define LABEL_MAX   63
#define CLASS_IN    1
#define TYPE_NS	    2

/* RFC 1035 4.1.1: bits of the header's third and fourth octet. */
#define FLAG_QR 0x8000u
#define FLAG_AA 0x0400u
#define FLAG_TC 0x0200u
#define FLAG_RA 0x0080u
#define OPCODE	0x7800u /* QUERY is 0 */

/* A place in a message. `is_broken` once something led outside; then everything reads as zero. */
struct reader {
	const unsigned char *data;
	size_t size, at;
	bool is_broken;
};

static unsigned read_octet(struct reader *reader)
{
	if (reader->is_broken || reader->at >= reader->size) {
		reader->is_broken = true;
		return 0;
	}
	return reader->data[reader->at++];
}

static unsigned read_16(struct reader *reader)
{
	unsigned high = read_octet(reader);

	return high << 8 | read_octet(reader);
}

static void skip(struct reader *reader, size_t size)
{
	if (reader->is_broken || size > reader->size - reader->at)
		reader->is_broken = true;
	else
		reader->at += size;
}

/* A dot or a backslash inside a label would make two names look the same. */
static bool add_label_octet(char *name, size_t *length, unsigned octet)
{
	if (octet <= ' ' || octet >= 127 || octet == '.' || octet == '\\' ||
	    *length + 1 >= MESSAGE_NAME_MAX)
		return false;
	if (octet >= 'A' && octet <= 'Z')
		octet += 'a' - 'A';
	name[(*length)++] = (char)octet;
	return true;
}

static bool add_label(struct reader *reader, char *name, size_t *length, unsigned size)
{
	if (*length && *length + 1 < MESSAGE_NAME_MAX)
		name[(*length)++] = '.';
	while (size--)
		if (!add_label_octet(name, length, read_octet(reader)))
			return false;
	return !reader->is_broken;
}

/* RFC 1035 4.1.4. Each pointer must lead further back than the last, hence it ends. */
static const char *read_name(struct ctx *ctx, struct reader *reader)
{
	struct reader label = *reader;
	size_t length = 0, lowest = reader->at;
	char name[MESSAGE_NAME_MAX + 1];
	bool has_jumped = false;
	unsigned size;

	for (;;) {
		size = read_octet(&label);
		if ((size & 0xc0) == 0xc0) {
			size = (size & 0x3f) << 8 | read_octet(&label);
			if (!has_jumped)
				reader->at = label.at;
			has_jumped = true;
			if (label.is_broken || size >= lowest)
				break;
			lowest = label.at = size;
			continue;
		}
		if (label.is_broken || size > LABEL_MAX)
			break;
		if (size == 0) {
			if (!has_jumped)
				reader->at = label.at;
			return arena_strndup(ctx->arena, name, length);
		}
		if (!add_label(&label, name, &length, size))
			break;
	}
	reader->is_broken = true;
	return "";
}

static bool is_known(unsigned type)
{
	return type == MESSAGE_A || type == MESSAGE_CNAME || type == MESSAGE_AAAA ||
	       type == MESSAGE_CAA;
}

static void read_record(struct ctx *ctx, struct reader *reader, struct message *out)
{
	const char *owner = read_name(ctx, reader);
	unsigned type = read_16(reader), class = read_16(reader), size;
	struct message_record *record;
	struct reader data;

	skip(reader, 4); /* TTL */
	size = read_16(reader);
	data = *reader;
	skip(reader, size);
	if (reader->is_broken || class != CLASS_IN || !is_known(type))
		return;
	record = &out->records[out->count++];
	record->owner = owner;
	record->type = (enum message_type)type;
	record->data = data.data + data.at;
	record->size = size;
	if (type == MESSAGE_CNAME) {
		record->target = read_name(ctx, &data);
		reader->is_broken = reader->is_broken || data.is_broken || data.at != reader->at;
	}
}

const char *message_flaw(const unsigned char *data, size_t size)
{
	struct reader reader = {data, size, 2, false};
	unsigned flags = read_16(&reader);

	if (size < HEADER_SIZE)
		return "something shorter than a header";
	if (!(flags & FLAG_QR))
		return "a question instead of an answer";
	if (flags & OPCODE)
		return "the answer to another kind of question";
	return flags & FLAG_TC ? "an answer that is cut off" : NULL;
}

/* Of a server that neither looks further nor has the name itself: says nothing about the name. */
static bool reads_as_referral(struct ctx *ctx, unsigned flags, struct reader reader,
			      unsigned authorities)
{
	if (flags & (FLAG_AA | FLAG_RA) || authorities == 0)
		return false;
	read_name(ctx, &reader);
	return read_16(&reader) == TYPE_NS;
}

bool message_parse(struct ctx *ctx, const unsigned char *data, size_t size, struct message *out)
{
	struct reader reader = {data, size, 2, false};
	unsigned flags = read_16(&reader), questions = read_16(&reader);
	unsigned answers = read_16(&reader), authorities = read_16(&reader);

	skip(&reader, HEADER_SIZE - reader.at);
	memset(out, 0, sizeof(*out));
	if (reader.is_broken || questions > 1 || answers > MESSAGE_RECORDS_MAX)
		return false;
	out->records = arena_new_array(ctx->arena, struct message_record, answers + 1);
	while (questions-- && !reader.is_broken) {
		read_name(ctx, &reader);
		skip(&reader, 4);
	}
	while (answers-- && !reader.is_broken)
		read_record(ctx, &reader, out);
	out->is_referral = !out->count && reads_as_referral(ctx, flags, reader, authorities);
	return !reader.is_broken;
}

static const char *printable(struct ctx *ctx, const unsigned char *data, size_t size)
{
	char *text = arena_alloc(ctx->arena, size + 1);
	size_t i;

	for (i = 0; i < size; i++)
		text[i] = data[i] >= ' ' && data[i] < 127 ? (char)data[i] : '?';
	return text;
}

bool message_caa(struct ctx *ctx, const struct message_record *record, unsigned *flags,
		 const char **tag, const char **value)
{
	size_t tag_size = record->size >= 2 ? record->data[1] : 0;
	char *at;

	if (tag_size == 0 || record->size < 2 + tag_size)
		return false;
	*flags = record->data[0];
	*tag = printable(ctx, record->data + 2, tag_size);
	for (at = (char *)*tag; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	*value = printable(ctx, record->data + 2 + tag_size, record->size - 2 - tag_size);
	return true;
}

const char *message_address(struct ctx *ctx, const struct message_record *record)
{
	int family = record->type == MESSAGE_A ? AF_INET : AF_INET6;
	char text[INET6_ADDRSTRLEN];

	if (record->size != (record->type == MESSAGE_A ? 4u : 16u))
		return NULL;
	if (!inet_ntop(family, record->data, text, sizeof(text)))
		return NULL;
	return arena_strdup(ctx->arena, text);
}
