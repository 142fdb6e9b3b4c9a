/*
 * fields_encode - an object written as JSON by its field table.
 */
#pragma once

#include "codec/fields.h"

/* As written, in table order. Absent: FIELD_TEXT NULL, FIELD_TIME 0, empty lists and maps.
 * `without` leaves out fields with any of these flags; FIELD_SECRET among them prints "***"
 * instead. */
struct json *fields_encode(struct ctx *ctx, const struct field *table, const void *in,
			   unsigned without);
