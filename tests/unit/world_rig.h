/*
 * world_rig - a model world with a clock that the test owns, and requests to it as one of its
 * identities.
 */
#pragma once

#include "check.h"

#include <stdlib.h>

#include "codec/json.h"
#include "world/sim_http.h"

#define WORLD_OPERATOR "0be7a708-0000-4000-8000-02f9e1bf7b46"
#define WORLD_VAULT_2  "https://vault-2.test"
#define WORLD_VERSION  "2025-05-01"

static msec_t world_elapsed;

static inline msec_t world_wall(struct clock *clock)
{
	(void)clock;
	return 1795000000000 + world_elapsed;
}

static inline msec_t world_mono_time(struct clock *clock)
{
	(void)clock;
	return 5000 + world_elapsed;
}

struct world_rig {
	struct clock clock;
	struct doors doors;
	struct ctx ctx;
	struct world *world;
	struct http_reply reply;
	struct json *json; /* of the last reply; NULL: none */
};

static inline int world_rig_set_up(void **state)
{
	struct world_rig *rig = calloc(1, sizeof(*rig));
	struct world_options options = sim_options();

	world_elapsed = 0;
	rig->clock = (struct clock){world_wall, world_mono_time, NULL};
	rig->doors = (struct doors){&rig->clock, rng_system(), fs_system(), NULL};
	ctx_init(&rig->ctx, &rig->doors);
	options.operator_id = WORLD_OPERATOR;
	options.operator_secret = "operator-secret";
	rig->world = world_new(&options, &rig->doors);
	*state = rig;
	return 0;
}

static inline int world_rig_tear_down(void **state)
{
	struct world_rig *rig = *state;

	world_free(rig->world);
	ctx_fini(&rig->ctx);
	free(rig);
	return 0;
}

/* Who asks. */
enum world_caller { AS_DAEMON, AS_OTHER };

/* The status; `url` whole. A token for the resource goes with it; NULL: none. */
static inline int world_ask(struct world_rig *rig, enum world_caller caller, const char *method,
			    const char *resource, const char *url, const char *body)
{
	struct http *http = world_http(rig->ctx.arena, rig->world, caller == AS_OTHER);
	struct http_request request = {.kind = HTTP_ONE_SHOT, .method = method, .url = url};

	request.body = body;
	request.body_size = body ? strlen(body) : 0;
	request.reply_bytes_max = (size_t)8 << 20;
	http_set_header(&request, "Content-Type", "application/json");
	http_set_header(&request, "If-Match", "*");
	if (resource)
		http_set_header(&request, "Authorization",
				world_bearer(&rig->ctx, rig->world, resource));
	rig->json = NULL;
	assert_int_equal(http->send(&rig->ctx, http, &request, &rig->reply), E_OK);
	(void)json_parse(&rig->ctx, rig->reply.body, rig->reply.body_size, &rig->json);
	return rig->reply.status;
}

static inline int world_ask_vault(struct world_rig *rig, enum world_caller caller,
				  const char *method, const char *base, const char *path,
				  const char *body)
{
	return world_ask(rig, caller, method, "https://vault.azure.net",
			 arena_printf(rig->ctx.arena, "%s%s?api-version=7.4", base, path), body);
}

static inline int world_ask_arm(struct world_rig *rig, enum world_caller caller, const char *method,
				const char *id, const char *body)
{
	return world_ask(rig, caller, method, SIM_ARM,
			 arena_printf(rig->ctx.arena, SIM_ARM "%s?api-version=" WORLD_VERSION, id),
			 body);
}

static inline const char *world_error_code(const struct world_rig *rig)
{
	const char *code = json_text(json_path(rig->json, "error.code"));

	return code ? code : "";
}

static inline const char *world_id(struct world_rig *rig, const char *gateway)
{
	const char *first = sim_options().gateway_id;

	return arena_printf(rig->ctx.arena, "%.*s/%s", (int)(strrchr(first, '/') - first), first,
			    gateway);
}
