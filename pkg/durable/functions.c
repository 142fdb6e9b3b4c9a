#include "durable/functions.h"

#include <string.h>

#include "api/dnsname.h"
#include "api/hostname.h"
#include "api/instance.h"
#include "base/log.h"
#include "base/text.h"
#include "durable/importbody.h"
#include "durable/links.h"
#include "durable/startbody.h"
#include "service/errors.h"

struct function {
	const char *name; /* in the status */
	bool is_import;
	struct startbody_rules rules;
};

static const struct function add_one = {
	"AddCertificateFunctions",
	false,
	{
		.endpoint = "AddCertificateFunctions_HttpStart",
		.instead = "for several, POST to /api/AddMultipleCertificatesFunctions_HttpStart",
	},
};

static const struct function add_several = {
	"AddMultipleCertificatesFunctions",
	false,
	{
		.endpoint = "AddMultipleCertificatesFunctions_HttpStart",
		.takes_list = true,
	},
};

static const struct function import_one = {
	"AddCertificateWithPrivateKeyFunctions",
	true,
	{
		.endpoint = "AddCertificateWithPrivateKeyFunctions_HttpStart",
		.instead = "send one request for each certificate",
		.flags = HOSTNAME_ALLOW_WILDCARD,
	},
};

/* What one start request carries from parsing to the stored instance. */
struct start {
	const struct function *function;
	struct startbody body;
	struct importbody import; /* is_import */
	struct certificate_wish wish;
	struct instance instance;
	struct texts replaced; /* requests whose keys are not waited for any more */
};

/* helpers */

static const struct hostname *find_hostname(struct ctx *ctx, struct service *service,
					    const char *name)
{
	const void *found;

	if (store_get(ctx, service->store, KIND_HOSTNAME, name, &found) == E_OK)
		return found;
	fault_clear(ctx);
	return NULL;
}

/* NULL leaves where the certificate comes from as it is; an imported one is switched to the CA. */
static const struct certificate_wish *wish_of(struct ctx *ctx, const struct start *start,
					      const struct hostname *hostname)
{
	static const struct certificate_wish acme = {.source = SOURCE_ACME};

	if (start->function->is_import)
		return &start->wish;
	return hostname && hostname_wants_import(hostname, ctx_wall(ctx)) ? &acme : NULL;
}

static void add(struct texts *texts, const char *text)
{
	texts->items[texts->count++] = text;
}

static enum err desire(struct ctx *ctx, struct service *service, struct batch *batch,
		       struct start *start, const char *name)
{
	const struct hostname *before = find_hostname(ctx, service, name);
	const struct certificate_wish *wish = wish_of(ctx, start, before);
	bool is_new = false;

	TRY(specdir_desire(ctx, service->specdir, batch, name, NULL, wish, &is_new));
	if (is_new)
		add(&start->instance.spec.introduced, name);
	if (wish && before && before->wish.instance)
		add(&start->replaced, before->wish.instance);
	return E_OK;
}

static enum err desire_all(struct ctx *ctx, struct service *service, struct batch *batch,
			   struct start *start)
{
	const struct texts *hostnames = &start->instance.spec.hostnames;

	start->instance.spec.introduced.items = arena_new_array(ctx->arena, const char *,
								hostnames->count);
	start->replaced.items = arena_new_array(ctx->arena, const char *, hostnames->count);
	for (size_t i = 0; i < hostnames->count; i++)
		TRY(desire(ctx, service, batch, start, hostnames->items[i]));
	return E_OK;
}

/* Sealed before anything else is written: from here on only the vault can read the key. */
static enum err seal(struct ctx *ctx, struct service *service, struct start *start, const char *id)
{
	const struct importbody *import = &start->import;
	const char *text;

	if (!start->function->is_import)
		return E_OK;
	if (!service->sealed)
		return fault_set(ctx, E_AGAIN, "NoSealKey", "imports are not available");
	start->wish = (struct certificate_wish){
		.source = SOURCE_IMPORT,
		.instance = id,
		.leaf_sha256 = import->leaf_sha256,
		.not_after = import->not_after,
		.skip_dns = import->skip_dns,
	};
	start->instance.spec.leaf_sha256 = import->leaf_sha256;
	text = importbody_text(ctx, import);
	return sealed_put(ctx, service->sealed, id, start->body.hostnames.items[0], text,
			  strlen(text));
}

/* Hostnames and instance together, or nothing of them. */
static enum err write_request(struct ctx *ctx, struct service *service, struct start *start,
			      const char *id)
{
	struct batch *batch = batch_new(ctx, service->store);

	TRY(seal(ctx, service, start, id));
	start->instance.spec.request = batch_number(batch);
	TRY(desire_all(ctx, service, batch, start));
	batch_put(ctx, batch, KIND_INSTANCE, &start->instance);
	return batch_commit(ctx, batch);
}

/* A key that waits for an import that nobody wants any more goes at once, or with the hostname's
 * next pass. */
static void drop_sealed(struct ctx *ctx, struct service *service, const char *instance)
{
	struct fault fault = ctx->fault;

	if (service->sealed && sealed_remove(ctx, service->sealed, instance) != E_OK)
		log_warn(ctx, "sealed key not removed yet", "text", ctx->fault.text, NULL);
	ctx->fault = fault;
}

/* Only what was accepted takes the place of what was accepted before. */
static enum err store_request(struct ctx *ctx, struct service *service, struct start *start,
			      const char *id)
{
	const struct texts *introduced = &start->instance.spec.introduced;
	enum err err = write_request(ctx, service, start, id);

	if (err != E_OK) {
		if (start->function->is_import)
			drop_sealed(ctx, service, id);
		return err;
	}
	for (size_t i = 0; i < start->replaced.count; i++)
		drop_sealed(ctx, service, start->replaced.items[i]);
	for (size_t i = 0; i < introduced->count; i++)
		log_info(ctx, "hostname is desired", "hostname", introduced->items[i], "instance",
			 id, NULL);
	return E_OK;
}

static void parse(struct ctx *ctx, const struct service *service, const struct request *request,
		  struct start *start)
{
	struct startbody_rules rules = start->function->rules;

	rules.flags |= service->hostname_flags;
	arena_wipe_all_at_end(ctx->arena); /* a key may have come to the wrong endpoint, too */
	startbody_parse(ctx, request, &rules, &start->body);
	if (start->function->is_import)
		importbody_parse(ctx, &start->body, &start->import);
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

static enum err begin(struct ctx *ctx, struct service *service, const struct function *function,
		      const struct request *request, struct response *response)
{
	char *id = arena_alloc(ctx->arena, 33);
	struct start start = {.function = function};
	struct instance_spec *spec = &start.instance.spec;

	parse(ctx, service, request, &start);
	if (start.body.problems.errors > 0)
		return errors_answer_problems(ctx, response, 400, start.body.code,
					      &start.body.problems);
	for (size_t i = 0; i < start.body.hostnames.count; i++)
		if (!auth_reaches(request, start.body.hostnames.items[i]))
			return errors_answer_scope(ctx, response, start.body.hostnames.items[i]);
	if (!service->is_ready)
		return errors_answer(ctx, response, 503, "NotReady",
				     "The service is starting and takes no work yet. Try again.");
	rng_hex(ctx->doors->rng, id, 16);
	start.instance.meta = (struct meta){.name = id, .created = ctx_wall(ctx)};
	*spec = (struct instance_spec){.function = function->name,
				       .is_list = function->rules.takes_list,
				       .hostnames = start.body.hostnames,
				       .accepted = ctx_wall(ctx)};
	/* The request itself is fine by now, so whatever fails is our trouble and not the client's.
	 */
	if (store_request(ctx, service, &start, id) != E_OK)
		return text_equals(ctx->fault.reason, "NoSealKey")
			       ? errors_answer(ctx, response, 503, "NoSealKey", "%s",
					       ctx->fault.text)
			       : errors_answer_fault(ctx, response, E_AGAIN);
	return accept_instance(ctx, service, request, id, response);
}

/* public */

enum err functions_add_one(struct ctx *ctx, struct service *service, const struct request *request,
			   struct response *response)
{
	return begin(ctx, service, &add_one, request, response);
}

enum err functions_add_several(struct ctx *ctx, struct service *service,
			       const struct request *request, struct response *response)
{
	return begin(ctx, service, &add_several, request, response);
}

enum err functions_import(struct ctx *ctx, struct service *service, const struct request *request,
			  struct response *response)
{
	return begin(ctx, service, &import_one, request, response);
}
