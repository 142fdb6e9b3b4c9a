#include "codec/jsonscan.h"

#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "codec/members.h"

#define SHOWN_MAX 40

struct reader {
	struct jsonscan *scan;
	size_t at;
	unsigned depth;
	size_t values;
	struct members members;
};

static bool read_value(struct reader *reader, void *parent, struct jsonscan_value *value);

static bool refuse(struct reader *reader, size_t at, const char *problem)
{
	reader->scan->problem = problem;
	reader->scan->problem_at = at;
	return false;
}

static int peek(const struct reader *reader)
{
	const struct jsonscan *scan = reader->scan;

	return reader->at < scan->size ? (unsigned char)scan->text[reader->at] : -1;
}

static bool refuse_found(struct reader *reader, const char *expected)
{
	struct arena *arena = reader->scan->ctx->arena;
	int c = peek(reader);
	const char *text;

	if (c < 0)
		text = arena_printf(arena, "expected %s, found the end", expected);
	else if (c > ' ' && c < 0x7F)
		text = arena_printf(arena, "expected %s, found '%c'", expected, c);
	else
		text = arena_printf(arena, "expected %s, found byte 0x%02X", expected, c);
	return refuse(reader, reader->at, text);
}

static void skip_space(struct reader *reader)
{
	int c;

	while ((c = peek(reader)) == ' ' || c == '\t' || c == '\n' || c == '\r')
		reader->at++;
}

static bool take(struct reader *reader, char c)
{
	if (peek(reader) != c)
		return false;
	reader->at++;
	return true;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool take_digits(struct reader *reader)
{
	size_t start = reader->at;

	while (is_digit(peek(reader)))
		reader->at++;
	return reader->at > start || refuse_found(reader, "a digit");
}

static bool read_number(struct reader *reader, struct jsonscan_value *value)
{
	size_t start = reader->at;

	take(reader, '-');
	if (take(reader, '0')) {
		if (is_digit(peek(reader)))
			return refuse(reader, start, "a number may not begin with 0");
	} else if (!take_digits(reader)) {
		return false;
	}
	if (take(reader, '.') && !take_digits(reader))
		return false;
	if (take(reader, 'e') || take(reader, 'E')) {
		if (!take(reader, '+'))
			take(reader, '-');
		if (!take_digits(reader))
			return false;
	}
	value->kind = JSONSCAN_NUMBER;
	value->text = arena_strndup(reader->scan->ctx->arena, reader->scan->text + start,
				    reader->at - start);
	return true;
}

static int hex_digit(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_hex4(struct reader *reader, unsigned *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(peek(reader));

		if (digit < 0)
			return refuse_found(reader, "four hexadecimal digits behind \\u");
		*code = *code << 4 | (unsigned)digit;
		reader->at++;
	}
	return true;
}

/* Behind "\u". RFC 8259 section 8.2 leaves lone surrogates open; peers read them differently, so
 * nobody does here. */
static bool read_unicode(struct reader *reader, char **out)
{
	size_t start = reader->at - 2;
	unsigned code, low;

	if (!read_hex4(reader, &code))
		return false;
	if (code == 0)
		return refuse(reader, start, "NUL in a string");
	if (code >= 0xDC00 && code <= 0xDFFF)
		return refuse(reader, start, "lone surrogate in a string");
	if (code >= 0xD800 && code <= 0xDBFF) {
		if (!take(reader, '\\') || !take(reader, 'u'))
			return refuse(reader, start, "lone surrogate in a string");
		if (!read_hex4(reader, &low))
			return false;
		if (low < 0xDC00 || low > 0xDFFF)
			return refuse(reader, start, "lone surrogate in a string");
		code = 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00));
	}
	*out += utf8_encode(code, *out);
	return true;
}

static bool read_escape(struct reader *reader, char **out)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	int c = peek(reader);
	const char *known = c > 0 ? strchr(letters, c) : NULL;

	if (take(reader, 'u'))
		return read_unicode(reader, out);
	if (!known)
		return refuse_found(reader, "an escape behind \\");
	*(*out)++ = meanings[known - letters];
	reader->at++;
	return true;
}

/* How much room the string that begins here can need at most: no escape is shorter than what it
 * stands for. */
static size_t string_room(const struct reader *reader)
{
	const struct jsonscan *scan = reader->scan;
	size_t at = reader->at;

	while (at < scan->size && scan->text[at] != '"')
		at += scan->text[at] == '\\' ? 2 : 1;
	return at - reader->at + 4;
}

static bool read_string(struct reader *reader, const char **text)
{
	size_t start = reader->at;
	char *out;

	if (!take(reader, '"'))
		return refuse_found(reader, "a string");
	out = arena_alloc(reader->scan->ctx->arena, string_room(reader));
	*text = out;
	while (!take(reader, '"')) {
		int c = peek(reader);

		if (c < 0)
			return refuse(reader, start, "a string that does not end");
		if (c < 0x20)
			return refuse(reader, reader->at, "control character in a string");
		if (take(reader, '\\')) {
			if (!read_escape(reader, &out))
				return false;
		} else {
			*out++ = (char)c;
			reader->at++;
		}
	}
	*out = '\0';
	return true;
}

static bool read_word(struct reader *reader, struct jsonscan_value *value)
{
	static const struct {
		const char *text;
		enum jsonscan_kind kind;
	} words[] = {{"true", JSONSCAN_TRUE}, {"false", JSONSCAN_FALSE}, {"null", JSONSCAN_NULL}};
	const struct jsonscan *scan = reader->scan;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t length = strlen(words[i].text);

		if (scan->size - reader->at < length ||
		    memcmp(scan->text + reader->at, words[i].text, length) != 0)
			continue;
		value->kind = words[i].kind;
		value->text = words[i].text;
		reader->at += length;
		return true;
	}
	return refuse_found(reader, "a value");
}

static bool refuse_repeated(struct reader *reader, const struct member *member)
{
	struct arena *arena = reader->scan->ctx->arena;

	return refuse(reader, member->place,
		      arena_printf(arena, "duplicate member %s",
				   utf8_quote(arena, member->name, SHOWN_MAX)));
}

static bool read_member(struct reader *reader, void *object)
{
	struct jsonscan_value value = {.name_at = reader->at};

	if (peek(reader) != '"')
		return refuse_found(reader, "a member name in double quotes");
	if (!read_string(reader, &value.name))
		return false;
	if (!reader->scan->keeps_repeated)
		members_push(&reader->members, value.name, value.name_at);
	skip_space(reader);
	if (!take(reader, ':'))
		return refuse_found(reader, "':'");
	skip_space(reader);
	return read_value(reader, object, &value);
}

/* And the space behind it. */
static bool take_comma(struct reader *reader, char end)
{
	size_t comma = reader->at;

	if (!take(reader, ','))
		return refuse_found(reader, end == '}' ? "',' or '}'" : "',' or ']'");
	skip_space(reader);
	if (peek(reader) == end)
		return refuse(reader, comma,
			      end == '}' ? "a comma too many: '}' follows it"
					 : "a comma too many: ']' follows it");
	return true;
}

static bool read_object(struct reader *reader, void *object)
{
	size_t base = reader->members.count;
	struct member repeated, original;

	skip_space(reader);
	if (take(reader, '}'))
		return true;
	for (;;) {
		if (!read_member(reader, object))
			return false;
		skip_space(reader);
		if (take(reader, '}'))
			break;
		if (!take_comma(reader, '}'))
			return false;
	}
	if (members_pop(&reader->members, base, &repeated, &original))
		return refuse_repeated(reader, &repeated);
	return true;
}

static bool read_array(struct reader *reader, void *array)
{
	skip_space(reader);
	if (take(reader, ']'))
		return true;
	for (;;) {
		struct jsonscan_value value = {.name = NULL};

		if (!read_value(reader, array, &value))
			return false;
		skip_space(reader);
		if (take(reader, ']'))
			return true;
		if (!take_comma(reader, ']'))
			return false;
	}
}

static bool read_container(struct reader *reader, void *parent, struct jsonscan_value *value)
{
	struct jsonscan *scan = reader->scan;
	bool is_object = scan->text[reader->at] == '{', is_read;
	void *container;

	if (reader->depth == scan->depth_max)
		return refuse(reader, reader->at,
			      arena_printf(scan->ctx->arena, "nested deeper than %u levels",
					   scan->depth_max));
	value->kind = is_object ? JSONSCAN_OBJECT : JSONSCAN_ARRAY;
	container = scan->add(scan, parent, value);
	reader->at++;
	reader->depth++;
	is_read = is_object ? read_object(reader, container) : read_array(reader, container);
	reader->depth--;
	return is_read;
}

static bool read_scalar(struct reader *reader, struct jsonscan_value *value)
{
	int c = peek(reader);

	if (c == '"') {
		value->kind = JSONSCAN_STRING;
		return read_string(reader, &value->text);
	}
	return c == '-' || is_digit(c) ? read_number(reader, value) : read_word(reader, value);
}

/* `value` arrives with the name of a member. */
static bool read_value(struct reader *reader, void *parent, struct jsonscan_value *value)
{
	struct jsonscan *scan = reader->scan;
	int c = peek(reader);

	if (scan->values_max && ++reader->values > scan->values_max)
		return refuse(
			reader, reader->at,
			arena_printf(scan->ctx->arena, "more than %zu values", scan->values_max));
	value->at = reader->at;
	if (c == '{' || c == '[')
		return read_container(reader, parent, value);
	if (!read_scalar(reader, value))
		return false;
	scan->add(scan, parent, value);
	return true;
}

/* RFC 8259 section 8.1 lets a parser skip a byte order mark, and some peers and editors write
 * one. */
static void skip_byte_order_mark(struct reader *reader)
{
	if (reader->scan->size >= 3 && memcmp(reader->scan->text, "\xEF\xBB\xBF", 3) == 0)
		reader->at = 3;
}

static bool read_document(struct reader *reader)
{
	struct jsonscan_value value = {.name = NULL};
	size_t bad_at = utf8_check(reader->scan->text, reader->scan->size);

	if (bad_at < reader->scan->size)
		return refuse(reader, bad_at, "this is not UTF-8");
	skip_byte_order_mark(reader);
	skip_space(reader);
	if (!read_value(reader, NULL, &value))
		return false;
	skip_space(reader);
	return reader->at == reader->scan->size || refuse_found(reader, "the end");
}

bool jsonscan_run(struct jsonscan *scan)
{
	struct reader reader = {.scan = scan};
	bool is_read = read_document(&reader);

	members_fini(&reader.members);
	return is_read;
}
