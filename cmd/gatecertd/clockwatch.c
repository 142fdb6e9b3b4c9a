#include "clockwatch.h"

#include <string.h>

#include "base/fatal.h"

#define TOLERANCE MSEC_PER_HOUR

static msec_t offset_of(struct clock *clock)
{
	return clock->wall(clock) - clock->mono(clock);
}

static void must(int result)
{
	if (result < 0)
		fatal("the clock cannot be watched", strerror(-result));
}

static void arm(struct clockwatch *watch)
{
	must(sd_event_source_set_time_relative(watch->timer, (uint64_t)watch->every * 1000));
	must(sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT));
}

static int on_time(sd_event_source *source, uint64_t usec, void *handle)
{
	struct clockwatch *watch = handle;
	msec_t offset = offset_of(watch->clock), by = offset - watch->offset;

	(void)source, (void)usec;
	watch->offset = offset;
	if (by > TOLERANCE || by < -TOLERANCE)
		watch->was_set(watch->handle, by);
	arm(watch);
	return 0;
}

void clockwatch_start(struct clockwatch *watch, sd_event *event)
{
	const uint64_t accuracy = (uint64_t)watch->every * 100;

	watch->offset = offset_of(watch->clock);
	must(sd_event_add_time(event, &watch->timer, CLOCK_MONOTONIC, UINT64_MAX, accuracy, on_time,
			       watch));
	arm(watch);
}

void clockwatch_stop(struct clockwatch *watch)
{
	watch->timer = sd_event_source_unref(watch->timer);
}
