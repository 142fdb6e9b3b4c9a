/*
 * arm_error - the error document of Azure's control plane, whose useful part is nested.
 */
#pragma once

#include "codec/json.h"
#include "http/http.h"

struct arm_error {
	const char *code;  /* the innermost that says something; NULL when there is none */
	const char *outer; /* the one on top; may be NULL */
	const char *text;  /* one line: all codes and messages, outermost first */
};

/* Reads `{"code", "message", "details": [...]}`; a NULL or empty one gives NULL codes and "". */
void arm_error_read(struct ctx *ctx, const struct json *error, struct arm_error *out);

/* What to do about it, or NULL. */
const char *arm_error_advice(const struct arm_error *error);

/* The error document of a whole answer; nothing in it is an error of ours. */
void arm_error_of_reply(struct ctx *ctx, const struct http_reply *reply, struct arm_error *out);
