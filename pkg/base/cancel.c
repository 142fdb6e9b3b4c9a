#include "base/cancel.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/fatal.h"

struct cancel {
	atomic_bool is_requested; /* written under lock, read without */
	pthread_mutex_t lock;
	struct cancel_waker wakers; /* guarded by lock: head of a ring */
};

struct cancel *cancel_new(void)
{
	struct cancel *cancel = calloc(1, sizeof(*cancel));

	if (!cancel)
		fatal_no_memory();
	pthread_mutex_init(&cancel->lock, NULL);
	atomic_init(&cancel->is_requested, false);
	cancel->wakers.next = cancel->wakers.previous = &cancel->wakers;
	return cancel;
}

void cancel_free(struct cancel *cancel)
{
	if (!cancel)
		return;
	assert(cancel->wakers.next == &cancel->wakers);
	pthread_mutex_destroy(&cancel->lock);
	free(cancel);
}

/* Under the lock: this is what lets cancel_remove_waker promise that none runs afterwards. */
void cancel_request(struct cancel *cancel)
{
	pthread_mutex_lock(&cancel->lock);
	if (!atomic_exchange(&cancel->is_requested, true)) {
		struct cancel_waker *waker = cancel->wakers.next;

		for (; waker != &cancel->wakers; waker = waker->next)
			waker->wake(waker->handle);
	}
	pthread_mutex_unlock(&cancel->lock);
}

bool cancel_is_requested(const struct cancel *cancel)
{
	return cancel && atomic_load(&cancel->is_requested);
}

void cancel_add_waker(struct cancel *cancel, struct cancel_waker *waker)
{
	if (!cancel)
		return;
	pthread_mutex_lock(&cancel->lock);
	waker->next = &cancel->wakers;
	waker->previous = cancel->wakers.previous;
	waker->previous->next = waker;
	cancel->wakers.previous = waker;
	if (atomic_load(&cancel->is_requested))
		waker->wake(waker->handle);
	pthread_mutex_unlock(&cancel->lock);
}

void cancel_remove_waker(struct cancel *cancel, struct cancel_waker *waker)
{
	if (!cancel)
		return;
	pthread_mutex_lock(&cancel->lock);
	waker->previous->next = waker->next;
	waker->next->previous = waker->previous;
	waker->next = waker->previous = NULL;
	pthread_mutex_unlock(&cancel->lock);
}
