/*
 * condition - one thing that is True, False or Unknown about an object, why, and since when.
 */
#pragma once

#include "api/meta.h"

enum condition_status { CONDITION_UNKNOWN, CONDITION_TRUE, CONDITION_FALSE };

struct condition {
	const char *type;
	int status; /* enum condition_status */
	const char *reason;
	const char *message;
	msec_t last_transition;
	int64_t observed_generation;
};

extern const struct field condition_fields[];
extern const char *const condition_status_names[];

/* Sets or adds the condition of `type` in a list of struct condition. last_transition moves only
 * when the status changes. Returns whether anything but observed_generation changed. */
bool condition_set(struct ctx *ctx, struct objects *conditions, const char *type,
		   enum condition_status status, const char *reason, const char *message,
		   int64_t generation);

const struct condition *condition_find(const struct objects *conditions, const char *type);
bool condition_is_true(const struct objects *conditions, const char *type);
