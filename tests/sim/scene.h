/*
 * scene - a rig with its world and a context, and what scenes ask of them.
 *
 * Closing a scene fails when something happened that must never happen.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs the four before it. */
#include <cmocka.h>

#include "sim/rig.h"

struct scene {
	struct ctx ctx;
	struct rig *rig;
	struct world *world;
};

void scene_open(struct scene *scene);
void scene_close(struct scene *scene);

/* Until all that is desired is Ready. */
void scene_run(struct scene *scene, struct budget budget);

/* "status reason: message" begins so. */
void scene_assert_condition(struct scene *scene, const char *hostname, const char *type,
			    const char *wanted);
void scene_assert_gateway_condition(struct scene *scene, const char *type, const char *wanted);

/* Requests at a door whose "METHOD target" matches. */
size_t scene_count(struct scene *scene, enum door door, const char *regex);

/* A setting and a fault of the world, as its admin API takes them. */
void scene_set(struct scene *scene, const char *name, const char *value);
void scene_fault(struct scene *scene, const char *json);

/* The keyVaultSecretId of a certificate entry of the gateway; NULL: there is no such entry. */
const char *scene_secret_id(struct scene *scene, const char *entry);
