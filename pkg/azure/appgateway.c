#include "azure/appgateway.h"

#include <arpa/inet.h>
#include <string.h>

#include "azure/arm.h"
#include "base/log.h"
#include "base/text.h"
#include "entra/arm_error.h"
#include "entra/said.h"
#include "http/url.h"

#define GATEWAY_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define GET_TIMEOUT	  (10 * MSEC_PER_SEC)
#define PUT_TIMEOUT	  (20 * MSEC_PER_SEC)
#define PUBLIC_IPS_MAX	  16
#define WHO		  "Azure Resource Manager"

/* Where the operation's own URL may stand, best first (Azure Resource Manager, asynchronous
 * operations). */
static const char *const monitor_headers[] = {"Azure-AsyncOperation", "Operation-Location",
					      "Location"};

static const char *last_segment(const char *id)
{
	const char *slash = strrchr(id, '/');

	return slash ? slash + 1 : id;
}

static enum err wrap_gateway(struct ctx *ctx, const struct appgateway *gateway, enum err kind)
{
	return fault_wrap(ctx, kind, "application gateway %s", last_segment(gateway->gateway_id));
}

static enum err get_resource(struct ctx *ctx, struct appgateway *gateway, const char *id,
			     struct json **body)
{
	struct http_request request = {.kind = HTTP_READ,
				       .method = "GET",
				       .timeout = GET_TIMEOUT,
				       .reply_bytes_max = GATEWAY_BYTES_MAX};
	struct http_reply reply;

	TRY(arm_url(ctx, gateway->endpoint, id, gateway->api_version, &request.url));
	http_set_header(&request, "Accept", "application/json");
	TRY(http_send(ctx, gateway->http, &request, &reply));
	if (reply.status != 200)
		return arm_reply_fault(ctx, &request, &reply, WHO);
	TRY(json_parse_reply(ctx, reply.body, reply.body_size, body));
	if (!json_is_object(*body))
		return fault_set(ctx, E_AGAIN, "MalformedReply",
				 WHO " answered with something that is no JSON object");
	return E_OK;
}

static const char *property(const struct json *body, const char *name)
{
	const char *text = json_get_text(json_get(body, "properties"), name);

	return text ? text : "";
}

enum err appgateway_get(struct ctx *ctx, struct appgateway *gateway,
			struct appgateway_document *out)
{
	struct json *body;
	enum err kind = get_resource(ctx, gateway, gateway->gateway_id, &body);

	if (kind == E_NOTFOUND)
		said_reason(ctx, "GatewayNotFound");
	if (kind != E_OK)
		return wrap_gateway(ctx, gateway, kind);
	*out = (struct appgateway_document){
		.body = body,
		.etag = json_get_text(body, "etag"),
		.provisioning_state = property(body, "provisioningState"),
		.operational_state = property(body, "operationalState"),
	};
	return E_OK;
}

/* Only three words end an operation; whatever else a service says means that it still runs. */
static enum appgateway_progress progress_of(const char *status)
{
	static const struct {
		const char *word;
		enum appgateway_progress progress;
	} words[] = {
		{"Succeeded", APPGATEWAY_SUCCEEDED},
		{"Failed", APPGATEWAY_FAILED},
		{"Canceled", APPGATEWAY_CANCELED},
		{"Cancelled", APPGATEWAY_CANCELED},
	};

	for (size_t i = 0; status && i < ARRAY_SIZE(words); i++)
		if (text_equals_nocase(words[i].word, status))
			return words[i].progress;
	return APPGATEWAY_RUNNING;
}

/* The URL is signed: what is called is what was sent, byte for byte. One that leads elsewhere
 * gets no token of ours. */
static const char *monitor_url(struct ctx *ctx, const struct appgateway *gateway,
			       const struct http_reply *reply)
{
	for (size_t i = 0; i < ARRAY_SIZE(monitor_headers); i++) {
		const char *url = http_header(reply, monitor_headers[i]);

		if (!url || !*url)
			continue;
		if (url_check_origin(ctx, gateway->endpoint, url) == E_OK)
			return arena_strdup(ctx->arena, url);
		log_warn(ctx, "ignored an operation URL of another origin", "header",
			 monitor_headers[i], NULL);
		fault_clear(ctx);
	}
	return NULL;
}

static void read_error(struct ctx *ctx, const struct json *body, struct appgateway_operation *out)
{
	struct arm_error error;
	const char *advice;

	arm_error_read(ctx, json_get(body, "error"), &error);
	advice = arm_error_advice(&error);
	out->code = error.code;
	out->message = advice ? arena_printf(ctx->arena, "%s; %s", error.text, advice) : error.text;
}

/* Without a URL to ask, the resource that came back says how far it is; one that says nothing is
 * done. */
static enum err accepted_without_url(struct ctx *ctx, const struct http_request *request,
				     const struct http_reply *reply,
				     struct appgateway_operation *out)
{
	struct json *body;
	const char *state;
	enum err kind = json_parse_reply(ctx, reply->body, reply->body_size, &body);

	if (kind != E_OK)
		return said_unclear(request, kind);
	state = property(body, "provisioningState");
	out->progress = *state ? progress_of(state) : APPGATEWAY_SUCCEEDED;
	return E_OK;
}

static enum err read_acceptance(struct ctx *ctx, struct appgateway *gateway,
				const struct http_request *request, const struct http_reply *reply,
				struct appgateway_operation *out)
{
	*out = (struct appgateway_operation){
		.url = monitor_url(ctx, gateway, reply),
		.progress = APPGATEWAY_RUNNING,
		.message = "",
		.retry_after = http_retry_after(ctx, reply),
	};
	return out->url ? E_OK : accepted_without_url(ctx, request, reply, out);
}

static enum err put(struct ctx *ctx, struct appgateway *gateway, const struct json *body,
		    const char *etag, struct appgateway_operation *out)
{
	struct http_request request = {.kind = HTTP_ONE_SHOT,
				       .method = "PUT",
				       .timeout = PUT_TIMEOUT,
				       .reply_bytes_max = GATEWAY_BYTES_MAX};
	struct http_reply reply;

	/* Without If-Match a gateway that was deleted meanwhile would be created again. */
	if (!etag || !*etag)
		return fault_set(ctx, E_REFUSED, "EtagMissing",
				 "was read without an etag and cannot be replaced safely; choose a "
				 "newer API version");
	TRY(arm_url(ctx, gateway->endpoint, gateway->gateway_id, gateway->api_version,
		    &request.url));
	request.body = json_print(ctx, body);
	request.body_size = strlen(request.body);
	http_set_header(&request, "Accept", "application/json");
	http_set_header(&request, "Content-Type", "application/json");
	http_set_header(&request, "If-Match", etag);
	TRY(http_send(ctx, gateway->http, &request, &reply));
	if (reply.status < 200 || reply.status > 202)
		return arm_reply_fault(ctx, &request, &reply, WHO);
	return read_acceptance(ctx, gateway, &request, &reply, out);
}

enum err appgateway_put(struct ctx *ctx, struct appgateway *gateway, const struct json *body,
			const char *etag, struct appgateway_operation *out)
{
	enum err kind = put(ctx, gateway, body, etag, out);

	return kind == E_OK ? E_OK : wrap_gateway(ctx, gateway, kind);
}

/* A status monitor has "status"; a Location answers 202 until the resource itself comes back, or
 * nothing at all. */
static enum err read_progress(struct ctx *ctx, const struct http_reply *reply,
			      struct appgateway_operation *out)
{
	struct json *body = NULL;
	const char *status;

	if (reply->body_size)
		TRY(json_parse_reply(ctx, reply->body, reply->body_size, &body));
	status = json_get_text(body, "status");
	if (!status)
		status = json_get_text(json_get(body, "properties"), "provisioningState");
	if (status)
		out->progress = progress_of(status);
	else if (reply->status != 202 && !json_size(body))
		out->progress = APPGATEWAY_SUCCEEDED;
	if (out->progress == APPGATEWAY_FAILED || out->progress == APPGATEWAY_CANCELED)
		read_error(ctx, body, out);
	return E_OK;
}

static enum err ask(struct ctx *ctx, struct appgateway *gateway, const char *url,
		    struct appgateway_operation *out)
{
	struct http_request request = {
		.kind = HTTP_READ,
		.method = "GET",
		.url = url,
		.timeout = GET_TIMEOUT,
		.reply_bytes_max = GATEWAY_BYTES_MAX,
	};
	struct http_reply reply;
	const char *next;

	TRY(url_check_origin(ctx, gateway->endpoint, url));
	http_set_header(&request, "Accept", "application/json");
	TRY(http_send(ctx, gateway->http, &request, &reply));
	if (reply.status != 200 && reply.status != 201 && reply.status != 202 &&
	    reply.status != 204)
		return arm_reply_fault(ctx, &request, &reply, WHO);
	next = monitor_url(ctx, gateway, &reply);
	*out = (struct appgateway_operation){
		.url = next ? next : arena_strdup(ctx->arena, url),
		.progress = APPGATEWAY_RUNNING,
		.message = "",
		.retry_after = http_retry_after(ctx, &reply),
	};
	return read_progress(ctx, &reply, out);
}

enum err appgateway_operation_get(struct ctx *ctx, struct appgateway *gateway, const char *url,
				  struct appgateway_operation *out)
{
	enum err kind = ask(ctx, gateway, url, out);

	return kind == E_OK ? E_OK : wrap_gateway(ctx, gateway, kind);
}

static bool has_text(const char *const *texts, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (text_equals_nocase(texts[i], text))
			return true;
	return false;
}

/* One spelling for each address, so that it compares with what DNS says. */
static const char *canonical_address(struct ctx *ctx, const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];
	char *out = arena_alloc(ctx->arena, INET6_ADDRSTRLEN);
	int family = text && strchr(text, ':') ? AF_INET6 : AF_INET;

	if (!text || inet_pton(family, text, address) != 1)
		return NULL;
	return inet_ntop(family, address, out, INET6_ADDRSTRLEN);
}

static enum err read_public_ip(struct ctx *ctx, struct appgateway *gateway, const char *id,
			       struct public_ips *out)
{
	struct json *body;
	const char *address;
	enum err kind = get_resource(ctx, gateway, id, &body);

	if (kind == E_NOTFOUND) {
		kind = E_REFUSED;
		said_reason(ctx, "NoPublicIp");
	}
	if (kind != E_OK)
		return fault_wrap(ctx, kind, "public IP %s", last_segment(id));
	/* absent until it is allocated */
	address = canonical_address(ctx, property(body, "ipAddress"));
	if (address && !has_text(out->addresses, out->count, address))
		out->addresses[out->count++] = address;
	return E_OK;
}

static size_t list_public_ip_ids(const struct json *body, const char **ids)
{
	size_t count = 0;

	json_for_each (frontend, json_path(body, "properties.frontendIPConfigurations")) {
		const char *id = json_get_text(json_path(frontend, "properties.publicIPAddress"),
					       "id");

		if (id && count < PUBLIC_IPS_MAX && !has_text(ids, count, id))
			ids[count++] = id;
	}
	return count;
}

enum err appgateway_public_ips(struct ctx *ctx, struct appgateway *gateway, const struct json *body,
			       struct public_ips *out)
{
	const char *ids[PUBLIC_IPS_MAX];
	size_t count = list_public_ip_ids(body, ids);

	out->addresses = arena_new_array(ctx->arena, const char *, PUBLIC_IPS_MAX);
	out->count = 0;
	for (size_t i = 0; i < count; i++) {
		enum err kind = read_public_ip(ctx, gateway, ids[i], out);

		if (kind != E_OK)
			return wrap_gateway(ctx, gateway, kind);
	}
	if (out->count)
		return E_OK;
	fault_set(ctx, E_REFUSED, "NoPublicIp",
		  count ? "its public IP has no address yet"
			: "it has no public frontend; give it a public IP");
	return wrap_gateway(ctx, gateway, E_REFUSED);
}
