#include "check.h"

#include <time.h>

#include "codec/date.h"
#include "mutate.h"

#define NONE	     ((msec_t)-1)
#define LAST_OF_9999 253402300799
#define CYCLE	     ((int64_t)400 * 366 * 86400)

static void reads_rfc3339(void **state)
{
	static const struct {
		const char *sentence, *text;
		msec_t wall;
	} rows[] = {
		{"the beginning", "1970-01-01T00:00:00Z", 0},
		{"a date of a CA", "2020-03-24T21:51:49Z", 1585086709000},
		{"a fraction", "2020-03-24T21:51:49.5Z", 1585086709500},
		{"a fraction of nine digits", "2020-03-24T21:51:49.123999999Z", 1585086709123},
		{"an offset east", "2020-03-24T21:51:49+01:00", 1585083109000},
		{"an offset west", "2020-03-24T21:51:49.1-05:30", 1585106509100},
		{"an offset of zero", "2020-03-24T21:51:49-00:00", 1585086709000},
		{"small letters", "2020-03-24t21:51:49z", 1585086709000},
		{"a space, as the RFC allows", "2020-03-24 21:51:49Z", 1585086709000},
		{"a leap day", "2000-02-29T00:00:00Z", 951782400000},
		{"a leap second", "2016-12-31T23:59:60Z", 1483228800000},
		{"the end", "9999-12-31T23:59:59Z", LAST_OF_9999 * 1000},
		{"no leap day in 2100", "2100-02-29T00:00:00Z", NONE},
		{"no leap day in 2023", "2023-02-29T00:00:00Z", NONE},
		{"before 1970", "1969-12-31T23:59:59Z", NONE},
		{"before 1970 by its offset", "1970-01-01T00:00:00+01:00", NONE},
		{"the year 0000", "0000-01-01T00:00:00Z", NONE},
		{"month 0", "2020-00-10T00:00:00Z", NONE},
		{"month 13", "2020-13-10T00:00:00Z", NONE},
		{"day 0", "2020-01-00T00:00:00Z", NONE},
		{"31 April", "2020-04-31T00:00:00Z", NONE},
		{"24 o'clock", "2020-01-01T24:00:00Z", NONE},
		{"minute 60", "2020-01-01T00:60:00Z", NONE},
		{"second 61", "2020-01-01T00:00:61Z", NONE},
		{"offset of 24 hours", "2020-01-01T00:00:00+24:00", NONE},
		{"offset without a colon", "2020-01-01T00:00:00+0100", NONE},
		{"no offset", "2020-01-01T00:00:00", NONE},
		{"no time", "2020-01-01", NONE},
		{"an empty fraction", "2020-01-01T00:00:00.Z", NONE},
		{"a comma", "2020-01-01T00:00:00,5Z", NONE},
		{"one digit for a month", "2020-1-01T00:00:00Z", NONE},
		{"a tail", "2020-01-01T00:00:00Z ", NONE},
		{"a sign", "+2020-01-01T00:00:00Z", NONE},
		{"nothing", "", NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		msec_t wall = NONE;

		check_row_int(rows[i].sentence, date_parse_rfc3339(rows[i].text, &wall),
			      rows[i].wall != NONE);
		check_row_int(rows[i].sentence, wall, rows[i].wall);
	}
}

static void reads_dates_of_http(void **state)
{
	static const struct {
		const char *sentence, *text;
		msec_t wall;
	} rows[] = {
		{"the fixed form", "Sun, 06 Nov 1994 08:49:37 GMT", 784111777000},
		{"the form of RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", 784111777000},
		{"the form of asctime", "Sun Nov  6 08:49:37 1994", 784111777000},
		{"asctime with two digits", "Sat Feb 29 23:59:59 2020", 1583020799000},
		{"RFC 850 in this century", "Monday, 23-Nov-26 15:04:05 GMT", 1795446245000},
		{"a wrong day of the week", "Mon, 06 Nov 1994 08:49:37 GMT", 784111777000},
		{"no day of the week", "06 Nov 1994 08:49:37 GMT", NONE},
		{"an unknown day of the week", "Xxx, 06 Nov 1994 08:49:37 GMT", NONE},
		{"a day of the week in full", "Sunday, 06 Nov 1994 08:49:37 GMT", NONE},
		{"one digit for a day", "Sun, 6 Nov 1994 08:49:37 GMT", NONE},
		{"a small month", "Sun, 06 nov 1994 08:49:37 GMT", NONE},
		{"another zone", "Sun, 06 Nov 1994 08:49:37 UTC", NONE},
		{"a numeric zone", "Sun, 06 Nov 1994 08:49:37 +0000", NONE},
		{"31 November", "Sun, 31 Nov 1994 08:49:37 GMT", NONE},
		{"a tail", "Sun, 06 Nov 1994 08:49:37 GMT;", NONE},
		{"nothing", "", NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		msec_t wall = NONE;

		check_row_int(rows[i].sentence, date_parse_http(rows[i].text, &wall),
			      rows[i].wall != NONE);
		check_row_int(rows[i].sentence, wall, rows[i].wall);
	}
}

static void reads_retry_after(void **state)
{
	static const msec_t now = 784111777000; /* Sun, 06 Nov 1994 08:49:37 GMT */
	static const struct {
		const char *sentence, *text;
		msec_t wait;
	} rows[] = {
		{"seconds", "120", 120000},
		{"zero is a second", "0", 1000},
		{"many zeros", "000000000000000000000000000005", 5000},
		{"a day", "86400", MSEC_PER_DAY},
		{"more than a day", "86401", MSEC_PER_DAY},
		{"a number without end", "99999999999999999999999999999999999999", MSEC_PER_DAY},
		{"a date ahead", "Sun, 06 Nov 1994 08:50:37 GMT", 60000},
		{"a date ahead in an old form", "Sun Nov  6 08:50:37 1994", 60000},
		{"a date that has passed", "Sun, 06 Nov 1994 08:49:36 GMT", 1000},
		{"a date far ahead", "Sun, 06 Nov 2094 08:49:36 GMT", MSEC_PER_DAY},
		{"a negative number", "-1", NONE},
		{"a fraction", "1.5", NONE},
		{"a number and a space", "1 ", NONE},
		{"a word", "soon", NONE},
		{"nothing", "", NONE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		msec_t wait = NONE;

		check_row_int(rows[i].sentence, date_parse_retry_after(rows[i].text, now, &wait),
			      rows[i].wait != NONE);
		check_row_int(rows[i].sentence, wait, rows[i].wait);
	}
}

static void writes(void **state)
{
	struct ctx ctx cleanup_ctx;
	char text[25];

	(void)state;
	check_begin(&ctx);
	assert_null(date_rfc3339(&ctx, 0));
	assert_string_equal(date_rfc3339(&ctx, 1585086709999), "2020-03-24T21:51:49Z");
	assert_string_equal(date_rfc3339(&ctx, INT64_MAX), "9999-12-31T23:59:59Z");
	assert_string_equal(date_http(&ctx, 784111777000), "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_string_equal(date_http(&ctx, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
	date_rfc3339_msec(1585086709007, text);
	assert_string_equal(text, "2020-03-24T21:51:49.007Z");
	date_rfc3339_msec(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	date_rfc3339_msec(-1, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

/* One moment of every day of a whole cycle of the calendar, then of some days up to 9999, there and
 * back. */
static void agrees_with_the_c_library(void **state)
{
	(void)state;
	for (int64_t second = 4321; second < LAST_OF_9999;
	     second += (second < CYCLE ? 1 : 97) * 86400 + 1) {
		time_t time = (time_t)second;
		char expected[64], text[25];
		struct ctx ctx cleanup_ctx;
		struct tm tm;
		msec_t wall;

		check_begin(&ctx);
		gmtime_r(&time, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		date_rfc3339_msec(second * 1000, text);
		assert_string_equal(text, expected);
		assert_true(date_parse_rfc3339(text, &wall) && wall == second * 1000);
		strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		assert_string_equal(date_http(&ctx, second * 1000), expected);
		assert_true(date_parse_http(expected, &wall) && wall == second * 1000);
	}
}

static void check_variant(const char *text, size_t size, void *data)
{
	msec_t wall = 0, wait = 0;
	char again[25];
	msec_t same;

	(void)size;
	(void)data;
	if (date_parse_rfc3339(text, &wall)) {
		date_rfc3339_msec(wall, again);
		assert_true(date_parse_rfc3339(again, &same) && same == wall);
	}
	if (date_parse_http(text, &wall))
		assert_in_range((uintmax_t)wall, 0, (uintmax_t)(LAST_OF_9999 + 1) * 1000);
	if (date_parse_retry_after(text, 1585086709000, &wait))
		assert_in_range((uintmax_t)wait, MSEC_PER_SEC, MSEC_PER_DAY);
}

static void no_damage_to_a_seed_leaves_the_range(void **state)
{
	static const char *const seeds[] = {
		"2020-03-24T21:51:49.123+01:00", "Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "120"};
	struct mutate mutate = {.is_terminated = true, .visit = check_variant};

	(void)state;
	mutate_seeds(&mutate, seeds, ARRAY_SIZE(seeds));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_rfc3339),
		cmocka_unit_test(reads_dates_of_http),
		cmocka_unit_test(reads_retry_after),
		cmocka_unit_test(writes),
		cmocka_unit_test(agrees_with_the_c_library),
		cmocka_unit_test(no_damage_to_a_seed_leaves_the_range),
	};

	return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
