#include "objects/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/text.h"
#include "objects/fieldselector.h"
#include "objects/selector.h"
#include "service/view.h"

#define SECONDS_DEFAULT 1800
#define LINES_BYTES	((size_t)64 * 1024) /* are made at once, for a client that takes them */

struct watch {
	struct ctx ctx; /* of the watch's whole life */
	struct changes *changes;
	struct selector *selector;
	struct fieldselector *fields;
	struct request reader;	   /* only how far its key reaches */
	struct changes_list *list; /* what it begins with; NULL when all of it was told */
	const void **items;	   /* of it, in the order of their versions */
	bool wants_bookmark;	   /* behind it, with the next one */
	int64_t list_version;
	size_t told;
	uint64_t position; /* of the next change */
	struct buf lines;
	size_t taken;
	msec_t deadline; /* mono */
	bool has_ended;
};

/* helpers: events */

static bool is_shown(const struct watch *watch, const struct meta *meta)
{
	return meta && view_is_visible(&watch->reader, changes_kind(watch->changes), meta) &&
	       fieldselector_matches(watch->fields, meta) &&
	       selector_matches(watch->selector, &meta->labels);
}

/* The object of a removal has the version that a client can go on from. */
static void add_event(struct watch *watch, const char *type, const void *object, int64_t version)
{
	struct json *event, *shown;
	struct ctx ctx cleanup_ctx;

	ctx_init(&ctx, watch->ctx.doors);
	event = json_object(&ctx);
	shown = view_render(&ctx, changes_kind(watch->changes), object);
	json_set_text(&ctx, json_get(shown, "metadata"), "resourceVersion",
		      view_version(&ctx, version));
	json_set_text(&ctx, event, "type", type);
	json_set(&ctx, event, "object", shown);
	buf_adds(&watch->lines, arena_printf(ctx.arena, "%s\n", json_print(&ctx, event)));
}

/* Behind the last object that was there: from now on it is news. */
static void add_bookmark(struct watch *watch)
{
	struct json *event, *object, *metadata, *annotations;
	struct ctx ctx cleanup_ctx;

	ctx_init(&ctx, watch->ctx.doors);
	event = json_object(&ctx);
	object = json_object(&ctx);
	metadata = json_object(&ctx);
	annotations = json_object(&ctx);
	json_set_text(&ctx, annotations, "k8s.io/initial-events-end", "true");
	json_set_text(&ctx, metadata, "resourceVersion", view_version(&ctx, watch->list_version));
	json_set_text(&ctx, metadata, "creationTimestamp", NULL);
	json_set(&ctx, metadata, "annotations", annotations);
	json_set_text(&ctx, object, "kind", kind_info(changes_kind(watch->changes))->name);
	json_set_text(&ctx, object, "apiVersion", API_VERSION);
	json_set(&ctx, object, "metadata", metadata);
	json_set_text(&ctx, event, "type", "BOOKMARK");
	json_set(&ctx, event, "object", object);
	buf_adds(&watch->lines, arena_printf(ctx.arena, "%s\n", json_print(&ctx, event)));
}

static const struct meta *object_of(const struct snapshot *snapshot)
{
	return snapshot ? snapshot_object(snapshot) : NULL;
}

static void tell_change(struct watch *watch, const struct change *change)
{
	const struct meta *before = object_of(change->before), *now = object_of(change->now);
	bool was_shown = is_shown(watch, before), is_now = is_shown(watch, now);

	if (was_shown && is_now && text_equals(before->uid, now->uid)) {
		add_event(watch, "MODIFIED", now, change->version);
		return;
	}
	/* One that was made again: who goes on from its end is to hear of the other one. */
	if (was_shown)
		add_event(watch, "DELETED", is_now || !now ? before : now,
			  change->version - is_now);
	if (is_now)
		add_event(watch, "ADDED", now, change->version);
}

static void tell_list(struct watch *watch)
{
	const struct meta *meta;

	while (watch->told < watch->list->count && watch->lines.size < LINES_BYTES) {
		meta = watch->items[watch->told++];
		if (is_shown(watch, meta))
			add_event(watch, "ADDED", meta, meta->resource_version);
	}
	if (watch->told < watch->list->count)
		return;
	changes_give_back(watch->list);
	watch->list = NULL;
	if (watch->wants_bookmark)
		add_bookmark(watch);
}

static bool has_news(const struct watch *watch)
{
	return watch->list || watch->position < changes_end(watch->changes);
}

/* As much as a client takes at once: what it does not take is not made. */
static void tell_news(struct watch *watch)
{
	const struct change *change;

	if (watch->list)
		tell_list(watch);
	while (!watch->list && has_news(watch) && watch->lines.size < LINES_BYTES) {
		change = changes_at(watch->changes, watch->position++);
		if (change)
			tell_change(watch, change);
		watch->has_ended = watch->has_ended || !change;
	}
	/* Half an event is none: what does not fit is not sent. */
	watch->has_ended = watch->has_ended || watch->lines.is_overfull;
}

/* helpers: beginning */

static msec_t read_deadline(struct ctx *ctx, const struct request *request)
{
	int64_t seconds = SECONDS_DEFAULT;

	text_to_number(request_param(request, "timeoutSeconds"), &seconds);
	if (seconds > WATCH_SECONDS_MAX)
		seconds = WATCH_SECONDS_MAX;
	return ctx_mono(ctx) + seconds * MSEC_PER_SEC;
}

static int by_version(const void *left, const void *right)
{
	const struct meta *const *a = left, *const *b = right;

	return ((*a)->resource_version > (*b)->resource_version) -
	       ((*a)->resource_version < (*b)->resource_version);
}

/* Whether it begins with what is there. With sendInitialEvents the version is the oldest that the
 * client would take for that, and nothing that it knows. */
static bool is_new_or_newer(const struct watch *watch, const struct request *request,
			    int64_t version)
{
	return version == 0 || (request_is_set(request, "sendInitialEvents") &&
				version <= changes_version(watch->changes));
}

/* In the order of their versions, so that who was told one can go on from it. */
static void begin_with_all(struct watch *watch, const struct request *request)
{
	struct changes_list *list;

	watch->position = changes_end(watch->changes);
	watch->wants_bookmark = request_is_set(request, "sendInitialEvents");
	if (request_param(request, "sendInitialEvents") && !watch->wants_bookmark)
		return;
	watch->list_version = changes_version(watch->changes);
	list = changes_hold(watch->changes);
	watch->list = list;
	watch->items = arena_copy(watch->ctx.arena, list->items,
				  list->count * sizeof(*list->items));
	if (list->count > 0)
		qsort(watch->items, list->count, sizeof(*watch->items), by_version);
}

static enum err begin(struct ctx *ctx, struct watch *watch, const struct request *request)
{
	const char *text = request_param(request, "resourceVersion");
	const char *selector = request_param(request, "labelSelector");
	int64_t version = 0;

	TRY(selector_parse(&watch->ctx, selector, &watch->selector));
	TRY(fieldselector_parse(&watch->ctx, request, &watch->fields));
	changes_look(watch->changes);
	if (text && text[0] && !text_to_number(text, &version))
		return fault_set(ctx, E_REFUSED, "InvalidRequest",
				 "resourceVersion is not what a list or an object said");
	if (is_new_or_newer(watch, request, version)) {
		begin_with_all(watch, request);
		return E_OK;
	}
	if (changes_find(watch->changes, version, &watch->position))
		return E_OK;
	return fault_set(ctx, E_CONFLICT, "Expired",
			 "what changed since resourceVersion %s is not known any more: list "
			 "again and watch from there",
			 text);
}

/* public */

enum err watch_open(struct ctx *ctx, struct changes *changes, const struct request *request,
		    struct watch **out)
{
	struct watch *watch = heap_calloc(1, sizeof(*watch));
	enum err err;

	ctx_init(&watch->ctx, ctx->doors);
	watch->changes = changes;
	watch->reader.scope = texts_copy(watch->ctx.arena, &request->scope);
	watch->deadline = read_deadline(ctx, request);
	buf_init(&watch->lines, WATCH_LINES_BYTES_MAX);
	err = begin(ctx, watch, request);
	if (err != E_OK) {
		if (watch->ctx.fault.reason[0])
			ctx->fault = watch->ctx.fault;
		watch_close(watch);
		return err;
	}
	*out = watch;
	return E_OK;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	changes_give_back(watch->list);
	buf_fini(&watch->lines);
	ctx_fini(&watch->ctx);
	free(watch);
}

void watch_look(struct watch *watch)
{
	if (ctx_mono(&watch->ctx) >= watch->deadline)
		watch->has_ended = true;
	else
		changes_look(watch->changes);
}

size_t watch_take(struct watch *watch, char *out, size_t room)
{
	size_t size;

	if (watch->lines.size == 0 && !watch->has_ended)
		tell_news(watch);
	size = watch->lines.size - watch->taken;
	size = size < room ? size : room;
	if (size > 0)
		memcpy(out, watch->lines.data + watch->taken, size);
	watch->taken += size;
	if (watch->taken == watch->lines.size) {
		watch->taken = 0;
		buf_fini(&watch->lines);
	}
	return size;
}

bool watch_has_lines(const struct watch *watch)
{
	return watch->lines.size > watch->taken || has_news(watch);
}

bool watch_has_ended(const struct watch *watch)
{
	return watch->has_ended;
}

void watch_end(struct watch *watch)
{
	watch->has_ended = true;
}

msec_t watch_deadline(const struct watch *watch)
{
	return watch->deadline;
}
