#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

#define FIRST_CAPACITY ((size_t)256)

void buf_init(struct buf *buf, size_t limit)
{
	assert(limit < SIZE_MAX / 4);
	*buf = (struct buf){.limit = limit};
}

/* What passed through may have been secret; wiping costs less than knowing. */
static void give_back(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->capacity);
	free(buf->data);
}

void buf_fini(struct buf *buf)
{
	give_back(buf);
	*buf = (struct buf){.limit = buf->limit};
}

/* Once something did not fit nothing does: a buffer never has a hole in its middle. */
static bool has_room(struct buf *buf, size_t size)
{
	if (size > buf->limit - buf->size)
		buf->is_overfull = true;
	return !buf->is_overfull;
}

static void reserve(struct buf *buf, size_t size)
{
	size_t wanted = buf->size + size + 1;
	size_t capacity = buf->capacity ? buf->capacity : FIRST_CAPACITY;
	char *data;

	if (wanted <= buf->capacity)
		return;
	while (capacity < wanted)
		capacity *= 2;
	data = heap_malloc(capacity);
	if (buf->size)
		memcpy(data, buf->data, buf->size);
	give_back(buf);
	buf->data = data;
	buf->capacity = capacity;
}

bool buf_add(struct buf *buf, const void *data, size_t size)
{
	if (!has_room(buf, size))
		return false;
	reserve(buf, size);
	if (size > 0)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
	return true;
}

bool buf_adds(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

bool buf_addf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(length >= 0);
	if (!has_room(buf, (size_t)length))
		return false;
	reserve(buf, (size_t)length);
	va_start(args, format);
	vsnprintf(buf->data + buf->size, (size_t)length + 1, format, args);
	va_end(args);
	buf->size += (size_t)length;
	return true;
}
