#include "server/functions.h"

#include "api/instance.h"
#include "server/errors.h"
#include "server/links.h"
#include "server/startbody.h"

struct function {
	const char *name; /* in the status */
	struct startbody_rules rules;
};

static const struct function add_one = {
	"AddCertificateFunctions",
	{
		.endpoint = "AddCertificateFunctions_HttpStart",
		.instead = "for several, POST to /api/AddMultipleCertificatesFunctions_HttpStart",
	},
};

static const struct function add_several = {
	"AddMultipleCertificatesFunctions",
	{
		.endpoint = "AddMultipleCertificatesFunctions_HttpStart",
		.takes_list = true,
	},
};

/* helpers */

/* A hostname that stays desired because the request failed halfway does no harm: posting again is no error. */
static enum err desire_all(struct ctx *ctx, struct service *service, struct instance *instance)
{
	struct texts *introduced = &instance->spec.introduced;
	const struct texts *hostnames = &instance->spec.hostnames;

	introduced->items = arena_new_array(ctx->arena, const char *, hostnames->count);
	for (size_t i = 0; i < hostnames->count; i++) {
		bool is_new = false;

		TRY(specdir_desire(ctx, service->specdir, hostnames->items[i], NULL, &is_new));
		if (is_new)
			introduced->items[introduced->count++] = hostnames->items[i];
	}
	return E_OK;
}

static enum err store_request(struct ctx *ctx, struct service *service, struct instance *instance)
{
	TRY(desire_all(ctx, service, instance));
	return store_put_spec(ctx, service->store, KIND_INSTANCE, instance);
}

static enum err accept_instance(struct ctx *ctx, struct service *service,
				const struct request *request, const char *id,
				struct response *response)
{
	struct links links = links_of_instance(ctx, service, request, id);
	struct json *body = json_object(ctx);

	json_set_text(ctx, body, "id", id);
	json_set_text(ctx, body, "statusQueryGetUri", links.status);
	json_set_text(ctx, body, "sendEventPostUri", links.raise_event);
	json_set_text(ctx, body, "terminatePostUri", links.terminate);
	json_set_text(ctx, body, "purgeHistoryDeleteUri", links.purge);
	response_header(response, "Location", links.status);
	response_header(response, "Retry-After", "10");
	return response_json(ctx, response, 202, body);
}

static enum err start(struct ctx *ctx, struct service *service, const struct function *function,
		      const struct request *request, struct response *response)
{
	char *id = arena_alloc(ctx->arena, 33);
	struct startbody body;
	struct instance instance = {
		.meta = { .name = id, .created = ctx_wall(ctx) },
		.spec = { .function = function->name, .is_list = function->rules.takes_list },
	};

	startbody_parse(ctx, request, &function->rules, &body);
	if (body.problems.errors > 0)
		return errors_answer_problems(ctx, response, 400, body.code, &body.problems);
	for (size_t i = 0; i < body.hostnames.count; i++)
		if (!auth_reaches(request, body.hostnames.items[i]))
			return errors_answer_scope(ctx, response, body.hostnames.items[i]);
	if (!service->is_ready)
		return errors_answer(ctx, response, 503, "NotReady",
				     "The service is starting and takes no work yet. Try again.");
	rng_hex(ctx->doors->rng, id, 16);
	instance.spec.hostnames = body.hostnames;
	instance.spec.accepted = ctx_wall(ctx);
	/* The request itself is fine by now, so whatever fails is our trouble and not the client's. */
	if (store_request(ctx, service, &instance) != E_OK)
		return errors_answer_fault(ctx, response, E_AGAIN);
	return accept_instance(ctx, service, request, id, response);
}

/* public */

enum err functions_add_one(struct ctx *ctx, struct service *service, const struct request *request,
			   struct response *response)
{
	return start(ctx, service, &add_one, request, response);
}

enum err functions_add_several(struct ctx *ctx, struct service *service,
			       const struct request *request, struct response *response)
{
	return start(ctx, service, &add_several, request, response);
}

enum err functions_import(struct ctx *ctx, struct service *service, const struct request *request,
			  struct response *response)
{
	(void)service;
	(void)request;
	return errors_answer(ctx, response, 501, "NotImplemented",
			     "Importing existing keys is not available. "
			     "POST to /api/AddCertificateFunctions_HttpStart to get a certificate "
			     "for the hostname.");
}
