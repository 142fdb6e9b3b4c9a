/*
 * patience - starting where another process still has what is needed: a port, a socket, the state
 * directory. It may be the daemon that this one replaces.
 */
#pragma once

#include "base/ctx.h"

/* Carries out the step, up to ten times a second apart while another process is in its way.
 * E_CANCELLED: somebody asked to stop meanwhile, by a signal that was blocked. */
enum err patience_take(struct ctx *ctx, enum err (*step)(struct ctx *ctx, void *handle),
		       void *handle);
