#include "codec/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/fatal.h"
#include "base/text.h"
#include "base/utf8.h"
#include "codec/jsonscan.h"

#define DEPTH_MAX 16
#define NODES_MAX ((size_t)10000)
#define TAB	  "a tab: YAML is indented with spaces alone"

/* Why a text is refused. */
struct refusal {
	struct place place;
	const char *text;
};

struct document {
	struct node *node;
	struct document *next;
};

struct reader {
	struct ctx *ctx;
	const char *text;
	size_t size;
	bool is_json; /* by its name: what begins like JSON has to be JSON, as over the API */
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	unsigned depth;
	size_t nodes;
	struct refusal refusal;
	struct document *first, **end;
	size_t count;
};

static struct node *read_node(struct reader *reader);

/* Refusals */

static bool refuse_at(struct reader *reader, struct place place, const char *text)
{
	reader->refusal = (struct refusal){place, text};
	return false;
}

static struct place place_of(const yaml_mark_t *mark)
{
	return (struct place){mark->index, (unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

static bool refuse(struct reader *reader, const char *text)
{
	return refuse_at(reader, place_of(&reader->event.start_mark), text);
}

/* Marks count characters. */
static char char_at(const struct reader *reader, size_t index)
{
	size_t at = 0;

	for (; at < reader->size && index > 0; index--) {
		size_t length = utf8_next(reader->text + at, reader->size - at);

		at += length ? length : 1;
	}
	return at < reader->size ? reader->text[at] : '\0';
}

/* What a person is to change, where libyaml says what it could not do; NULL where that will do. */
static const char *in_plain_words(const struct reader *reader)
{
	static const struct {
		const char *context, *problem;
		char found; /* at that place; NUL: anything */
		const char *text;
	} rows[] = {
		{NULL, "found character that cannot start any token", '\t', TAB},
		{NULL, "tab character", '\0', TAB},
		{NULL, "found character that cannot start any token", '\0',
		 "a text that begins with @, % or ` has to stand in quotes"},
		{"while scanning an alias", "", '\0',
		 "a text that begins with * has to stand in quotes"},
		{"while scanning an anchor", "", '\0',
		 "a text that begins with & has to stand in quotes"},
	};
	const yaml_parser_t *parser = &reader->parser;
	char found = char_at(reader, parser->problem_mark.index);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((!rows[i].context || text_equals(parser->context, rows[i].context)) &&
		    strstr(parser->problem, rows[i].problem) &&
		    (!rows[i].found || rows[i].found == found))
			return rows[i].text;
	return NULL;
}

/* Trouble with characters comes as an offset, trouble with syntax as a mark. */
static bool refuse_by_parser(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	struct place place = PLACE_START;
	const char *text = parser->problem;

	if (parser->error == YAML_MEMORY_ERROR)
		fatal_no_memory();
	if (parser->error == YAML_READER_ERROR) {
		utf8_move(reader->text, &place,
			  parser->problem_offset < reader->size ? parser->problem_offset
								: reader->size);
		return refuse_at(reader, place, text);
	}
	if (in_plain_words(reader))
		return refuse_at(
			reader,
			place_of(parser->context ? &parser->context_mark : &parser->problem_mark),
			in_plain_words(reader));
	if (parser->context)
		text = arena_printf(reader->ctx->arena, "%s %s that begins in line %zu",
				    parser->problem, parser->context,
				    parser->context_mark.line + 1);
	return refuse_at(reader, place_of(&parser->problem_mark), text);
}

/* Events */

/* What stood in a file may be a key, and libyaml returns its copies as they are. */
static void drop_event(yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT)
		explicit_bzero(event->data.scalar.value, event->data.scalar.length);
	yaml_event_delete(event);
}

static void drop_parser(yaml_parser_t *parser)
{
	explicit_bzero(parser->raw_buffer.start,
		       (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
	explicit_bzero(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
	yaml_parser_delete(parser);
}

static bool next_event(struct reader *reader)
{
	drop_event(&reader->event);
	return yaml_parser_parse(&reader->parser, &reader->event) || refuse_by_parser(reader);
}

static bool check_plain_yaml(struct reader *reader, const yaml_char_t *anchor,
			     const yaml_char_t *tag)
{
	if (anchor)
		return refuse(reader, "anchors are not allowed");
	if (tag)
		return refuse(reader, "tags are not allowed");
	return true;
}

static struct node *new_node(struct reader *reader, enum node_kind kind)
{
	struct place place = place_of(&reader->event.start_mark);
	struct node *node;

	if (++reader->nodes > NODES_MAX) {
		refuse(reader, "more than 10000 values");
		return NULL;
	}
	node = arena_new_one(reader->ctx->arena, struct node);
	*node = (struct node){.kind = kind, .line = place.line, .column = place.column};
	return node;
}

/* YAML 1.2 section 10.3.2, the core schema. */
static bool is_null(const char *text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; i < ARRAY_SIZE(nulls); i++) {
		if (text_equals(text, nulls[i]))
			return true;
	}
	return false;
}

static struct node *read_scalar(struct reader *reader)
{
	const char *text = (const char *)reader->event.data.scalar.value;
	size_t length = reader->event.data.scalar.length;
	bool is_plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct node *node;

	if (!check_plain_yaml(reader, reader->event.data.scalar.anchor,
			      reader->event.data.scalar.tag))
		return NULL;
	if (memchr(text, '\0', length)) {
		refuse(reader, "NUL in a string");
		return NULL;
	}
	node = new_node(reader, is_plain && is_null(text) ? NODE_NULL : NODE_SCALAR);
	if (node && node->kind == NODE_SCALAR) {
		node->text = arena_strdup(reader->ctx->arena, text);
		node->is_plain = is_plain;
	}
	return node;
}

static void append(struct node *parent, struct node ***end, struct node *child)
{
	**end = child;
	*end = &child->next;
	parent->size++;
}

static bool read_elements(struct reader *reader, struct node *list)
{
	struct node **end = &list->first;

	for (;;) {
		struct node *child;

		if (!next_event(reader))
			return false;
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			return true;
		child = read_node(reader);
		if (!child)
			return false;
		append(list, &end, child);
	}
}

static struct node *read_member(struct reader *reader)
{
	struct place place = place_of(&reader->event.start_mark);
	struct node *key, *node;

	if (reader->event.type != YAML_SCALAR_EVENT && reader->event.type != YAML_ALIAS_EVENT) {
		refuse(reader, "a key must be a single text");
		return NULL;
	}
	key = read_node(reader);
	if (!key)
		return NULL;
	if (key->kind != NODE_SCALAR) {
		refuse(reader, "a key is missing");
		return NULL;
	}
	if (!next_event(reader))
		return NULL;
	node = read_node(reader);
	if (!node)
		return NULL;
	node->name = key->text;
	node->name_line = place.line;
	node->name_column = place.column;
	return node;
}

static bool read_members(struct reader *reader, struct node *map)
{
	struct node **end = &map->first;

	for (;;) {
		struct node *child;

		if (!next_event(reader))
			return false;
		if (reader->event.type == YAML_MAPPING_END_EVENT)
			return true;
		child = read_member(reader);
		if (!child)
			return false;
		append(map, &end, child);
	}
}

static struct node *read_container(struct reader *reader, bool is_map)
{
	struct node *node = NULL;
	bool is_plain = is_map ? check_plain_yaml(reader, reader->event.data.mapping_start.anchor,
						  reader->event.data.mapping_start.tag)
			       : check_plain_yaml(reader, reader->event.data.sequence_start.anchor,
						  reader->event.data.sequence_start.tag);

	if (is_plain && reader->depth == DEPTH_MAX)
		refuse(reader, "nested deeper than 16 levels");
	else if (is_plain)
		node = new_node(reader, is_map ? NODE_MAP : NODE_LIST);
	if (!node)
		return NULL;
	reader->depth++;
	if (!(is_map ? read_members(reader, node) : read_elements(reader, node)))
		return NULL;
	reader->depth--;
	return node;
}

/* From the current event on; NULL when refused. */
static struct node *read_node(struct reader *reader)
{
	if (reader->event.type == YAML_SCALAR_EVENT)
		return read_scalar(reader);
	if (reader->event.type == YAML_MAPPING_START_EVENT)
		return read_container(reader, true);
	if (reader->event.type == YAML_SEQUENCE_START_EVENT)
		return read_container(reader, false);
	refuse(reader, "aliases are not allowed");
	return NULL;
}

static void keep_document(struct reader *reader, struct node *node)
{
	struct document *document;

	if (node->kind == NODE_NULL)
		return;
	node_part_repeated(reader->ctx, node);
	document = arena_new_one(reader->ctx->arena, struct document);
	document->node = node;
	*reader->end = document;
	reader->end = &document->next;
	reader->count++;
}

static bool read_stream(struct reader *reader)
{
	while (next_event(reader)) {
		struct node *node;

		if (reader->event.type == YAML_STREAM_END_EVENT)
			return true;
		if (reader->event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		if (!next_event(reader))
			return false;
		node = read_node(reader);
		if (!node)
			return false;
		keep_document(reader, node);
	}
	return false;
}

static bool read_yaml(struct reader *reader)
{
	bool is_read;

	if (!yaml_parser_initialize(&reader->parser))
		fatal_no_memory();
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text,
				     reader->size);
	is_read = read_stream(reader);
	drop_event(&reader->event);
	drop_parser(&reader->parser);
	return is_read;
}

/*
 * JSON is read as JSON: libyaml refuses its surrogate pairs, and indentation by tabs in some
 * places. What only begins like JSON ({name: x}) is left to libyaml.
 */

struct json_reader {
	struct jsonscan scan;
	struct place place; /* of the last value: moves forward only */
	struct node *root;
};

/* A container remembers where its next child goes. */
struct container {
	struct node node;
	struct node **end;
};

static void *add_json_value(struct jsonscan *scan, void *parent, const struct jsonscan_value *value)
{
	struct json_reader *reader = (struct json_reader *)scan;
	struct container *above = parent;
	struct container *self = arena_new_one(scan->ctx->arena, struct container);
	struct node *node = &self->node;

	if (value->name) {
		utf8_move(scan->text, &reader->place, value->name_at);
		node->name = value->name;
		node->name_line = reader->place.line;
		node->name_column = reader->place.column;
	}
	utf8_move(scan->text, &reader->place, value->at);
	node->line = reader->place.line;
	node->column = reader->place.column;
	node->kind = value->kind == JSONSCAN_OBJECT  ? NODE_MAP
		     : value->kind == JSONSCAN_ARRAY ? NODE_LIST
		     : value->kind == JSONSCAN_NULL  ? NODE_NULL
						     : NODE_SCALAR;
	if (node->kind == NODE_SCALAR) {
		node->text = value->text;
		node->is_plain = value->kind != JSONSCAN_STRING;
	}
	self->end = &node->first;
	if (above)
		append(&above->node, &above->end, node);
	else
		reader->root = node;
	return self;
}

static bool read_json(struct reader *reader)
{
	struct json_reader json = {
		.scan = {.text = reader->text,
			 .size = reader->size,
			 .depth_max = DEPTH_MAX,
			 .values_max = NODES_MAX,
			 .keeps_repeated = true,
			 .add = add_json_value,
			 .ctx = reader->ctx},
		.place = PLACE_START,
	};

	if (!jsonscan_run(&json.scan)) {
		utf8_move(reader->text, &json.place, json.scan.problem_at);
		return refuse_at(reader, json.place, json.scan.problem);
	}
	keep_document(reader, json.root);
	return true;
}

static bool begins_like_json(const char *text, size_t size)
{
	size_t at = 0;

	while (at < size && strchr(" \t\r\n", text[at]) && text[at])
		at++;
	return at < size && (text[at] == '{' || text[at] == '[');
}

static bool is_further(const struct place *a, const struct place *b)
{
	return a->line != b->line ? a->line > b->line : a->column > b->column;
}

/* Where neither grammar fits, the one that came further knows better what was meant. */
static bool read_either(struct reader *reader)
{
	struct refusal as_json;

	if (!begins_like_json(reader->text, reader->size))
		return read_yaml(reader);
	if (read_json(reader))
		return true;
	as_json = reader->refusal;
	if (reader->is_json && !text_starts_with(as_json.text, JSONSCAN_NOT_THE_END))
		return false;
	if (read_yaml(reader))
		return true;
	if (!is_further(&reader->refusal.place, &as_json.place))
		reader->refusal = as_json;
	return false;
}

/* To libyaml it is a column, in the first line alone. */
static void skip_byte_order_mark(struct reader *reader)
{
	if (reader->size < 3 || memcmp(reader->text, "\xEF\xBB\xBF", 3) != 0)
		return;
	reader->text += 3;
	reader->size -= 3;
}

static bool read_text(struct reader *reader)
{
	struct place place = PLACE_START;
	size_t bad_at;

	skip_byte_order_mark(reader);
	bad_at = utf8_check(reader->text, reader->size);
	if (reader->size > YAML_SIZE_MAX)
		return refuse_at(reader, (struct place){.line = 0}, "larger than 64 KiB");
	if (bad_at < reader->size) {
		utf8_move(reader->text, &place, bad_at);
		return refuse_at(reader, place, "this is not UTF-8");
	}
	return read_either(reader);
}

static struct node **document_array(struct reader *reader)
{
	struct node **nodes = arena_new_array(reader->ctx->arena, struct node *, reader->count + 1);
	size_t i = 0;

	for (const struct document *d = reader->first; d; d = d->next)
		nodes[i++] = d->node;
	return nodes;
}

enum err yaml_parse(struct ctx *ctx, const char *file, const char *text, size_t size,
		    struct problems *problems, struct node ***documents, size_t *count)
{
	struct reader reader = {.ctx = ctx,
				.text = text,
				.size = size,
				.is_json = file && text_ends_with(file, ".json")};
	struct problem problem;

	reader.end = &reader.first;
	if (!read_text(&reader)) {
		problem = (struct problem){.file = file,
					   .line = reader.refusal.place.line,
					   .column = reader.refusal.place.column,
					   .field = "",
					   .text = reader.refusal.text};
		problems_add(ctx, problems, false, file, problem.line, problem.column, "", "%s",
			     problem.text);
		return fault_set(ctx, E_REFUSED, "InvalidYaml", "%s", problem_print(ctx, &problem));
	}
	*documents = document_array(&reader);
	*count = reader.count;
	return E_OK;
}
