/*
 * buf - bytes that grow up to a limit.
 *
 * Cannot be made without the limit. Passing it is an answer, not a crash: the buffer keeps what it
 * has and says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data; /* NUL-terminated behind `size`; NULL while empty */
	size_t size;
	size_t capacity;
	size_t limit;
	bool is_overfull; /* something did not fit */
};

void buf_init(struct buf *buf, size_t limit);
void buf_fini(struct buf *buf);

/* False when it would pass the limit; then nothing was added. */
bool buf_add(struct buf *buf, const void *data, size_t size);
bool buf_adds(struct buf *buf, const char *text);
bool buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define cleanup_buf __attribute__((cleanup(buf_fini)))
