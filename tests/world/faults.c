#include "world/owners.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static enum err refuse(struct ctx *ctx, const char *what)
{
	return fault_set(ctx, E_REFUSED, "InvalidFault", "%s", what);
}

static void take_headers(struct world *world, struct fault_rule *rule, const struct json *headers)
{
	json_for_each (header, headers) {
		struct http_header *slot = &rule->headers[rule->header_count];

		if (rule->header_count == ARRAY_SIZE(rule->headers))
			return;
		slot->name = arena_strdup(world->keep.arena, json_name(header));
		slot->value = json_is_string(header)
				      ? arena_strdup(world->keep.arena, json_text(header))
				      : arena_strdup(world->keep.arena,
						     json_print(&world->keep, header));
		rule->header_count++;
	}
}

static enum err take_actions(struct ctx *ctx, struct world *world, struct fault_rule *rule,
			     const struct json *actions)
{
	static const char *const known[] = {"status", "headers",  "cut",    "body",	"delayMs",
					    "reset",  "truncate", "garble", "oversize", "apply"};
	const char *reset = json_get_text(actions, "reset");
	const struct json *body = json_get(actions, "body");
	size_t i;

	if (!json_is_object(actions))
		return refuse(ctx, "`do` must be an object");
	json_for_each (action, actions) {
		for (i = 0; i < ARRAY_SIZE(known) && !text_equals(known[i], json_name(action)); i++)
			;
		if (i == ARRAY_SIZE(known))
			return refuse(ctx, "`do` knows status, headers, body, delayMs, reset, "
					   "truncate, cut, garble, oversize, apply");
	}
	if (reset && !text_equals(reset, "before") && !text_equals(reset, "after"))
		return refuse(ctx, "`reset` is before or after");
	rule->status = (int)json_get_int(actions, "status", 0);
	rule->delay = json_get_int(actions, "delayMs", 0);
	rule->resets_before = text_equals(reset, "before");
	rule->resets_after = text_equals(reset, "after");
	rule->is_truncated = json_get(actions, "truncate") != NULL;
	rule->truncate_at = (size_t)json_get_int(actions, "truncate", 0);
	rule->cut_at = json_get_int(actions, "cut", -1);
	rule->garbles = json_get_bool(actions, "garble", false);
	rule->oversize = (size_t)json_get_int(actions, "oversize", 0);
	rule->applies = json_get_bool(actions, "apply", false);
	take_headers(world, rule, json_get(actions, "headers"));
	if (body)
		rule->body = arena_strdup(world->keep.arena, json_is_string(body)
								     ? json_text(body)
								     : json_print(ctx, body));
	return E_OK;
}

enum err faults_add(struct ctx *ctx, struct world *world, const struct json *json, unsigned *id)
{
	struct fault_rule *rule = arena_new_one(world->keep.arena, struct fault_rule);
	const char *path = json_get_text(json, "path");

	if (!json_is_object(json))
		return refuse(ctx, "a fault is an object");
	rule->after = json_get_int(json, "after", 0);
	rule->times = json_get_int(json, "times", 1);
	if (json_get_text(json, "owner"))
		rule->owner = arena_strdup(world->keep.arena, json_get_text(json, "owner"));
	if (rule->owner && !owners_by_name(world, rule->owner))
		return refuse(ctx,
			      "`owner` is nobody: known are gateway, vault, container, ca, and "
			      "gateway-2 and so on where there are several");
	if (json_get_text(json, "method"))
		rule->method = arena_strdup(world->keep.arena, json_get_text(json, "method"));
	rule->pattern = arena_strdup(world->keep.arena, path ? path : "");
	TRY(take_actions(ctx, world, rule, json_get(json, "do")));
	if (regcomp(&rule->path, rule->pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return refuse(ctx, "`path` is no extended regular expression");
	rule->id = ++world->last_fault_id;
	*world->faults_end = rule;
	world->faults_end = &rule->next;
	if (id)
		*id = rule->id;
	return E_OK;
}

bool faults_remove(struct world *world, unsigned id)
{
	struct fault_rule **at = &world->faults, *rule;
	bool is_found = false;

	while ((rule = *at) != NULL) {
		if (id && rule->id != id) {
			at = &rule->next;
			continue;
		}
		*at = rule->next;
		regfree(&rule->path);
		is_found = true;
	}
	world->faults_end = at;
	return is_found;
}

struct json *faults_show(struct ctx *ctx, const struct world *world)
{
	struct json *list = json_array(ctx), *item;
	const struct fault_rule *rule;

	for (rule = world->faults; rule; rule = rule->next) {
		item = json_object(ctx);
		json_set_int(ctx, item, "id", rule->id);
		if (rule->method)
			json_set_text(ctx, item, "method", rule->method);
		if (rule->owner)
			json_set_text(ctx, item, "owner", rule->owner);
		json_set_text(ctx, item, "path", rule->pattern);
		json_set_int(ctx, item, "after", rule->after);
		json_set_int(ctx, item, "times", rule->times);
		json_set_int(ctx, item, "hits", rule->hits);
		json_append(ctx, list, item);
	}
	return list;
}

/* The first rule that matches decides, also while it lets calls pass; a spent one is not there any
 * more. */
struct fault_rule *faults_find(struct world *world, const struct call *call)
{
	struct fault_rule *rule;

	for (rule = world->faults; rule; rule = rule->next) {
		if (rule->times >= 0 && rule->hits >= rule->after + rule->times)
			continue;
		if (rule->owner && !text_equals(rule->owner, call->owner))
			continue;
		if (rule->method && !text_equals_nocase(rule->method, call->method))
			continue;
		if (regexec(&rule->path, call->target, 0, NULL, 0) != 0)
			continue;
		return ++rule->hits > rule->after ? rule : NULL;
	}
	return NULL;
}

bool faults_before(const struct fault_rule *rule, struct call *call)
{
	call->delay = rule->delay;
	if (rule->resets_before) {
		call->end = CALL_RESET;
		return false;
	}
	return rule->applies || (!rule->status && !rule->body);
}

static void garble(struct call *call)
{
	char *text = arena_copy(call->ctx->arena, call->reply, call->reply_size + 1);
	size_t i;

	for (i = 0; i < call->reply_size; i++)
		text[i] = (char)(text[i] ^ (char)(0x15 + i % 7));
	call->reply = text;
}

/* Shorter than it was, and whole as far as HTTP can tell. */
static void cut(struct call *call, int64_t size)
{
	if (size < 0 || (size_t)size >= call->reply_size)
		return;
	call->reply = arena_strndup(call->ctx->arena, call->reply, (size_t)size);
	call->reply_size = (size_t)size;
}

static void pad(struct call *call, size_t size)
{
	char *text;

	if (size <= call->reply_size)
		return;
	text = arena_alloc(call->ctx->arena, size + 1);
	memcpy(text, call->reply, call->reply_size);
	memset(text + call->reply_size, ' ', size - call->reply_size);
	call->reply = text;
	call->reply_size = size;
}

void faults_after(const struct fault_rule *rule, struct call *call)
{
	size_t i;

	if (call->end == CALL_RESET)
		return;
	if (rule->status || rule->body) {
		call->reply_header_count = 0;
		call_text(call, rule->status ? rule->status : 200,
			  "application/json; charset=utf-8", rule->body ? rule->body : "",
			  rule->body ? strlen(rule->body) : 0);
	}
	for (i = 0; i < rule->header_count; i++)
		call_set_header(call, rule->headers[i].name, rule->headers[i].value);
	cut(call, rule->cut_at);
	if (rule->garbles)
		garble(call);
	if (rule->oversize)
		pad(call, rule->oversize);
	if (rule->is_truncated) {
		call->end = CALL_TRUNCATED;
		call->truncate_at = rule->truncate_at;
	}
	if (rule->resets_after)
		call->end = CALL_RESET;
}
