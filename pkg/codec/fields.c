#include "codec/fields.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "codec/date.h"

#define SHOWN_MAX 60

/* One decoding: where complaints go. */
struct decoder {
	struct ctx *ctx;
	const char *file;
	struct problems *problems;
	bool is_from_text; /* environment or command line: quotes mean nothing there */
};

static void decode_map(struct decoder *decoder, const struct field *table, const char *path,
		       const struct node *map, void *out);

/* Complaints */

static void complain_at(struct decoder *decoder, unsigned line, unsigned column, const char *path,
			const char *text)
{
	problems_add(decoder->ctx, decoder->problems, false, decoder->file, line, column, path,
		     "%s", text);
}

static bool complain(struct decoder *decoder, const struct node *node, const char *path,
		     const char *text)
{
	complain_at(decoder, node->line, node->column, path, text);
	return false;
}

/* What was found instead, for a person; never the value of a secret. */
static const char *found(struct decoder *decoder, const struct field *field,
			 const struct node *node)
{
	struct arena *arena = decoder->ctx->arena;

	switch (node->kind) {
	case NODE_NULL: return "nothing";
	case NODE_LIST: return "a list";
	case NODE_MAP: return "a map";
	case NODE_SCALAR: break;
	}
	if ((field->flags & FIELD_SECRET) || decoder->problems->hides_content)
		return "something else";
	if (node->is_plain)
		return arena_printf(arena, "%.*s",
				    (int)utf8_cut(node->text, strlen(node->text), SHOWN_MAX),
				    node->text);
	return utf8_quote(arena, node->text, SHOWN_MAX);
}

static bool expected(struct decoder *decoder, const struct field *field, const struct node *node,
		     const char *path, const char *what)
{
	return complain(decoder, node, path,
			arena_printf(decoder->ctx->arena, "expected %s, found %s", what,
				     found(decoder, field, node)));
}

static const char *join_path(struct ctx *ctx, const char *path, const char *name)
{
	return path[0] ? arena_printf(ctx->arena, "%s.%s", path, name) : name;
}

/* Scalars. Each decodes into the place of the field, or complains and returns false. */

static size_t count_digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* As YAML and JSON write one; a UUID of digits and hyphens is none. */
static bool is_number(const char *text)
{
	text += *text == '-';
	if (count_digits(text) == 0)
		return false;
	text += count_digits(text);
	if (*text == '.')
		text += 1 + count_digits(text + 1);
	if ((*text == 'e' || *text == 'E')) {
		text++;
		text += *text == '+' || *text == '-';
		if (count_digits(text) == 0)
			return false;
		text += count_digits(text);
	}
	return *text == '\0';
}

static bool is_boolean(const char *text)
{
	return text_equals_nocase(text, "true") || text_equals_nocase(text, "false");
}

static bool decode_string(struct decoder *decoder, const struct field *field,
			  const struct node *node, const char *path, const char **out)
{
	if (node->kind != NODE_SCALAR)
		return expected(decoder, field, node, path, "text");
	if (node->is_plain && (is_number(node->text) || is_boolean(node->text)))
		return complain(decoder, node, path,
				is_number(node->text)
					? "expected text, found a number: put it in quotes"
					: "expected text, found a boolean: put it in quotes");
	*out = arena_strdup(decoder->ctx->arena, node->text);
	return true;
}

static bool decode_text(struct decoder *decoder, const struct field *field, const struct node *node,
			const char *path, void *out)
{
	return decode_string(decoder, field, node, path, out);
}

/* Strictly decimal: no sign but minus, no leading zero, nothing around it. */
static bool is_decimal(const char *text)
{
	const char *digits = text + (*text == '-');
	size_t length = strspn(digits, "0123456789");

	return length > 0 && digits[length] == '\0' && (digits[0] != '0' || length == 1);
}

static bool is_quoted(const struct decoder *decoder, const struct node *node)
{
	return node->kind == NODE_SCALAR && !node->is_plain && !decoder->is_from_text;
}

static bool decode_int(struct decoder *decoder, const struct field *field, const struct node *node,
		       const char *path, void *out)
{
	bool is_bounded = field->low != 0 || field->high != 0;
	int64_t value;

	if (node->kind != NODE_SCALAR || !is_decimal(node->text))
		return expected(decoder, field, node, path, "a whole number");
	if (is_quoted(decoder, node))
		return complain(decoder, node, path,
				"expected a whole number, found text: remove the quotes");
	errno = 0;
	value = strtoll(node->text, NULL, 10);
	if (is_bounded && (errno || value < field->low || value > field->high))
		return complain(decoder, node, path,
				arena_printf(decoder->ctx->arena,
					     "must be between %" PRId64 " and %" PRId64, field->low,
					     field->high));
	if (errno)
		return complain(decoder, node, path, "the number is too large");
	memcpy(out, &value, sizeof(value));
	return true;
}

static bool decode_bool(struct decoder *decoder, const struct field *field, const struct node *node,
			const char *path, void *out)
{
	static const char *const words[] = {"yes", "no", "on", "off", "y", "n"};
	bool value;

	if (node->kind != NODE_SCALAR)
		return expected(decoder, field, node, path, "true or false");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (text_equals_nocase(node->text, words[i]))
			return complain(decoder, node, path,
					arena_printf(decoder->ctx->arena,
						     "expected true or false: write %s instead",
						     i % 2 ? "false" : "true"));
	}
	if (!is_boolean(node->text))
		return expected(decoder, field, node, path, "true or false");
	if (is_quoted(decoder, node))
		return complain(decoder, node, path,
				"expected true or false, found text: remove the quotes");
	value = text_equals_nocase(node->text, "true");
	memcpy(out, &value, sizeof(value));
	return true;
}

static const char *list_choices(struct ctx *ctx, const char *const *choices)
{
	char *list = arena_strdup(ctx->arena, choices[0]);

	for (size_t i = 1; choices[i]; i++)
		list = arena_printf(ctx->arena, "%s%s%s", list, choices[i + 1] ? ", " : " or ",
				    choices[i]);
	return list;
}

const char *const *fields_choices(const struct field *field)
{
	return field->choices + (field->flags & FIELD_UNSAID ? 1 : 0);
}

static bool decode_choice(struct decoder *decoder, const struct field *field,
			  const struct node *node, const char *path, void *out)
{
	for (int i = 0; node->kind == NODE_SCALAR && field->choices[i]; i++) {
		if (text_equals_nocase(node->text, field->choices[i])) {
			memcpy(out, &i, sizeof(i));
			return true;
		}
	}
	return expected(decoder, field, node, path,
			list_choices(decoder->ctx, fields_choices(field)));
}

static bool decode_time(struct decoder *decoder, const struct field *field, const struct node *node,
			const char *path, void *out)
{
	msec_t value;

	if ((field->flags & FIELD_WAS_MSEC) && node->is_plain && is_decimal(node->text))
		return decode_int(decoder, field, node, path, out);
	if (node->kind != NODE_SCALAR || !date_parse_rfc3339(node->text, &value))
		return expected(decoder, field, node, path, "a time, as in 2026-01-31T12:00:00Z");
	memcpy(out, &value, sizeof(value));
	return true;
}

/* Containers */

static bool decode_texts(struct decoder *decoder, const struct field *field,
			 const struct node *node, const char *path, void *out)
{
	const struct node *item = node->kind == NODE_LIST ? node->first : node;
	size_t count = node->kind == NODE_LIST ? node->size : 1;
	struct texts *texts = out;
	bool is_fine = true;

	if (node->kind == NODE_MAP)
		return expected(decoder, field, node, path, "a list of texts");
	texts->items = arena_new_array(decoder->ctx->arena, const char *, count + 1);
	for (size_t i = 0; i < count; i++, item = item->next) {
		const char *place = arena_printf(decoder->ctx->arena, "%s[%zu]", path, i);

		if (decode_string(decoder, field, item, node->kind == NODE_LIST ? place : path,
				  &texts->items[texts->count]))
			texts->count++;
		else
			is_fine = false;
	}
	return is_fine;
}

static bool decode_text_map(struct decoder *decoder, const struct field *field,
			    const struct node *node, const char *path, void *out)
{
	struct text_map *map = out;
	bool is_fine = true;

	if (node->kind != NODE_MAP)
		return expected(decoder, field, node, path, "a map of texts");
	map->items = arena_new_array(decoder->ctx->arena, struct text_pair, node->size + 1);
	for (const struct node *item = node->first; item; item = item->next) {
		struct text_pair *pair = &map->items[map->count];

		if (decode_string(decoder, field, item,
				  decoder->problems->hides_content
					  ? path
					  : join_path(decoder->ctx, path, item->name),
				  &pair->value)) {
			pair->key = arena_strdup(decoder->ctx->arena, item->name);
			map->count++;
		} else {
			is_fine = false;
		}
	}
	return is_fine;
}

static bool decode_object(struct decoder *decoder, const struct field *field,
			  const struct node *node, const char *path, void *out)
{
	size_t errors = decoder->problems->errors;

	if (node->kind != NODE_MAP)
		return expected(decoder, field, node, path, "a map");
	decode_map(decoder, field->fields, path, node, out);
	return decoder->problems->errors == errors;
}

static bool decode_objects(struct decoder *decoder, const struct field *field,
			   const struct node *node, const char *path, void *out)
{
	size_t errors = decoder->problems->errors, i = 0;
	struct objects *objects = out;

	if (node->kind != NODE_LIST)
		return expected(decoder, field, node, path, "a list of maps");
	objects->items = arena_alloc(decoder->ctx->arena, node->size * field->element_size);
	objects->count = node->size;
	for (const struct node *item = node->first; item; item = item->next, i++) {
		const char *place = arena_printf(decoder->ctx->arena, "%s[%zu]", path, i);
		char *element = (char *)objects->items + i * field->element_size;

		if (item->kind == NODE_MAP)
			decode_map(decoder, field->fields, place, item, element);
		else
			expected(decoder, field, item, place, "a map");
	}
	return decoder->problems->errors == errors;
}

static const struct {
	size_t size; /* 0: by its own table */
	bool (*decode)(struct decoder *decoder, const struct field *field, const struct node *node,
		       const char *path, void *out);
} types[] = {
	[FIELD_TEXT] = {sizeof(char *), decode_text},
	[FIELD_INT] = {sizeof(int64_t), decode_int},
	[FIELD_BOOL] = {sizeof(bool), decode_bool},
	[FIELD_CHOICE] = {sizeof(int), decode_choice},
	[FIELD_TEXTS] = {sizeof(struct texts), decode_texts},
	[FIELD_TIME] = {sizeof(msec_t), decode_time},
	[FIELD_TEXT_MAP] = {sizeof(struct text_map), decode_text_map},
	[FIELD_OBJECT] = {0, decode_object},
	[FIELD_OBJECTS] = {sizeof(struct objects), decode_objects},
};

/* One field */

static void *place_in(const struct field *field, void *out)
{
	return (char *)out + field->offset;
}

static void decode_present(struct decoder *decoder, const struct field *field, const char *path,
			   const struct node *node, void *out)
{
	void *place = place_in(field, out);
	const char *wrong;

	memset(place, 0, types[field->type].size);
	if (!types[field->type].decode(decoder, field, node, path, place) || !field->check)
		return;
	wrong = field->check(decoder->ctx, place);
	if (wrong)
		complain(decoder, node, path, wrong);
}

/* A scalar, or a list or map of them, from text. */
static struct node *node_from_text(struct ctx *ctx, const char *text)
{
	struct node *node = arena_new_one(ctx->arena, struct node);

	*node = (struct node){.kind = NODE_SCALAR, .text = text};
	return node;
}

static const char *trimmed(struct ctx *ctx, const char *text, size_t length)
{
	while (length > 0 && strchr(" \t", text[0])) {
		text++;
		length--;
	}
	while (length > 0 && strchr(" \t", text[length - 1]))
		length--;
	return arena_strndup(ctx->arena, text, length);
}

static struct node *list_from_text(struct ctx *ctx, const char *text)
{
	struct node *list = arena_new_one(ctx->arena, struct node), **end = &list->first;

	list->kind = NODE_LIST;
	for (;; text++) {
		size_t length = strcspn(text, ",");
		const char *item = trimmed(ctx, text, length);

		if (item[0]) {
			*end = node_from_text(ctx, item);
			end = &(*end)->next;
			list->size++;
		}
		text += length;
		if (*text == '\0')
			return list;
	}
}

/* "key=value,key=value" */
static struct node *map_from_text(struct ctx *ctx, const char *text)
{
	struct node *map = list_from_text(ctx, text);

	map->kind = NODE_MAP;
	for (struct node *item = map->first; item; item = item->next) {
		size_t length = strcspn(item->text, "=");
		const char *pair = item->text;

		item->name = trimmed(ctx, pair, length);
		pair += length + (pair[length] == '=');
		item->text = trimmed(ctx, pair, strlen(pair));
	}
	return map;
}

static void decode_from_text(struct decoder *decoder, const struct field *field, const char *path,
			     const char *text, void *out)
{
	struct ctx *ctx = decoder->ctx;
	const struct node *node = node_from_text(ctx, text);

	if (field->type == FIELD_TEXTS)
		node = list_from_text(ctx, text);
	else if (field->type == FIELD_TEXT_MAP)
		node = map_from_text(ctx, text);
	decoder->is_from_text = true;
	decode_present(decoder, field, path, node, out);
	decoder->is_from_text = false;
}

/* A fallback is ours, and an impossible one is a mistake in the table. */
static void decode_absent(struct decoder *decoder, const struct field *field, const char *path,
			  void *out)
{
	size_t errors = decoder->problems->errors;

	memset(place_in(field, out), 0, types[field->type].size);
	if (field->type == FIELD_OBJECT)
		decode_map(decoder, field->fields, path, NULL, place_in(field, out));
	else if (field->fallback)
		decode_from_text(decoder, field, path, field->fallback, out);
	assert(decoder->problems->errors == errors);
}

/* Maps */

static size_t table_size(const struct field *table)
{
	size_t count = 0;

	while (table[count].name)
		count++;
	return count;
}

static const struct field *find_field(const struct field *table, const char *name)
{
	for (const struct field *field = table; field->name; field++) {
		bool is_same = field->flags & FIELD_NOCASE ? text_equals_nocase(field->name, name)
							   : text_equals(field->name, name);

		if (is_same)
			return field;
	}
	return NULL;
}

static void complain_unknown(struct decoder *decoder, const struct field *table, const char *path,
			     const struct node *member)
{
	struct arena *arena = decoder->ctx->arena;
	size_t count = table_size(table);
	const char **names = arena_new_array(arena, const char *, count + 1);
	const char *nearest, *quoted = utf8_quote(arena, member->name, SHOWN_MAX);
	/* Quotes only where the name needs them to be read. */
	const char *shown = decoder->problems->hides_content		 ? ""
			    : strlen(quoted) == strlen(member->name) + 2 ? member->name
									 : quoted;
	const char *space = shown[0] ? " " : "";

	for (size_t i = 0; i < count; i++)
		names[i] = table[i].name;
	nearest = text_nearest(member->name, names, count);
	complain_at(decoder, member->name_line, member->name_column, path,
		    nearest ? arena_printf(arena, "unknown member%s%s: did you mean %s?", space,
					   shown, nearest)
			    : arena_printf(arena, "unknown member%s%s", space, shown));
}

static bool is_empty(const struct node *node)
{
	return node->kind == NODE_SCALAR ? !node->text[0] : !node->first;
}

static void decode_ignored(struct decoder *decoder, const struct field *field, const char *path,
			   const struct node *member)
{
	if ((field->flags & FIELD_EMPTY) && !is_empty(member))
		complain_at(decoder, member->name_line, member->name_column, path,
			    "is not supported: leave it out");
	else if (!(field->flags & (FIELD_QUIET | FIELD_EMPTY)))
		problems_add(decoder->ctx, decoder->problems, true, decoder->file,
			     member->name_line, member->name_column, path, "ignored");
}

/* `seen` has, per field of the table, the member that gave it. */
static void decode_member(struct decoder *decoder, const struct field *table, const char *path,
			  const struct node *member, const struct node **seen, void *out)
{
	const struct field *field = find_field(table, member->name);
	const char *place;

	if (!field) {
		complain_unknown(decoder, table, path, member);
		return;
	}
	place = join_path(decoder->ctx, path, field->name);
	if (seen[field - table]) {
		complain_at(decoder, member->name_line, member->name_column, place,
			    arena_printf(decoder->ctx->arena, "given twice, also as %s",
					 seen[field - table]->name));
		return;
	}
	/* Null says the same as leaving it out. */
	if (member->kind == NODE_NULL)
		return;
	seen[field - table] = member;
	if (field->flags & FIELD_IGNORED)
		decode_ignored(decoder, field, place, member);
	else
		decode_present(decoder, field, place, member, out);
}

static void decode_map(struct decoder *decoder, const struct field *table, const char *path,
		       const struct node *map, void *out)
{
	size_t count = table_size(table);
	const struct node **seen = arena_new_array(decoder->ctx->arena, const struct node *,
						   count + 1);

	for (const struct node *m = map ? map->first : NULL; m; m = m->next)
		decode_member(decoder, table, path, m, seen, out);
	for (size_t i = 0; i < count; i++) {
		const char *place = join_path(decoder->ctx, path, table[i].name);

		if (seen[i] || (table[i].flags & FIELD_IGNORED))
			continue;
		if (map && (table[i].flags & FIELD_REQUIRED))
			complain_at(decoder, map->line, map->column, place, "required");
		decode_absent(decoder, &table[i], place, out);
	}
}

/* Public */

static enum err verdict(struct ctx *ctx, const struct problems *problems, size_t errors_before)
{
	const struct problem *first = problems->first;

	if (problems->errors == errors_before)
		return E_OK;
	while (first && first->is_warning)
		first = first->next;
	return fault_set(ctx, E_REFUSED, "InvalidFields", "%s",
			 first ? problem_print(ctx, first) : "invalid fields");
}

enum err fields_decode(struct ctx *ctx, const struct field *table, const char *file,
		       const char *path, const struct node *map, struct problems *problems,
		       void *out)
{
	static const struct field whole = {.name = ""};
	struct decoder decoder = {.ctx = ctx, .file = file, .problems = problems};
	size_t errors = problems->errors;
	bool is_map = map && map->kind == NODE_MAP;

	if (map && !is_map)
		expected(&decoder, &whole, map, path, "a map");
	decode_map(&decoder, table, path, is_map ? map : NULL, out);
	return verdict(ctx, problems, errors);
}

enum err fields_set_text(struct ctx *ctx, const struct field *field, const char *origin,
			 const char *text, struct problems *problems, void *out)
{
	struct decoder decoder = {.ctx = ctx, .file = origin, .problems = problems};
	size_t errors = problems->errors;

	if (field->type == FIELD_OBJECT || field->type == FIELD_OBJECTS)
		complain_at(&decoder, 0, 0, field->name, "cannot be set from text");
	else
		decode_from_text(&decoder, field, field->name, text, out);
	return verdict(ctx, problems, errors);
}
