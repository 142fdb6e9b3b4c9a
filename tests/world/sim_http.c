#include "world/sim_http.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "world/owners.h"
#include "world/rights.h"

#define DEFAULT_TIMEOUT	  (10 * MSEC_PER_SEC)
#define DEFAULT_REPLY_MAX ((size_t)256 * 1024)

struct sim_http {
	struct http http;
	struct world *world;
	bool by_other;
};

struct world_options sim_options(void)
{
	return (struct world_options){
		.arm_url = SIM_ARM,
		.vault_url = SIM_VAULT,
		.authority_url = SIM_AUTHORITY,
		.acme_url = SIM_ACME,
		.blob_container_url = SIM_BLOB "/acme",
		.gateway_id = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/"
			      "gatecert/providers/Microsoft.Network/applicationGateways/gateway",
		.gateway_ip = "203.0.113.7",
		.tenant = "72f988bf-0000-4000-8000-2d7cd011db47",
		.client_id = "04b07795-0000-4000-8000-02f9e1bf7b46",
		.client_secret = "model-secret",
		.reuse_keys = true,
	};
}

static bool has_origin(const char *url, const char *base)
{
	const char *path = strchr(strstr(base, "://") + 3, '/');
	size_t length = path ? (size_t)(path - base) : strlen(base);

	return strncasecmp(url, base, length) == 0 && strchr("/?", url[length]) != NULL;
}

/* The one of that kind whose URL this is; of a container the origin is enough where none fits. */
static const struct place *find_place(const struct world *world, enum place_kind kind,
				      const char *url)
{
	const struct place *place;

	for (place = world->places[kind]; place; place = place->next)
		if (owners_is_below(url, place->where))
			return place;
	for (place = world->places[kind]; place; place = place->next)
		if (has_origin(url, place->where))
			return place;
	return NULL;
}

static bool has_address(const char *text, const char *ip)
{
	return text && text_starts_with(text, ip) && strchr(":/?", text[strlen(ip)]);
}

/* The gateway that is asked for by its address, or that the caller wants to be connected to. */
static const struct place *find_gateway(const struct world *world,
					const struct http_request *request)
{
	const char *host = strstr(request->url, "://");
	const struct place *place;

	for (place = world->places[PLACE_GATEWAY]; place; place = place->next) {
		const char *ip = ((const struct gateway *)place)->ip;

		if (has_address(request->connect_to ? request->connect_to : host + 3, ip))
			return place;
	}
	return request->connect_to ? world->places[PLACE_GATEWAY] : NULL;
}

/* False when nobody has this origin. */
static bool find_door(const struct world *world, const struct http_request *request,
		      struct call *call)
{
	static const struct {
		enum place_kind kind;
		enum door door;
	} kinds[] = {
		{PLACE_VAULT, DOOR_VAULT}, {PLACE_CA, DOOR_ACME}, {PLACE_CONTAINER, DOOR_BLOB}};
	const struct {
		const char *base;
		enum door door;
	} origins[] = {
		{world->options.arm_url, DOOR_ARM},
		{world->options.authority_url, DOOR_AUTHORITY},
		{SIM_IMDS, DOOR_IMDS},
	};
	const struct place *place = find_gateway(world, request);
	size_t i;

	call->door = DOOR_GATEWAY;
	for (i = 0; !place && i < ARRAY_SIZE(kinds); i++) {
		call->door = kinds[i].door;
		place = find_place(world, kinds[i].kind, request->url);
	}
	call->number = place ? place->number : 0;
	for (i = 0; !place && i < ARRAY_SIZE(origins); i++) {
		call->door = origins[i].door;
		if (has_origin(request->url, origins[i].base))
			return true;
	}
	return place != NULL;
}

struct trouble_on_the_wire {
	const char *reason, *text;
};

static const struct trouble_on_the_wire lost = {
	"ConnectionLost", "the connection broke before the answer was complete"};
static const struct trouble_on_the_wire late = {"Timeout", "no complete answer in time"};
static const struct trouble_on_the_wire cut_short = {"ConnectionLost", "the answer was cut short"};
static const struct trouble_on_the_wire too_large = {"ReplyTooLarge",
						     "the answer is larger than allowed"};

/* As url_origin, and curl.c. */
static enum err no_answer(struct ctx *ctx, const struct http_request *request,
			  const struct trouble_on_the_wire *trouble)
{
	int origin = (int)(strcspn(request->url, ":") + 3);

	origin += (int)strcspn(request->url + origin, "/?");
	return fault_set(ctx, request->kind == HTTP_ONE_SHOT ? E_CONFLICT : E_AGAIN,
			 trouble->reason, "no clear answer from %.*s: %s", origin, request->url,
			 trouble->text);
}

static enum err no_connection(struct ctx *ctx, const struct http_request *request, const char *why)
{
	int origin = (int)(strcspn(request->url, ":") + 3);

	origin += (int)strcspn(request->url + origin, "/?");
	return fault_set(ctx, E_AGAIN, "ConnectFailed", "cannot reach %.*s: %s", origin,
			 request->url, why);
}

static void take_time(const struct sim_wire *wire, msec_t time)
{
	if (wire && wire->takes_time && time > 0)
		wire->takes_time(wire->handle, time);
}

/* The headers of the request and, as on the wire, Host. */
static void fill_headers(struct ctx *ctx, const struct http_request *request, struct call *call)
{
	struct http_header *headers = arena_new_array(ctx->arena, struct http_header,
						      HTTP_HEADERS_MAX + 1);
	const char *host = strstr(request->url, "://") + 3;
	size_t i;

	for (i = 0; i < HTTP_HEADERS_MAX && request->headers[i].name; i++)
		headers[i] = request->headers[i];
	call->headers = headers;
	call->header_count = i;
	if (call_header(call, "Host"))
		return;
	headers[i].name = "Host";
	headers[i].value = arena_strndup(ctx->arena, host, strcspn(host, "/?"));
	call->header_count++;
}

static void prepare(struct ctx *ctx, const struct http_request *request, struct call *call)
{
	const char *path = strchr(strstr(request->url, "://") + 3, '/');

	call->method = request->method ? request->method : "GET";
	call->target = path ? arena_strdup(ctx->arena, path) : "/";
	call->body = request->body ? arena_strndup(ctx->arena, request->body, request->body_size)
				   : "";
	call->body_size = request->body ? request->body_size : 0;
	fill_headers(ctx, request, call);
}

static void take_reply(struct call *call, struct http_reply *reply)
{
	reply->status = call->status;
	reply->header_count = call->reply_header_count;
	reply->headers = arena_copy(call->ctx->arena, call->reply_headers,
				    sizeof(call->reply_headers));
	reply->body = arena_strndup(call->ctx->arena, call->reply, call->reply_size);
	reply->body_size = call->reply_size;
}

static enum err sim_send(struct ctx *ctx, struct http *http, const struct http_request *request,
			 struct http_reply *reply)
{
	struct sim_http *sim = (struct sim_http *)http;
	const struct sim_wire *wire = sim->world->options.wire;
	/* The model's own troubles with what it parses are no faults of the caller. */
	struct ctx own = {.arena = ctx->arena, .doors = sim->world->doors};
	struct call call = {.ctx = &own, .by_other = sim->by_other};
	msec_t timeout = request->timeout ? request->timeout : DEFAULT_TIMEOUT;
	size_t max = request->reply_bytes_max ? request->reply_bytes_max : DEFAULT_REPLY_MAX;

	if (ctx_is_cancelled(ctx))
		return fault_set(ctx, E_CANCELLED, "Cancelled", "shutting down");
	if (strncasecmp(request->url, "https://", 8) != 0 && !request->allow_plain)
		return fault_set(ctx, E_REFUSED, "PlainRefused", "plain http is not allowed here");
	if (!strstr(request->url, "://") || !find_door(sim->world, request, &call))
		return no_connection(ctx, request, "its name does not resolve");
	if (wire && wire->is_away[call.door])
		return no_connection(ctx, request, "no connection (refused or unreachable)");
	prepare(ctx, request, &call);
	world_handle(sim->world, &call);
	take_time(wire, call.delay < timeout ? call.delay : timeout);
	if (call.end == CALL_RESET)
		return no_answer(ctx, request, &lost);
	if (call.delay >= timeout)
		return no_answer(ctx, request, &late);
	if (call.end == CALL_TRUNCATED && call.truncate_at < call.reply_size)
		return no_answer(ctx, request, &cut_short);
	if (call.reply_size > max)
		return no_answer(ctx, request, &too_large);
	take_reply(&call, reply);
	return E_OK;
}

struct http *world_http(struct arena *arena, struct world *world, bool by_other)
{
	struct sim_http *sim = arena_new_one(arena, struct sim_http);

	sim->http.send = sim_send;
	sim->world = world;
	sim->by_other = by_other;
	return &sim->http;
}

char *world_bearer(struct ctx *ctx, struct world *world, const char *resource)
{
	char *token;

	pthread_mutex_lock(&world->lock);
	token = entra_token(ctx, world, rights_by_name(world, "daemon"), resource);
	pthread_mutex_unlock(&world->lock);
	return arena_printf(ctx->arena, "Bearer %s", token);
}
