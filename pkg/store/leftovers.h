/*
 * leftovers - temporary files of writes that a crash cut short.
 *
 * They are never read, but a daemon that is killed often would fill the directory with them.
 */
#pragma once

#include "base/ctx.h"

/* To be called while nobody writes there. A directory that is missing has none; trouble is left for
 * the next start. */
void leftovers_remove(struct ctx *ctx, const char *directory);
