/*
 * watch - inotify on the spec directory and on api.d, reduced to "something may have changed, look
 * after this wait".
 *
 * What the events say is used for nothing but leaving out names that are no spec files. Overflow,
 * unmounting and a directory that was replaced all mean the same: look, and watch again.
 */
#pragma once

#include "base/ctx.h"

struct watch;

/* Copies the paths. */
struct watch *watch_new(const char *directory, const char *api_directory);
void watch_free(struct watch *watch);

/* -1 when inotify cannot be had. */
int watch_fd(const struct watch *watch);

/* To be called before each scan: watches what is there now. False when something that is there
 * cannot be watched. */
bool watch_renew(struct ctx *ctx, struct watch *watch);

/* Takes all events; how long to wait before the scan, or -1 when none of them matters. */
msec_t watch_drain(struct ctx *ctx, struct watch *watch);

/* Whether a directory entry of this name is read at all. */
bool watch_is_spec_name(const char *name);
