#include "http/absence.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

#define UNHEARD	   (5 * MSEC_PER_SEC)
#define FIRST_WAIT MSEC_PER_SEC
#define LAST_WAIT  (30 * MSEC_PER_SEC)

struct absence {
	/* immutable after new */
	char *service;
	unsigned at_once;
	pthread_mutex_t lock;
	pthread_cond_t place;
	/* guarded by lock */
	unsigned out;	      /* requests under way */
	msec_t unheard_since; /* mono; while any is out */
	unsigned answers;     /* tells who was under way when another was answered */
	bool is_shut, is_tried;
	struct fault fault; /* of the request that shut it */
	unsigned tries;	    /* without an answer, in a row */
	msec_t due;	    /* mono: when the next one may try */
};

struct watched {
	struct http http;
	struct absence *absence;
	struct http *inner;
};

/* One request that got a place. */
struct outing {
	unsigned answers; /* when it went out */
	bool is_try;
};

enum entry { GO, WAIT, TURN_AWAY };

struct absence *absence_new(const char *service, unsigned at_once)
{
	struct absence *absence = heap_calloc(1, sizeof(*absence));

	assert(at_once > 0);
	absence->service = heap_strdup(service);
	absence->at_once = at_once;
	pthread_mutex_init(&absence->lock, NULL);
	pthread_cond_init(&absence->place, NULL);
	return absence;
}

void absence_free(struct absence *absence)
{
	if (!absence)
		return;
	pthread_cond_destroy(&absence->place);
	pthread_mutex_destroy(&absence->lock);
	free(absence->service);
	free(absence);
}

/* --- under the lock --- */

static enum entry judge(const struct absence *absence, msec_t now)
{
	bool has_place = absence->out < absence->at_once;

	if (absence->is_shut)
		return has_place && !absence->is_tried && now >= absence->due ? GO : TURN_AWAY;
	if (has_place)
		return GO;
	return now - absence->unheard_since < UNHEARD ? WAIT : TURN_AWAY;
}

/* The longer the others have waited already, the later it is worth another look. */
static enum err turn_away(struct ctx *ctx, const struct absence *absence, msec_t now)
{
	msec_t wait = now - absence->unheard_since;

	if (absence->is_shut)
		ctx->fault = absence->fault;
	else
		fault_set(ctx, E_AGAIN, "Timeout", "%s has not answered those who asked before yet",
			  absence->service);
	if (absence->is_shut && !absence->is_tried)
		wait = absence->due - now;
	if (wait > LAST_WAIT)
		wait = LAST_WAIT;
	ctx->fault.is_untried = true;
	ctx->fault.retry_after_ms = wait > FIRST_WAIT ? wait : FIRST_WAIT;
	return E_AGAIN;
}

static void go_out(struct absence *absence, msec_t now, struct outing *outing)
{
	if (absence->out++ == 0)
		absence->unheard_since = now;
	*outing = (struct outing){absence->answers, absence->is_shut};
	absence->is_tried = absence->is_tried || absence->is_shut;
}

static void note_answer(struct absence *absence, msec_t now)
{
	absence->answers++;
	absence->unheard_since = now;
	absence->is_shut = absence->is_tried = false;
	absence->tries = 0;
}

static void note_silence(struct ctx *ctx, struct absence *absence, const struct outing *outing)
{
	if (outing->answers != absence->answers || (absence->is_shut && !outing->is_try))
		return;
	absence->is_shut = true;
	absence->fault = ctx->fault;
	absence->due = msec_add(ctx_mono(ctx), msec_double(FIRST_WAIT, absence->tries, LAST_WAIT));
	if (absence->tries < 16)
		absence->tries++;
}

/* --- */

static void wake_all(void *handle)
{
	struct absence *absence = handle;

	pthread_mutex_lock(&absence->lock);
	pthread_cond_broadcast(&absence->place);
	pthread_mutex_unlock(&absence->lock);
}

static enum err take_place(struct ctx *ctx, struct absence *absence, struct outing *outing)
{
	msec_t now = ctx_mono(ctx);
	enum entry entry;
	enum err err = E_OK;

	pthread_mutex_lock(&absence->lock);
	while ((entry = judge(absence, now)) == WAIT && !ctx_is_cancelled(ctx)) {
		clock_wait(ctx->doors->clock, &absence->place, &absence->lock,
			   absence->unheard_since + UNHEARD);
		now = ctx_mono(ctx);
	}
	if (entry == GO)
		go_out(absence, now, outing);
	else if (entry == WAIT)
		err = fault_set(ctx, E_CANCELLED, "Cancelled", "shutting down");
	else
		err = turn_away(ctx, absence, now);
	pthread_mutex_unlock(&absence->lock);
	return err;
}

/* The waker is not added under the lock: it takes it. */
static enum err enter(struct ctx *ctx, struct absence *absence, struct outing *outing)
{
	struct cancel_waker waker = {.wake = wake_all, .handle = absence};
	enum err err;

	cancel_add_waker(ctx->doors->cancel, &waker);
	err = take_place(ctx, absence, outing);
	cancel_remove_waker(ctx->doors->cancel, &waker);
	return err;
}

static void leave(struct ctx *ctx, struct absence *absence, const struct outing *outing,
		  enum err err)
{
	pthread_mutex_lock(&absence->lock);
	absence->out--;
	if (err == E_OK)
		note_answer(absence, ctx_mono(ctx));
	else if (err == E_AGAIN || err == E_CONFLICT)
		note_silence(ctx, absence, outing);
	if (outing->is_try)
		absence->is_tried = false;
	pthread_cond_signal(&absence->place);
	pthread_mutex_unlock(&absence->lock);
}

static enum err watched_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			     struct http_reply *reply)
{
	struct watched *self = (struct watched *)http;
	struct outing outing = {0};
	enum err err;

	TRY(enter(ctx, self->absence, &outing));
	err = http_send(ctx, self->inner, request, reply);
	leave(ctx, self->absence, &outing, err);
	return err;
}

struct http *absence_wrap(struct arena *arena, struct absence *absence, struct http *inner)
{
	struct watched *self = arena_new_one(arena, struct watched);

	assert(absence && inner);
	self->http.send = watched_send;
	self->absence = absence;
	self->inner = inner;
	return &self->http;
}
