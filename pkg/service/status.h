/*
 * status - an instance as the documented status JSON, member by member in the documented order.
 */
#pragma once

#include "api/instance.h"
#include "codec/json.h"

struct status_view {
	bool without_input;
	bool with_history;
	bool with_results; /* of the history's entries */
};

struct json *status_render(struct ctx *ctx, const struct instance *instance,
			   const struct status_view *view);
