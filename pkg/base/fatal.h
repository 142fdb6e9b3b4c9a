/*
 * fatal - the end of the process where there is no going on: with a line that says why.
 *
 * systemd starts us again and the ladders go on from what is on the disk, so that memory or threads
 * that cannot be had are no case anybody handles. Nobody calls abort() but this module: it would
 * end without a word. assert(), ours and the libraries', says its words through here: libc's own
 * take memory, and where there is none it says "Unexpected error." alone.
 */
#pragma once

/* "MESSAGE why=WHY" as an error in the log, and SIGABRT. Takes no memory; both are constant texts
 * or strerror()'s. */
_Noreturn void fatal(const char *message, const char *why);

_Noreturn void fatal_no_memory(void);

/* From now on the process says so when a signal ends it that nobody handles; all but SIGKILL. What
 * a full file size limit refuses is an error like any other. */
void fatal_name_signals(void);
