#include "specdir/desired.h"

#include <string.h>

/* A copy of what is there, to be changed and put. */
static enum err begin(struct ctx *ctx, const struct batch *batch, const char *name,
		      struct hostname *hostname)
{
	const void *current;

	TRY(batch_get(ctx, batch, KIND_HOSTNAME, name, &current));
	*hostname = *(const struct hostname *)current;
	return E_OK;
}

static void mark(struct ctx *ctx, const struct batch *batch, enum desired_by by,
		 const struct certificate_wish *wish, struct hostname *hostname)
{
	int64_t number = batch_number(batch);

	if (by == DESIRED_BY_PUT || by == DESIRED_BY_FILE)
		hostname->written = number;
	if (by == DESIRED_BY_POST)
		hostname->posted = number;
	if (by != DESIRED_BY_SCAN && by != DESIRED_BY_FILE) {
		hostname->asked = number;
		hostname->requested = ctx_wall(ctx);
	}
	if (wish)
		hostname->wish = *wish;
}

enum err desired_request(struct ctx *ctx, struct batch *batch, const char *hostname,
			 enum desired_by by, const struct certificate_wish *wish)
{
	struct hostname object;

	TRY(begin(ctx, batch, hostname, &object));
	mark(ctx, batch, by, wish, &object);
	batch_put(ctx, batch, KIND_HOSTNAME, &object);
	return E_OK;
}

enum err desired_take_back(struct ctx *ctx, struct batch *batch, const char *hostname,
			   int64_t posted)
{
	struct hostname object;

	TRY(begin(ctx, batch, hostname, &object));
	object.posted = posted;
	batch_put(ctx, batch, KIND_HOSTNAME, &object);
	return E_OK;
}

enum err desired_note_problem(struct ctx *ctx, struct batch *batch, const char *hostname,
			      const char *problem)
{
	struct hostname object;

	TRY(begin(ctx, batch, hostname, &object));
	object.source.problem = problem;
	batch_put(ctx, batch, KIND_HOSTNAME, &object);
	return E_OK;
}

static enum err read_claim(struct ctx *ctx, const struct claim *claim, const char *problem,
			   struct hostname *out)
{
	struct json *json;

	TRY(json_parse(ctx, claim->content, strlen(claim->content), &json));
	TRY(object_from_json(ctx, KIND_HOSTNAME, json, out));
	out->source = (struct hostname_source){claim->file->path, claim->line, problem};
	return E_OK;
}

/* All that a claim says. */
static void take_claim(struct hostname *hostname, const struct hostname *claimed)
{
	hostname->meta.labels = claimed->meta.labels;
	hostname->meta.annotations = claimed->meta.annotations;
	hostname->spec = claimed->spec;
	hostname->source = claimed->source;
}

enum err desired_preview(struct ctx *ctx, struct store *store, const struct claim *claim,
			 struct hostname *out)
{
	struct hostname desired;
	const void *current;
	enum err err = store_get(ctx, store, KIND_HOSTNAME, claim->hostname, &current);

	TRY(read_claim(ctx, claim, NULL, &desired));
	*out = err == E_OK ? *(const struct hostname *)current : desired;
	take_claim(out, &desired);
	fault_clear(ctx);
	return E_OK;
}

enum err desired_put(struct ctx *ctx, struct batch *batch, const struct claim *claim,
		     const char *problem, enum desired_by by, const struct certificate_wish *wish,
		     bool *is_new)
{
	struct hostname claimed, object;
	enum err err;

	TRY(read_claim(ctx, claim, problem, &claimed));
	err = begin(ctx, batch, claim->hostname, &object);
	*is_new = err == E_NOTFOUND;
	if (*is_new)
		object = claimed;
	else
		TRY(err);
	fault_clear(ctx);
	take_claim(&object, &claimed);
	mark(ctx, batch, by, wish, &object);
	batch_put(ctx, batch, KIND_HOSTNAME, &object);
	return E_OK;
}
