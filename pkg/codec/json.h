/*
 * json - strict JSON in, lossless JSON out.
 *
 * The only place that knows cJSON. Parsing refuses duplicate members, depth over 32, half a million
 * values, bad UTF-8, NUL in strings and anything behind the value. A number keeps its text, so a
 * document that is read and written again differs in nothing but white space. Every node lives in
 * the arena of the ctx that made it; attaching a node to a parent needs no thought about ownership
 * as long as both come from the same ctx. A node belongs to one place in one tree.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"

struct json; /* opaque: one node */

#define JSON_DEPTH_MAX	32
#define JSON_VALUES_MAX 500000			    /* some 40 MiB of nodes */
#define JSON_INT_MAX	((int64_t)9007199254740991) /* 2^53 - 1: what every peer can represent */

/* E_REFUSED (reason InvalidJson, text ends in "line L, column C: what"). `text` need not be
 * NUL-terminated. */
enum err json_parse(struct ctx *ctx, const char *text, size_t size, struct json **out);

/* As json_parse, for what a peer answered: E_AGAIN, and the text tells size and nothing of the
 * content. */
enum err json_parse_reply(struct ctx *ctx, const char *text, size_t size, struct json **out);

/* One line, no spaces; in ctx's arena, where copies of it stay until its end: whoever prints a
 * secret wipes the whole arena. */
char *json_print(struct ctx *ctx, const struct json *node);
/* Tabs and line ends, for people and files. */
char *json_print_pretty(struct ctx *ctx, const struct json *node);

/* Kinds. NULL is none of them. */
bool json_is_object(const struct json *node);
bool json_is_array(const struct json *node);
bool json_is_string(const struct json *node);
bool json_is_number(const struct json *node);
bool json_is_bool(const struct json *node);
bool json_is_null(const struct json *node);

/* Reading never fails: what is absent or of another kind is NULL, false or the fallback. NULL nodes
 * are allowed. */
struct json *json_get(const struct json *object, const char *member);
struct json *json_get_nocase(const struct json *object, const char *member);
struct json *json_path(const struct json *object, const char *dotted_members);
struct json *json_at(const struct json *array, size_t index);
size_t json_size(const struct json *node);
struct json *json_first(const struct json *node); /* first element or member */
struct json *json_next(const struct json *node);
const char *json_name(const struct json *node); /* of a member; NULL for others */
const char *json_text(const struct json *node); /* of a string, borrowed */
const char *json_get_text(const struct json *object, const char *member);
int64_t json_int(const struct json *node, int64_t fallback); /* whole, within +-JSON_INT_MAX */
int64_t json_get_int(const struct json *object, const char *member, int64_t fallback);
bool json_get_bool(const struct json *object, const char *member, bool fallback);

#define json_for_each(child, parent) \
	for (struct json *child = json_first(parent); child; child = json_next(child))

/* Making. All of them copy their text. */
struct json *json_object(struct ctx *ctx);
struct json *json_array(struct ctx *ctx);
struct json *json_string(struct ctx *ctx, const char *text); /* NULL text: null */
struct json *json_number(struct ctx *ctx, int64_t value);
struct json *json_bool(struct ctx *ctx, bool value);
struct json *json_null(struct ctx *ctx);
struct json *json_dup(struct ctx *ctx, const struct json *node);

/* Changing. json_set replaces a member of that name in its place, or appends it. `value` becomes
 * part of the tree. */
void json_set(struct ctx *ctx, struct json *object, const char *member, struct json *value);
void json_set_text(struct ctx *ctx, struct json *object, const char *member, const char *text);
void json_set_int(struct ctx *ctx, struct json *object, const char *member, int64_t value);
void json_set_bool(struct ctx *ctx, struct json *object, const char *member, bool value);
void json_append(struct ctx *ctx, struct json *array, struct json *value);
void json_remove(struct json *object, const char *member);
void json_remove_node(struct json *parent, struct json *child);

/* Equal as JSON: order of members ignored, order of elements kept, numbers compared as text. */
bool json_equal(const struct json *a, const struct json *b);
