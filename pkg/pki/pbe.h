/*
 * pbe - what it costs to open an encrypted key, before it is opened. For this folder only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether deriving the key of an encrypted PKCS#8 (RFC 5958 3) takes a tenth of a second or so at
 * most; true for whatever is no encrypted PKCS#8. The rounds are the choice of whoever sends it. */
bool pbe_is_affordable(const unsigned char *der, size_t size);
