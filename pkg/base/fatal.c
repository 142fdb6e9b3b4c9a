#include "base/fatal.h"

#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/lastwords.h"

static volatile sig_atomic_t has_spoken;

/* SIGTERM, SIGINT and SIGHUP are the loop's. */
static const struct {
	int number;
	const char *line;
} signals[] = {
#define LINE(name)                                      \
	{                                               \
		name, "gatecertd: ended by " #name "\n" \
	}
	LINE(SIGABRT), LINE(SIGALRM), LINE(SIGBUS),  LINE(SIGFPE),  LINE(SIGILL),
	LINE(SIGIO),   LINE(SIGPROF), LINE(SIGQUIT), LINE(SIGSEGV), LINE(SIGSYS),
	LINE(SIGTRAP), LINE(SIGUSR1), LINE(SIGUSR2), LINE(SIGXCPU), LINE(SIGVTALRM),
#undef LINE
};

/* The handler is gone when it runs: the signal does what it would have done. */
static void on_signal(int number)
{
	ssize_t written = 0;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (signals[i].number == number && !(number == SIGABRT && has_spoken))
			written = write(STDERR_FILENO, signals[i].line, strlen(signals[i].line));
	(void)written;
	raise(number);
}

/* A sanitizer tells more, and wants to be asked first. */
static bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#else
	return false;
#endif
}

_Noreturn void fatal(const char *message, const char *why)
{
	lastwords_say(message, why);
	has_spoken = 1;
	abort();
}

_Noreturn void fatal_no_memory(void)
{
	fatal("cannot go on", "out of memory");
}

/* What assert() calls (the Linux Standard Base names it), in the place of libc's. */
_Noreturn void __assert_fail(const char *assertion, const char *file, unsigned line,
			     const char *function)
{
	char where[400];

	snprintf(where, sizeof(where), "%s:%u: %s: Assertion `%s' failed.", file, line,
		 function ? function : "?", assertion);
	fatal("cannot go on", where);
}

void fatal_name_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(signals) && !is_sanitized(); i++)
		sigaction(signals[i].number, &action, NULL);
}
