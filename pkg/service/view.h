/*
 * view - an object as clients see it, and who may.
 */
#pragma once

#include "api/kind.h"
#include "httpd/request.h"

/* Whether the key of this request reaches an object. */
bool view_is_visible(const struct request *request, enum kind kind, const void *object);

/* An object as clients see it. */
struct json *view_render(struct ctx *ctx, enum kind kind, const void *object);

const char *view_version(struct ctx *ctx, int64_t version);
