/*
 * lastwords - a line of the log that takes no memory: for who cannot go on.
 *
 * Below everything that takes memory, so that who has none left can end with a word (base/fatal).
 */
#pragma once

#include <stdbool.h>

#include "base/clock.h"

#define LASTWORDS_TIME_MAX 80 /* gcc counts with years of eleven digits */
#define LASTWORDS_ERROR	   "ERROR"

/* Decided once, by log_open: whether lines go to the journal. */
void lastwords_for_journal(bool goes_to_journal);

/* An error with why=WHY on stderr, also where lines go to the journal, which reads there as well.
 * Takes no memory. */
void lastwords_say(const char *message, const char *why);

/* A time stamp of the log. */
void lastwords_time(char out[static LASTWORDS_TIME_MAX], msec_t wall);
