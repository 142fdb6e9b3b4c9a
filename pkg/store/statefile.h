/*
 * statefile - one JSON file of the state directory: its format version, and what to do when it
 * cannot be read.
 *
 * Every file carries apiVersion and kind. Older versions pass through one table of converters on
 * their way in; a newer one is never touched. A file that is not what it should be is renamed to
 * <file>.corrupt and named in the log.
 */
#pragma once

#include "codec/json.h"

#define STATEFILE_SIZE_MAX ((size_t)4 * 1024 * 1024)

/* E_NOTFOUND: not there, or set aside just now. E_REFUSED, reason StateTooNew. E_AGAIN on I/O
 * trouble. */
enum err statefile_read(struct ctx *ctx, const char *path, const char *kind, struct json **out);

/* Durable, 0600. E_REFUSED, reason ObjectTooLarge. */
enum err statefile_write(struct ctx *ctx, const char *path, const struct json *json);

/* The same for a file that may be larger. */
enum err statefile_read_large(struct ctx *ctx, const char *path, const char *kind, size_t max,
			      struct json **out);

/* For a file whose content, though readable, makes no sense. E_NOTFOUND when it worked. */
enum err statefile_set_aside(struct ctx *ctx, const char *path, const char *problem);
