#include "specdir/scan.h"

#include <stdlib.h>

#include "base/heap.h"
#include "specdir/watch.h"

#define READINGS_MAX 5 /* of directories that are replaced each time while they are read */

struct scan {
	struct scan_options options;
	struct arena *arena; /* of what was overtaken */
	const struct overtaken *overtaken;
	unsigned readings;
	struct reading *reading;     /* first; then NULL, and the next two are there */
	struct catalogue *catalogue; /* what was read */
	struct applying *applying;
};

static void release(struct scan *scan)
{
	arena_free(scan->arena);
	free(scan);
}

static void begin_reading(struct ctx *ctx, struct scan *scan)
{
	scan->readings++;
	watch_renew(ctx, scan->options.reading.watch);
	scan->reading = catalogue_begin(ctx, &scan->options.reading);
}

struct scan *scan_begin(struct ctx *ctx, const struct scan_options *options)
{
	struct scan *scan = heap_calloc(1, sizeof(*scan));

	scan->options = *options;
	scan->options.apply.overtaken = &scan->overtaken;
	scan->arena = arena_new();
	if (options->reading.api_trouble)
		scan->options.reading.api_trouble = arena_strdup(scan->arena,
								 options->reading.api_trouble);
	begin_reading(ctx, scan);
	return scan;
}

enum err scan_on(struct ctx *ctx, struct scan *scan, msec_t until, bool *is_done)
{
	*is_done = false;
	if (scan->reading) {
		if (!catalogue_read_on(scan->reading, until))
			return E_OK;
		scan->catalogue = catalogue_end(scan->reading);
		scan->reading = NULL;
		if (scan->catalogue->is_replaced && scan->readings < READINGS_MAX) {
			catalogue_free(scan->catalogue);
			scan->catalogue = NULL;
			begin_reading(ctx, scan);
			return E_OK;
		}
		TRY(apply_begin(ctx, scan->catalogue, &scan->options.apply, &scan->applying));
	}
	*is_done = apply_on(scan->applying, until);
	return E_OK;
}

void scan_overtake(struct scan *scan, const char *hostname)
{
	struct overtaken *overtaken = arena_new_one(scan->arena, struct overtaken);

	*overtaken = (struct overtaken){scan->overtaken, arena_strdup(scan->arena, hostname)};
	scan->overtaken = overtaken;
}

enum err scan_end(struct ctx *ctx, struct scan *scan, msec_t *next, struct catalogue **out)
{
	enum err err = apply_end(ctx, scan->applying, next);

	*out = scan->catalogue;
	release(scan);
	return err;
}

void scan_abandon(struct scan *scan)
{
	if (!scan)
		return;
	if (scan->reading)
		scan->catalogue = catalogue_end(scan->reading);
	apply_abandon(scan->applying);
	catalogue_free(scan->catalogue);
	release(scan);
}
