/*
 * fields - a table of fields turns a node into a struct, strictly, and back.
 *
 * One table per struct is the master copy: decoding, encoding, help, documentation and schemas all
 * read it. Decoding reports every problem of the input, not only the first: unknown members (with
 * the nearest known name), wrong types, values out of range, missing required ones. A field that is
 * absent gets its fallback.
 */
#pragma once

#include "base/text.h"
#include "codec/node.h"
#include "codec/problems.h"

enum field_type {
	FIELD_TEXT,	/* const char * */
	FIELD_INT,	/* int64_t, within low..high */
	FIELD_BOOL,	/* bool */
	FIELD_CHOICE,	/* int: index into `choices` (NULL-terminated), case-insensitive */
	FIELD_TEXTS,	/* struct texts: a list of strings; one string counts as a list of one */
	FIELD_TIME,	/* msec_t: RFC 3339 in UTC; 0 when absent */
	FIELD_TEXT_MAP, /* struct text_map: string to string */
	FIELD_OBJECT,	/* a struct of its own, by `fields`, in place */
	FIELD_OBJECTS,	/* struct objects: a list of structs of `element_size`, by `fields` */
};

enum field_flag {
	FIELD_REQUIRED = 1,
	FIELD_SECRET = 2,    /* masked when printed */
	FIELD_NOCASE = 4,    /* the name matches in any case */
	FIELD_IGNORED = 8,   /* accepted with a warning, not decoded */
	FIELD_INTERNAL = 16, /* persisted, never shown to API clients */
	FIELD_WAS_MSEC = 32, /* a FIELD_TIME that older files hold as milliseconds since 1970 */
	FIELD_UNSAID = 64,   /* a FIELD_CHOICE whose first means that none was given: it is read, as
				older files have it, and never written */
	FIELD_QUIET = 128,   /* of a FIELD_IGNORED: without a warning */
	FIELD_EMPTY = 256,   /* the same, and an error when it says anything */
};

struct text_pair {
	const char *key, *value;
};

struct text_map {
	struct text_pair *items;
	size_t count;
};

struct objects {
	void *items;
	size_t count;
};

struct field {
	const char *name; /* NULL ends a table */
	enum field_type type;
	unsigned flags;
	size_t offset;
	const char *fallback;	    /* as it would be written; NULL: zero */
	const char *help;	    /* one sentence */
	int64_t low, high;	    /* FIELD_INT; both 0: any */
	const char *const *choices; /* of FIELD_TEXT and FIELD_TEXTS for schemas alone */
	const struct field *fields;
	size_t element_size;
	/* Extra check of what was decoded; `value` points at the field. NULL when fine, else what
	 * is wrong. */
	const char *(*check)(struct ctx *ctx, const void *value);
	const char *pattern; /* what `check` demands of a text, as far as ECMA 262 can say it */
};

/* Fills `out` (zeroed first) from `map`, or with the fallbacks alone when `map` is NULL. Returns
 * E_REFUSED when problems were added; the struct is complete as far as it could be read. `path`
 * names the map in messages. */
enum err fields_decode(struct ctx *ctx, const struct field *table, const char *file,
		       const char *path, const struct node *map, struct problems *problems,
		       void *out);

/* What may be written for a FIELD_CHOICE, or is proposed for a text. */
const char *const *fields_choices(const struct field *field);

/* Sets one field from text (environment, command line); a list there is comma-separated. */
enum err fields_set_text(struct ctx *ctx, const struct field *field, const char *origin,
			 const char *text, struct problems *problems, void *out);
