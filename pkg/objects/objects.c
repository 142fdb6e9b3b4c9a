#include "objects/objects.h"

#include <string.h>

#include "api/dnsname.h"
#include "base/text.h"
#include "base/utf8.h"
#include "codec/base64.h"
#include "objects/fieldselector.h"
#include "objects/selector.h"
#include "objects/watch.h"
#include "service/errors.h"
#include "service/view.h"

#define PAGE_MAX  ((size_t)10000)
#define LIST_TAIL "]}"

/* helpers */

struct choice {
	const struct request *request;
	enum kind kind;
	struct selector *selector;
	struct fieldselector *fields;
	size_t room;
	const char *after; /* names up to this one were on earlier pages; NULL: first page */
};

static enum err read_continue(struct ctx *ctx, const struct request *request, struct choice *choice)
{
	const char *token = request_param(request, "continue");
	struct bytes name;

	if (!token || !token[0])
		return E_OK;
	if (base64url_decode(ctx, token, &name) != E_OK)
		return fault_set(ctx, E_REFUSED, "InvalidRequest",
				 "continue is not what the page before said");
	choice->after = arena_strndup(ctx->arena, (const char *)name.data, name.size);
	return E_OK;
}

static enum err read_limit(struct ctx *ctx, const struct request *request, struct choice *choice)
{
	const char *text = request_param(request, "limit");
	int64_t limit = 0;

	if (text && text[0] && !text_to_number(text, &limit))
		return fault_set(ctx, E_REFUSED, "InvalidRequest", "limit is not a number");
	choice->room = limit == 0 || (size_t)limit > PAGE_MAX ? PAGE_MAX : (size_t)limit;
	return E_OK;
}

static enum err read_choice(struct ctx *ctx, const struct request *request, struct choice *choice)
{
	TRY(read_continue(ctx, request, choice));
	TRY(read_limit(ctx, request, choice));
	TRY(fieldselector_parse(ctx, request, &choice->fields));
	return selector_parse(ctx, request_param(request, "labelSelector"), &choice->selector);
}

static bool is_chosen(const struct choice *choice, const void *object)
{
	const struct meta *meta = object;

	return (!choice->after || strcmp(meta->name, choice->after) > 0) &&
	       view_is_visible(choice->request, choice->kind, object) &&
	       fieldselector_matches(choice->fields, meta) &&
	       selector_matches(choice->selector, &meta->labels);
}

/* The token for the next page, "" when this is the last. */
static const char *fill_page(struct ctx *ctx, struct choice *choice,
			     const struct changes_list *objects, struct page *page)
{
	const char *last = "";

	for (size_t i = 0; i < objects->count; i++) {
		const struct meta *meta = objects->items[i];

		if (!is_chosen(choice, meta))
			continue;
		if (choice->room-- == 0)
			return base64url_encode(ctx, last, strlen(last));
		last = meta->name;
		page_add(page, i);
	}
	return "";
}

/* What stands around the items. */
static void enclose(struct ctx *ctx, struct page *page, enum kind kind, int64_t version,
		    const char *token)
{
	struct json *body = json_object(ctx), *metadata = json_object(ctx);
	const char *text;

	json_set_text(ctx, metadata, "resourceVersion", view_version(ctx, version));
	json_set_text(ctx, metadata, "continue", token);
	json_set_text(ctx, body, "apiVersion", API_VERSION);
	json_set_text(ctx, body, "kind", arena_printf(ctx->arena, "%sList", kind_info(kind)->name));
	json_set(ctx, body, "metadata", metadata);
	json_set(ctx, body, "items", json_array(ctx));
	text = json_print(ctx, body);
	page_enclose(page, text, strlen(text) - strlen(LIST_TAIL), LIST_TAIL);
}

static enum err begin_watch(struct ctx *ctx, struct service *service, enum kind kind,
			    const struct request *request, struct response *response)
{
	enum err err;

	if (service->watch_count >= WATCHES_MAX) {
		response_header(response, "Retry-After", "10");
		return errors_answer(ctx, response, 429, "TooManyWatches",
				     "At most %d watches may be open at once.", WATCHES_MAX);
	}
	err = watch_open(ctx, service->changes[kind], request, &response->watch);
	if (err == E_CONFLICT)
		return errors_answer(ctx, response, 410, "Expired", "%s", ctx->fault.text);
	TRY(err);
	response->status = 200;
	return E_OK;
}

static enum err list(struct ctx *ctx, struct service *service, enum kind kind,
		     const struct request *request, struct response *response)
{
	static const enum listing_form forms[KIND_COUNT] = {
		[KIND_HOSTNAME] = LISTING_HOSTNAMES,
		[KIND_GATEWAY] = LISTING_GATEWAYS,
		[KIND_INSTANCE] = LISTING_INSTANCES,
	};
	struct choice choice = {.request = request, .kind = kind};
	struct listing *listing;
	const char *token;

	if (request_is_set(request, "watch") && text_equals(request->method, "GET"))
		return begin_watch(ctx, service, kind, request, response);
	TRY(read_choice(ctx, request, &choice));
	listing = listings_get(&service->listings, forms[kind]);
	response->page = page_new(listing);
	token = fill_page(ctx, &choice, listing_objects(listing), response->page);
	enclose(ctx, response->page, kind, listing_version(listing), token);
	response->status = 200;
	return E_OK;
}

static enum err get(struct ctx *ctx, struct service *service, enum kind kind, const char *name,
		    const struct request *request, struct response *response)
{
	const void *found;
	enum err err = store_get(ctx, service->store, kind, name, &found);

	if (err == E_NOTFOUND)
		return errors_answer(ctx, response, 404, "NotFound", "There is no %s %s.",
				     kind_info(kind)->name, utf8_quote(ctx->arena, name, 253));
	TRY(err);
	if (!view_is_visible(request, kind, found))
		return errors_answer_scope(ctx, response, NULL);
	return response_json(ctx, response, 200, view_render(ctx, kind, found));
}

/* public */

enum err objects_list_hostnames(struct ctx *ctx, struct service *service,
				const struct request *request, struct response *response)
{
	return list(ctx, service, KIND_HOSTNAME, request, response);
}

enum err objects_list_gateways(struct ctx *ctx, struct service *service,
			       const struct request *request, struct response *response)
{
	return list(ctx, service, KIND_GATEWAY, request, response);
}

enum err objects_list_instances(struct ctx *ctx, struct service *service,
				const struct request *request, struct response *response)
{
	return list(ctx, service, KIND_INSTANCE, request, response);
}

enum err objects_get_hostname(struct ctx *ctx, struct service *service,
			      const struct request *request, struct response *response)
{
	const char *name = request->args[0], *normal;

	/* What is no hostname cannot exist, in whatever spelling. */
	if (hostname_normalise(ctx, name, HOSTNAME_ALLOW_WILDCARD, &normal) == E_OK)
		name = normal;
	fault_clear(ctx);
	return get(ctx, service, KIND_HOSTNAME, name, request, response);
}

enum err objects_get_gateway(struct ctx *ctx, struct service *service,
			     const struct request *request, struct response *response)
{
	return get(ctx, service, KIND_GATEWAY, request->args[0], request, response);
}

enum err objects_get_instance(struct ctx *ctx, struct service *service,
			      const struct request *request, struct response *response)
{
	return get(ctx, service, KIND_INSTANCE, request->args[0], request, response);
}
