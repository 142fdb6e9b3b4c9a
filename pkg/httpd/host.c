#include "httpd/host.h"

#include <string.h>

#include "base/text.h"

static size_t host_length(const char *host)
{
	const char *bracket = host[0] == '[' ? strchr(host, ']') : NULL;

	return bracket ? (size_t)(bracket - host) + 1 : strcspn(host, ":");
}

bool host_is_valid(const char *host)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	size_t length = host[0] == '[' ? 1 + strspn(host + 1, "0123456789abcdefABCDEF:.")
				       : strspn(host, name);

	if (length == 0 || length > 255 ||
	    (host[0] == '[' && (length < 3 || host[length++] != ']')))
		return false;
	if (host[length] == '\0')
		return true;
	return host[length] == ':' && strspn(host + length + 1, "0123456789") <= 5 &&
	       host[length + 1 + strspn(host + length + 1, "0123456789")] == '\0';
}

bool host_is_loopback(const char *host)
{
	size_t length = host_length(host);
	char name[64];

	if (length >= sizeof(name))
		return false;
	memcpy(name, host, length);
	name[length] = '\0';
	if (text_equals_nocase(name, "localhost") || text_equals(name, "[::1]"))
		return true;
	/* 127.0.0.0/8 as digits only: "127.example.com" is a name like any other. */
	return text_starts_with(name, "127.") && name[strspn(name, "0123456789.")] == '\0';
}
