#include "specdir/desired.h"

#include <string.h>

#include "base/log.h"

#define CONFLICTS_MAX 10 /* a status written between look and write, as often as that */

typedef void change_fn(struct hostname *hostname, const void *how);

/* Reconcilers write the same object's status meanwhile; what we change is ours alone. */
static enum err change(struct ctx *ctx, struct store *store, const char *name, change_fn *how,
		       const void *argument)
{
	enum err err = E_CONFLICT;

	for (int i = 0; i < CONFLICTS_MAX && err == E_CONFLICT; i++) {
		const void *current;
		struct hostname hostname;

		TRY(store_get(ctx, store, KIND_HOSTNAME, name, &current));
		hostname = *(const struct hostname *)current;
		how(&hostname, argument);
		err = store_put_spec(ctx, store, KIND_HOSTNAME, &hostname);
	}
	return err;
}

struct asked {
	msec_t when;
	const struct certificate_wish *wish; /* NULL: as before */
};

static void set_asked(struct hostname *hostname, const void *how)
{
	const struct asked *asked = how;

	hostname->requested = asked->when;
	if (asked->wish)
		hostname->wish = *asked->wish;
}

static void set_problem(struct hostname *hostname, const void *problem)
{
	hostname->source.problem = problem;
}

/* All but identity, status and, unless it is given, the time of the last request. */
static void set_desired(struct hostname *hostname, const void *desired)
{
	const struct hostname *wanted = desired;

	hostname->meta.labels = wanted->meta.labels;
	hostname->meta.annotations = wanted->meta.annotations;
	hostname->spec = wanted->spec;
	hostname->source = wanted->source;
	if (wanted->requested != 0)
		hostname->requested = wanted->requested;
	if (wanted->wish.source != SOURCE_UNSAID)
		hostname->wish = wanted->wish;
}

enum err desired_request(struct ctx *ctx, struct store *store, const char *hostname,
			 msec_t requested, const struct certificate_wish *wish)
{
	const struct asked asked = {requested, wish};

	return change(ctx, store, hostname, set_asked, &asked);
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

enum err desired_preview(struct ctx *ctx, struct store *store, const struct claim *claim,
			 struct hostname *out)
{
	struct hostname desired;
	const void *current;
	enum err err = store_get(ctx, store, KIND_HOSTNAME, claim->hostname, &current);

	TRY(read_claim(ctx, claim, NULL, &desired));
	*out = err == E_OK ? *(const struct hostname *)current : desired;
	set_desired(out, &desired);
	fault_clear(ctx);
	return E_OK;
}

enum err desired_put(struct ctx *ctx, struct store *store, const struct claim *claim,
		     const char *problem, msec_t requested, const struct certificate_wish *wish)
{
	struct hostname desired;
	enum err err;

	TRY(read_claim(ctx, claim, problem, &desired));
	desired.requested = requested;
	if (wish)
		desired.wish = *wish;
	err = change(ctx, store, claim->hostname, set_desired, &desired);
	if (err != E_NOTFOUND)
		return err;
	fault_clear(ctx);
	log_info(ctx, "hostname is desired", "hostname", claim->hostname, "file", claim->file->path,
		 NULL);
	return store_put_spec(ctx, store, KIND_HOSTNAME, &desired);
}

enum err desired_note_problem(struct ctx *ctx, struct store *store, const char *hostname,
			      const char *problem)
{
	return change(ctx, store, hostname, set_problem, problem);
}
