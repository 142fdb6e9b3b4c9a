#include "instance/followers.h"

#include <pthread.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

struct follower {
	char *instance;
	struct follower *next;
};

struct followed {
	char *hostname;
	struct follower *first;
};

struct followers {
	pthread_mutex_t lock;
	void *tree; /* guarded by lock; struct followed by hostname */
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct followed *)a)->hostname,
		      ((const struct followed *)b)->hostname);
}

static void free_followed(void *item)
{
	struct followed *followed = item;

	while (followed->first) {
		struct follower *next = followed->first->next;

		free(followed->first->instance);
		free(followed->first);
		followed->first = next;
	}
	free(followed->hostname);
	free(followed);
}

static struct followed *find(struct followers *followers, const char *hostname)
{
	struct followed wanted = {.hostname = (char *)(uintptr_t)hostname};
	struct followed **found = tfind(&wanted, &followers->tree, compare);

	return found ? *found : NULL;
}

static struct followed *find_or_add(struct followers *followers, const char *hostname)
{
	struct followed *followed = find(followers, hostname);

	if (followed)
		return followed;
	followed = heap_calloc(1, sizeof(*followed));
	followed->hostname = heap_strdup(hostname);
	heap_have(tsearch(followed, &followers->tree, compare));
	return followed;
}

static struct follower **find_link(struct followed *followed, const char *instance)
{
	struct follower **link = &followed->first;

	while (*link && strcmp((*link)->instance, instance) != 0)
		link = &(*link)->next;
	return link;
}

struct followers *followers_new(void)
{
	struct followers *followers = heap_calloc(1, sizeof(*followers));

	pthread_mutex_init(&followers->lock, NULL);
	return followers;
}

void followers_free(struct followers *followers)
{
	if (!followers)
		return;
	tdestroy(followers->tree, free_followed);
	pthread_mutex_destroy(&followers->lock);
	free(followers);
}

void followers_add(struct followers *followers, const char *hostname, const char *instance)
{
	struct follower **link;

	pthread_mutex_lock(&followers->lock);
	link = find_link(find_or_add(followers, hostname), instance);
	if (!*link) {
		*link = heap_calloc(1, sizeof(**link));
		(*link)->instance = heap_strdup(instance);
	}
	pthread_mutex_unlock(&followers->lock);
}

void followers_drop(struct followers *followers, const char *hostname, const char *instance)
{
	struct followed *followed;
	struct follower **link, *gone;

	pthread_mutex_lock(&followers->lock);
	followed = find(followers, hostname);
	link = followed ? find_link(followed, instance) : NULL;
	if (link && *link) {
		gone = *link;
		*link = gone->next;
		free(gone->instance);
		free(gone);
	}
	if (followed && !followed->first) {
		tdelete(followed, &followers->tree, compare);
		free_followed(followed);
	}
	pthread_mutex_unlock(&followers->lock);
}

void followers_wake(struct ctx *ctx, struct followers *followers, const char *hostname,
		    void (*wake)(void *handle, const char *instance), void *handle)
{
	struct followed *followed;
	const char **names;
	size_t count = 0;

	pthread_mutex_lock(&followers->lock);
	followed = find(followers, hostname);
	for (struct follower *f = followed ? followed->first : NULL; f; f = f->next)
		count++;
	names = arena_new_array(ctx->arena, const char *, count + 1);
	count = 0;
	for (struct follower *f = followed ? followed->first : NULL; f; f = f->next)
		names[count++] = arena_strdup(ctx->arena, f->instance);
	pthread_mutex_unlock(&followers->lock);
	for (size_t i = 0; i < count; i++)
		wake(handle, names[i]);
}
