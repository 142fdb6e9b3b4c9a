/*
 * drawing - a gateway's document while render works on it. Internal to gwdoc.
 *
 * Names and ids compare without case.
 */
#pragma once

#include "gwdoc/rendering.h"

struct drawing {
	const struct render_target *target;
	struct json *document, *properties;
	struct json *certificates, *listeners, *rules;
	const char *frontend_id, *port_id;
	struct priorities *priorities;
};
