/*
 * clockwatch - notices that the wall clock was set: that it moved by more than an hour against the
 * one that only counts.
 *
 * What was planned by the wall clock is due for a look then. Looks every so often, as a clock that
 * is corrected little by little is not set.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/clock.h"

struct clockwatch {
	struct clock *clock;
	msec_t every;
	void (*was_set)(void *handle, msec_t by);
	void *handle;
	/* the watch's own */
	msec_t offset;
	sd_event_source *timer;
};

/* The first four members are the caller's; it stays where it is until clockwatch_stop. */
void clockwatch_start(struct clockwatch *watch, sd_event *event);
void clockwatch_stop(struct clockwatch *watch);
