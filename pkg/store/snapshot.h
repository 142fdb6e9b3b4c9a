/*
 * snapshot - one object as it was when it was written, for as long as somebody looks at it.
 *
 * Immutable after new, in an arena of its own, counted. References may be given back on any thread.
 */
#pragma once

#include "api/kind.h"

struct snapshot;

/* A deep copy by the kind's field table; the first reference is the caller's. */
struct snapshot *snapshot_new(enum kind kind, const void *object);

struct snapshot *snapshot_ref(struct snapshot *snapshot);

/* NULL is fine. */
void snapshot_unref(struct snapshot *snapshot);

const void *snapshot_object(const struct snapshot *snapshot);
const char *snapshot_name(const struct snapshot *snapshot);
