#include "server/routes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/dnsname.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utf8.h"
#include "durable/functions.h"
#include "durable/instancelist.h"
#include "durable/instances.h"
#include "objects/objects.h"
#include "objects/objectwrites.h"
#include "server/health.h"
#include "service/errors.h"
#include "service/params.h"

#define API	  "/api/"
#define INSTANCES "/runtime/webhooks/durabletask/instances"
#define OBJECTS	  "/apis/gatecert/v1"

#define MERGE_PATCH "application/merge-patch+json"

#define WRONG_KEY_DELAY	     ((msec_t)100)
#define WRONG_KEY_LONG_DELAY MSEC_PER_SEC

static const struct route table[] = {
	{"GET", "/healthz", AUTH_ANYBODY, ROUTE_NO_BODY, health_live, "healthz"},
	{"GET", "/readyz", AUTH_ANYBODY, ROUTE_NO_BODY, health_ready, "readyz"},
	{"POST", API "AddCertificateFunctions_HttpStart", AUTH_START, ROUTE_START_BODY,
	 functions_add_one, "AddCertificate"},
	{"POST", API "AddMultipleCertificatesFunctions_HttpStart", AUTH_START, ROUTE_START_BODY,
	 functions_add_several, "AddMultipleCertificates"},
	{"POST", API "AddCertificateWithPrivateKeyFunctions_HttpStart", AUTH_START,
	 ROUTE_START_BODY, functions_import, "AddCertificateWithPrivateKey"},
	{"POST", API "ImportCertificateFunctions_HttpStart", AUTH_START, ROUTE_START_BODY,
	 functions_import, "ImportCertificate"},
	{"GET", INSTANCES "/{}", AUTH_INSTANCE, ROUTE_NO_BODY, instances_status, "status"},
	{"DELETE", INSTANCES "/{}", AUTH_INSTANCE, ROUTE_NO_BODY, instances_purge, "purge"},
	{"POST", INSTANCES "/{}/raiseEvent/{}", AUTH_INSTANCE, ROUTE_BODY, instances_raise_event,
	 "raiseEvent"},
	{"POST", INSTANCES "/{}/terminate", AUTH_INSTANCE, ROUTE_NO_BODY, instances_terminate,
	 "terminate"},
	{"GET", INSTANCES, AUTH_KEY, ROUTE_NO_BODY, instancelist_list, "listInstances"},
	{"DELETE", INSTANCES, AUTH_KEY, ROUTE_NO_BODY, instancelist_purge, "purgeInstances"},
	{"GET", OBJECTS "/hostnames", AUTH_KEY, ROUTE_NO_BODY, objects_list_hostnames,
	 "listHostnames"},
	{"GET", OBJECTS "/hostnames/{}", AUTH_KEY, ROUTE_NO_BODY, objects_get_hostname,
	 "getHostname"},
	{"PUT", OBJECTS "/hostnames/{}", AUTH_KEY, ROUTE_JSON_BODY, objectwrites_put,
	 "putHostname"},
	{"PATCH", OBJECTS "/hostnames/{}", AUTH_KEY, ROUTE_PATCH_BODY, objectwrites_patch,
	 "patchHostname"},
	{"DELETE", OBJECTS "/hostnames/{}", AUTH_KEY, ROUTE_OPTIONS_BODY, objectwrites_delete,
	 "deleteHostname"},
	{"GET", OBJECTS "/gateways", AUTH_KEY, ROUTE_NO_BODY, objects_list_gateways,
	 "listGateways"},
	{"GET", OBJECTS "/gateways/{}", AUTH_KEY, ROUTE_NO_BODY, objects_get_gateway, "getGateway"},
	{"GET", OBJECTS "/instances", AUTH_KEY, ROUTE_NO_BODY, objects_list_instances,
	 "listInstanceObjects"},
	{"GET", OBJECTS "/instances/{}", AUTH_KEY, ROUTE_NO_BODY, objects_get_instance,
	 "getInstanceObject"},
	{NULL, NULL, AUTH_KEY, ROUTE_NO_BODY, NULL, NULL},
};

/* helpers */

/* Walks pattern and segments together; captures into args. */
static bool matches(const char *pattern, struct request *request)
{
	size_t captured = 0, i;

	for (i = 0; i < request->segment_count && *pattern; i++) {
		const char *segment = request->segments[i];
		size_t length = strcspn(++pattern, "/");

		if (length == 2 && pattern[0] == '{') {
			if (segment[0] == '\0')
				return false;
			request->args[captured++] = segment;
		} else if (strlen(segment) != length ||
			   strncasecmp(segment, pattern, length) != 0) {
			return false;
		}
		pattern += length;
	}
	return i == request->segment_count && *pattern == '\0' && i > 0;
}

static bool is_method(const struct route *route, const char *method)
{
	return text_equals(route->method, method) ||
	       (text_equals(method, "HEAD") && text_equals(route->method, "GET"));
}

/* NULL: answered with 404 or 405. */
static const struct route *find(struct ctx *ctx, struct request *request, struct response *response)
{
	const char *allow = NULL;

	for (const struct route *route = table; route->method; route++) {
		if (!matches(route->pattern, request))
			continue;
		if (is_method(route, request->method))
			return route;
		allow = arena_printf(ctx->arena, "%s%s%s%s", allow ? allow : "", allow ? ", " : "",
				     route->method,
				     text_equals(route->method, "GET") ? ", HEAD" : "");
	}
	if (!allow) {
		errors_answer(ctx, response, 404, "NotFound", "There is nothing at this path.");
		return NULL;
	}
	response_header(response, "Allow", allow);
	errors_answer(ctx, response, 405, "MethodNotAllowed", "This path takes %s.", allow);
	return NULL;
}

/* Whoever guesses from many addresses must not fill the log: the count tells of the rest. */
static void log_wrong_key(struct ctx *ctx, struct service *service, const struct request *request)
{
	static const struct pace_rate lines = {.per_minute = 10, .burst = 10};
	char refused[24];

	if (pace_take_from(&service->wrong_lines, &lines, ctx_mono(ctx)) > 0)
		return;
	snprintf(refused, sizeof(refused), "%" PRIu64, service->wrong_count);
	log_warn(ctx, "request with a wrong key or code", "peer", request->peer, "refused", refused,
		 NULL);
}

/* Guessing is slowed down, the more the faster it goes; nobody is locked out by another's guesses.
 */
static void answer_wrong_key(struct ctx *ctx, struct service *service,
			     const struct request *request, struct response *response)
{
	static const struct pace_rate patience = {.per_minute = 10, .burst = 10};
	bool is_new = pace_take(service->wrong, request->peer_hash, &patience, ctx_mono(ctx)) == 0;

	service->wrong_count++;
	response->delay = is_new ? WRONG_KEY_DELAY : WRONG_KEY_LONG_DELAY;
	if (is_new)
		log_wrong_key(ctx, service, request);
	response_header(response, "WWW-Authenticate",
			"Bearer realm=\"gatecert\", error=\"invalid_token\"");
	errors_answer(ctx, response, 401, "Unauthorized", "The key or code is not valid here.");
}

static bool is_in_time(struct ctx *ctx, struct service *service, const struct request *request,
		       struct response *response)
{
	msec_t wait = pace_take(service->pace, request_client(request), &service->rate,
				ctx_mono(ctx));

	if (wait == 0)
		return true;
	response_header(response, "Retry-After",
			arena_printf(ctx->arena, "%lld",
				     (long long)((wait + MSEC_PER_SEC - 1) / MSEC_PER_SEC)));
	errors_answer(ctx, response, 429, "TooManyRequests", "Too many requests: come back later.");
	return false;
}

static bool is_allowed(struct ctx *ctx, struct service *service, const struct route *route,
		       struct request *request, struct response *response)
{
	switch (auth_check(ctx, &service->auth, route->right, request)) {
	case AUTH_GRANTED: return true;
	case AUTH_MISSING:
		response_header(response, "WWW-Authenticate", "Bearer realm=\"gatecert\"");
		errors_answer(
			ctx, response, 401, "Unauthorized",
			"Send the API key as x-functions-key, as Authorization: Bearer, or as "
			"the code parameter.");
		return false;
	case AUTH_UNKNOWN: answer_wrong_key(ctx, service, request, response); return false;
	case AUTH_READ_ONLY:
		errors_answer(ctx, response, 403, "Forbidden", "This key may only look.");
		return false;
	case AUTH_BAD_HOST:
		errors_answer(
			ctx, response, 403, "HostNotAllowed",
			"Without a key only requests to localhost, to a loopback address or to "
			"the configured PublicBaseUrl are served.");
		return false;
	case AUTH_CROSS_SITE:
		errors_answer(ctx, response, 403, "CrossSiteRequest",
			      "Without a key no request of another site's web page is served: its "
			      "Origin or Sec-Fetch-Site is not this service's own.");
		return false;
	}
	return false;
}

/* Textual types carry JSON from clients that never set one; the rest cannot be JSON. */
static bool is_textual(const char *type)
{
	static const char *const types[] = {
		"application/json", "application/x-www-form-urlencoded", "application/javascript",
		"application/xml",  "application/x-javascript",		 "*/*",
	};

	if (!strchr(type, '/'))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (text_equals(type, types[i]))
			return true;
	return text_starts_with(type, "text/") || text_ends_with(type, "+json") ||
	       text_ends_with(type, "+xml");
}

static bool is_wanted_type(const struct route *route, const char *type, struct response *response)
{
	switch (route->body) {
	case ROUTE_NO_BODY:
	case ROUTE_BODY: return true;
	case ROUTE_OPTIONS_BODY:
	case ROUTE_START_BODY: return !type || is_textual(type);
	case ROUTE_JSON_BODY: return !type || text_equals(type, "application/json");
	case ROUTE_PATCH_BODY:
		if (text_equals(type, MERGE_PATCH))
			return true;
		response_header(response, "Accept-Patch", MERGE_PATCH);
		return false;
	}
	return false;
}

static bool has_body(const struct request *request)
{
	const char *length = request_header(request, "Content-Length");

	return request_header(request, "Transfer-Encoding") ||
	       (length && length[strspn(length, "0")]);
}

static bool is_readable(struct ctx *ctx, const struct route *route, const struct request *request,
			struct response *response)
{
	const char *type = request_media_type(ctx, request);
	const char *encoding = request_header(request, "Content-Encoding");

	if (route->body == ROUTE_NO_BODY || route->body == ROUTE_BODY ||
	    (route->body == ROUTE_OPTIONS_BODY && !has_body(request)))
		return true;
	if (encoding && encoding[0] && !text_equals_nocase(encoding, "identity")) {
		errors_answer(ctx, response, 415, "UnsupportedMediaType",
			      "Content-Encoding is not supported: send the body as it is.");
		return false;
	}
	if (is_wanted_type(route, type, response))
		return true;
	errors_answer(ctx, response, 415, "UnsupportedMediaType", "%s is not supported: send %s.",
		      type ? utf8_quote(ctx->arena, type, 100) : "No content type",
		      route->body == ROUTE_PATCH_BODY ? MERGE_PATCH : "application/json");
	return false;
}

/* What is no hostname has no other spelling either. */
static bool is_in_reach(struct ctx *ctx, const struct route *route, const struct request *request,
			struct response *response)
{
	const char *name = request->args[0], *normal;

	if (!text_equals(route->pattern, OBJECTS "/hostnames/{}"))
		return true;
	if (hostname_normalise(ctx, name, HOSTNAME_ALLOW_WILDCARD, &normal) == E_OK)
		name = normal;
	fault_clear(ctx);
	if (auth_reaches(request, name))
		return true;
	errors_answer_scope(ctx, response, name);
	return false;
}

/* The functions API never minded what else a query says. */
static enum err check_params(struct ctx *ctx, const struct route *route,
			     const struct request *request, struct response *response)
{
	bool is_one = text_ends_with(route->pattern, "/{}");
	enum params_use use = !is_one ? PARAMS_LIST : PARAMS_READ;

	if (!text_starts_with(route->pattern, OBJECTS))
		return E_OK;
	if (text_equals(route->method, "DELETE"))
		use = PARAMS_DELETE;
	else if (!text_equals(route->method, "GET"))
		use = PARAMS_WRITE;
	return params_check(ctx, use, request, response);
}

/* public */

const struct route *routes_judge(struct ctx *ctx, struct service *service, struct request *request,
				 struct response *response)
{
	const struct route *route = find(ctx, request, response);

	if (!route || !is_allowed(ctx, service, route, request, response) ||
	    !is_in_reach(ctx, route, request, response))
		return NULL;
	if (route->right != AUTH_ANYBODY && !is_in_time(ctx, service, request, response))
		return NULL;
	return is_readable(ctx, route, request, response) ? route : NULL;
}

void routes_serve(struct ctx *ctx, struct service *service, const struct route *route,
		  const struct request *request, struct response *response)
{
	enum err err = check_params(ctx, route, request, response);

	if (err == E_OK)
		err = route->handler(ctx, service, request, response);
	if (err != E_OK)
		errors_answer_fault(ctx, response, err);
}
