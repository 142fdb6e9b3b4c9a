/*
 * arm - what is common to every call of Azure Resource Manager: ids, URLs, and what an error
 * means.
 */
#pragma once

#include "codec/json.h"
#include "http/http.h"

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
