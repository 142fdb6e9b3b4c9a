/*
 * watch - inotify on all that leads to the spec files, reduced to "something may have changed, look
 * after this wait".
 *
 * Directories and files may be reached through symbolic links: every directory that a path leads
 * through is watched for the entry that it leads through, so that a link which is swapped, and a
 * directory which is replaced, are seen wherever in the chain they are. What the events say is used
 * for nothing but leaving out names that do not matter. Overflow and unmounting mean the same:
 * look, and watch again. Where nothing can be watched, the entry is looked at again and again.
 */
#pragma once

#include "base/ctx.h"

struct watch;

/* Copies the paths. */
struct watch *watch_new(const char *directory, const char *api_directory);
void watch_free(struct watch *watch);

/* -1 when inotify cannot be had. */
int watch_fd(const struct watch *watch);

/* Before each scan: watches both directories as they are now, and all that leads to them. What was
 * watched before stays so until watch_settle. */
void watch_renew(struct ctx *ctx, struct watch *watch);

/* Before a file that is a symbolic link is read: the same for what leads to it, and for it. */
void watch_follow(struct ctx *ctx, struct watch *watch, const char *path);

/* After a scan: what it did not come across is watched no longer. False when something that is
 * there cannot be watched for want of watches. */
bool watch_settle(struct watch *watch);

/* Takes all events; how long to wait before the scan, or -1 when none of them matters. */
msec_t watch_drain(struct ctx *ctx, struct watch *watch);

/* Whether there are entries in directories that cannot be watched, and whether one of them is not
 * as it was when it was come across. */
bool watch_must_poll(const struct watch *watch);
bool watch_has_moved(const struct watch *watch);

/* Whether a directory entry of this name is read at all. */
bool watch_is_spec_name(const char *name);

/* Whether it is nobody's mistake that an entry of this name is not read: hidden, or an editor's. */
bool watch_is_aside(const char *name);
