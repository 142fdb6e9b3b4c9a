/*
 * notify - what systemd is told: READY, RELOADING, STOPPING, STATUS with counts, and the watchdog's
 * food. Silent without systemd.
 */
#pragma once

#include "store/store.h"

void notify_ready(void);
void notify_reloading(uint64_t monotonic_usec);
void notify_stopping(void);

/* "90 hostnames: 88 ready, 2 not ready"; before it why the last reload was refused. */
void notify_status(struct ctx *ctx, struct store *store);
void notify_refused(const char *why); /* NULL: it was not */

void notify_watchdog(void);

/* How often to feed it, 0: there is none. */
msec_t notify_watchdog_interval(void);
