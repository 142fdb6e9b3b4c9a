#include "http/probe.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/text.h"

#define FIRST_WAIT (5 * MSEC_PER_SEC)
#define LAST_WAIT  (5 * MSEC_PER_MIN)
#define BODY_KEPT_MAX                                                              \
	((size_t)16 * 1024) /* a larger one is no error document of these services \
			     */

/* What is known of the reads, or of the writes, of the scope. All guarded by the probe's lock. */
struct memory {
	/* the last refusal: an answer in `arena`, or what was made of a refused token */
	struct arena *arena;
	struct http_reply answer;
	struct fault fault;
	uint64_t refused[2]; /* the last objects that were, newest first; 0: none */
	unsigned turn;	     /* grows with every change of mind: tells old answers from new ones */
	bool is_shut;
	unsigned waits;	  /* refused probes since it was shut */
	msec_t wait, due; /* monotonic: when the next probe may go */
};

struct probe {
	/* immutable after new */
	char *prefix;
	unsigned objects;
	pthread_mutex_t lock;
	struct memory reads, writes;
};

struct probing {
	struct http http;
	struct probe *probe;
	struct http *inner;
};

struct probe *probe_new(const struct probe_options *options)
{
	struct probe *probe = heap_calloc(1, sizeof(*probe));

	assert(options->objects == 1 || options->objects == 2);
	probe->prefix = heap_strdup(options->prefix);
	probe->objects = options->objects;
	pthread_mutex_init(&probe->lock, NULL);
	return probe;
}

void probe_free(struct probe *probe)
{
	if (!probe)
		return;
	arena_free(probe->reads.arena);
	arena_free(probe->writes.arena);
	pthread_mutex_destroy(&probe->lock);
	free(probe->prefix);
	free(probe);
}

/* FNV-1a of the path segment behind the prefix; never 0. A collision costs one probe at most. */
static uint64_t object_of(const struct probe *probe, const char *url)
{
	uint64_t hash = 14695981039346656037u;

	for (url += strlen(probe->prefix); *url && !strchr("/?", *url); url++)
		hash = (hash ^ (unsigned char)*url) * 1099511628211u;
	return hash ? hash : 1;
}

static struct memory *memory_of(struct probe *probe, bool is_read)
{
	return is_read ? &probe->reads : &probe->writes;
}

static void copy_reply(struct arena *arena, const struct http_reply *from, struct http_reply *to)
{
	*to = *from;
	to->headers = arena_new_array(arena, struct http_header, from->header_count + 1);
	for (size_t i = 0; i < from->header_count; i++)
		to->headers[i] = (struct http_header){arena_strdup(arena, from->headers[i].name),
						      arena_strdup(arena, from->headers[i].value)};
	to->body_size = from->body_size < BODY_KEPT_MAX ? from->body_size : BODY_KEPT_MAX;
	to->body = arena_strndup(arena, from->body, to->body_size);
}

static bool was_refused(const struct memory *memory, uint64_t object)
{
	return memory->refused[0] == object || memory->refused[1] == object;
}

/* Whether the caller is to be content with the memory. Who goes through puts off the next one, so
 * that it is alone. */
static bool is_answered(struct ctx *ctx, struct memory *memory, uint64_t object)
{
	msec_t now = ctx_mono(ctx);
	msec_t due = memory->due;

	if (!memory->is_shut)
		return false;
	if (was_refused(memory, object) && memory->refused[1])
		due = msec_add(due, memory->wait);
	if (now < due)
		return true;
	memory->due = msec_add(now, memory->wait);
	return false;
}

static enum err repeat(struct ctx *ctx, const struct memory *memory, struct http_reply *reply)
{
	if (!memory->arena) {
		ctx->fault = memory->fault;
		return E_REFUSED;
	}
	copy_reply(ctx->arena, &memory->answer, reply);
	return E_OK;
}

static void forget(struct memory *memory)
{
	arena_free(memory->arena);
	*memory = (struct memory){.turn = memory->turn + 1};
}

/* Those that were on their way when it was shut have met the same refusal: only the first counts.
 */
static void shut(struct ctx *ctx, struct memory *memory, unsigned seen)
{
	if (memory->is_shut && seen != memory->turn)
		return;
	memory->is_shut = true;
	memory->turn++;
	memory->wait = msec_double(FIRST_WAIT, memory->waits, LAST_WAIT);
	memory->due = msec_add(ctx_mono(ctx), memory->wait);
	if (memory->waits < 16)
		memory->waits++;
}

static void note_refused(struct ctx *ctx, const struct probe *probe, struct memory *memory,
			 uint64_t object, const struct http_reply *reply, unsigned seen)
{
	struct arena *arena = arena_new();

	copy_reply(arena, reply, &memory->answer);
	arena_free(memory->arena);
	memory->arena = arena;
	if (memory->refused[0] != object) {
		memory->refused[1] = memory->refused[0];
		memory->refused[0] = object;
	}
	if (memory->refused[probe->objects - 1])
		shut(ctx, memory, seen);
}

/* A fresh token that is refused is refused to everybody, whatever the object. */
static void note_token_refused(struct ctx *ctx, struct memory *memory, unsigned seen)
{
	arena_free(memory->arena);
	memory->arena = NULL;
	memory->fault = ctx->fault;
	shut(ctx, memory, seen);
}

static void learn(struct ctx *ctx, struct probe *probe, struct memory *memory, uint64_t object,
		  enum err err, const struct http_reply *reply, unsigned seen)
{
	if (err == E_REFUSED && ctx->fault.http_status == 401)
		note_token_refused(ctx, memory, seen);
	else if (err == E_OK && (reply->status == 401 || reply->status == 403))
		note_refused(ctx, probe, memory, object, reply, seen);
	else if (err == E_OK && reply->status < 500)
		forget(memory);
}

static enum err probing_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			     struct http_reply *reply)
{
	struct probing *self = (struct probing *)http;
	struct probe *probe = self->probe;
	struct memory *memory = memory_of(probe, request->kind == HTTP_READ);
	enum err err = E_OK;
	uint64_t object;
	unsigned seen;
	bool has_answer;

	if (!text_starts_with(request->url, probe->prefix))
		return http_send(ctx, self->inner, request, reply);
	object = object_of(probe, request->url);
	pthread_mutex_lock(&probe->lock);
	seen = memory->turn;
	has_answer = is_answered(ctx, memory, object);
	if (has_answer)
		err = repeat(ctx, memory, reply);
	pthread_mutex_unlock(&probe->lock);
	if (has_answer)
		return err;
	err = http_send(ctx, self->inner, request, reply);
	pthread_mutex_lock(&probe->lock);
	learn(ctx, probe, memory, object, err, reply, seen);
	pthread_mutex_unlock(&probe->lock);
	return err;
}

struct http *probe_wrap(struct arena *arena, struct probe *probe, struct http *inner)
{
	struct probing *self = arena_new_one(arena, struct probing);

	assert(probe && inner);
	self->http.send = probing_send;
	self->probe = probe;
	self->inner = inner;
	return &self->http;
}

msec_t probe_shut_for(struct probe *probe, const struct ctx *ctx, bool is_read)
{
	const struct memory *memory = memory_of(probe, is_read);
	msec_t now = ctx_mono(ctx), left;

	pthread_mutex_lock(&probe->lock);
	left = memory->is_shut && memory->due > now ? memory->due - now : 0;
	pthread_mutex_unlock(&probe->lock);
	return left;
}
