#include "codec/date.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DAYS_PER_ERA 146097 /* 400 years of the Gregorian calendar */
#define DAYS_TO_1970 719468 /* from 0000-03-01 */
#define RETRY_MIN    MSEC_PER_SEC
#define RETRY_MAX    MSEC_PER_DAY

/* As printed: month and day from 1. */
struct date {
	int year, month, day, hour, minute, second, millisecond, weekday;
};

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const weekdays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
				       "Thursday", "Friday", "Saturday"};

/* Calendar: years begin in March, so that the leap day is a year's last. */

static int64_t days_from_date(const struct date *date)
{
	int64_t year = date->year - (date->month <= 2);
	int64_t era = year / 400, year_of_era = year % 400;
	int64_t day_of_year = (153 * ((date->month + 9) % 12) + 2) / 5 + date->day - 1;

	return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - DAYS_TO_1970;
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

static struct date date_from_wall(msec_t wall)
{
	int64_t days = wall / MSEC_PER_DAY + DAYS_TO_1970, rest = wall % MSEC_PER_DAY;
	int64_t era = days / DAYS_PER_ERA, day = days % DAYS_PER_ERA;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t month;

	day -= 365 * year + year / 4 - year / 100;
	month = (5 * day + 2) / 153;
	return (struct date){
		.year = (int)(year + era * 400 + (month >= 10)),
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(day - (153 * month + 2) / 5 + 1),
		.hour = (int)(rest / MSEC_PER_HOUR),
		.minute = (int)(rest / MSEC_PER_MIN % 60),
		.second = (int)(rest / MSEC_PER_SEC % 60),
		.millisecond = (int)(rest % MSEC_PER_SEC),
		.weekday = (int)((days + 3) % 7), /* 0000-03-01 was a Wednesday */
	};
}

/* A leap second is read as the second behind it: our clock has none. */
static bool wall_from_date(const struct date *date, msec_t offset, msec_t *wall)
{
	msec_t value;

	if (date->year < 1970 || date->year > 9999 || date->month < 1 || date->month > 12)
		return false;
	if (date->day < 1 || date->day > days_in_month(date->year, date->month))
		return false;
	if (date->hour > 23 || date->minute > 59 || date->second > 60)
		return false;
	value = days_from_date(date) * MSEC_PER_DAY + date->hour * MSEC_PER_HOUR +
		date->minute * MSEC_PER_MIN + date->second * MSEC_PER_SEC + date->millisecond -
		offset;
	if (value < 0)
		return false;
	*wall = value;
	return true;
}

/* Reading: each moves `*text` behind what it read, or returns false. */

static bool read_digits(const char **text, int count, int *value)
{
	*value = 0;
	for (; count > 0; count--, ++*text) {
		if (**text < '0' || **text > '9')
			return false;
		*value = *value * 10 + (**text - '0');
	}
	return true;
}

static bool read_char(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

static bool read_text(const char **text, const char *expected)
{
	if (!text_starts_with(*text, expected))
		return false;
	*text += strlen(expected);
	return true;
}

static bool read_month(const char **text, int *month)
{
	for (size_t i = 0; i < ARRAY_SIZE(months); i++) {
		if (read_text(text, months[i])) {
			*month = (int)i + 1;
			return true;
		}
	}
	return false;
}

/* A full name, or its first three letters. A wrong day of the week is no reason to refuse a
 * date. */
static bool read_weekday(const char **text, bool is_full)
{
	for (size_t i = 0; i < ARRAY_SIZE(weekdays); i++) {
		size_t length = is_full ? strlen(weekdays[i]) : 3;

		if (strncmp(*text, weekdays[i], length) == 0) {
			*text += length;
			return true;
		}
	}
	return false;
}

static bool read_time(const char **text, struct date *date)
{
	return read_digits(text, 2, &date->hour) && read_char(text, ':') &&
	       read_digits(text, 2, &date->minute) && read_char(text, ':') &&
	       read_digits(text, 2, &date->second);
}

/* RFC 3339: any number of digits; what is finer than a millisecond is dropped. */
static bool read_fraction(const char **text, int *millisecond)
{
	int scale = 100, digit;

	if (!read_char(text, '.'))
		return true;
	if (!read_digits(text, 1, &digit))
		return false;
	do {
		*millisecond += digit * scale;
		scale /= 10;
	} while (**text >= '0' && **text <= '9' && read_digits(text, 1, &digit));
	return true;
}

static bool read_offset(const char **text, msec_t *offset)
{
	bool is_west = **text == '-';
	int hours, minutes;

	*offset = 0;
	if (read_char(text, 'Z') || read_char(text, 'z'))
		return true;
	if (!is_west && **text != '+')
		return false;
	++*text;
	if (!read_digits(text, 2, &hours) || !read_char(text, ':') ||
	    !read_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*offset = (hours * MSEC_PER_HOUR + minutes * MSEC_PER_MIN) * (is_west ? -1 : 1);
	return true;
}

bool date_parse_rfc3339(const char *text, msec_t *wall)
{
	struct date date = {.year = 0};
	msec_t offset;

	if (!read_digits(&text, 4, &date.year) || !read_char(&text, '-') ||
	    !read_digits(&text, 2, &date.month) || !read_char(&text, '-') ||
	    !read_digits(&text, 2, &date.day))
		return false;
	if (!read_char(&text, 'T') && !read_char(&text, 't') && !read_char(&text, ' '))
		return false;
	return read_time(&text, &date) && read_fraction(&text, &date.millisecond) &&
	       read_offset(&text, &offset) && *text == '\0' && wall_from_date(&date, offset, wall);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool read_imf_fixdate(const char *text, struct date *date)
{
	return read_weekday(&text, false) && read_text(&text, ", ") &&
	       read_digits(&text, 2, &date->day) && read_char(&text, ' ') &&
	       read_month(&text, &date->month) && read_char(&text, ' ') &&
	       read_digits(&text, 4, &date->year) && read_char(&text, ' ') &&
	       read_time(&text, date) && read_text(&text, " GMT") && *text == '\0';
}

/* "Sunday, 06-Nov-94 08:49:37 GMT". RFC 9110 wants two digits read as the most recent year that is
 * not more than 50 years ahead; whatever lies before 1970 is none of ours, so 70 divides them. */
static bool read_rfc850(const char *text, struct date *date)
{
	bool is_read = read_weekday(&text, true) && read_text(&text, ", ") &&
		       read_digits(&text, 2, &date->day) && read_char(&text, '-') &&
		       read_month(&text, &date->month) && read_char(&text, '-') &&
		       read_digits(&text, 2, &date->year) && read_char(&text, ' ') &&
		       read_time(&text, date) && read_text(&text, " GMT") && *text == '\0';

	date->year += date->year < 70 ? 2000 : 1900;
	return is_read;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool read_asctime(const char *text, struct date *date)
{
	if (!read_weekday(&text, false) || !read_char(&text, ' ') ||
	    !read_month(&text, &date->month) || !read_char(&text, ' '))
		return false;
	if (!read_digits(&text, read_char(&text, ' ') ? 1 : 2, &date->day))
		return false;
	return read_char(&text, ' ') && read_time(&text, date) && read_char(&text, ' ') &&
	       read_digits(&text, 4, &date->year) && *text == '\0';
}

bool date_parse_http(const char *text, msec_t *wall)
{
	static bool (*const forms[])(const char *, struct date *) = {read_imf_fixdate, read_rfc850,
								     read_asctime};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct date date = {.year = 0};

		if (forms[i](text, &date))
			return wall_from_date(&date, 0, wall);
	}
	return false;
}

/* Saturates: a number of any length is a long wait, not an error. */
static bool read_seconds(const char *text, msec_t *wait)
{
	int digit;

	if (*text == '\0')
		return false;
	for (*wait = 0; *text != '\0'; *wait = *wait < RETRY_MAX ? *wait * 10 + digit : *wait) {
		if (!read_digits(&text, 1, &digit))
			return false;
	}
	*wait = *wait < RETRY_MAX ? *wait * MSEC_PER_SEC : RETRY_MAX;
	return true;
}

bool date_parse_retry_after(const char *text, msec_t now, msec_t *wait)
{
	msec_t value, wall;

	if (!read_seconds(text, &value)) {
		if (!date_parse_http(text, &wall))
			return false;
		value = wall > now ? wall - now : 0;
	}
	value = value < RETRY_MIN ? RETRY_MIN : value;
	*wait = value > RETRY_MAX ? RETRY_MAX : value;
	return true;
}

/* Writing */

/* 253402300799999 is the last millisecond of 9999: what lies outside is shown as the nearest that
 * fits. */
static msec_t clamped(msec_t wall)
{
	const msec_t last = 253402300799999;

	if (wall < 0)
		return 0;
	return wall > last ? last : wall;
}

char *date_rfc3339(struct ctx *ctx, msec_t wall)
{
	struct date date = date_from_wall(clamped(wall));

	if (wall == 0)
		return NULL;
	return arena_printf(ctx->arena, "%04d-%02d-%02dT%02d:%02d:%02dZ", date.year, date.month,
			    date.day, date.hour, date.minute, date.second);
}

void date_rfc3339_msec(msec_t wall, char out[static 25])
{
	struct date date = date_from_wall(clamped(wall));
	char text[96];

	snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", date.year, date.month,
		 date.day, date.hour, date.minute, date.second, date.millisecond);
	memcpy(out, text, 24);
	out[24] = '\0';
}

char *date_http(struct ctx *ctx, msec_t wall)
{
	struct date date = date_from_wall(clamped(wall));

	return arena_printf(ctx->arena, "%.3s, %02d %s %04d %02d:%02d:%02d GMT",
			    weekdays[date.weekday], date.day, months[date.month - 1], date.year,
			    date.hour, date.minute, date.second);
}
