/*
 * specfile - what one spec file says: which hostnames it names, and what is wrong with it.
 *
 * A document that cannot be used never touches the others of its file. When its hostname can be
 * told, the claim stands without content; when it cannot, the file may hide any hostname that it
 * once named.
 *
 * A file may be a link to any other that the daemon can read, and whoever may make one need not be
 * allowed to read that: what is wrong is told by its place, and nothing that stands there is
 * quoted. Only what a client has sent is shown to it.
 */
#pragma once

#include <time.h>

#include "api/hostname.h"
#include "codec/problems.h"

/* Changes when the file does; read without opening it. */
struct stamp {
	uint64_t device, inode;
	int64_t size;
	struct timespec modified, changed;
};

/* One document, or one entry of the short form, that names a hostname. */
struct claim {
	const char *hostname; /* normalised */
	const char *content;  /* {metadata, spec} as canonical JSON; NULL: cannot be used */
	const char *problem;  /* why it cannot: file:line:column and text */
	unsigned line, column;
	const struct specfile *file;
	bool is_in_force; /* the store was seen to say the same, or made to, and since then neither
			     has changed */
};

struct specfile {
	const char *path;
	bool is_api;		 /* in api.d: written by ourselves, may name a wildcard */
	bool may_quote;		 /* what it says may be shown where it is wrong: see below */
	unsigned hostname_flags; /* enum hostname_flag: what its names have to be beside that */
	struct stamp stamp;
	bool is_settled; /* false: it looked half-written, and its claims are those of before */
	bool may_hide;	 /* hostnames of this file that it does not name now must stay in force */
	const char *problem; /* why; may be NULL */
	struct claim *claims;
	size_t count;
	struct problems problems;
};

/* What a person may write of a Hostname, as a document of a file. */
extern const struct field specfile_fields[];

/* Fills everything but path, is_api, may_quote, hostname_flags, stamp and is_settled. What is wrong
 * is in file->problems; in ctx's arena. */
void specfile_parse(struct ctx *ctx, struct specfile *file, const char *text, size_t size);

/* As specfile_parse, for a file that could not be read. */
void specfile_fail(struct ctx *ctx, struct specfile *file, const char *text);

/* What a claim's content would be for an object as it is. */
const char *specfile_content_of(struct ctx *ctx, const struct hostname *hostname);

/* A deep copy in ctx's arena. */
struct specfile *specfile_copy(struct ctx *ctx, const struct specfile *file);
