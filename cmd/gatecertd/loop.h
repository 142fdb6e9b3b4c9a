/*
 * loop - the daemon's main thread: signals, spec directory, HTTP API, watchdog. Everything that
 * waits elsewhere is a worker's.
 */
#pragma once

#include "config.h"

/* Serves until SIGTERM or SIGINT. Returns the exit status. */
int loop_run(const struct doors *doors, const char *config_path, struct config *config);
