#include "httpd/framing.h"

#include <string.h>

#include "base/text.h"
#include "httpd/host.h"

#define LINE_END_MAX ((size_t)2) /* CRLF, or LF alone (RFC 9112 2.2) */

/* helpers: bytes */

static uintptr_t end_of(const char *text)
{
	return (uintptr_t)text + strlen(text);
}

static bool is_line_end(uintptr_t from, uintptr_t to)
{
	return to > from && to - from <= LINE_END_MAX;
}

/* helpers: headers */

/* RFC 9110 5.6.2. A name with a blank before its colon is one header to us and another to a proxy.
 */
static bool is_token(const char *name)
{
	static const char token[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return name[0] && !name[strspn(name, token)];
}

/* RFC 9110 5.5. A CR alone ends the line to some. */
static bool is_field_value(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

static const char *header_fault(const struct request *request)
{
	for (size_t i = 0; i < request->header_count; i++) {
		if (!is_token(request->headers[i].name))
			return "the name of a header has a character that none may have, or a "
			       "blank behind it";
		if (!is_field_value(request->headers[i].value))
			return "the value of a header has a control character";
	}
	return NULL;
}

static const char *host_fault(const struct request *request)
{
	if (request_count_header(request, "Host") != 1)
		return "a request has exactly one Host header";
	if (!host_is_valid(request_header(request, "Host")))
		return "the Host header is neither host nor host:port";
	return NULL;
}

static const char *length_fault(const struct request *request)
{
	if (request_count_header(request, "Content-Length") > 1)
		return "Content-Length is given more than once";
	if (request_header(request, "Content-Length") &&
	    request_header(request, "Transfer-Encoding"))
		return "Content-Length and Transfer-Encoding exclude each other";
	if (!framing_is_delimited(request))
		return "the only Transfer-Encoding is chunked, once";
	return NULL;
}

/* public */

void framing_begin(struct framing *framing, const char *method, const char *target,
		   size_t target_size, const char *version)
{
	*framing = (struct framing){(uintptr_t)method, end_of(version), false};
	framing->has_gap = end_of(method) + 1 != (uintptr_t)target ||
			   (uintptr_t)target + target_size + 1 != (uintptr_t)version;
}

void framing_add(struct framing *framing, const char *name, const char *value)
{
	if (!is_line_end(framing->end, (uintptr_t)name) || end_of(name) >= (uintptr_t)value)
		framing->has_gap = true;
	framing->end = end_of(value);
}

bool framing_is_whole(const struct framing *framing, size_t size)
{
	uintptr_t end = framing->begin + size;

	/* The last line's end, and an empty line. */
	return !framing->has_gap && end >= framing->end + 2 &&
	       end <= framing->end + 2 * LINE_END_MAX;
}

bool framing_is_delimited(const struct request *request)
{
	const char *encoding = request_header(request, "Transfer-Encoding");

	return !encoding || (request_count_header(request, "Transfer-Encoding") == 1 &&
			     text_equals_nocase(encoding, "chunked"));
}

const char *framing_fault(const struct request *request)
{
	const char *fault = header_fault(request);

	if (!fault && request->hides_bytes)
		fault = "the head has a NUL, a line that goes on with the one before it, a header "
			"without a name, or a second blank in its first line";
	if (!fault)
		fault = host_fault(request);
	return fault ? fault : length_fault(request);
}
