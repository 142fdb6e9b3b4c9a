#include "http/gate.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

#define FIRST_WAIT    (30 * MSEC_PER_SEC)
#define LONGEST_GUESS MSEC_PER_HOUR /* when the service itself names no time */

struct gate {
	char *service; /* immutable after new */
	pthread_mutex_t lock;
	msec_t opens_at;  /* guarded by lock, as all below; monotonic */
	unsigned shuts;	  /* how often an answer shut it: tells old answers from new ones */
	unsigned guesses; /* 429 in a row that named no time */
};

struct gated {
	struct http http;
	struct gate *gate;
	struct http *inner;
	bool (*is_lock)(const struct http_reply *reply);
};

struct gate *gate_new(const char *service)
{
	struct gate *gate = heap_calloc(1, sizeof(*gate));

	gate->service = heap_strdup(service);
	pthread_mutex_init(&gate->lock, NULL);
	return gate;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	pthread_mutex_destroy(&gate->lock);
	free(gate->service);
	free(gate);
}

static msec_t left_of(const struct gate *gate, msec_t now)
{
	return gate->opens_at > now ? gate->opens_at - now : 0;
}

static void shut_locked(struct gate *gate, msec_t now, msec_t wait)
{
	msec_t opens_at = msec_add(now, wait);

	if (opens_at > gate->opens_at)
		gate->opens_at = opens_at;
}

msec_t gate_shut_for(struct gate *gate, const struct ctx *ctx)
{
	msec_t left;

	pthread_mutex_lock(&gate->lock);
	left = left_of(gate, ctx_mono(ctx));
	pthread_mutex_unlock(&gate->lock);
	return left;
}

void gate_shut(struct gate *gate, struct ctx *ctx, msec_t wait)
{
	pthread_mutex_lock(&gate->lock);
	shut_locked(gate, ctx_mono(ctx), wait);
	pthread_mutex_unlock(&gate->lock);
}

/* The time that is left, and which shutting of the gate the caller has seen. */
static msec_t look(struct gate *gate, const struct ctx *ctx, unsigned *shuts)
{
	msec_t left;

	pthread_mutex_lock(&gate->lock);
	left = left_of(gate, ctx_mono(ctx));
	*shuts = gate->shuts;
	pthread_mutex_unlock(&gate->lock);
	return left;
}

/* Ten workers that meet the same 429 at once have met one: only the first doubles the wait. */
static void note_throttled(struct gate *gate, struct ctx *ctx, msec_t asked, unsigned seen)
{
	pthread_mutex_lock(&gate->lock);
	if (asked) {
		gate->guesses = 0;
		shut_locked(gate, ctx_mono(ctx), asked);
	} else if (seen == gate->shuts) {
		shut_locked(gate, ctx_mono(ctx),
			    msec_double(FIRST_WAIT, gate->guesses, LONGEST_GUESS));
		if (gate->guesses < 16)
			gate->guesses++;
	}
	if (seen == gate->shuts)
		gate->shuts++;
	pthread_mutex_unlock(&gate->lock);
}

static void note_served(struct gate *gate, unsigned seen)
{
	pthread_mutex_lock(&gate->lock);
	if (seen == gate->shuts)
		gate->guesses = 0;
	pthread_mutex_unlock(&gate->lock);
}

static enum err refuse_to_pass(struct ctx *ctx, const struct gate *gate, msec_t left)
{
	msec_t more = rng_between(ctx->doors->rng, 0, left / 10);

	fault_set(ctx, E_THROTTLED, "Throttled",
		  "%s is throttling us; nothing is sent there until the pause is over",
		  gate->service);
	ctx->fault.retry_after_ms = msec_add(left, more);
	ctx->fault.for_all = true;
	return E_THROTTLED;
}

static enum err gated_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			   struct http_reply *reply)
{
	struct gated *self = (struct gated *)http;
	unsigned seen;
	msec_t left = look(self->gate, ctx, &seen);
	msec_t asked;

	if (left)
		return refuse_to_pass(ctx, self->gate, left);
	TRY(http_send(ctx, self->inner, request, reply));
	if (reply->status == 429 && self->is_lock && self->is_lock(reply))
		return E_OK;
	asked = http_retry_after(ctx, reply);
	if (reply->status == 429 || (reply->status == 503 && asked))
		note_throttled(self->gate, ctx, asked, seen);
	else if (reply->status < 500)
		note_served(self->gate, seen);
	return E_OK;
}

struct http *gate_wrap(struct arena *arena, struct gate *gate, struct http *inner,
		       bool (*is_lock)(const struct http_reply *reply))
{
	struct gated *self = arena_new_one(arena, struct gated);

	assert(gate && inner);
	self->http.send = gated_send;
	self->gate = gate;
	self->inner = inner;
	self->is_lock = is_lock;
	return &self->http;
}
