/*
 * framing - whether the head of a request can be read in one way only.
 *
 * What two parsers could read as two different requests is not read at all. The library shows names
 * and values and keeps to itself what it passed over: what stands behind a NUL, a line that goes on
 * with the one before it (which it adds to that one's name), a line without a name (which it takes
 * for the end). It parses in place, though: where its strings lie tells whether every byte of the
 * head was shown. Knows nothing of libmicrohttpd.
 */
#pragma once

#include <stdint.h>

#include "httpd/request.h"

/* How far the head is accounted for. */
struct framing {
	uintptr_t begin, end;
	bool has_gap;
};

/* The request line: where its parts lie; `target_size` is that of the target as received. */
void framing_begin(struct framing *framing, const char *method, const char *target,
		   size_t target_size, const char *version);

/* The next header, in the order in which they came. */
void framing_add(struct framing *framing, const char *name, const char *value);

/* Whether a head of `size` bytes consists of what was begun and added. */
bool framing_is_whole(const struct framing *framing, size_t size);

/* Whether it is known where the body ends. */
bool framing_is_delimited(const struct request *request);

/* What is wrong with the head, for whoever sent it; NULL: nothing. */
const char *framing_fault(const struct request *request);
