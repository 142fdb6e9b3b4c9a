#include "server/watch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "server/objects.h"
#include "server/selector.h"

#define SECONDS_DEFAULT 1800

struct watch {
	struct ctx ctx; /* of the watch's whole life */
	struct store *store;
	enum kind kind;
	struct selector *selector;
	struct request reader;	 /* only how far its key reaches */
	struct watch_list *seen; /* NULL: nothing yet */
	int64_t version;	 /* of the store at the last look */
	struct buf lines;
	size_t taken;
	msec_t deadline; /* mono */
	bool has_ended;
};

/* helpers: lists */

static struct watch_list *list_new(const struct doors *doors, struct store *store, enum kind kind)
{
	struct watch_list *list = calloc(1, sizeof(*list));

	assert(list);
	ctx_init(&list->ctx, doors);
	if (store_list(&list->ctx, store, kind, &list->items, &list->count) != E_OK)
		list->count = 0;
	return list;
}

static void list_free(struct watch_list *list)
{
	if (!list)
		return;
	ctx_fini(&list->ctx);
	free(list);
}

static const struct meta *item(const struct watch_list *list, size_t index)
{
	return list && index < list->count ? list->items[index] : NULL;
}

/* helpers: events */

static bool is_shown(const struct watch *watch, const struct meta *meta)
{
	return meta && objects_are_visible(&watch->reader, watch->kind, meta) &&
	       selector_matches(watch->selector, &meta->labels);
}

static void add_event(struct ctx *ctx, struct watch *watch, const char *type, const void *object)
{
	struct json *event = json_object(ctx);

	json_set_text(ctx, event, "type", type);
	json_set(ctx, event, "object", objects_render(ctx, watch->kind, object));
	buf_adds(&watch->lines, json_print(ctx, event));
	buf_adds(&watch->lines, "\n");
}

/* Of one name, before and now; at least one of them is there. */
static void compare(struct ctx *ctx, struct watch *watch, const struct meta *before,
		    const struct meta *now)
{
	bool was_shown = is_shown(watch, before), is_now = is_shown(watch, now);

	if (was_shown && is_now && before->resource_version == now->resource_version)
		return;
	if (was_shown && is_now && text_equals(before->uid, now->uid)) {
		add_event(ctx, watch, "MODIFIED", now);
		return;
	}
	if (was_shown)
		add_event(ctx, watch, "DELETED", is_now || !now ? before : now);
	if (is_now)
		add_event(ctx, watch, "ADDED", now);
}

/* Both are in name order. */
static void compare_lists(struct ctx *ctx, struct watch *watch, const struct watch_list *before,
			  const struct watch_list *now)
{
	size_t i = 0, j = 0;

	while (item(before, i) || item(now, j)) {
		const struct meta *old = item(before, i), *new = item(now, j);
		int order = !old ? 1 : !new ? -1 : strcmp(old->name, new->name);

		compare(ctx, watch, order <= 0 ? old : NULL, order >= 0 ? new : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

/* helpers: beginning */

static struct watch_list *take_point(struct watch_points *points, enum kind kind, int64_t version)
{
	for (size_t i = 0; i < WATCH_POINTS_MAX; i++) {
		struct watch_point *point = &points->items[i];
		struct watch_list *list = point->list;

		if (!list || point->kind != kind || point->version != version)
			continue;
		point->list = NULL;
		return list;
	}
	return NULL;
}

static msec_t read_deadline(struct ctx *ctx, const struct request *request)
{
	const char *text = request_param(request, "timeoutSeconds");
	long seconds = SECONDS_DEFAULT;

	if (text && text[0] && strlen(text) < 6 && !text[strspn(text, "0123456789")])
		seconds = strtol(text, NULL, 10);
	if (seconds > WATCH_SECONDS_MAX)
		seconds = WATCH_SECONDS_MAX;
	return ctx_mono(ctx) + seconds * MSEC_PER_SEC;
}

static enum err begin(struct ctx *ctx, struct watch *watch, struct watch_points *points,
		      const struct request *request)
{
	const char *text = request_param(request, "resourceVersion");
	const char *selector = request_param(request, "labelSelector");
	int64_t version;

	TRY(selector_parse(&watch->ctx, selector, &watch->selector));
	if (!text || !text[0] || strcmp(text, "0") == 0)
		return E_OK;
	if (strlen(text) > 18 || text[strspn(text, "0123456789")])
		return fault_set(ctx, E_REFUSED, "InvalidRequest",
				 "resourceVersion is not what a list or an object said");
	version = strtoll(text, NULL, 10);
	watch->seen = take_point(points, watch->kind, version);
	if (!watch->seen && version == store_version(watch->store))
		watch->seen = list_new(ctx->doors, watch->store, watch->kind);
	if (!watch->seen)
		return fault_set(
			ctx, E_CONFLICT, "Expired",
			"what changed since resourceVersion %lld is not known any more: list "
			"again and watch from there",
			(long long)version);
	return E_OK;
}

/* public */

const struct watch_list *watch_note(struct ctx *ctx, struct watch_points *points,
				    struct store *store, enum kind kind, int64_t version)
{
	struct watch_point *point = &points->items[points->next++ % WATCH_POINTS_MAX];
	msec_t now = ctx_mono(ctx);

	list_free(point->list);
	*point = (struct watch_point){list_new(ctx->doors, store, kind), kind, version, now};
	for (size_t i = 0; i < WATCH_POINTS_MAX; i++) {
		struct watch_point *old = &points->items[i];

		if (!old->list || now - old->since < WATCH_POINT_MSEC)
			continue;
		list_free(old->list);
		old->list = NULL;
	}
	return point->list;
}

void watch_forget(struct watch_points *points)
{
	for (size_t i = 0; i < WATCH_POINTS_MAX; i++)
		list_free(points->items[i].list);
	*points = (struct watch_points){0};
}

enum err watch_open(struct ctx *ctx, struct watch_points *points, struct store *store,
		    enum kind kind, const struct request *request, struct watch **out)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	enum err err;

	assert(watch);
	ctx_init(&watch->ctx, ctx->doors);
	watch->store = store;
	watch->kind = kind;
	watch->reader.scope = texts_copy(watch->ctx.arena, &request->scope);
	watch->deadline = read_deadline(ctx, request);
	buf_init(&watch->lines, WATCH_BACKLOG_BYTES);
	err = begin(ctx, watch, points, request);
	if (err != E_OK) {
		if (watch->ctx.fault.reason[0])
			ctx->fault = watch->ctx.fault;
		watch_close(watch);
		return err;
	}
	watch->version = -1;
	watch_look(watch);
	*out = watch;
	return E_OK;
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	list_free(watch->seen);
	buf_fini(&watch->lines);
	ctx_fini(&watch->ctx);
	free(watch);
}

void watch_look(struct watch *watch)
{
	int64_t version = store_version(watch->store);
	struct watch_list *now;
	struct ctx ctx cleanup_ctx;

	if (ctx_mono(&watch->ctx) >= watch->deadline)
		watch->has_ended = true;
	ctx_init(&ctx, watch->ctx.doors);
	if (watch->has_ended || version == watch->version)
		return;
	now = list_new(ctx.doors, watch->store, watch->kind);
	compare_lists(&ctx, watch, watch->seen, now);
	list_free(watch->seen);
	watch->seen = now;
	watch->version = version;
	/* Half an event is none: what was begun is not sent. */
	watch->has_ended = watch->has_ended || watch->lines.is_overfull;
}

size_t watch_take(struct watch *watch, char *out, size_t room)
{
	size_t size = watch->lines.size - watch->taken;

	if (watch->lines.is_overfull)
		return 0;
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
	return watch->lines.size > watch->taken;
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
