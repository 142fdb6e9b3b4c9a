/*
 * node - a parsed document that remembers where each value stood.
 *
 * What people write (configuration, spec files, request bodies) becomes nodes, so that fields.h can
 * decode it against a table and say file:line:column for each complaint. Scalars keep their text;
 * `is_plain` tells 1 from "1". Read-only after parsing; lives in the arena of the ctx that parsed
 * it.
 */
#pragma once

#include "codec/json.h"
#include "codec/problems.h"

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	const char *name;      /* of a map's member, else NULL */
	const char *text;      /* NODE_SCALAR */
	bool is_plain;	       /* NODE_SCALAR without quotes: may be a number or a boolean */
	unsigned line, column; /* of the value, from 1; 0 when unknown */
	unsigned name_line, name_column; /* of the member's name */
	struct node *first, *next;
	size_t size; /* of a list or map */
	/* Of a document: the members that node_part_repeated took out of it. */
	struct node *repeated;
	unsigned first_line; /* of such a member: where its name stood before */
};

/* Takes out what repeats the name of another member of the same map: the first one counts. Names
 * that are hostile cost n log n. */
void node_part_repeated(struct ctx *ctx, struct node *document);

/* An error for each. */
void node_complain_repeated(struct ctx *ctx, const struct node *document, const char *file,
			    struct problems *problems);

struct node *node_get(const struct node *map, const char *member);

/* The same tree without positions. */
struct node *node_from_json(struct ctx *ctx, const struct json *json);
struct json *node_to_json(struct ctx *ctx, const struct node *node);
