/*
 * fields_schema - a JSON Schema of what a field table decodes.
 */
#pragma once

#include "codec/fields.h"

/* A JSON Schema (draft 2020-12) of what the table decodes, in canonical spelling: choices as they
 * are listed, no null for what can be left out. */
struct json *fields_schema(struct ctx *ctx, const struct field *table);
