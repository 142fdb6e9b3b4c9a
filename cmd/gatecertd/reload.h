/*
 * reload - how `systemctl reload` learns what has become of it.
 *
 * The daemon leaves the outcome of each reload as a file in the directory that systemd made for it;
 * ExecReload sends SIGHUP and waits for the outcome of a reload that began after that. Whose signal
 * it was does not matter, so signals that meet lose nobody's answer.
 */
#pragma once

#include "base/ctx.h"

/* Of the daemon: `why` is NULL when the new configuration is in force. `begun`: mono, which
 * both ask the same clock for. Silent where there is no such directory. */
void reload_answer(struct ctx *ctx, msec_t begun, const char *why);

/* Of ExecReload, which has MAINPID and RUNTIME_DIRECTORY: asks for a reload and waits. The status
 * to exit with; what is wrong is on stderr. Without the directory nothing is waited for. */
int reload_ask(struct ctx *ctx);
