/*
 * errors - the one shape of every error answer: {"error":{"code","message","details":[]}}.
 *
 * The body is UTF-8, whatever its texts quote. All functions return E_OK: the error is answered,
 * and nothing is left to do for the caller.
 */
#pragma once

#include "codec/problems.h"
#include "httpd/response.h"

enum err errors_answer(struct ctx *ctx, struct response *response, int status, const char *code,
		       const char *format, ...) __attribute__((format(printf, 5, 6)));

/* One detail per error; the message holds the texts of all. Warnings are left out. */
enum err errors_answer_problems(struct ctx *ctx, struct response *response, int status,
				const char *code, const struct problems *problems);

/* The key does not reach this hostname (or, NULL, all of what was asked for). */
enum err errors_answer_scope(struct ctx *ctx, struct response *response, const char *hostname);

/* From the fault of ctx: not found 404, refused 400, conflict 409, anything else 503. */
enum err errors_answer_fault(struct ctx *ctx, struct response *response, enum err kind);
