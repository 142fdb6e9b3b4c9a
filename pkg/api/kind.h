/*
 * kind - the kinds of objects there are, as a table: how each is named, laid out and written as
 * JSON.
 *
 * Every object struct begins with its struct meta. Its JSON is {apiVersion, kind, metadata, spec,
 * status, ...} by the field table of the kind, which is the master copy for state files, API and
 * schemas.
 */
#pragma once

#include "api/meta.h"

enum kind { KIND_HOSTNAME, KIND_GATEWAY, KIND_INSTANCE };
#define KIND_COUNT 3

struct kind_info {
	const char *name;		   /* "Hostname" */
	const char *plural;		   /* "hostnames": directory and URL segment */
	size_t size;			   /* of its struct */
	const struct field *fields;	   /* of the whole object: metadata, spec, status */
	size_t status_offset, status_size; /* what its reconciler writes; all else is spec */
	size_t conditions_offset;	   /* within the object; 0: it has none */
};

const struct kind_info *kind_info(enum kind kind);

/* The object as JSON; `without` as in fields_encode (FIELD_INTERNAL for API clients). */
struct json *object_to_json(struct ctx *ctx, enum kind kind, const void *object, unsigned without);

/* E_REFUSED, reason InvalidObject, with all problems in the text. Everything lives in ctx's arena.
 */
enum err object_from_json(struct ctx *ctx, enum kind kind, const struct json *json, void *out);
