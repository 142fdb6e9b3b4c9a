#include "service/listing.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "service/status.h"
#include "service/view.h"

#define SHARED_MSEC MSEC_PER_SEC /* shown times have whole seconds */

/* What is said of one object. */
struct rendering {
	struct listings *listings; /* that it counts for */
	msec_t made;		   /* mono */
	unsigned references;
	size_t size;
	char text[];
};

struct listing {
	struct listings *listings;
	enum listing_form form;
	struct changes_list *objects;
	int64_t version;
	msec_t made;		       /* mono */
	struct rendering **renderings; /* by the place of the object; NULL: not made yet */
	unsigned references;
};

enum stage { STAGE_HEAD, STAGE_COMMA, STAGE_OBJECT, STAGE_TAIL, STAGE_END };

struct page {
	struct listing *listing;
	char *head, *tail;
	unsigned char *has; /* a bit for each object of the listing */
	enum stage stage;
	size_t index;	   /* of the object that comes */
	const char *piece; /* what is left of the one that leaves */
	size_t left;
	struct rendering *rendering; /* that the piece is of, or NULL */
};

/* helpers: listings */

static enum kind kind_of(enum listing_form form)
{
	static const enum kind kinds[LISTING_FORMS] = {
		[LISTING_HOSTNAMES] = KIND_HOSTNAME,
		[LISTING_GATEWAYS] = KIND_GATEWAY,
		[LISTING_INSTANCES] = KIND_INSTANCE,
		[LISTING_STATUSES] = KIND_INSTANCE,
		[LISTING_STATUSES_WITHOUT_INPUT] = KIND_INSTANCE,
	};

	return kinds[form];
}

static struct json *show(struct ctx *ctx, enum listing_form form, const void *object)
{
	const struct status_view view = {.without_input = form == LISTING_STATUSES_WITHOUT_INPUT};

	if (form == LISTING_STATUSES || form == LISTING_STATUSES_WITHOUT_INPUT)
		return status_render(ctx, object, &view);
	return view_render(ctx, kind_of(form), object);
}

static void rendering_unref(struct rendering *rendering)
{
	if (!rendering || --rendering->references > 0)
		return;
	*rendering->listings->bytes -= rendering->size;
	free(rendering);
}

static struct rendering *rendering_ref(struct rendering *rendering)
{
	rendering->references++;
	return rendering;
}

static struct rendering *rendering_new(const struct listing *listing, size_t index)
{
	struct listings *listings = listing->listings;
	struct ctx ctx cleanup_ctx;
	struct rendering *rendering;
	const char *text;
	size_t size;

	ctx_init(&ctx, listings->doors);
	text = json_print(&ctx, show(&ctx, listing->form, listing->objects->items[index]));
	size = strlen(text);
	rendering = heap_malloc(sizeof(*rendering) + size);
	*rendering = (struct rendering){listings, ctx_mono(&ctx), 1, size};
	memcpy(rendering->text, text, size);
	*listings->bytes += size;
	return rendering;
}

/* The caller's reference. It is kept for others while there is room. */
static struct rendering *take_rendering(struct listing *listing, size_t index)
{
	struct rendering *rendering = listing->renderings[index];

	if (rendering)
		return rendering_ref(rendering);
	rendering = rendering_new(listing, index);
	if (*listing->listings->bytes < listing->listings->bytes_max)
		listing->renderings[index] = rendering_ref(rendering);
	return rendering;
}

/* Both have their objects in name order. */
static void take_over(struct listing *listing, const struct listing *before)
{
	const struct changes_list *old = before->objects, *new = listing->objects;

	for (size_t i = 0, j = 0; i < old->count && j < new->count;) {
		const struct meta *a = old->items[i], *b = new->items[j];
		struct rendering *rendering = before->renderings[i];
		int order = a == b ? 0 : strcmp(a->name, b->name);

		if (a == b && rendering && listing->made - rendering->made < SHARED_MSEC)
			listing->renderings[j] = rendering_ref(rendering);
		i += order <= 0;
		j += order >= 0;
	}
}

static struct listing *listing_new(struct listings *listings, enum listing_form form, msec_t now)
{
	struct changes *changes = listings->changes[kind_of(form)];
	struct listing *listing = heap_calloc(1, sizeof(*listing));

	listing->listings = listings;
	listing->form = form;
	listing->objects = changes_hold(changes);
	listing->version = changes_version(changes);
	listing->made = now;
	listing->references = 1;
	listing->renderings = heap_calloc(listing->objects->count + 1,
					  sizeof(*listing->renderings));
	*listings->bytes += listing->objects->count * sizeof(*listing->renderings);
	return listing;
}

static void listing_unref(struct listing *listing)
{
	if (!listing || --listing->references > 0)
		return;
	for (size_t i = 0; i < listing->objects->count; i++)
		rendering_unref(listing->renderings[i]);
	*listing->listings->bytes -= listing->objects->count * sizeof(*listing->renderings);
	changes_give_back(listing->objects);
	free(listing->renderings);
	free(listing);
}

static bool is_current(const struct listing *listing, const struct changes *changes, msec_t now)
{
	return listing && now - listing->made < SHARED_MSEC &&
	       changes_is_latest(changes, listing->objects);
}

/* helpers: pages */

static bool has(const struct page *page, size_t index)
{
	return page->has[index / CHAR_BIT] >> index % CHAR_BIT & 1;
}

static void begin_piece(struct page *page, const char *piece, size_t size)
{
	page->piece = piece;
	page->left = size;
}

static void begin_text(struct page *page, const char *text)
{
	begin_piece(page, text, strlen(text));
}

/* From one piece to the next. */
static void step(struct page *page)
{
	const struct listing *listing = page->listing;

	rendering_unref(page->rendering);
	page->rendering = NULL;
	switch (page->stage) {
	case STAGE_HEAD:
	case STAGE_OBJECT:
		page->index += page->stage == STAGE_OBJECT;
		while (page->index < listing->objects->count && !has(page, page->index))
			page->index++;
		if (page->index == listing->objects->count) {
			page->stage = STAGE_TAIL;
			begin_text(page, page->tail);
			return;
		}
		begin_text(page, page->stage == STAGE_OBJECT ? "," : "");
		page->stage = STAGE_COMMA;
		return;
	case STAGE_COMMA:
		page->stage = STAGE_OBJECT;
		page->rendering = take_rendering(page->listing, page->index);
		begin_piece(page, page->rendering->text, page->rendering->size);
		return;
	case STAGE_TAIL:
	case STAGE_END: page->stage = STAGE_END; return;
	}
}

/* public */

struct listing *listings_get(struct listings *listings, enum listing_form form)
{
	struct clock *clock = listings->doors->clock;
	struct changes *changes = listings->changes[kind_of(form)];
	struct listing **current = &listings->current[form];
	msec_t now = clock->mono(clock);

	changes_look(changes);
	if (!is_current(*current, changes, now)) {
		struct listing *before = *current;

		*current = listing_new(listings, form, now);
		if (before)
			take_over(*current, before);
		listing_unref(before);
	}
	(*current)->references++;
	return *current;
}

msec_t listings_sweep(struct listings *listings, msec_t now)
{
	msec_t next = -1;

	for (size_t i = 0; i < LISTING_FORMS; i++) {
		struct listing **current = &listings->current[i];
		msec_t left = *current ? (*current)->made + SHARED_MSEC - now : -1;

		if (*current && left <= 0) {
			listing_unref(*current);
			*current = NULL;
		} else if (left > next) {
			next = left;
		}
	}
	return next;
}

void listings_drop_all(struct listings *listings)
{
	listings_sweep(listings, MSEC_NEVER);
}

const struct changes_list *listing_objects(const struct listing *listing)
{
	return listing->objects;
}

int64_t listing_version(const struct listing *listing)
{
	return listing->version;
}

struct page *page_new(struct listing *listing)
{
	struct page *page = heap_calloc(1, sizeof(*page));

	page->listing = listing;
	page->has = heap_calloc(listing->objects->count / CHAR_BIT + 1, 1);
	return page;
}

void page_free(struct page *page)
{
	if (!page)
		return;
	listing_unref(page->listing);
	rendering_unref(page->rendering);
	free(page->has);
	free(page->head);
	free(page->tail);
	free(page);
}

void page_add(struct page *page, size_t index)
{
	page->has[index / CHAR_BIT] |= (unsigned char)(1u << index % CHAR_BIT);
}

void page_enclose(struct page *page, const char *head, size_t head_size, const char *tail)
{
	page->head = heap_strndup(head, head_size);
	page->tail = heap_strdup(tail);
	begin_text(page, page->head);
}

bool page_is_within(struct page *page, size_t limit, size_t *size)
{
	const struct listing *listing = page->listing;

	size_t commas = 0;

	*size = strlen(page->head) + strlen(page->tail);
	for (size_t i = 0; i < listing->objects->count && *size <= limit; i++) {
		struct rendering *rendering;

		if (!has(page, i))
			continue;
		rendering = take_rendering(page->listing, i);
		*size += rendering->size + commas;
		commas = 1;
		rendering_unref(rendering);
		if (!listing->renderings[i])
			return false;
	}
	return *size <= limit;
}

size_t page_take(struct page *page, char *out, size_t room)
{
	size_t taken = 0;

	while (taken < room && page->stage != STAGE_END) {
		size_t size = page->left < room - taken ? page->left : room - taken;

		memcpy(out + taken, page->piece, size);
		taken += size;
		page->piece += size;
		page->left -= size;
		if (page->left == 0)
			step(page);
	}
	return taken;
}
