/*
 * call - reading one request and writing its answer.
 *
 * Each service has its own shape of errors; the shapes are here so that no handler invents one.
 */
#pragma once

#include "codec/json.h"
#include "world/world.h"

/* Splits the target; false when it has too many segments. */
bool call_split(struct call *call);

bool call_is(const struct call *call, const char *method);

/* The first header of that name, any case, or NULL. */
const char *call_header(const struct call *call, const char *name);

/* Of the query or of a form body, decoded, in the arena; NULL when absent. */
const char *call_query(struct call *call, const char *name);
const char *call_form(struct call *call, const char *name);

/* Percent-decodes ('+' as space when `is_form`). */
char *call_decode(struct ctx *ctx, const char *text, size_t size, bool is_form);

/* Segment `index`, "" when there is none; and whether it is that word, any case. */
const char *call_segment(const struct call *call, size_t index);
bool call_segment_is(const struct call *call, size_t index, const char *word);

void call_set_header(struct call *call, const char *name, const char *value);
void call_drop_header(struct call *call, const char *name);
void call_status(struct call *call, int status);
void call_json(struct call *call, int status, const struct json *json);
void call_text(struct call *call, int status, const char *type, const void *body, size_t size);

/* {"error":{"code","message"}} as ARM says it. */
void call_arm_error(struct call *call, int status, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The same with Key Vault's innererror (may be NULL). */
void call_vault_error(struct call *call, int status, const char *code, const char *inner,
		      const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Entra: {"error","error_description","error_codes",...}. */
void call_entra_error(struct call *call, int status, const char *error, int number,
		      const char *format, ...) __attribute__((format(printf, 5, 6)));
/* RFC 8555: application/problem+json; `type` without the urn's prefix. */
void call_acme_problem(struct call *call, int status, const char *type, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The body as a JSON object, or NULL after call_arm_error / call_vault_error 400 was answered. */
struct json *call_arm_body(struct call *call);
struct json *call_vault_body(struct call *call);
