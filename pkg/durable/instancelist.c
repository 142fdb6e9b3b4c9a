#include "durable/instancelist.h"

#include <stdio.h>
#include <string.h>

#include "api/instance.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/base64.h"
#include "codec/date.h"
#include "service/errors.h"

#define DELETING_MSEC ((msec_t)5)
#define PAGE_DEFAULT  ((size_t)100)
#define PAGE_MAX      ((size_t)1000)
#define TOKEN_HEADER  "x-ms-continuation-token"
#define STATUS_COUNT  5

struct filter {
	msec_t from, to; /* of the creation, both included */
	bool wanted[STATUS_COUNT];
	const char *prefix; /* of the id */
	const char *after;  /* ids up to this one were on earlier pages; NULL: first page */
};

/* helpers */

/* Shown times have whole seconds, so that is what they compare by. */
static msec_t shown(msec_t time)
{
	return time - time % MSEC_PER_SEC;
}

static bool matches(const struct request *request, const struct filter *filter,
		    const struct instance *instance)
{
	const char *id = instance->meta.name;

	return auth_reaches_all(request, &instance->spec.hostnames) &&
	       shown(instance->meta.created) >= filter->from &&
	       shown(instance->meta.created) <= filter->to &&
	       filter->wanted[instance->status.runtime_status] &&
	       (!filter->prefix || text_starts_with(id, filter->prefix)) &&
	       (!filter->after || strcmp(id, filter->after) > 0);
}

static int find_status(const char *name, size_t length)
{
	for (int i = 0; i < STATUS_COUNT; i++)
		if (strlen(runtime_status_names[i]) == length &&
		    strncasecmp(runtime_status_names[i], name, length) == 0)
			return i;
	return -1;
}

/* A comma list. Returns how many of its names are known; `unknown` tells whether any is not. */
static size_t read_statuses(const char *list, bool *wanted, bool *unknown)
{
	size_t known = 0;

	while (*list) {
		size_t length = strcspn(list, ",");
		const char *name = list + strspn(list, " ");
		size_t trimmed = length - (size_t)(name - list);
		int status;

		while (trimmed > 0 && name[trimmed - 1] == ' ')
			trimmed--;
		status = find_status(name, trimmed);
		if (status >= 0) {
			wanted[status] = true;
			known++;
		} else if (trimmed > 0) {
			*unknown = true;
		}
		list += length + (list[length] == ',');
	}
	return known;
}

/* RFC 3339, and what clients send besides: without offset, seconds or time of day, all of them in
 * UTC; and with a plus that nobody escaped, which a query turns into a blank. */
static bool read_time(const char *text, msec_t *time)
{
	size_t day = strspn(text, "0123456789-");
	size_t clock = text[day] ? 1 + strspn(text + day + 1, "0123456789:.") : 0;
	const char *offset = text + day + clock;
	char full[64];

	if (date_parse_rfc3339(text, time))
		return true;
	if (day != strlen("2026-01-31") || strlen(text) > 40)
		return false;
	snprintf(full, sizeof(full), "%.*s%.*s%s%s%s", (int)day, text, (int)clock, text + day,
		 clock == 0		     ? "T00:00:00"
		 : clock == strlen("T12:00") ? ":00"
					     : "",
		 offset[0] == ' ' ? "+"
		 : offset[0]	  ? ""
				  : "Z",
		 offset + (offset[0] == ' '));
	return date_parse_rfc3339(full, time);
}

/* The name of a parameter that cannot be read, or NULL. It counts as absent where that only shows
 * more. */
static const char *read_filter(const struct request *request, struct filter *filter)
{
	const char *from = request_param(request, "createdTimeFrom");
	const char *to = request_param(request, "createdTimeTo");
	const char *statuses = request_param(request, "runtimeStatus");
	const char *wrong = NULL;
	bool unknown = false;

	*filter = (struct filter){.from = INT64_MIN, .to = INT64_MAX};
	filter->prefix = request_param(request, "instanceIdPrefix");
	if (from && from[0] && !read_time(from, &filter->from)) {
		filter->from = INT64_MIN;
		wrong = "createdTimeFrom";
	}
	if (to && to[0] && !read_time(to, &filter->to)) {
		filter->to = INT64_MAX;
		wrong = "createdTimeTo";
	}
	if (!statuses || read_statuses(statuses, filter->wanted, &unknown) == 0)
		memset(filter->wanted, true, sizeof(filter->wanted));
	return unknown ? "runtimeStatus" : wrong;
}

static size_t page_size(const struct request *request)
{
	int64_t size;

	if (!text_to_number(request_param(request, "top"), &size) || size == 0)
		return PAGE_DEFAULT;
	return (size_t)size < PAGE_MAX ? (size_t)size : PAGE_MAX;
}

/* The token is the last id of the page before. NULL: none, or no token of ours. */
static const char *read_token(struct ctx *ctx, const struct request *request)
{
	const char *token = request_header(request, TOKEN_HEADER);
	struct bytes id;

	if (!token || !token[0])
		return NULL;
	if (base64url_decode(ctx, token, &id) == E_OK)
		return arena_strndup(ctx->arena, (const char *)id.data, id.size);
	fault_clear(ctx);
	return NULL;
}

/* Each costs the disk something, and the loop has others to serve. */
static enum err delete_matching(struct ctx *ctx, struct service *service,
				const struct request *request, const struct filter *filter,
				struct response *response)
{
	msec_t until = ctx_mono(ctx) + DELETING_MSEC;
	const void **items;
	size_t count;

	TRY(store_list(ctx, service->store, KIND_INSTANCE, &items, &count));
	for (size_t i = 0; i < count; i++) {
		const struct instance *instance = items[i];

		if (!runtime_has_ended(instance->status.runtime_status) ||
		    !matches(request, filter, instance))
			continue;
		if (ctx_mono(ctx) >= until) {
			response->is_unfinished = true;
			return E_OK;
		}
		TRY(store_delete(ctx, service->store, KIND_INSTANCE, instance->meta.name));
		response->done++;
	}
	return E_OK;
}

/* public */

enum err instancelist_list(struct ctx *ctx, struct service *service, const struct request *request,
			   struct response *response)
{
	struct listing *listing = listings_get(&service->listings,
					       request_flag(request, "showInput", true)
						       ? LISTING_STATUSES
						       : LISTING_STATUSES_WITHOUT_INPUT);
	const struct changes_list *objects = listing_objects(listing);
	const char *last = NULL;
	struct filter filter;
	size_t room = page_size(request);

	response->page = page_new(listing);
	page_enclose(response->page, "[", 1, "]");
	response->status = 200;
	read_filter(request, &filter);
	filter.after = read_token(ctx, request);
	for (size_t i = 0; i < objects->count; i++) {
		const struct instance *instance = objects->items[i];

		if (!matches(request, &filter, instance))
			continue;
		if (room-- == 0) {
			response_header(response, TOKEN_HEADER,
					base64url_encode(ctx, last, strlen(last)));
			break;
		}
		last = instance->meta.name;
		page_add(response->page, i);
	}
	return E_OK;
}

enum err instancelist_purge(struct ctx *ctx, struct service *service, const struct request *request,
			    struct response *response)
{
	const char *from = request_param(request, "createdTimeFrom");
	struct json *body = json_object(ctx);
	struct filter filter;
	const char *wrong = read_filter(request, &filter);

	if (!from || !from[0])
		return errors_answer(ctx, response, 400, "InvalidRequest",
				     "createdTimeFrom is required, as 2020-03-24T21:51:49Z.");
	/* Reading less than was said would delete more than was meant. */
	if (wrong)
		return errors_answer(ctx, response, 400, "InvalidRequest",
				     "%s cannot be read: nothing was deleted.", wrong);
	if (delete_matching(ctx, service, request, &filter, response) != E_OK) {
		log_error(ctx, "instances not purged", "text", ctx->fault.text, NULL);
		return errors_answer(
			ctx, response, 503, "ServiceUnavailable",
			"%lld instances were purged, and the next one cannot be at the "
			"moment. Try again.",
			(long long)response->done);
	}
	if (response->is_unfinished)
		return E_OK;
	if (response->done == 0)
		return errors_answer(ctx, response, 404, "InstanceNotFound",
				     "No instance that has ended matches.");
	json_set_int(ctx, body, "instancesDeleted", response->done);
	return response_json(ctx, response, 200, body);
}
