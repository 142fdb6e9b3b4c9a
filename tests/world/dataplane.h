/*
 * dataplane - a real nginx that serves what the gateway's document says.
 *
 * One child in the foreground with its own prefix. A thread of ours lets the world's time pass and,
 * when something else is to be served, writes the files, tests them, reloads and waits until the
 * old worker takes no connections any more; only then does an operation succeed.
 */
#pragma once

#include "world/nginx_conf.h"

struct dataplane;

/* Returns when nginx answers, or NULL after saying on stderr why it does not. The options must
 * outlive it. */
struct dataplane *dataplane_start(struct world *world, const struct plane_options *options);
void dataplane_stop(struct dataplane *plane);
