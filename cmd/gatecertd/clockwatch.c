#include "clockwatch.h"

#include <assert.h>

#define TOLERANCE MSEC_PER_HOUR

static msec_t offset_of(struct clock *clock)
{
	return clock->wall(clock) - clock->mono(clock);
}

static void arm(struct clockwatch *watch)
{
	int result = sd_event_source_set_time_relative(watch->timer, (uint64_t)watch->every * 1000);

	assert(result >= 0);
	result = sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
	assert(result >= 0);
	(void)result;
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
	int result;

	watch->offset = offset_of(watch->clock);
	result = sd_event_add_time(event, &watch->timer, CLOCK_MONOTONIC, UINT64_MAX, accuracy,
				   on_time, watch);
	assert(result >= 0);
	(void)result;
	arm(watch);
}

void clockwatch_stop(struct clockwatch *watch)
{
	watch->timer = sd_event_source_unref(watch->timer);
}
