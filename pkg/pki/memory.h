/*
 * memory - what OpenSSL gives back to the heap is wiped first, all of it.
 *
 * Its parsers leave keys behind in memory that they free (the DER of a PEM block, a scalar before
 * it is a number), and TLS leaves what it carried. Nothing else in this process holds a private key
 * longer than its pass.
 */
#pragma once

#include <stdbool.h>

/* Once, before anything of OpenSSL is called. False: too late. */
bool memory_wipe_freed(void);
