/*
 * retention - how long, and how many, ended requests are kept for those who still ask.
 */
#pragma once

#include "instance/world.h"

/* The oldest ended ones go while there are too many; those beyond a bound per call another time:
 * then world->is_thinned stays false. */
enum err retention_thin_out(struct ctx *ctx, struct instance_world *world);

/* An ended one is kept for a while. */
enum err retention_retire(struct ctx *ctx, struct instance_world *world,
			  const struct instance *instance, msec_t *again);
