#include "store/versions.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/meta.h"
#include "base/heap.h"
#include "store/statefile.h"

#define BLOCK 1000
#define KIND  "StoreVersion"

struct versions {
	char *path;	      /* immutable after open */
	pthread_mutex_t lock; /* guards the rest */
	int64_t last;
	int64_t reserved; /* durable: none above it was handed out */
};

enum err versions_open(struct ctx *ctx, const char *path, struct versions **out)
{
	struct json *json = NULL;
	enum err err = statefile_read(ctx, path, KIND, &json);
	struct versions *versions;

	if (err == E_NOTFOUND)
		json = NULL;
	else
		TRY(err);
	versions = heap_calloc(1, sizeof(*versions));
	versions->path = heap_strdup(path);
	pthread_mutex_init(&versions->lock, NULL);
	versions->reserved = json_get_int(json, "reserved", 0);
	versions->last = versions->reserved;
	*out = versions;
	return E_OK;
}

void versions_close(struct versions *versions)
{
	if (!versions)
		return;
	pthread_mutex_destroy(&versions->lock);
	free(versions->path);
	free(versions);
}

/* Only matters when the reservation was lost: some numbers above what is seen may belong to what
 * was deleted. */
void versions_seen(struct versions *versions, int64_t version)
{
	if (version > versions->reserved)
		versions->reserved = versions->last = version + BLOCK;
}

static enum err reserve(struct ctx *ctx, struct versions *versions)
{
	struct json *json = json_object(ctx);

	json_set_text(ctx, json, "apiVersion", API_VERSION);
	json_set_text(ctx, json, "kind", KIND);
	json_set_int(ctx, json, "reserved", versions->last + BLOCK);
	TRY(statefile_write(ctx, versions->path, json));
	versions->reserved = versions->last + BLOCK;
	return E_OK;
}

enum err versions_next(struct ctx *ctx, struct versions *versions, int64_t *version)
{
	enum err err = E_OK;

	pthread_mutex_lock(&versions->lock);
	if (versions->last >= versions->reserved)
		err = reserve(ctx, versions);
	if (err == E_OK)
		*version = ++versions->last;
	pthread_mutex_unlock(&versions->lock);
	return err;
}

int64_t versions_last(struct versions *versions)
{
	int64_t last;

	pthread_mutex_lock(&versions->lock);
	last = versions->last;
	pthread_mutex_unlock(&versions->lock);
	return last;
}
