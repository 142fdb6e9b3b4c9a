/*
 * cancel - one request to stop, seen by everyone who blocks.
 *
 * From any thread (not from a signal handler), and never taken back. Whoever blocks registers a
 * waker for as long as it blocks; wakers run on the cancelling thread and must not block.
 */
#pragma once

#include <stdbool.h>

struct cancel;

struct cancel_waker {
	void (*wake)(void *handle);
	void *handle;
	struct cancel_waker *next, *previous; /* owned by cancel while registered */
};

struct cancel *cancel_new(void);
void cancel_free(struct cancel *cancel);

/* At once, also behind the other. */
void cancel_request(struct cancel *cancel);

/* Soon: what must not be done twice may wait a little for its answer. */
void cancel_request_soon(struct cancel *cancel);

/* NULL is never cancelled. */
bool cancel_is_requested(const struct cancel *cancel);
bool cancel_is_at_once(const struct cancel *cancel);

/* A waker added after the request runs at once. NULL cancel: nothing happens. */
void cancel_add_waker(struct cancel *cancel, struct cancel_waker *waker);

/* After it returns the waker does not run any more. */
void cancel_remove_waker(struct cancel *cancel, struct cancel_waker *waker);
