#include "hostname/notes.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

struct named_note {
	char *name;
	struct note note;
};

struct notes {
	pthread_mutex_t lock;
	void *tree; /* guarded by lock; struct named_note by name */
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct named_note *)a)->name, ((const struct named_note *)b)->name);
}

static void free_named(void *item)
{
	struct named_note *named = item;

	free(named->name);
	free(named);
}

static struct named_note *find(struct notes *notes, const char *name)
{
	struct named_note wanted = {.name = (char *)(uintptr_t)name};
	struct named_note **found = tfind(&wanted, &notes->tree, compare);

	return found ? *found : NULL;
}

static struct named_note *add(struct notes *notes, const char *name)
{
	struct named_note *named = heap_calloc(1, sizeof(*named));

	named->name = heap_strdup(name);
	heap_have(tsearch(named, &notes->tree, compare));
	return named;
}

struct notes *notes_new(void)
{
	struct notes *notes = heap_calloc(1, sizeof(*notes));

	pthread_mutex_init(&notes->lock, NULL);
	return notes;
}

void notes_free(struct notes *notes)
{
	if (!notes)
		return;
	tdestroy(notes->tree, free_named);
	pthread_mutex_destroy(&notes->lock);
	free(notes);
}

struct note notes_get(struct notes *notes, const char *name)
{
	struct note note = {0};
	struct named_note *named;

	pthread_mutex_lock(&notes->lock);
	named = find(notes, name);
	if (named)
		note = named->note;
	pthread_mutex_unlock(&notes->lock);
	return note;
}

void notes_put(struct notes *notes, const char *name, const struct note *note)
{
	struct named_note *named;

	pthread_mutex_lock(&notes->lock);
	named = find(notes, name);
	if (!named)
		named = add(notes, name);
	named->note = *note;
	pthread_mutex_unlock(&notes->lock);
}

void notes_drop(struct notes *notes, const char *name)
{
	struct named_note *named;

	pthread_mutex_lock(&notes->lock);
	named = find(notes, name);
	if (named) {
		tdelete(named, &notes->tree, compare);
		free_named(named);
	}
	pthread_mutex_unlock(&notes->lock);
}
