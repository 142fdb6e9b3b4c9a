/*
 * message - DNS messages (RFC 1035 4) from a server, of which nothing is believed unchecked.
 *
 * Names come out lower case, without the last dot. A message with a label that no name of ours has,
 * a pointer that does not lead back, or a length that leads outside, is garbled as a whole.
 */
#pragma once

#include <stdbool.h>

#include "base/ctx.h"

#define MESSAGE_RECORDS_MAX 128
#define MESSAGE_NAME_MAX    254

enum message_type { MESSAGE_A = 1, MESSAGE_CNAME = 5, MESSAGE_AAAA = 28, MESSAGE_CAA = 257 };

struct message_record {
	const char *owner;
	enum message_type type;
	const char *target; /* MESSAGE_CNAME */
	const unsigned char *data;
	size_t size;
};

struct message {
	struct message_record *records; /* of the answer section, class IN, of the types above */
	size_t count;
	bool is_referral; /* no answer: others are to be asked, which only a recursive server does
			   */
};

/* NULL for what its header says is a whole answer to a question (RFC 1035 4.1.1), whatever answer;
 * else what it is instead. */
const char *message_flaw(const unsigned char *data, size_t size);

/* False: garbled. The records point into `data`. */
bool message_parse(struct ctx *ctx, const unsigned char *data, size_t size, struct message *out);

/* RFC 8659 4.1. `tag` in lower case; octets that are not printable become '?'. False: garbled. */
bool message_caa(struct ctx *ctx, const struct message_record *record, unsigned *flags,
		 const char **tag, const char **value);

/* The canonical text of an A or AAAA record; NULL: garbled. */
const char *message_address(struct ctx *ctx, const struct message_record *record);
