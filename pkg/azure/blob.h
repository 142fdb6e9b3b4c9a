/*
 * blob - Azure Blob Storage: put and delete one small file.
 */
#pragma once

#include "http/http.h"

struct blob_container {
	struct http *http; /* with bearer */
	const char *url;   /* of the container, no trailing slash */
};

/* Idempotent: replaces what stands there. `name` may contain slashes. */
enum err blob_put(struct ctx *ctx, struct blob_container *container, const char *name,
		  const char *content_type, const void *data, size_t size);

/* A blob that is not there is E_OK. */
enum err blob_delete(struct ctx *ctx, struct blob_container *container, const char *name);
