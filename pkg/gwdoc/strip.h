/*
 * strip - the document as it is sent.
 */
#pragma once

#include "codec/json.h"

/* The document without what a PUT leaves out: read-only members and back-references. */
struct json *render_strip(struct ctx *ctx, const struct json *document);
