#include "specdir/apply.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/text.h"
#include "specdir/desired.h"

#define SECOND_LOOK    (2 * MSEC_PER_SEC) /* between the two scans that agree on a removal */
#define UNSETTLED_LOOK 150		  /* at a file that looked half-written */
#define OVERTAKEN_LOOK 150		  /* at a hostname that was written meanwhile */
#define ASIDE_LOOK     (2 * MSEC_PER_SEC) /* at an entry that may be gone in a moment */

struct applying {
	struct ctx ctx;	 /* has an arena for what follows, and the fault of the last write that
			    failed */
	struct ctx keep; /* its arena is the catalogue's */
	struct catalogue *catalogue;
	struct apply_options options;
	msec_t now, next;
	enum err err;
	struct claim **claims; /* by hostname */
	const void **objects;
	size_t claim_count, object_count;
	size_t claim, object; /* that come next */
};

/* The claims of one hostname: the user's first, then ours. */
struct group {
	struct claim **claims;
	size_t users, apis;
};

static void look_again(struct applying *applying, msec_t wait)
{
	if (wait < applying->next)
		applying->next = wait;
}

/* One write of a scan, in an arena of its own. */

struct write {
	enum err (*run)(struct ctx *ctx, struct applying *applying, const struct write *write);
	const struct claim *claim;
	const char *name;
	const char *problem;
};

static enum err run_claim(struct ctx *ctx, struct applying *applying, const struct write *write)
{
	struct batch *batch = batch_new(ctx, applying->options.store);
	const struct specfile *file = write->claim->file;
	bool is_new;

	TRY(desired_put(ctx, batch, write->claim, write->problem,
			file->is_api ? DESIRED_BY_SCAN : DESIRED_BY_FILE, NULL, &is_new));
	TRY(batch_commit(ctx, batch));
	if (is_new)
		log_info(ctx, "hostname is desired", "hostname", write->claim->hostname, "file",
			 file->path, NULL);
	return E_OK;
}

static enum err run_problem(struct ctx *ctx, struct applying *applying, const struct write *write)
{
	struct batch *batch = batch_new(ctx, applying->options.store);

	TRY(desired_note_problem(ctx, batch, write->name, write->problem));
	return batch_commit(ctx, batch);
}

static enum err run_delete(struct ctx *ctx, struct applying *applying, const struct write *write)
{
	struct batch *batch = batch_new(ctx, applying->options.store);

	log_info(ctx, "hostname is not desired any more", "hostname", write->name, NULL);
	batch_withdraw(ctx, batch, KIND_HOSTNAME, write->name);
	return batch_commit(ctx, batch);
}

static enum err run_remove(struct ctx *ctx, struct applying *applying, const struct write *write)
{
	(void)applying;
	log_info(ctx, "a user's file takes over from the API's", "file", write->name, NULL);
	return ctx->doors->fs->remove(ctx, ctx->doors->fs, write->name);
}

static bool carry_out(struct applying *applying, const struct write *write)
{
	struct ctx scratch = applying->ctx;
	enum err err;

	scratch.arena = arena_new();
	err = write->run(&scratch, applying, write);
	if (err != E_OK) {
		applying->err = err;
		applying->ctx.fault = scratch.fault;
	}
	arena_free(scratch.arena);
	return err == E_OK;
}

/* One hostname */

static bool is_applied(struct applying *applying, const struct hostname *object,
		       const struct claim *claim, const char *problem)
{
	struct ctx scratch = applying->ctx;
	bool is_same;

	if (!object || !text_equals(object->source.file, claim->file->path) ||
	    object->source.line != claim->line || !text_equals(object->source.problem, problem))
		return false;
	if (claim->is_in_force)
		return true;
	scratch.arena = arena_new();
	is_same = text_equals(specfile_content_of(&scratch, object), claim->content);
	arena_free(scratch.arena);
	return is_same;
}

static bool put(struct applying *applying, const struct hostname *object, struct claim *claim,
		const char *problem)
{
	struct write write = {.run = run_claim, .claim = claim, .problem = problem};

	claim->is_in_force = is_applied(applying, object, claim, problem) ||
			     carry_out(applying, &write);
	return claim->is_in_force;
}

static void note_problem(struct applying *applying, const struct hostname *object,
			 const char *problem)
{
	struct write write = {.run = run_problem, .name = object->meta.name, .problem = problem};

	if (!text_equals(object->source.problem, problem))
		carry_out(applying, &write);
}

/* Told at each place; the object hears of the one it is served from. */
static const char *report_conflict(struct applying *applying, struct claim *const *claims,
				   size_t count, const struct hostname *object)
{
	const char *told = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct claim *claim = claims[i], *other = claims[i == 0];
		struct problem problem = {.file = claim->file->path,
					  .line = claim->line,
					  .column = claim->column,
					  .field = ""};

		problem.text = arena_printf(applying->keep.arena,
					    "%s is also named at %s:%u: remove one of the two",
					    claim->hostname, other->file->path, other->line);
		problems_add(&applying->keep, &applying->catalogue->problems, false, problem.file,
			     problem.line, problem.column, "", "%s", problem.text);
		if (!told || (object && text_equals(object->source.file, problem.file)))
			told = problem_print(&applying->keep, &problem);
	}
	return told;
}

/* A file that names others as well stays: those are still its own. */
static void remove_taken_over(struct applying *applying, const struct group *group)
{
	for (size_t i = 0; i < group->apis; i++) {
		const struct specfile *file = group->claims[group->users + i]->file;
		struct write write = {.run = run_remove, .name = file->path};

		if (file->count == 1)
			carry_out(applying, &write);
	}
}

/* What keeps the group's best claim from being applied. */
static const char *find_problem(struct applying *applying, const struct group *group,
				const struct hostname *object)
{
	size_t best = group->users ? group->users : group->apis;

	if (best > 1)
		return report_conflict(applying, group->claims, best, object);
	return group->claims[0]->problem;
}

static void settle_claimed(struct applying *applying, const struct group *group,
			   const struct hostname *object)
{
	const char *problem = find_problem(applying, group, object);
	struct claim *best = problem ? NULL : group->claims[0];
	struct claim *ours = group->apis == 1 ? group->claims[group->users] : NULL;

	if (!best && ours && ours->content)
		best = ours;
	if (best) {
		if (put(applying, object, best, problem) && !best->file->is_api)
			remove_taken_over(applying, group);
	} else if (object) {
		note_problem(applying, object, problem);
	}
	applying->catalogue->hostnames += best || object;
}

static void await_second_look(struct applying *applying, const char *name, msec_t since)
{
	struct catalogue *catalogue = applying->catalogue;

	catalogue->pending[catalogue->pending_count++] =
		(struct pending){arena_strdup(catalogue->arena, name), since};
	look_again(applying, since + SECOND_LOOK - applying->now);
}

static void settle_unclaimed(struct applying *applying, const struct hostname *object)
{
	struct catalogue *catalogue = applying->catalogue;
	const char *path = object->source.file;
	const struct specfile *file = path ? catalogue_find(catalogue, path) : NULL;
	const struct pending *pending = catalogue_find_pending(applying->options.before,
							       object->meta.name);
	struct write write = {.run = run_delete, .name = object->meta.name};

	if (file && file->may_hide) {
		if (file->is_settled)
			note_problem(applying, object, file->problem);
	} else if (!catalogue->scopes[catalogue_scope_of(catalogue, path)].trouble) {
		if (pending && applying->now - pending->since >= SECOND_LOOK &&
		    carry_out(applying, &write))
			return;
		await_second_look(applying, object->meta.name,
				  pending ? pending->since : applying->now);
	}
	catalogue->hostnames++;
}

/* All of them */

static int by_hostname_then_owner(const void *left, const void *right)
{
	const struct claim *a = *(const struct claim *const *)left;
	const struct claim *b = *(const struct claim *const *)right;
	int order = strcmp(a->hostname, b->hostname);

	if (order == 0)
		order = a->file->is_api - b->file->is_api;
	if (order == 0)
		order = strcmp(a->file->path, b->file->path);
	return order ? order : (a->line > b->line) - (a->line < b->line);
}

static void sort_claims(struct applying *applying)
{
	const struct catalogue *catalogue = applying->catalogue;
	size_t count = 0;

	for (size_t i = 0; i < catalogue->file_count; i++)
		count += catalogue->files[i]->count;
	applying->claims = arena_new_array(applying->ctx.arena, struct claim *, count);
	for (size_t i = 0; i < catalogue->file_count; i++)
		for (size_t j = 0; j < catalogue->files[i]->count; j++)
			applying->claims[applying->claim_count++] = &catalogue->files[i]->claims[j];
	if (count > 1)
		qsort(applying->claims, count, sizeof(*applying->claims), by_hostname_then_owner);
}

static struct group take_group(struct claim **claims, size_t count)
{
	struct group group = {.claims = claims};

	for (size_t i = 0; i < count && text_equals(claims[i]->hostname, claims[0]->hostname);
	     i++) {
		if (claims[i]->file->is_api)
			group.apis++;
		else
			group.users++;
	}
	return group;
}

static bool is_overtaken(const struct applying *applying, const char *hostname)
{
	const struct overtaken *overtaken = *applying->options.overtaken;

	while (overtaken && !text_equals(overtaken->hostname, hostname))
		overtaken = overtaken->next;
	return overtaken;
}

static void settle(struct applying *applying, const struct group *group,
		   const struct hostname *object)
{
	const char *name = object ? object->meta.name : group->claims[0]->hostname;

	if (is_overtaken(applying, name)) {
		applying->catalogue->hostnames += object != NULL;
		look_again(applying, OVERTAKEN_LOOK);
	} else if (group->claims) {
		settle_claimed(applying, group, object);
	} else {
		settle_unclaimed(applying, object);
	}
}

/* Two sorted lists side by side: what files name, and what the store has. */
static void settle_next(struct applying *applying)
{
	size_t at = applying->claim, left = applying->claim_count - at;
	const struct hostname *there = applying->object < applying->object_count
					       ? applying->objects[applying->object]
					       : NULL;
	struct group group = {.claims = NULL};
	int order = left == 0	    ? 1
		    : there == NULL ? -1
				    : strcmp(applying->claims[at]->hostname, there->meta.name);

	if (order <= 0)
		group = take_group(applying->claims + at, left);
	settle(applying, &group, order >= 0 ? there : NULL);
	applying->claim += group.users + group.apis;
	applying->object += order >= 0;
}

/* How far the directories can be believed */

/* Files that hostnames in force came from; no more than two are told apart. */
static size_t count_sources(const struct catalogue *catalogue, enum scope_name scope,
			    const void *const *objects, size_t count)
{
	const char *first = NULL;

	for (size_t i = 0; i < count; i++) {
		const char *path = ((const struct hostname *)objects[i])->source.file;

		if (!path || catalogue_scope_of(catalogue, path) != scope)
			continue;
		if (first && !text_equals(first, path))
			return 2;
		first = path;
	}
	return first ? 1 : 0;
}

/* What vanishes from api.d by our own hand vanishes from the store with it, so there the store
 * alone is asked. */
static void judge_scope(struct applying *applying, enum scope_name name, size_t sources)
{
	const struct catalogue *before = applying->options.before;
	struct scope *scope = &applying->catalogue->scopes[name];
	size_t last = before && name == SCOPE_USER ? before->scopes[name].last_files : 0;

	if (last < sources)
		last = sources;
	scope->last_files = scope->files ? scope->files : last;
	if (name == SCOPE_API && scope->is_missing && sources == 0)
		scope->trouble = NULL; /* nobody has asked for anything yet */
	if (!scope->is_readable || scope->files > 0)
		return;
	if (last >= 2 && !applying->options.is_confirmed[name])
		scope->trouble = arena_printf(
			applying->keep.arena,
			"%s is empty, although it held several files: SIGHUP confirms it",
			scope->directory);
	else
		scope->last_files = 0;
}

static void judge_scopes(struct applying *applying, const void *const *objects, size_t count)
{
	struct catalogue *catalogue = applying->catalogue;

	for (int name = 0; name < SCOPE_COUNT; name++) {
		const char *trouble;

		judge_scope(applying, (enum scope_name)name,
			    count_sources(catalogue, (enum scope_name)name, objects, count));
		trouble = catalogue->scopes[name].trouble;
		if (!trouble)
			continue;
		look_again(applying, APPLY_TROUBLE_LOOK);
		catalogue->held_back = catalogue->held_back
					       ? arena_printf(applying->keep.arena, "%s; %s",
							      catalogue->held_back, trouble)
					       : trouble;
	}
}

static void collect_problems(struct applying *applying)
{
	struct problems *all = &applying->catalogue->problems;

	for (size_t i = 0; i < applying->catalogue->file_count; i++)
		problems_append(&applying->keep, all, &applying->catalogue->files[i]->problems);
}

void apply_abandon(struct applying *applying)
{
	if (!applying)
		return;
	arena_free(applying->ctx.arena);
	free(applying);
}

enum err apply_begin(struct ctx *ctx, struct catalogue *catalogue,
		     const struct apply_options *options, struct applying **out)
{
	struct applying *applying = heap_calloc(1, sizeof(*applying));
	enum err err;

	*applying = (struct applying){.ctx = *ctx,
				      .keep = *ctx,
				      .catalogue = catalogue,
				      .options = *options,
				      .now = catalogue->listed,
				      .next = MSEC_NEVER};
	applying->ctx.arena = arena_new();
	applying->keep.arena = catalogue->arena;
	err = store_list(&applying->ctx, options->store, KIND_HOSTNAME, &applying->objects,
			 &applying->object_count);
	if (err != E_OK) {
		ctx->fault = applying->ctx.fault;
		apply_abandon(applying);
		return err;
	}
	catalogue->pending = arena_new_array(catalogue->arena, struct pending,
					     applying->object_count);
	collect_problems(applying);
	judge_scopes(applying, applying->objects, applying->object_count);
	sort_claims(applying);
	*out = applying;
	return E_OK;
}

bool apply_on(struct applying *applying, msec_t until)
{
	while (applying->claim < applying->claim_count ||
	       applying->object < applying->object_count) {
		settle_next(applying);
		if (ctx_mono(&applying->ctx) >= until)
			return false;
	}
	return true;
}

enum err apply_end(struct ctx *ctx, struct applying *applying, msec_t *next)
{
	enum err err = applying->err;

	problems_append(&applying->keep, &applying->catalogue->problems,
			&applying->catalogue->aside);
	if (applying->catalogue->unsettled > 0)
		look_again(applying, UNSETTLED_LOOK);
	if (applying->catalogue->is_aside_young)
		look_again(applying, ASIDE_LOOK);
	if (err != E_OK) {
		applying->next = APPLY_TROUBLE_LOOK;
		ctx->fault = applying->ctx.fault;
	}
	*next = applying->next;
	apply_abandon(applying);
	return err;
}
