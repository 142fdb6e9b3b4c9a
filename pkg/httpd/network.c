#include "httpd/network.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define BITS_MAX    128
#define BITS_MAPPED 96

/* helpers */

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool has_bits_behind(const struct network *network)
{
	for (unsigned bit = network->bits; bit < BITS_MAX; bit++)
		if (network->address[bit / 8] >> (7 - bit % 8) & 1)
			return true;
	return false;
}

static bool matches(const struct network *network, const unsigned char address[16])
{
	unsigned whole = network->bits / 8, rest = network->bits % 8;

	return memcmp(network->address, address, whole) == 0 &&
	       (rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0);
}

static bool bytes_of(const struct sockaddr *address, unsigned char out[16])
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		memcpy(out, &in6.sin6_addr, 16);
		return true;
	}
	if (address->sa_family != AF_INET)
		return false;
	memcpy(&in, address, sizeof(in));
	memcpy(out, mapped, sizeof(mapped));
	memcpy(out + sizeof(mapped), &in.sin_addr, 4);
	return true;
}

/* "/8" of at most `max`, or nothing: all of it. */
static bool parse_bits(const char *text, unsigned max, unsigned *bits)
{
	size_t digits = text[0] == '/' ? strspn(text + 1, "0123456789") : 0;

	*bits = max;
	if (text[0] == '\0')
		return true;
	if (digits == 0 || digits > 3 || text[1 + digits])
		return false;
	*bits = (unsigned)strtoul(text + 1, NULL, 10);
	return *bits <= max;
}

/* public */

bool network_parse(const char *text, struct network *out)
{
	size_t length = strcspn(text, "/");
	char address[INET6_ADDRSTRLEN];
	bool is_fine;

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	memcpy(out->address, mapped, sizeof(mapped));
	if (inet_pton(AF_INET, address, out->address + sizeof(mapped)) == 1) {
		is_fine = parse_bits(text + length, BITS_MAX - BITS_MAPPED, &out->bits);
		out->bits += BITS_MAPPED;
	} else {
		is_fine = inet_pton(AF_INET6, address, out->address) == 1 &&
			  parse_bits(text + length, BITS_MAX, &out->bits);
	}
	return is_fine && !has_bits_behind(out);
}

bool network_has(const struct network *networks, size_t count, const struct sockaddr *address)
{
	unsigned char bytes[16];

	if (!bytes_of(address, bytes))
		return false;
	for (size_t i = 0; i < count; i++)
		if (matches(&networks[i], bytes))
			return true;
	return false;
}
