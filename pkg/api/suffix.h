/*
 * suffix - whether a name lies below a public suffix, so that a public CA can certify it.
 *
 * The ICANN part of the public suffix list alone, and without its rule for unknown names: as Let's
 * Encrypt's policy has it (boulder iana/iana.go). The list is read once: the system's file or what
 * libpsl carries, whichever is newer.
 */
#pragma once

#include <stdbool.h>

/* Of a name in lower case, as A-labels, without a wildcard. NULL when it is fine, else what is
 * wrong. */
const char *suffix_check(const char *name);

/* False: there is no list, and suffix_check refuses everything. */
bool suffix_has_list(void);
