/*
 * specschema - the JSON Schema of a spec file, for editors.
 *
 * Made from the tables that specfile decodes by, so that it cannot say anything else. A file may
 * hold several documents; the schema is that of each.
 */
#pragma once

#include "codec/json.h"

struct json *specschema(struct ctx *ctx);
