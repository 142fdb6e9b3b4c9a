#include "base/utf8.h"

#include <string.h>

#include "base/buf.h"

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

/* RFC 3629 section 4: the second byte is what excludes overlong forms, surrogates and the range
 * over U+10FFFF. */
static bool is_second_fine(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xE0: return second >= 0xA0;
	case 0xED: return second <= 0x9F;
	case 0xF0: return second >= 0x90;
	case 0xF4: return second <= 0x8F;
	default: return true;
	}
}

size_t utf8_next(const char *text, size_t size)
{
	unsigned char first = (unsigned char)text[0];
	size_t length;

	if (first < 0x80)
		return 1;
	if (first < 0xC2 || first > 0xF4)
		return 0;
	length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
	if (length > size)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (!is_continuation(text[i]))
			return 0;
	}
	return is_second_fine(first, (unsigned char)text[1]) ? length : 0;
}

size_t utf8_check(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size) {
		size_t length = utf8_next(text + at, size - at);

		if (length == 0)
			break;
		at += length;
	}
	return at;
}

size_t utf8_encode(unsigned code, char out[static 4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xC0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xE0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3F));
		out[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3F));
	out[2] = (char)(0x80 | (code >> 6 & 0x3F));
	out[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}

size_t utf8_cut(const char *text, size_t size, size_t max)
{
	if (size <= max)
		return size;
	while (max > 0 && is_continuation(text[max]))
		max--;
	return max;
}

size_t utf8_cut_words(const char *text, size_t size, size_t max)
{
	size_t cut = utf8_cut(text, size, max), end = cut;

	if (cut == size)
		return size;
	while (end > 0 && text[end] != ' ' && text[end] != '\n')
		end--;
	if (end < cut / 2)
		return cut;
	while (end > 0 && strchr(" \n,;:", text[end - 1]))
		end--;
	return end;
}

void utf8_move(const char *text, struct place *place, size_t at)
{
	if (at < place->at)
		*place = PLACE_START;
	for (; place->at < at; place->at++) {
		if (text[place->at] == '\n') {
			place->line++;
			place->column = 1;
		} else if (!is_continuation(text[place->at])) {
			place->column++;
		}
	}
}

/* C1 controls (U+0080..U+009F) drive terminals as C0 ones do. */
static bool needs_escape(const char *text, size_t length)
{
	unsigned char c = (unsigned char)text[0];

	if (length == 0 || c < 0x20 || c == 0x7F)
		return true;
	return c == 0xC2 && (unsigned char)text[1] < 0xA0;
}

char *utf8_quote(struct arena *arena, const char *text, size_t max)
{
	size_t size = strlen(text);
	size_t end = utf8_cut(text, size, max);
	struct buf buf cleanup_buf;

	buf_init(&buf, 4 * end + 8);
	buf_adds(&buf, "\"");
	for (size_t at = 0; at < end;) {
		size_t length = utf8_next(text + at, end - at);

		if (text[at] == '"' || text[at] == '\\')
			buf_addf(&buf, "\\%c", text[at]);
		else if (needs_escape(text + at, length))
			buf_addf(&buf, "\\x%02X", (unsigned char)text[at]);
		else
			buf_add(&buf, text + at, length);
		/* The second byte of an escaped C1 control is escaped alone, as a bad byte. */
		at += length > 0 && !needs_escape(text + at, length) ? length : 1;
	}
	buf_adds(&buf, end < size ? "...\"" : "\"");
	return arena_strndup(arena, buf.data, buf.size);
}
