/*
 * workqueue - keys that want a look: fair, stingy, never two workers on one key, never a lost
 * wake-up.
 *
 * A key is idle (not known here), waiting for its due time, ready, running, or running and wanted
 * again. Waking a waiting key makes it ready; of two due times the earlier wins. A key that is
 * woken while it runs becomes ready again when done. One lock owns all of it.
 */
#pragma once

#include "base/ctx.h"

struct workqueue;

/* Since the key was last well, by what is done about them; the caller counts. */
struct failures {
	unsigned hiccups, conflicts, refusals;
};

struct workqueue *workqueue_new(struct clock *clock);
void workqueue_free(struct workqueue *queue);

/* Wants a look now, or after a wait. Any thread. */
void workqueue_add(struct workqueue *queue, const char *key);
void workqueue_add_after(struct workqueue *queue, const char *key, msec_t wait);

/* The next ready key (the caller's until workqueue_done) with its failures, or NULL: with `block`,
 * only after workqueue_shut. */
const char *workqueue_get(struct workqueue *queue, bool block, struct failures *failures);

/* Every key got must be done: `again` is the wait until the next look, MSEC_NEVER for none. */
void workqueue_done(struct workqueue *queue, const char *key, msec_t again,
		    const struct failures *failures);

/* Wakes all who block; nothing is handed out any more. */
void workqueue_shut(struct workqueue *queue);

/* Mono time at which the next key becomes ready; MSEC_NEVER when none waits. */
msec_t workqueue_next_due(struct workqueue *queue);

size_t workqueue_size(struct workqueue *queue); /* ready and waiting */
