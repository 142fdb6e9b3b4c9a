/*
 * log - one line per event: a constant message and key=value fields.
 *
 * Goes to stderr with a UTC time stamp, or to the journal with real fields when JOURNAL_STREAM
 * names our stderr. Values are quoted where needed and cut at 1 KiB; control characters are
 * escaped. Nothing secret is passed in: what looks like a token, a signature or a key is masked,
 * but that is a last net under a mistake.
 */
#pragma once

#include "base/ctx.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Decides once where lines go; without it they go to stderr. */
void log_open(enum log_level highest);

/* From any thread. */
void log_set_level(enum log_level highest);

/* Pairs of const char *key, const char *value (a NULL value leaves the pair out), then NULL. ctx
 * may be NULL; it adds controller=, object= and pass=. */
void log_error(const struct ctx *ctx, const char *message, ...) __attribute__((sentinel));
void log_warn(const struct ctx *ctx, const char *message, ...) __attribute__((sentinel));
void log_info(const struct ctx *ctx, const char *message, ...) __attribute__((sentinel));
void log_debug(const struct ctx *ctx, const char *message, ...) __attribute__((sentinel));
