/*
 * problem - what the CA says of a failure: problem documents (RFC 7807, RFC 8555 6.7), and how each
 * is filed. One table knows what each type means for us.
 */
#pragma once

#include "acme/acme.h"

/* What a problem document says; both members empty when it is none. */
void acme_problem_read(struct ctx *ctx, const struct http_reply *reply, struct acme_problem *out);
void acme_problem_from_json(struct ctx *ctx, const struct json *json, struct acme_problem *out);

/* Marks the fault as the CA's own, which is left alone for longer than others, and over restarts
 * where it asks for it. */
enum err acme_by_ca(struct ctx *ctx, enum err err);

/* Files an answer that is no success. */
enum err acme_problem_fault(struct ctx *ctx, const struct acme *acme,
			    const struct http_request *request, const struct http_reply *reply,
			    const struct acme_problem *problem);

/* For gate_wrap: a 429 that speaks of names (too many certificates, a pause), not of our pace. Only
 * who asked waits. */
bool acme_is_limit_of_names(const struct http_reply *reply);
