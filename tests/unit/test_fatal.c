/* What a process says that cannot go on, before it ends. */
#include "check.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fatal.h"
#include "base/log.h"

static void by_word(void)
{
	fatal("a worker cannot be started", "Resource temporarily unavailable");
}

static void by_much(void)
{
	char why[4096];

	memset(why, 'x', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	fatal("too much", why);
}

/* Nothing can be allocated any more, neither by us nor by libc. */
static void by_memory(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_AS, &none);
	fatal_no_memory();
}

static void by_assert(void)
{
	volatile bool holds = false;

	assert(holds);
}

/* libc's own words would take memory. */
static void by_assert_without_memory(void)
{
	const struct rlimit none = {0, 0};

	setrlimit(RLIMIT_AS, &none);
	while (malloc(64))
		continue;
	by_assert();
}

static void by_abort(void)
{
	abort();
}

static void by_pointer(void)
{
	raise(SIGSEGV);
}

static void by_user(void)
{
	raise(SIGUSR1);
}

static const struct row {
	const char *sentence;
	void (*die)(void);
	bool in_journal;
	int signal;
	const char *said; /* stands in it */
	const char *ends; /* its end */
} rows[] = {
	{"a reason", by_word, false, SIGABRT,
	 "Z ERROR a worker cannot be started why=\"Resource temporarily unavailable\"\n",
	 "unavailable\"\n"},
	{"a reason in the journal", by_word, true, SIGABRT,
	 "<3>a worker cannot be started: Resource temporarily unavailable\n", "unavailable\n"},
	{"a reason that is too long", by_much, false, SIGABRT, "Z ERROR too much why=\"xxx", "x"},
	{"no memory", by_memory, false, SIGABRT, "Z ERROR cannot go on why=\"out of memory\"\n",
	 "memory\"\n"},
	{"an assertion", by_assert, false, SIGABRT,
	 "Z ERROR cannot go on why=\"tests/unit/test_fatal.c:", ": Assertion `holds' failed.\"\n"},
	{"an assertion without memory", by_assert_without_memory, true, SIGABRT,
	 "<3>cannot go on: tests/unit/test_fatal.c:", ": Assertion `holds' failed.\n"},
	{"a library's abort", by_abort, false, SIGABRT, "", "gatecertd: ended by SIGABRT\n"},
	{"a wild pointer", by_pointer, false, SIGSEGV, "", "gatecertd: ended by SIGSEGV\n"},
	{"a signal that nobody handles", by_user, false, SIGUSR1, "",
	 "gatecertd: ended by SIGUSR1\n"},
};

static void set_journal(bool is_there)
{
	struct stat status;
	char named[64];

	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(named, sizeof(named), "%ju:%ju", (uintmax_t)status.st_dev,
		 (uintmax_t)status.st_ino);
	if (is_there)
		setenv("JOURNAL_STREAM", named, 1);
	else
		unsetenv("JOURNAL_STREAM");
	log_open(LOG_LEVEL_INFO);
}

static int die(const struct row *row, char *text, size_t size)
{
	const struct rlimit none = {0, 0};
	int ends[2], status;
	size_t length = 0;
	ssize_t got;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &none);
		for (int number = 1; number < SIGRTMIN; number++)
			signal(number, SIG_DFL);
		set_journal(row->in_journal);
		fatal_name_signals();
		row->die();
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void test_every_end_has_a_line(void **state)
{
	char text[8192];

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* they have words of their own */
#endif
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int status = die(&rows[i], text, sizeof(text));

		if (!WIFSIGNALED(status) || WTERMSIG(status) != rows[i].signal ||
		    !strstr(text, rows[i].said) || !text_ends_with(text, rows[i].ends))
			fail_msg("%s: status %x, said: %s", rows[i].sentence, (unsigned)status,
				 text);
	}
}

/* A write beyond the limit is an error, and no end. */
static void by_size(void)
{
	const struct rlimit none = {0, 0};
	FILE *file = tmpfile();

	setrlimit(RLIMIT_FSIZE, &none);
	fputc('x', file);
	_exit(fflush(file) == EOF ? 3 : 4);
}

static void test_a_file_that_may_not_grow(void **state)
{
	const struct row row = {"", by_size, false, 0, "", ""};
	char text[1024];
	int status = die(&row, text, sizeof(text));

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_end_has_a_line),
		cmocka_unit_test(test_a_file_that_may_not_grow),
	};

	return cmocka_run_group_tests_name("fatal", tests, NULL, NULL);
}
