/*
 * handover - stops an engine beside the loop.
 *
 * A request that must not be made twice is worth its answer: the engine waits for it a little, and
 * the loop has others to serve meanwhile.
 */
#pragma once

#include <pthread.h>
#include <systemd/sd-event.h>

#include "wire.h"

struct handover {
	struct engine *engine; /* that is being stopped; NULL: none is */
	msec_t began;	       /* mono */
	void (*is_stopped)(void *handle);
	void *handle;
	int done; /* eventfd */
	sd_event_source *source;
	pthread_t thread;
};

/* `is_stopped` is called on the loop whenever one was. */
void handover_init(struct handover *handover, sd_event *event, void (*is_stopped)(void *handle),
		   void *handle);
void handover_begin(struct handover *handover, struct engine *engine, msec_t now);

/* Waits for it, without a call. */
void handover_fini(struct handover *handover);
