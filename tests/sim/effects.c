#include "sim/effects.h"

#define EFFECT_TAKES   20 /* ms */
#define THROTTLED_WAIT MSEC_PER_MIN

struct counted_http {
	struct http http;
	struct effects *effects;
	struct http *inner;
};

struct counted_fs {
	struct fs fs;
	struct effects *effects;
	struct fs *inner;
};

static enum err dead(struct ctx *ctx)
{
	return fault_set(ctx, E_CANCELLED, "Dead", "the process is dead");
}

static bool goes_wrong(const struct effects *effects)
{
	if (effects->goes_wrong)
		return effects->goes_wrong(effects->handle);
	return effects->trouble != TROUBLE_NONE && effects->count == effects->at;
}

/* Counts one effect; the trouble that it meets. */
static enum trouble meet(struct effects *effects)
{
	effects->count++;
	if (effects->took_time)
		effects->took_time(effects->handle, EFFECT_TAKES);
	if (effects->happened || !goes_wrong(effects))
		return TROUBLE_NONE;
	effects->happened = true;
	return effects->trouble;
}

static enum err lost(struct ctx *ctx, const struct http_request *request)
{
	enum err kind = request->kind == HTTP_ONE_SHOT ? E_CONFLICT : E_AGAIN;

	return fault_set(ctx, kind, "ConnectionLost", "the connection was lost");
}

static void spoil(struct http_reply *reply, const char *body, size_t size)
{
	reply->body = body;
	reply->body_size = size;
}

static enum err send(struct ctx *ctx, struct http *http, const struct http_request *request,
		     struct http_reply *reply)
{
	struct counted_http *self = (struct counted_http *)http;
	enum trouble trouble;
	enum err err;

	if (self->effects->is_dead)
		return dead(ctx);
	if (self->effects->meanwhile)
		self->effects->meanwhile(self->effects->meanwhile_handle, request);
	trouble = meet(self->effects);
	if (trouble == TROUBLE_LOST_BEFORE)
		return lost(ctx, request);
	if (trouble == TROUBLE_REFUSED)
		return fault_set(ctx, E_REFUSED, "Refused", "refused by the test");
	if (trouble == TROUBLE_THROTTLED) {
		fault_set(ctx, E_THROTTLED, "Throttled", "throttled by the test");
		ctx->fault.retry_after_ms = THROTTLED_WAIT;
		return E_THROTTLED;
	}
	err = self->inner->send(ctx, self->inner, request, reply);
	self->effects->answers++;
	if (self->effects->after && self->effects->answers == self->effects->after_at)
		self->effects->after(self->effects->handle);
	if (trouble == TROUBLE_CRASH) {
		self->effects->is_dead = true;
		return dead(ctx);
	}
	if (err != E_OK || trouble == TROUBLE_NONE)
		return err;
	if (trouble == TROUBLE_LOST_AFTER)
		return lost(ctx, request);
	if (trouble == TROUBLE_GARBLED)
		spoil(reply,
		      "{\"gar\x01"
		      "bled",
		      11);
	if (trouble == TROUBLE_EMPTY)
		spoil(reply, "", 0);
	if (trouble == TROUBLE_SERVER_ERROR) {
		spoil(reply, "", 0);
		reply->status = 500;
	}
	return E_OK;
}

struct http *effects_http(struct arena *arena, struct effects *effects, struct http *inner)
{
	struct counted_http *self = arena_new_one(arena, struct counted_http);

	*self = (struct counted_http){{send}, effects, inner};
	return &self->http;
}

static enum err full(struct ctx *ctx)
{
	return fault_set(ctx, E_AGAIN, "StateNotDurable", "no space left on device");
}

/* A write that meets trouble either never happened or died right after; any other trouble is a full
 * disk. */
static enum err before_write(struct ctx *ctx, struct counted_fs *self, enum trouble *trouble)
{
	if (self->effects->is_dead)
		return dead(ctx);
	*trouble = meet(self->effects);
	self->effects->writes++;
	if (self->effects->disk_lasts && self->effects->count > self->effects->disk_lasts)
		return full(ctx);
	if (*trouble != TROUBLE_NONE && *trouble != TROUBLE_CRASH && *trouble != TROUBLE_LOST_AFTER)
		return full(ctx);
	return E_OK;
}

static enum err after_write(struct ctx *ctx, struct counted_fs *self, enum trouble trouble,
			    enum err err)
{
	if (trouble == TROUBLE_CRASH) {
		self->effects->is_dead = true;
		return dead(ctx);
	}
	return trouble == TROUBLE_LOST_AFTER ? full(ctx) : err;
}

static enum err fs_write(struct ctx *ctx, struct fs *fs, const char *path, const void *data,
			 size_t size, mode_t mode)
{
	struct counted_fs *self = (struct counted_fs *)fs;
	enum trouble trouble;

	TRY(before_write(ctx, self, &trouble));
	return after_write(ctx, self, trouble,
			   self->inner->write(ctx, self->inner, path, data, size, mode));
}

static enum err fs_remove(struct ctx *ctx, struct fs *fs, const char *path)
{
	struct counted_fs *self = (struct counted_fs *)fs;
	enum trouble trouble;

	TRY(before_write(ctx, self, &trouble));
	return after_write(ctx, self, trouble, self->inner->remove(ctx, self->inner, path));
}

static enum err fs_rename(struct ctx *ctx, struct fs *fs, const char *from, const char *to)
{
	struct counted_fs *self = (struct counted_fs *)fs;
	enum trouble trouble;

	TRY(before_write(ctx, self, &trouble));
	return after_write(ctx, self, trouble, self->inner->rename(ctx, self->inner, from, to));
}

static enum err fs_read(struct ctx *ctx, struct fs *fs, const char *path, size_t max, char **data,
			size_t *size)
{
	struct counted_fs *self = (struct counted_fs *)fs;

	return self->inner->read(ctx, self->inner, path, max, data, size);
}

static enum err fs_list(struct ctx *ctx, struct fs *fs, const char *dir, char ***names,
			size_t *count)
{
	struct counted_fs *self = (struct counted_fs *)fs;

	return self->inner->list(ctx, self->inner, dir, names, count);
}

static enum err fs_mkdir(struct ctx *ctx, struct fs *fs, const char *dir, mode_t mode)
{
	struct counted_fs *self = (struct counted_fs *)fs;

	return self->inner->mkdir(ctx, self->inner, dir, mode);
}

static void fs_sweep(struct ctx *ctx, struct fs *fs, const char *dir)
{
	struct counted_fs *self = (struct counted_fs *)fs;

	self->inner->sweep(ctx, self->inner, dir);
}

struct fs *effects_fs(struct arena *arena, struct effects *effects, struct fs *inner)
{
	struct counted_fs *self = arena_new_one(arena, struct counted_fs);

	self->fs = (struct fs){.read = fs_read,
			       .write = fs_write,
			       .remove = fs_remove,
			       .rename = fs_rename,
			       .list = fs_list,
			       .mkdir = fs_mkdir,
			       .sweep = fs_sweep};
	self->effects = effects;
	self->inner = inner;
	return &self->fs;
}
