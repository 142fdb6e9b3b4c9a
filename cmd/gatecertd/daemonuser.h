/*
 * daemonuser - who the daemon is, for root who checks its configuration.
 *
 * What root can read and write says nothing. The state directory belongs to the daemon; before its
 * first start it is the user that is installed with it.
 */
#pragma once

#include "base/ctx.h"

/* Does nothing but for root; for good. False: stderr has why. */
bool daemonuser_become(struct ctx *ctx, const char *config_path);
