/*
 * world - what a pass over an instance can reach.
 */
#pragma once

#include "api/instance.h"
#include "api/settings.h"
#include "instance/followers.h"
#include "store/store.h"

struct instance_world {
	const struct settings *settings;
	struct store *store;
	struct followers *followers;
	bool is_thinned; /* since the start, and since the last end */
	struct clock_memory clock;
};
