/*
 * hostname - one spelling of a hostname, or why it is none.
 *
 * Lower case, one trailing dot stripped, IDNA2008 to A-labels. Accepts what Let's Encrypt's policy
 * accepts by syntax (boulder policy/pa.go): at most 253 octets, 2 to 10 labels of 1 to 63 letters,
 * digits and hyphens, no hyphen at an end, "--" at 3-4 only in a valid A-label, no IP address, no
 * bare or all-numeric TLD. The same function serves files and API, with the same flags.
 */
#pragma once

#include "base/ctx.h"

enum hostname_flag {
	HOSTNAME_ALLOW_WILDCARD = 1, /* "*." in front of a valid name */
	HOSTNAME_PUBLIC_ONLY = 2,    /* it also has to lie below a public suffix */
};

#define HOSTNAME_LENGTH_MAX 253

/* What a schema can say of a hostname in any spelling, without wildcard: labels with dots between.
 */
#define HOSTNAME_CHARACTER "[^\\u0000-,./:-@\\[-`{-\\u007f\\u3002\\uff0e\\uff61]"
#define HOSTNAME_PATTERN                                                             \
	"^" HOSTNAME_CHARACTER "+([.\\u3002\\uff0e\\uff61]" HOSTNAME_CHARACTER "+)+" \
	"[.\\u3002\\uff0e\\uff61]?$"

/* E_REFUSED, reason InvalidHostname; the text quotes the given name (escaped, cut at 80) and says
 * what is wrong. */
enum err hostname_normalise(struct ctx *ctx, const char *given, unsigned flags, const char **out);

/* U-labels, for people. The name itself when it has none. */
const char *hostname_display(struct ctx *ctx, const char *normalised);
