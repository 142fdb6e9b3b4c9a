/*
 * config_schema - the JSON Schema of the configuration file, for editors.
 *
 * Made from config_fields, so that it cannot say anything else. No key is required there: each may
 * come from the environment instead.
 */
#pragma once

#include "codec/json.h"

struct json *config_schema(struct ctx *ctx);
