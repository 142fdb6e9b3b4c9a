#include "base/lastwords.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Immutable after log_open. */
static bool is_for_journal;

void lastwords_for_journal(bool goes_to_journal)
{
	is_for_journal = goes_to_journal;
}

void lastwords_time(char out[static LASTWORDS_TIME_MAX], msec_t wall)
{
	time_t seconds = (time_t)(wall / MSEC_PER_SEC);
	struct tm utc = {.tm_mday = 1};

	gmtime_r(&seconds, &utc);
	snprintf(out, LASTWORDS_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
		 utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
		 (int)(wall % MSEC_PER_SEC));
}

void lastwords_say(const char *message, const char *why)
{
	char line[512], time[LASTWORDS_TIME_MAX];
	int size;

	lastwords_time(time, clock_system()->wall(clock_system()));
	/* <3>: systemd's own mark for an error (sd-daemon(3)). */
	size = is_for_journal ? snprintf(line, sizeof(line), "<3>%s: %s\n", message, why)
			      : snprintf(line, sizeof(line), "%s %s %s why=\"%s\"\n", time,
					 LASTWORDS_ERROR, message, why);
	if (size >= (int)sizeof(line))
		size = (int)sizeof(line) - 1;
	while (write(STDERR_FILENO, line, (size_t)size) < 0 && errno == EINTR)
		continue;
}
