#include "objects/objectwrites.h"

#include <stddef.h>

#include "api/dnsname.h"
#include "api/hostname.h"
#include "base/text.h"
#include "base/utf8.h"
#include "objects/deleteoptions.h"
#include "objects/mergepatch.h"
#include "service/errors.h"
#include "service/params.h"
#include "service/view.h"

/* What a client may send. */
struct document {
	const char *api_version, *kind;
	struct {
		const char *name, *version;
		struct text_map labels, annotations;
	} metadata;
	struct hostname_spec spec;
};

#define METADATA(member) \
	(offsetof(struct document, metadata.member) - offsetof(struct document, metadata))

static const struct field metadata_fields[] = {
	{.name = "name", .type = FIELD_TEXT, .offset = METADATA(name)},
	{.name = "resourceVersion", .type = FIELD_TEXT, .offset = METADATA(version)},
	{.name = "labels", .type = FIELD_TEXT_MAP, .offset = METADATA(labels)},
	{.name = "annotations", .type = FIELD_TEXT_MAP, .offset = METADATA(annotations)},
	META_DROPPED_FIELDS,
	{.name = NULL},
};

static const struct field document_fields[] = {
	{.name = "apiVersion",
	 .type = FIELD_TEXT,
	 .offset = offsetof(struct document, api_version)},
	{.name = "kind", .type = FIELD_TEXT, .offset = offsetof(struct document, kind)},
	{.name = "metadata",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct document, metadata),
	 .fields = metadata_fields},
	{.name = "spec",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct document, spec),
	 .fields = hostname_spec_fields},
	{.name = "status", .type = FIELD_TEXT, .flags = FIELD_IGNORED},
	{.name = NULL},
};

/* One write under way. */
struct write {
	const char *name;		/* normalised */
	const struct hostname *current; /* NULL: there is none */
	bool is_dry_run;
};

/* helpers */

/* False: answered. */
static bool begin(struct ctx *ctx, struct service *service, const struct request *request,
		  unsigned flags, struct write *write, struct response *response)
{
	const void *found = NULL;
	const char *owner;

	*write = (struct write){.current = NULL};
	if (params_dry_run(ctx, request, &write->is_dry_run) != E_OK ||
	    hostname_normalise(ctx, request->args[0], flags, &write->name) != E_OK) {
		errors_answer_fault(ctx, response, E_REFUSED);
		return false;
	}
	if (store_get(ctx, service->store, KIND_HOSTNAME, write->name, &found) == E_OK)
		write->current = found;
	fault_clear(ctx);
	owner = specdir_owner(ctx, service->specdir, write->name);
	if (!owner)
		return true;
	errors_answer(ctx, response, 409, "OwnedByFile", "%s comes from %s: change it there.",
		      write->name, owner);
	return false;
}

static void check_identity(struct ctx *ctx, const struct write *write,
			   const struct document *document, struct problems *problems)
{
	const char *normal, *name = document->metadata.name;

	if (document->api_version && !text_equals(document->api_version, API_VERSION))
		problems_add(ctx, problems, false, NULL, 0, 0, "apiVersion", "must be %s",
			     API_VERSION);
	if (document->kind && !text_equals(document->kind, "Hostname"))
		problems_add(ctx, problems, false, NULL, 0, 0, "kind", "must be Hostname");
	if (!name)
		return;
	if (hostname_normalise(ctx, name, HOSTNAME_ALLOW_WILDCARD, &normal) != E_OK ||
	    !text_equals(normal, write->name))
		problems_add(ctx, problems, false, NULL, 0, 0, "metadata.name",
			     "is not the hostname of the path, %s", write->name);
	fault_clear(ctx);
}

/* It was shown once where none was given. */
static void check_key_type(struct ctx *ctx, const struct json *json, struct problems *problems)
{
	const char *said = json_get_text(json_get(json, "spec"), "keyType");

	if (said && text_equals_nocase(said, key_type_names[KEY_TYPE_DEFAULT]))
		problems_add(ctx, problems, false, NULL, 0, 0, "spec.keyType",
			     "is RSA-2048 or EC-P256; leave it out for the configured one");
}

/* False: answered. No version asks for nothing. */
static bool is_current(struct ctx *ctx, const struct write *write, const char *version,
		       struct response *response)
{
	if (!version || !version[0])
		return true;
	if (write->current &&
	    text_equals(version, view_version(ctx, write->current->meta.resource_version)))
		return true;
	errors_answer(ctx, response, 409, "Conflict",
		      "%s is not at resourceVersion %s any more: read it again.", write->name,
		      utf8_quote(ctx->arena, version, 32));
	return false;
}

/* False: answered. A uid is of one life: what was made again is another. */
static bool is_meant(struct ctx *ctx, const struct write *write, const char *uid,
		     struct response *response)
{
	if (!uid || text_equals(uid, write->current->meta.uid))
		return true;
	errors_answer(ctx, response, 409, "Conflict",
		      "%s has not the uid %s but %s: it was made again.", write->name,
		      utf8_quote(ctx->arena, uid, 64), write->current->meta.uid);
	return false;
}

/* False: answered. */
static bool is_acceptable(struct ctx *ctx, const struct write *write, const struct json *json,
			  struct response *response)
{
	struct document document;
	struct problems problems;

	problems_init(&problems);
	fields_decode(ctx, document_fields, NULL, "", node_from_json(ctx, json), &problems,
		      &document);
	check_identity(ctx, write, &document, &problems);
	check_key_type(ctx, json, &problems);
	if (problems.errors > 0) {
		errors_answer_problems(ctx, response, 400, "InvalidObject", &problems);
		return false;
	}
	return is_current(ctx, write, document.metadata.version, response);
}

/* What would be there, but for what the store gives a new version. */
static enum err answer_preview(struct ctx *ctx, struct service *service, const struct write *write,
			       const struct json *wanted, struct response *response)
{
	struct hostname hostname;
	struct json *json;

	TRY(specdir_preview(ctx, service->specdir, write->name, wanted, &hostname));
	json = view_render(ctx, KIND_HOSTNAME, &hostname);
	if (!write->current)
		json_remove(json_get(json, "metadata"), "resourceVersion");
	return response_json(ctx, response, write->current ? 200 : 201, json);
}

static enum err carry_out(struct ctx *ctx, struct service *service, const struct write *write,
			  const struct json *wanted, struct response *response)
{
	int status = write->current ? 200 : 201;
	const void *found;

	if (!is_acceptable(ctx, write, wanted, response))
		return E_OK;
	if (write->is_dry_run)
		return answer_preview(ctx, service, write, wanted, response);
	if (!service->is_ready)
		return errors_answer(ctx, response, 503, "NotReady",
				     "The service is starting and takes no work yet. Try again.");
	TRY(specdir_put(ctx, service->specdir, write->name, wanted));
	TRY(store_get(ctx, service->store, KIND_HOSTNAME, write->name, &found));
	return response_json(ctx, response, status, view_render(ctx, KIND_HOSTNAME, found));
}

static enum err answer_missing(struct ctx *ctx, const struct write *write,
			       struct response *response)
{
	return errors_answer(ctx, response, 404, "NotFound", "There is no Hostname %s.",
			     write->name);
}

/* What a client may change of an object, as a document. */
static struct json *changeable(struct ctx *ctx, const struct write *write)
{
	struct json *json = view_render(ctx, KIND_HOSTNAME, write->current);

	json_remove(json, "status");
	json_remove(json_get(json, "metadata"), "resourceVersion");
	return json;
}

/* public */

enum err objectwrites_put(struct ctx *ctx, struct service *service, const struct request *request,
			  struct response *response)
{
	struct write write;
	struct json *wanted;

	if (!begin(ctx, service, request, service->hostname_flags, &write, response))
		return E_OK;
	TRY(request_json(ctx, request, &wanted));
	return carry_out(ctx, service, &write, wanted, response);
}

enum err objectwrites_patch(struct ctx *ctx, struct service *service, const struct request *request,
			    struct response *response)
{
	struct json *patch;
	struct write write;

	if (!begin(ctx, service, request, HOSTNAME_ALLOW_WILDCARD | service->hostname_flags, &write,
		   response))
		return E_OK;
	if (!write.current)
		return answer_missing(ctx, &write, response);
	TRY(request_json(ctx, request, &patch));
	return carry_out(ctx, service, &write,
			 mergepatch_apply(ctx, changeable(ctx, &write), patch), response);
}

enum err objectwrites_delete(struct ctx *ctx, struct service *service,
			     const struct request *request, struct response *response)
{
	struct deleteoptions options;
	struct write write;

	/* What is no longer allowed can still be taken away. */
	if (!begin(ctx, service, request, HOSTNAME_ALLOW_WILDCARD, &write, response))
		return E_OK;
	if (!write.current)
		return answer_missing(ctx, &write, response);
	TRY(deleteoptions_read(ctx, request, response, &options));
	if (!is_meant(ctx, &write, options.uid, response) ||
	    !is_current(ctx, &write, options.version, response) ||
	    !is_current(ctx, &write, request_param(request, "resourceVersion"), response))
		return E_OK;
	if (!write.is_dry_run && !options.is_dry_run)
		TRY(specdir_withdraw(ctx, service->specdir, write.name));
	return response_json(ctx, response, 200, view_render(ctx, KIND_HOSTNAME, write.current));
}
