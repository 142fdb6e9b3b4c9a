#include "sim/neighbour.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "sim/importer.h"
#include "world/sim_http.h"

#define VERSION	 "?api-version=7.4"
#define LIFETIME (90 * MSEC_PER_DAY)

static void send(struct ctx *ctx, struct world *world, const char *method, const char *path,
		 const char *body)
{
	struct http *http = world_http(ctx->arena, world, true);
	struct http_request request = {
		.kind = HTTP_ONE_SHOT,
		.method = method,
		.url = arena_printf(ctx->arena, SIM_VAULT "%s" VERSION, path),
		.body = body,
		.body_size = body ? strlen(body) : 0,
	};
	struct http_reply reply;
	enum err err;

	http_set_header(&request, "Content-Type", "application/json");
	http_set_header(&request, "Authorization",
			world_bearer(ctx, world, "https://vault.azure.net"));
	err = http_send(ctx, http, &request, &reply);
	if (err == E_OK && reply.status < 300)
		return;
	fprintf(stderr, "%s %s: %s\n", method, path, err == E_OK ? reply.body : ctx->fault.text);
	assert(false);
}

void neighbour_imports(struct ctx *ctx, struct world *world, const char *name, const char *hostname,
		       const char *tags)
{
	struct leaf leaf = importer_leaf(ctx, hostname, LIFETIME);
	struct json *value = json_string(
		ctx, arena_printf(ctx->arena, "%s%s", leaf.private_key, leaf.certificate));

	send(ctx, world, "POST", arena_printf(ctx->arena, "/certificates/%s/import", name),
	     arena_printf(ctx->arena,
			  "{\"value\":%s,\"tags\":%s,\"policy\":{\"secret_props\":"
			  "{\"contentType\":\"application/x-pem-file\"}}}",
			  json_print(ctx, value), tags));
}

void neighbour_begins(struct ctx *ctx, struct world *world, const char *name,
		      const struct beginning *beginning)
{
	send(ctx, world, "POST", arena_printf(ctx->arena, "/certificates/%s/create", name),
	     arena_printf(ctx->arena,
			  "{\"tags\":%s,\"policy\":{\"issuer\":{\"name\":\"%s\"},\"key_props\":%s,"
			  "\"x509_props\":{\"subject\":\"CN=%s\",\"sans\":{\"dns_names\":[\"%s\"]}"
			  "}}}",
			  beginning->tags ? beginning->tags : "{}",
			  beginning->issuer ? beginning->issuer : "Unknown",
			  beginning->is_ec ? "{\"kty\":\"EC\",\"crv\":\"P-256\"}"
					   : "{\"kty\":\"RSA\",\"key_size\":2048}",
			  beginning->hostname, beginning->hostname));
}

void neighbour_ends(struct ctx *ctx, struct world *world, const char *name)
{
	send(ctx, world, "DELETE", arena_printf(ctx->arena, "/certificates/%s/pending", name),
	     NULL);
}

void neighbour_deletes(struct ctx *ctx, struct world *world, const char *name)
{
	send(ctx, world, "DELETE", arena_printf(ctx->arena, "/certificates/%s", name), NULL);
}

const struct json *neighbour_sees(struct ctx *ctx, struct world *world, const char *name)
{
	const struct json *state = world_state(ctx, world);

	json_for_each (object, json_path(state, "vault.certificates"))
		if (text_equals(json_get_text(object, "name"), name))
			return object;
	return NULL;
}

const char *neighbour_sees_pending(struct ctx *ctx, struct world *world, const char *name)
{
	const struct json *pending = json_get(neighbour_sees(ctx, world, name), "pending");

	if (!text_equals(json_get_text(pending, "status"), "inProgress"))
		return NULL;
	return json_get_text(pending, "request_id");
}
