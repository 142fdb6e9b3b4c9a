/*
 * arm - what is common to every call of Azure Resource Manager: ids, URLs, and errors whose useful
 * part is nested.
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
void arm_reply_error(struct ctx *ctx, const struct http_reply *reply, struct arm_error *out);

/* http_reply_fault, but the code decides where it knows better than the status: a lock is
 * E_CONFLICT, not a quota. */
enum err arm_reply_fault(struct ctx *ctx, const struct http_request *request,
			 const struct http_reply *reply, const char *who);

/* 429 with Retryable* or InternalRetriableError: another operation holds the resource. For
 * gate.h. */
bool arm_reply_is_lock(const struct http_reply *reply);

/* "<endpoint><id>?api-version=<version>", escaped. E_REFUSED, reason InvalidResourceId: `id` is
 * not "/subscriptions/..." or holds what no resource id has. */
enum err arm_url(struct ctx *ctx, const char *endpoint, const char *id, const char *api_version,
		 const char **out);
