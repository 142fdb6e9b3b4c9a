#include "store/sealed.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/meta.h"
#include "base/fs.h"
#include "base/heap.h"
#include "base/text.h"
#include "store/statefile.h"

#define KIND_SEALED "SealedKey"
#define KIND_KEY    "SealingKey"
#define SUFFIX	    ".json"
#define ID_LENGTH   32

/* One file that is there, or may be. */
struct waiting {
	struct waiting *next;
	bool is_left; /* by an earlier start */
	bool is_unwanted;
	char instance[ID_LENGTH + 1];
};

struct sealed_box {
	char *directory; /* immutable after open */
	pthread_mutex_t lock;
	struct arena *arena; /* guarded by lock, as are all that follow: holds the key's strings */
	struct seal_key key; /* kid NULL: none yet */
	struct waiting *waiting;
};

static const char *key_path(struct ctx *ctx, const struct sealed_box *box)
{
	return arena_printf(ctx->arena, "%s-key" SUFFIX, box->directory);
}

/* Ids are ours; what is none is no file of ours either. */
static bool is_id(const char *text, size_t length)
{
	if (length != ID_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

static enum err path_of(struct ctx *ctx, const struct sealed_box *box, const char *instance,
			const char **path)
{
	if (!is_id(instance, strlen(instance)))
		return fault_set(ctx, E_NOTFOUND, "NotFound", "no sealed key has this id");
	*path = arena_printf(ctx->arena, "%s/%s" SUFFIX, box->directory, instance);
	return E_OK;
}

static const char *associate(struct ctx *ctx, const char *instance, const char *hostname)
{
	return arena_printf(ctx->arena, "gatecert import %s %s", instance, hostname);
}

static void keep_key(struct sealed_box *box, const struct seal_key *key)
{
	struct arena *arena = arena_new();

	pthread_mutex_lock(&box->lock);
	arena_free(box->arena);
	box->arena = arena;
	box->key = (struct seal_key){arena_strdup(arena, key->kid), arena_strdup(arena, key->n),
				     arena_strdup(arena, key->e)};
	pthread_mutex_unlock(&box->lock);
}

static bool take_key(struct ctx *ctx, struct sealed_box *box, struct seal_key *key)
{
	pthread_mutex_lock(&box->lock);
	*key = (struct seal_key){arena_strdup(ctx->arena, box->key.kid),
				 arena_strdup(ctx->arena, box->key.n),
				 arena_strdup(ctx->arena, box->key.e)};
	pthread_mutex_unlock(&box->lock);
	return key->kid != NULL;
}

/* What an earlier start knew is good enough: the vault keeps every version of its key. */
static enum err load_key(struct ctx *ctx, struct sealed_box *box)
{
	struct json *json;
	enum err err = statefile_read(ctx, key_path(ctx, box), KIND_KEY, &json);
	struct seal_key key;

	if (err == E_NOTFOUND) {
		fault_clear(ctx);
		return E_OK;
	}
	TRY(err);
	key = (struct seal_key){json_get_text(json, "kid"), json_get_text(json, "n"),
				json_get_text(json, "e")};
	if (key.kid && key.n && key.e)
		keep_key(box, &key);
	return E_OK;
}

/* The link to it, or to the end. Under lock. */
static struct waiting **find(struct sealed_box *box, const char *instance)
{
	struct waiting **link = &box->waiting;

	while (*link && !text_equals((*link)->instance, instance))
		link = &(*link)->next;
	return link;
}

static void note(struct sealed_box *box, const char *instance, bool is_left)
{
	struct waiting *waiting = heap_calloc(1, sizeof(*waiting)), **link;

	waiting->is_left = is_left;
	memcpy(waiting->instance, instance, ID_LENGTH);
	pthread_mutex_lock(&box->lock);
	link = find(box, instance);
	if (*link)
		free(waiting);
	else
		*link = waiting;
	pthread_mutex_unlock(&box->lock);
}

static void mark_unwanted(struct sealed_box *box, const char *instance)
{
	struct waiting *found;

	pthread_mutex_lock(&box->lock);
	found = *find(box, instance);
	if (found)
		found->is_unwanted = true;
	pthread_mutex_unlock(&box->lock);
}

/* In ctx's arena; NULL: none. */
static const char *next_unwanted(struct ctx *ctx, struct sealed_box *box)
{
	const struct waiting *waiting;
	const char *instance;

	pthread_mutex_lock(&box->lock);
	for (waiting = box->waiting; waiting && !waiting->is_unwanted;)
		waiting = waiting->next;
	instance = waiting ? arena_strdup(ctx->arena, waiting->instance) : NULL;
	pthread_mutex_unlock(&box->lock);
	return instance;
}

static void drop(struct sealed_box *box, const char *instance)
{
	struct waiting **link, *found;

	pthread_mutex_lock(&box->lock);
	link = find(box, instance);
	found = *link;
	if (found)
		*link = found->next;
	pthread_mutex_unlock(&box->lock);
	free(found);
}

static enum err note_left(struct ctx *ctx, struct sealed_box *box)
{
	struct texts instances;

	TRY(sealed_list(ctx, box, &instances));
	for (size_t i = 0; i < instances.count; i++)
		note(box, instances.items[i], true);
	return E_OK;
}

enum err sealed_box_open(struct ctx *ctx, const char *directory, struct sealed_box **out)
{
	struct sealed_box *box = heap_calloc(1, sizeof(*box));
	struct fs *fs = ctx->doors->fs;
	enum err err;

	box->directory = heap_strdup(fs_join(ctx, directory, "sealed"));
	pthread_mutex_init(&box->lock, NULL);
	err = fs->mkdir(ctx, fs, box->directory, 0700);
	if (err == E_OK) {
		fs->sweep(ctx, fs, box->directory);
		err = load_key(ctx, box);
	}
	if (err == E_OK)
		err = note_left(ctx, box);
	if (err != E_OK) {
		sealed_box_close(box);
		return fault_wrap(ctx, err, "sealed keys");
	}
	*out = box;
	return E_OK;
}

void sealed_box_close(struct sealed_box *box)
{
	if (!box)
		return;
	while (box->waiting)
		drop(box, box->waiting->instance);
	arena_free(box->arena);
	pthread_mutex_destroy(&box->lock);
	free(box->directory);
	free(box);
}

static struct json *state(struct ctx *ctx, const char *kind)
{
	struct json *json = json_object(ctx);

	json_set_text(ctx, json, "apiVersion", API_VERSION);
	json_set_text(ctx, json, "kind", kind);
	return json;
}

enum err sealed_box_set_key(struct ctx *ctx, struct sealed_box *box, const struct seal_key *key)
{
	struct json *json = state(ctx, KIND_KEY);
	struct seal_key old;

	if (take_key(ctx, box, &old) && text_equals(old.kid, key->kid) &&
	    text_equals(old.n, key->n) && text_equals(old.e, key->e))
		return E_OK;
	json_set_text(ctx, json, "kid", key->kid);
	json_set_text(ctx, json, "n", key->n);
	json_set_text(ctx, json, "e", key->e);
	TRY(statefile_write(ctx, key_path(ctx, box), json));
	keep_key(box, key);
	return E_OK;
}

bool sealed_box_has_key(struct sealed_box *box)
{
	bool has_key;

	pthread_mutex_lock(&box->lock);
	has_key = box->key.kid != NULL;
	pthread_mutex_unlock(&box->lock);
	return has_key;
}

enum err sealed_put(struct ctx *ctx, struct sealed_box *box, const char *instance,
		    const char *hostname, const void *plain, size_t size)
{
	struct json *json = state(ctx, KIND_SEALED);
	struct sealed sealed;
	struct seal_key key;
	const char *path;

	if (!take_key(ctx, box, &key))
		return fault_set(
			ctx, E_AGAIN, "NoSealKey",
			"Key Vault has not been reached yet, so there is no key to seal with: try "
			"again later");
	TRY(path_of(ctx, box, instance, &path));
	TRY(seal_close(ctx, &key, associate(ctx, instance, hostname), plain, size, &sealed));
	json_set(ctx, json, "sealed", sealed_to_json(ctx, &sealed));
	note(box, instance, false); /* before: a write that failed may have happened */
	return statefile_write(ctx, path, json);
}

enum err sealed_get(struct ctx *ctx, struct sealed_box *box, const char *instance,
		    const char *hostname, struct sealed *out, const char **associated)
{
	struct json *json;
	const char *path;

	TRY(path_of(ctx, box, instance, &path));
	TRY(statefile_read(ctx, path, KIND_SEALED, &json));
	*associated = associate(ctx, instance, hostname);
	return sealed_from_json(ctx, json_get(json, "sealed"), out);
}

enum err sealed_remove(struct ctx *ctx, struct sealed_box *box, const char *instance)
{
	mark_unwanted(box, instance);
	return sealed_purge(ctx, box);
}

enum err sealed_purge(struct ctx *ctx, struct sealed_box *box)
{
	struct fs *fs = ctx->doors->fs;
	const char *instance, *path;

	while ((instance = next_unwanted(ctx, box))) {
		TRY(path_of(ctx, box, instance, &path));
		TRY(fs->remove(ctx, fs, path));
		drop(box, instance);
	}
	return E_OK;
}

bool sealed_is_left(struct sealed_box *box, const char *instance)
{
	const struct waiting *found;
	bool is_left;

	pthread_mutex_lock(&box->lock);
	found = *find(box, instance);
	is_left = found && found->is_left;
	pthread_mutex_unlock(&box->lock);
	return is_left;
}

enum err sealed_list(struct ctx *ctx, struct sealed_box *box, struct texts *instances)
{
	struct fs *fs = ctx->doors->fs;
	char **names;
	size_t count;

	TRY(fs->list(ctx, fs, box->directory, &names, &count));
	*instances = (struct texts){arena_new_array(ctx->arena, const char *, count + 1), 0};
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(names[i]) -
				(text_ends_with(names[i], SUFFIX) ? strlen(SUFFIX) : 0);

		if (is_id(names[i], length))
			instances->items[instances->count++] = arena_strndup(ctx->arena, names[i],
									     length);
	}
	return E_OK;
}
