/*
 * dirstore - the store in a directory: one JSON file per object, all of them in memory.
 *
 * DIR/<plural>/<name>.json (a name that is no plain file name goes by its hash). Holds a lock on
 * DIR/lock: two daemons on one state directory do not start. Older apiVersions are converted by one
 * table of functions; a newer one makes opening fail, naming file and version; a corrupt file is
 * set aside as <file>.corrupt, named in the log, and its object is rebuilt from the world.
 */
#pragma once

#include "store/store.h"

#define STORE_LOCKED "StateLocked"

/* E_REFUSED, reason StateTooNew or STORE_LOCKED; E_AGAIN when the directory cannot be used. */
enum err dirstore_open(struct ctx *ctx, const char *directory, struct store **out);
void dirstore_close(struct store *store);
