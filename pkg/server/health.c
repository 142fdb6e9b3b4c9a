#include "server/health.h"

/* helpers */

static struct json *render_problem(struct ctx *ctx, const struct problem *problem)
{
	struct json *item = json_object(ctx);

	json_set_text(ctx, item, "file", problem->file);
	if (problem->line)
		json_set_int(ctx, item, "line", problem->line);
	if (problem->column)
		json_set_int(ctx, item, "column", problem->column);
	json_set_text(ctx, item, "field", problem->field);
	json_set_text(ctx, item, "message", problem->text);
	json_set_bool(ctx, item, "isWarning", problem->is_warning);
	return item;
}

static struct json *render_specs(struct ctx *ctx, const struct specdir_report *report)
{
	struct json *specs = json_object(ctx), *problems = json_array(ctx);

	for (const struct problem *problem = report->problems.first; problem;
	     problem = problem->next)
		json_append(ctx, problems, render_problem(ctx, problem));
	json_set_int(ctx, specs, "files", (int64_t)report->files);
	json_set_int(ctx, specs, "hostnames", (int64_t)report->hostnames);
	json_set_text(ctx, specs, "heldBack", report->held_back);
	json_set(ctx, specs, "problems", problems);
	return specs;
}

/* public */

enum err health_live(struct ctx *ctx, struct service *service, const struct request *request,
		     struct response *response)
{
	struct json *body = json_object(ctx);

	(void)service;
	(void)request;
	json_set_text(ctx, body, "status", "ok");
	json_set_text(ctx, body, "version", GATECERT_VERSION);
	return response_json(ctx, response, 200, body);
}

enum err health_ready(struct ctx *ctx, struct service *service, const struct request *request,
		      struct response *response)
{
	const struct specdir_report *report = specdir_report(service->specdir);
	struct json *body = json_object(ctx);

	(void)request;
	json_set_text(ctx, body, "status", service->is_ready ? "ready" : "starting");
	json_set_int(ctx, body, "refusedKeys", (int64_t)service->wrong_count);
	json_set(ctx, body, "specs", report ? render_specs(ctx, report) : json_null(ctx));
	return response_json(ctx, response, service->is_ready ? 200 : 503, body);
}
