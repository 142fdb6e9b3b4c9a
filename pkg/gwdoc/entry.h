/*
 * entry - what is done to the certificate entries of the document. Internal to gwdoc.
 */
#pragma once

#include "gwdoc/drawing.h"

/* "GATEWAY/COLLECTION/NAME", and {"id": ID}. */
const char *id_of(struct ctx *ctx, const struct drawing *drawing, const char *collection,
		  const char *name);
struct json *reference(struct ctx *ctx, const char *id);

bool has_room_for_certificate(const struct drawing *drawing);

/* The listener refers to an entry with the wanted secret and no version from then on: to one that
 * is there, or a new one. */
void certificate_show(struct ctx *ctx, struct drawing *drawing, struct json *listener,
		      const struct wanted_hostname *wanted);

/* Rids the listener's entry of its version, or, where others refer to it too, the listener of the
 * entry. True when that is a reason for an update. */
bool certificate_unpin(struct ctx *ctx, struct drawing *drawing, struct json *listener,
		       const struct wanted_hostname *wanted, struct rendered_hostname *result);
