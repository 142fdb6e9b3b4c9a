/*
 * blob_model - one container of blobs with anonymous read, as the simulations' door to Blob
 * Storage.
 *
 * Real tests use Azurite. Writing needs a bearer token for storage and an x-ms-version that knows
 * OAuth.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct place;
struct world;

/* A container at this URL; for owners_add. */
struct place *blob_model_new(struct world *world, const char *url);

/* Of world->blobs: a blob by its path below the account's origin ("/container/name"); false when
 * there is none. */
bool blob_model_read(const struct world *world, const char *path, const char **data, size_t *size);
size_t blob_model_count(const struct world *world);
