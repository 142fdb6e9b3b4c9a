#include "httpd/origin.h"

#include <string.h>

#include "base/text.h"
#include "httpd/host.h"

/* "null" (a sandboxed page, a file) is nobody's. */
static bool is_own(const struct request *request, const char *base_origin, const char *origin)
{
	const char *host = request_header(request, "Host");
	const char *authority = strstr(origin, "://");

	if (base_origin && text_equals_nocase(origin, base_origin))
		return true;
	return authority && host && host_is_loopback(host) &&
	       text_equals_nocase(authority + 3, host);
}

/* Fetch Metadata: "none" is the address bar. "same-site" is another name or port of the same site,
 * as of another user's server on this machine. */
static bool is_near(const char *site)
{
	return text_equals_nocase(site, "same-origin") || text_equals_nocase(site, "none");
}

bool origin_is_foreign(const struct request *request, const char *base_origin)
{
	for (size_t i = 0; i < request->header_count; i++) {
		const struct request_pair *header = &request->headers[i];

		if (text_equals_nocase(header->name, "Origin") &&
		    !is_own(request, base_origin, header->value))
			return true;
		if (text_equals_nocase(header->name, "Sec-Fetch-Site") && !is_near(header->value))
			return true;
	}
	return false;
}
