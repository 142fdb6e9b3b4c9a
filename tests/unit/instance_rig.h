/*
 * instance_rig - a server_rig whose client starts requests and follows them.
 */
#pragma once

#include "server_rig.h"

#include "api/step.h"

#define ONE	"{\"hostnames\":[{\"hostname\":\"example.com\"}]}"
#define SEVERAL "{\"hostnames\":[\"a.example.com\",\"b.example.com\"]}"
#define NOBODY	"ffffffffffffffffffffffffffffffff"
#define JSON	"x-functions-key: " RIG_KEY "\r\nContent-Type: application/json\r\n"

static inline const char *path(struct rig *rig, const char *id, const char *rest)
{
	return arena_printf(rig->ctx.arena, RIG_INSTANCES "/%s%s", id, rest);
}

static inline struct instance_status status_of(struct rig *rig, int runtime, enum step step,
					       const char *error, const char *output)
{
	return (struct instance_status){
		.runtime_status = runtime,
		.step = step_info(step)->name,
		.message = step_info(step)->message,
		.error = error,
		.output = output,
		.updated = ctx_wall(&rig->ctx),
	};
}
