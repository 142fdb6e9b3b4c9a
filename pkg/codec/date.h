/*
 * date - the date formats of our peers, to and from milliseconds since 1970 in UTC.
 *
 * Independent of locale and time zone. Years 1970 to 9999; what lies outside does not parse.
 */
#pragma once

#include "base/ctx.h"

/* "2020-03-24T21:51:49Z"; in ctx's arena. NULL for 0. */
char *date_rfc3339(struct ctx *ctx, msec_t wall);
/* The same with milliseconds, into a buffer of at least 25 bytes. */
void date_rfc3339_msec(msec_t wall, char out[static 25]);

/* RFC 3339 with any offset and fraction. False when it is none. */
bool date_parse_rfc3339(const char *text, msec_t *wall);

/* RFC 9110 5.6.7: IMF-fixdate and the two obsolete forms. */
bool date_parse_http(const char *text, msec_t *wall);
char *date_http(struct ctx *ctx, msec_t wall);

/* RFC 9110 10.2.3: seconds or an HTTP date. The wait from `now`, clamped to 1 s..24 h. */
bool date_parse_retry_after(const char *text, msec_t now, msec_t *wait);
