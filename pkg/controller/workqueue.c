#include "controller/workqueue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

enum entry_state { IDLE, WAITING, READY, RUNNING, RUNNING_WANTED };

struct entry {
	char *key;
	enum entry_state state;
	msec_t due;		   /* WAITING: when; RUNNING: an earlier-wins wish for afterwards */
	size_t heap_index;	   /* WAITING */
	struct entry *next_ready;  /* READY */
	struct entry *next_bucket; /* hash chain */
	struct failures failures;
};

struct workqueue {
	/* immutable after new */
	struct clock *clock;
	/* guarded by lock */
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	struct entry **buckets;
	size_t bucket_count, entries;
	struct entry *ready, **ready_end;
	size_t ready_count;
	struct entry **heap; /* WAITING, by due */
	size_t heap_size, heap_capacity;
	bool is_shut;
};

static msec_t now(const struct workqueue *queue)
{
	return queue->clock->mono(queue->clock);
}

/* FNV-1a: keys are short and not secret. */
static size_t hash_of(const char *key)
{
	uint64_t hash = 14695981039346656037ULL;

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 1099511628211ULL;
	return (size_t)hash;
}

static void grow_buckets(struct workqueue *queue)
{
	size_t count = queue->bucket_count ? queue->bucket_count * 2 : 64;
	struct entry **buckets = heap_calloc(count, sizeof(*buckets));

	for (size_t i = 0; i < queue->bucket_count; i++) {
		struct entry *entry = queue->buckets[i];

		while (entry) {
			struct entry *next = entry->next_bucket;
			size_t slot = hash_of(entry->key) % count;

			entry->next_bucket = buckets[slot];
			buckets[slot] = entry;
			entry = next;
		}
	}
	free(queue->buckets);
	queue->buckets = buckets;
	queue->bucket_count = count;
}

static struct entry *find(const struct workqueue *queue, const char *key)
{
	struct entry *entry = queue->bucket_count
				      ? queue->buckets[hash_of(key) % queue->bucket_count]
				      : NULL;

	while (entry && strcmp(entry->key, key) != 0)
		entry = entry->next_bucket;
	return entry;
}

static struct entry *find_or_make(struct workqueue *queue, const char *key)
{
	struct entry *entry = find(queue, key);
	size_t slot;

	if (entry)
		return entry;
	if (queue->entries >= queue->bucket_count)
		grow_buckets(queue);
	entry = heap_calloc(1, sizeof(*entry));
	entry->key = heap_strdup(key);
	entry->due = MSEC_NEVER;
	slot = hash_of(key) % queue->bucket_count;
	entry->next_bucket = queue->buckets[slot];
	queue->buckets[slot] = entry;
	queue->entries++;
	return entry;
}

static void forget(struct workqueue *queue, struct entry *entry)
{
	struct entry **link = &queue->buckets[hash_of(entry->key) % queue->bucket_count];

	while (*link != entry)
		link = &(*link)->next_bucket;
	*link = entry->next_bucket;
	queue->entries--;
	free(entry->key);
	free(entry);
}

static void heap_place(struct workqueue *queue, size_t index, struct entry *entry)
{
	queue->heap[index] = entry;
	entry->heap_index = index;
}

static void heap_up(struct workqueue *queue, size_t index)
{
	struct entry *entry = queue->heap[index];

	while (index > 0 && queue->heap[(index - 1) / 2]->due > entry->due) {
		heap_place(queue, index, queue->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	heap_place(queue, index, entry);
}

static void heap_down(struct workqueue *queue, size_t index)
{
	struct entry *entry = queue->heap[index];

	for (;;) {
		size_t child = 2 * index + 1;

		if (child >= queue->heap_size)
			break;
		if (child + 1 < queue->heap_size &&
		    queue->heap[child + 1]->due < queue->heap[child]->due)
			child++;
		if (queue->heap[child]->due >= entry->due)
			break;
		heap_place(queue, index, queue->heap[child]);
		index = child;
	}
	heap_place(queue, index, entry);
}

static void heap_remove(struct workqueue *queue, struct entry *entry)
{
	size_t index = entry->heap_index;
	struct entry *last = queue->heap[--queue->heap_size];

	if (last == entry)
		return;
	heap_place(queue, index, last);
	heap_up(queue, index);
	heap_down(queue, last->heap_index);
}

static void make_waiting(struct workqueue *queue, struct entry *entry, msec_t due)
{
	if (queue->heap_size == queue->heap_capacity) {
		queue->heap_capacity = queue->heap_capacity ? queue->heap_capacity * 2 : 64;
		queue->heap = heap_reallocarray(queue->heap, queue->heap_capacity,
						sizeof(*queue->heap));
	}
	entry->state = WAITING;
	entry->due = due;
	heap_place(queue, queue->heap_size++, entry);
	heap_up(queue, entry->heap_index);
	pthread_cond_signal(&queue->wanted);
}

static void make_ready(struct workqueue *queue, struct entry *entry)
{
	entry->state = READY;
	entry->due = MSEC_NEVER;
	entry->next_ready = NULL;
	*queue->ready_end = entry;
	queue->ready_end = &entry->next_ready;
	queue->ready_count++;
	pthread_cond_signal(&queue->wanted);
}

static void promote_due(struct workqueue *queue)
{
	msec_t time = now(queue);

	while (queue->heap_size && queue->heap[0]->due <= time) {
		struct entry *entry = queue->heap[0];

		heap_remove(queue, entry);
		make_ready(queue, entry);
	}
}

static struct entry *take_ready(struct workqueue *queue)
{
	struct entry *entry = queue->ready;

	if (!entry)
		return NULL;
	queue->ready = entry->next_ready;
	if (!queue->ready)
		queue->ready_end = &queue->ready;
	queue->ready_count--;
	entry->state = RUNNING;
	return entry;
}

static void wait_for_work(struct workqueue *queue)
{
	clock_wait(queue->clock, &queue->wanted, &queue->lock,
		   queue->heap_size ? queue->heap[0]->due : MSEC_NEVER);
}

static void want_at(struct workqueue *queue, struct entry *entry, msec_t due)
{
	switch (entry->state) {
	case IDLE: make_waiting(queue, entry, due); break;
	case WAITING:
		if (due < entry->due) {
			heap_remove(queue, entry);
			make_waiting(queue, entry, due);
		}
		break;
	case RUNNING:
		if (due < entry->due)
			entry->due = due;
		break;
	case READY:
	case RUNNING_WANTED: break;
	}
}

static void want_now(struct workqueue *queue, struct entry *entry)
{
	switch (entry->state) {
	case WAITING:
		heap_remove(queue, entry);
		make_ready(queue, entry);
		break;
	case IDLE: make_ready(queue, entry); break;
	case RUNNING: entry->state = RUNNING_WANTED; break;
	case READY:
	case RUNNING_WANTED: break;
	}
}

struct workqueue *workqueue_new(struct clock *clock)
{
	struct workqueue *queue = heap_calloc(1, sizeof(*queue));

	queue->clock = clock;
	queue->ready_end = &queue->ready;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->wanted, NULL);
	return queue;
}

void workqueue_free(struct workqueue *queue)
{
	if (!queue)
		return;
	for (size_t i = 0; i < queue->bucket_count; i++)
		while (queue->buckets[i])
			forget(queue, queue->buckets[i]);
	free(queue->buckets);
	free(queue->heap);
	pthread_cond_destroy(&queue->wanted);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

void workqueue_add(struct workqueue *queue, const char *key)
{
	pthread_mutex_lock(&queue->lock);
	want_now(queue, find_or_make(queue, key));
	pthread_mutex_unlock(&queue->lock);
}

void workqueue_add_after(struct workqueue *queue, const char *key, msec_t wait)
{
	pthread_mutex_lock(&queue->lock);
	if (wait <= 0)
		want_now(queue, find_or_make(queue, key));
	else
		want_at(queue, find_or_make(queue, key), msec_add(now(queue), wait));
	pthread_mutex_unlock(&queue->lock);
}

const char *workqueue_get(struct workqueue *queue, bool block, struct failures *failures)
{
	struct entry *entry = NULL;

	pthread_mutex_lock(&queue->lock);
	while (!queue->is_shut) {
		promote_due(queue);
		entry = take_ready(queue);
		if (entry || !block)
			break;
		wait_for_work(queue);
	}
	/* Whoever is taken may have been the one that waited for the next due time: another takes
	 * the watch. */
	if (entry && queue->heap_size)
		pthread_cond_signal(&queue->wanted);
	if (entry)
		*failures = entry->failures;
	pthread_mutex_unlock(&queue->lock);
	return entry ? entry->key : NULL;
}

static bool has_failed(const struct entry *entry)
{
	const struct failures *failures = &entry->failures;

	return failures->hiccups || failures->conflicts || failures->refusals;
}

void workqueue_done(struct workqueue *queue, const char *key, msec_t again,
		    const struct failures *failures)
{
	struct entry *entry;
	bool is_wanted;
	msec_t due;

	pthread_mutex_lock(&queue->lock);
	entry = find(queue, key);
	assert(entry && (entry->state == RUNNING || entry->state == RUNNING_WANTED));
	is_wanted = entry->state == RUNNING_WANTED;
	due = entry->due;
	if (again != MSEC_NEVER && msec_add(now(queue), again) < due)
		due = msec_add(now(queue), again);
	entry->state = IDLE;
	entry->due = MSEC_NEVER;
	entry->failures = *failures;
	if (is_wanted)
		make_ready(queue, entry);
	else if (due != MSEC_NEVER)
		make_waiting(queue, entry, due);
	else if (!has_failed(entry))
		forget(queue, entry);
	pthread_mutex_unlock(&queue->lock);
}

void workqueue_shut(struct workqueue *queue)
{
	pthread_mutex_lock(&queue->lock);
	queue->is_shut = true;
	pthread_cond_broadcast(&queue->wanted);
	pthread_mutex_unlock(&queue->lock);
}

msec_t workqueue_next_due(struct workqueue *queue)
{
	msec_t due;

	pthread_mutex_lock(&queue->lock);
	if (queue->ready_count)
		due = now(queue);
	else
		due = queue->heap_size ? queue->heap[0]->due : MSEC_NEVER;
	pthread_mutex_unlock(&queue->lock);
	return due;
}

size_t workqueue_size(struct workqueue *queue)
{
	size_t size;

	pthread_mutex_lock(&queue->lock);
	size = queue->ready_count + queue->heap_size;
	pthread_mutex_unlock(&queue->lock);
	return size;
}
