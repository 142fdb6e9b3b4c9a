/*
 * said - what an Azure service says about a failure, made fit for a condition.
 *
 * Stable: the same trouble reads the same every time, so request ids, correlation ids and times are
 * cut out, while ids that name something (a client, a tenant) stay. One table knows what a person
 * has to do about each code.
 */
#pragma once

#include "http/http.h"

#define SAID_LENGTH_MAX 296

/* One line of at most SAID_LENGTH_MAX bytes; "" for NULL. */
const char *said_clean(struct ctx *ctx, const char *text);

/* A word that can be a reason: CamelCase, short enough. Peers send other things as well. */
bool said_is_code(const char *text);

/* What to do about this code, or NULL. */
const char *said_advice(const char *code);

/* What to do about a secret that a gateway cannot use, by what it says of it, or NULL. */
const char *said_secret_advice(const char *words);

/* http_reply_fault with the code as the reason, the cleaned words, and the advice behind them
 * (`advice`, or the code's own when NULL). */
enum err said_fault(struct ctx *ctx, const struct http_request *request,
		    const struct http_reply *reply, const char *who, const char *code,
		    const char *words, const char *advice);

/* Appends "; <advice>" to the fault, cutting what stands before it when there is no room. NULL:
 * nothing. */
void said_advise(struct ctx *ctx, const char *advice);

/* Replaces the reason, keeps the rest. */
void said_reason(struct ctx *ctx, const char *reason);

/* After a ONE_SHOT was sent an answer that cannot be read means "look": E_AGAIN becomes
 * E_CONFLICT. */
enum err said_unclear(const struct http_request *request, enum err kind);
