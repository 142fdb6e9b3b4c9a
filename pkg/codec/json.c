#include "codec/json.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "codec/jsonscan.h"

/*
 * cJSON is the tree and the writer here. Its parser is not used: it turns numbers into doubles, and
 * takes duplicate members and bad UTF-8. Numbers are raw nodes, which hold their text and are
 * written as they are.
 *
 * cJSON allocates through global functions. Ours take from the arena of whoever is in here on this
 * thread, and free nothing: nodes end with their arena, wherever cJSON would have ended them.
 */
static _Thread_local struct arena *current;

static void *hook_malloc(size_t size)
{
	assert(current);
	return arena_alloc(current, size);
}

static void hook_free(void *pointer)
{
	(void)pointer;
}

static void set_hooks(void)
{
	cJSON_Hooks hooks = {hook_malloc, hook_free};

	cJSON_InitHooks(&hooks);
}

static void enter(struct arena *arena)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_hooks);
	current = arena;
}

static cJSON *unwrap(const struct json *node)
{
	return (cJSON *)(uintptr_t)node;
}

static struct json *wrap(const cJSON *node)
{
	return (struct json *)(uintptr_t)node;
}

/* A node whose texts already live in the arena, so that a large document is not copied twice. */
static cJSON *new_node(struct arena *arena, int type, const char *text)
{
	cJSON *node = arena_new_one(arena, cJSON);

	node->type = type;
	node->valuestring = (char *)(uintptr_t)text;
	return node;
}

/* Parsing */

static const int types[] = {
	[JSONSCAN_OBJECT] = cJSON_Object, [JSONSCAN_ARRAY] = cJSON_Array,
	[JSONSCAN_STRING] = cJSON_String, [JSONSCAN_NUMBER] = cJSON_Raw,
	[JSONSCAN_TRUE] = cJSON_True,	  [JSONSCAN_FALSE] = cJSON_False,
	[JSONSCAN_NULL] = cJSON_NULL,
};

struct builder {
	struct jsonscan scan;
	cJSON *root;
};

static void *add_node(struct jsonscan *scan, void *parent, const struct jsonscan_value *value)
{
	struct builder *builder = (struct builder *)scan;
	bool has_text = value->kind == JSONSCAN_STRING || value->kind == JSONSCAN_NUMBER;
	cJSON *node = new_node(scan->ctx->arena, types[value->kind], has_text ? value->text : NULL);

	node->string = (char *)(uintptr_t)value->name;
	if (parent)
		cJSON_AddItemToArray(parent, node); /* members are elements with a name */
	else
		builder->root = node;
	return node;
}

static bool parse(struct builder *builder, struct ctx *ctx, const char *text, size_t size)
{
	builder->scan = (struct jsonscan){.text = text,
					  .size = size,
					  .depth_max = JSON_DEPTH_MAX,
					  .values_max = JSON_VALUES_MAX,
					  .add = add_node,
					  .ctx = ctx};
	return jsonscan_run(&builder->scan);
}

enum err json_parse(struct ctx *ctx, const char *text, size_t size, struct json **out)
{
	struct place place = PLACE_START;
	struct builder builder;

	if (!parse(&builder, ctx, text, size)) {
		utf8_move(text, &place, builder.scan.problem_at);
		return fault_set(ctx, E_REFUSED, "InvalidJson", "line %u, column %u: %s",
				 place.line, place.column, builder.scan.problem);
	}
	*out = wrap(builder.root);
	return E_OK;
}

enum err json_parse_reply(struct ctx *ctx, const char *text, size_t size, struct json **out)
{
	struct builder builder;

	if (!parse(&builder, ctx, text, size))
		return fault_set(ctx, E_AGAIN, "InvalidJson",
				 "the answer of %zu bytes is not valid JSON", size);
	*out = wrap(builder.root);
	return E_OK;
}

/* Printing: the writer's growing buffers stay behind in the arena, about twice the text. */

static char *print(struct ctx *ctx, const struct json *node, bool is_pretty)
{
	char *text;

	enter(ctx->arena);
	text = is_pretty ? cJSON_Print(unwrap(node)) : cJSON_PrintUnformatted(unwrap(node));
	assert(text);
	return text;
}

char *json_print(struct ctx *ctx, const struct json *node)
{
	return print(ctx, node, false);
}

char *json_print_pretty(struct ctx *ctx, const struct json *node)
{
	return print(ctx, node, true);
}

/* Reading */

static bool is_type(const struct json *node, int type)
{
	return node && (unwrap(node)->type & 0xFF) == type;
}

bool json_is_object(const struct json *node)
{
	return is_type(node, cJSON_Object);
}

bool json_is_array(const struct json *node)
{
	return is_type(node, cJSON_Array);
}

bool json_is_string(const struct json *node)
{
	return is_type(node, cJSON_String);
}

bool json_is_number(const struct json *node)
{
	return is_type(node, cJSON_Raw);
}

bool json_is_bool(const struct json *node)
{
	return is_type(node, cJSON_True) || is_type(node, cJSON_False);
}

bool json_is_null(const struct json *node)
{
	return is_type(node, cJSON_NULL);
}

struct json *json_get(const struct json *object, const char *member)
{
	if (!json_is_object(object))
		return NULL;
	return wrap(cJSON_GetObjectItemCaseSensitive(unwrap(object), member));
}

struct json *json_get_nocase(const struct json *object, const char *member)
{
	if (json_is_object(object)) {
		json_for_each (child, object) {
			if (text_equals_nocase(json_name(child), member))
				return child;
		}
	}
	return NULL;
}

static struct json *get_by_length(const struct json *object, const char *member, size_t length)
{
	if (json_is_object(object)) {
		json_for_each (child, object) {
			const char *name = json_name(child);

			if (strncmp(name, member, length) == 0 && name[length] == '\0')
				return child;
		}
	}
	return NULL;
}

struct json *json_path(const struct json *object, const char *dotted_members)
{
	const struct json *node = object;

	for (;;) {
		size_t length = strcspn(dotted_members, ".");

		node = get_by_length(node, dotted_members, length);
		if (!node || dotted_members[length] == '\0')
			return wrap(unwrap(node));
		dotted_members += length + 1;
	}
}

struct json *json_at(const struct json *array, size_t index)
{
	struct json *node = json_is_array(array) ? json_first(array) : NULL;

	for (; node && index > 0; index--)
		node = json_next(node);
	return node;
}

size_t json_size(const struct json *node)
{
	size_t size = 0;

	json_for_each (child, node)
		size++;
	return size;
}

struct json *json_first(const struct json *node)
{
	return node ? wrap(unwrap(node)->child) : NULL;
}

struct json *json_next(const struct json *node)
{
	return node ? wrap(unwrap(node)->next) : NULL;
}

const char *json_name(const struct json *node)
{
	return node ? unwrap(node)->string : NULL;
}

const char *json_text(const struct json *node)
{
	return json_is_string(node) ? unwrap(node)->valuestring : NULL;
}

const char *json_get_text(const struct json *object, const char *member)
{
	return json_text(json_get(object, member));
}

int64_t json_int(const struct json *node, int64_t fallback)
{
	const char *text;
	int64_t value;
	char *end;

	if (!json_is_number(node))
		return fallback;
	text = unwrap(node)->valuestring;
	/* Out of range saturates, and what it saturates to is out of our range too. */
	value = strtoll(text, &end, 10);
	if (*end != '\0' || value > JSON_INT_MAX || value < -JSON_INT_MAX)
		return fallback;
	return value;
}

int64_t json_get_int(const struct json *object, const char *member, int64_t fallback)
{
	return json_int(json_get(object, member), fallback);
}

bool json_get_bool(const struct json *object, const char *member, bool fallback)
{
	const struct json *node = json_get(object, member);

	return json_is_bool(node) ? is_type(node, cJSON_True) : fallback;
}

/* Making */

struct json *json_object(struct ctx *ctx)
{
	return wrap(new_node(ctx->arena, cJSON_Object, NULL));
}

struct json *json_array(struct ctx *ctx)
{
	return wrap(new_node(ctx->arena, cJSON_Array, NULL));
}

struct json *json_string(struct ctx *ctx, const char *text)
{
	if (!text)
		return json_null(ctx);
	return wrap(new_node(ctx->arena, cJSON_String, arena_strdup(ctx->arena, text)));
}

struct json *json_number(struct ctx *ctx, int64_t value)
{
	return wrap(new_node(ctx->arena, cJSON_Raw, arena_printf(ctx->arena, "%" PRId64, value)));
}

struct json *json_bool(struct ctx *ctx, bool value)
{
	return wrap(new_node(ctx->arena, value ? cJSON_True : cJSON_False, NULL));
}

struct json *json_null(struct ctx *ctx)
{
	return wrap(new_node(ctx->arena, cJSON_NULL, NULL));
}

struct json *json_dup(struct ctx *ctx, const struct json *node)
{
	enter(ctx->arena);
	return wrap(cJSON_Duplicate(unwrap(node), true));
}

/* Changing */

void json_set(struct ctx *ctx, struct json *object, const char *member, struct json *value)
{
	struct json *old = json_get(object, member);

	assert(json_is_object(object) && value && value != old);
	unwrap(value)->string = arena_strdup(ctx->arena, member);
	enter(ctx->arena);
	if (old)
		cJSON_ReplaceItemViaPointer(unwrap(object), unwrap(old), unwrap(value));
	else
		cJSON_AddItemToArray(unwrap(object), unwrap(value));
}

void json_set_text(struct ctx *ctx, struct json *object, const char *member, const char *text)
{
	json_set(ctx, object, member, json_string(ctx, text));
}

void json_set_int(struct ctx *ctx, struct json *object, const char *member, int64_t value)
{
	json_set(ctx, object, member, json_number(ctx, value));
}

void json_set_bool(struct ctx *ctx, struct json *object, const char *member, bool value)
{
	json_set(ctx, object, member, json_bool(ctx, value));
}

void json_append(struct ctx *ctx, struct json *array, struct json *value)
{
	(void)ctx;
	assert(json_is_array(array) && value);
	unwrap(value)->string = NULL;
	cJSON_AddItemToArray(unwrap(array), unwrap(value));
}

void json_remove(struct json *object, const char *member)
{
	struct json *node = json_get(object, member);

	if (node)
		json_remove_node(object, node);
}

/* Detached, not deleted: its memory is the arena's. */
void json_remove_node(struct json *parent, struct json *child)
{
	cJSON_DetachItemViaPointer(unwrap(parent), unwrap(child));
}

/* Comparing */

/* Two copies of one document have their members in one order; only where they part is a member
 * searched for. */
static bool is_object_equal(const struct json *a, const struct json *b)
{
	const struct json *beside = json_first(b);

	if (json_size(a) != json_size(b))
		return false;
	json_for_each (member, a) {
		const struct json *other = beside;

		if (!text_equals(json_name(member), json_name(beside)))
			other = json_get(b, json_name(member));
		if (!other || !json_equal(member, other))
			return false;
		beside = json_next(other);
	}
	return true;
}

static bool is_array_equal(const struct json *a, const struct json *b)
{
	const struct json *other = json_first(b);

	json_for_each (element, a) {
		if (!other || !json_equal(element, other))
			return false;
		other = json_next(other);
	}
	return !other;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (!a || !b)
		return a == b;
	if ((unwrap(a)->type & 0xFF) != (unwrap(b)->type & 0xFF))
		return false;
	if (json_is_object(a))
		return is_object_equal(a, b);
	if (json_is_array(a))
		return is_array_equal(a, b);
	return text_equals(unwrap(a)->valuestring, unwrap(b)->valuestring);
}
