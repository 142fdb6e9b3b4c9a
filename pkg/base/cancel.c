#include "base/cancel.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/heap.h"

enum urgency { NOT, SOON, AT_ONCE };

struct cancel {
	atomic_int urgency; /* written under lock, read without */
	pthread_mutex_t lock;
	struct cancel_waker wakers; /* guarded by lock: head of a ring */
};

struct cancel *cancel_new(void)
{
	struct cancel *cancel = heap_calloc(1, sizeof(*cancel));

	pthread_mutex_init(&cancel->lock, NULL);
	atomic_init(&cancel->urgency, NOT);
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
static void request(struct cancel *cancel, enum urgency urgency)
{
	pthread_mutex_lock(&cancel->lock);
	if (atomic_load(&cancel->urgency) < (int)urgency) {
		struct cancel_waker *waker = cancel->wakers.next;

		atomic_store(&cancel->urgency, urgency);
		for (; waker != &cancel->wakers; waker = waker->next)
			waker->wake(waker->handle);
	}
	pthread_mutex_unlock(&cancel->lock);
}

void cancel_request(struct cancel *cancel)
{
	request(cancel, AT_ONCE);
}

void cancel_request_soon(struct cancel *cancel)
{
	request(cancel, SOON);
}

bool cancel_is_requested(const struct cancel *cancel)
{
	return cancel && atomic_load(&cancel->urgency) != NOT;
}

bool cancel_is_at_once(const struct cancel *cancel)
{
	return cancel && atomic_load(&cancel->urgency) == AT_ONCE;
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
	if (atomic_load(&cancel->urgency) != NOT)
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
