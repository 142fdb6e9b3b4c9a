/*
 * catalogue - what the spec directory and api.d held at one moment, and how far that can be
 * believed.
 *
 * Built anew by every scan, in slices, and in an arena of its own; a file whose stamp has not
 * changed is taken over from the catalogue before without being opened, unless its names are judged
 * otherwise now. Immutable once applied.
 */
#pragma once

#include "specdir/specfile.h"

struct watch;

enum scope_name { SCOPE_USER, SCOPE_API };
#define SCOPE_COUNT 2

/* One of the two directories. */
struct scope {
	const char *directory;
	bool is_readable; /* the whole listing was seen */
	bool is_missing;  /* it does not exist: not the same as unreadable for api.d */
	size_t files;
	size_t last_files; /* as of when it was last believed */
	const char *
		trouble; /* why nothing that is missing here counts as removed; NULL when it does */
};

/* A hostname that no file names any more, and that waits for its second look. */
struct pending {
	const char *hostname;
	msec_t since; /* mono */
};

struct catalogue {
	struct arena *arena;
	struct scope scopes[SCOPE_COUNT];
	struct specfile **files; /* by path */
	size_t file_count;
	size_t unsettled;	 /* files that are to be looked at again soon */
	struct pending *pending; /* by hostname */
	size_t pending_count;
	msec_t listed;		  /* mono, before the directories were */
	struct problems problems; /* of all files and of all together */
	struct problems aside;	  /* entries of the user's directory that are not read */
	bool is_aside_young;	  /* there are some that may be gone again in a moment */
	bool is_replaced;	  /* a directory is not the one any more whose entries were read */
	size_t hostnames;	  /* in force */
	const char *held_back;
};

struct reading;

struct catalogue_options {
	const char *directory, *api_directory;
	unsigned hostname_flags;	/* enum hostname_flag: for the names in them */
	const struct catalogue *before; /* may be NULL, and stays until the end */
	struct watch *watch;		/* follows the links among the files; may be NULL */
	const char *api_trouble; /* why the API's directory is not to be believed, and is left
				    aside; NULL: it is */
};

/* Begins to read both directories. */
struct reading *catalogue_begin(struct ctx *ctx, const struct catalogue_options *options);

/* Reads on until the time (mono), but one file at least. False: there is more. */
bool catalogue_read_on(struct reading *reading, msec_t until);

/* What was read; free with catalogue_free. */
struct catalogue *catalogue_end(struct reading *reading);
void catalogue_free(struct catalogue *catalogue);

/* NULL when it is none of this catalogue's. */
const struct specfile *catalogue_find(const struct catalogue *catalogue, const char *path);
const struct pending *catalogue_find_pending(const struct catalogue *catalogue,
					     const char *hostname);

/* Whether the path is that of an entry of the directory, by its text; NULL is not. */
bool catalogue_is_in(const char *directory, const char *path);

/* The directory that a path lies in; SCOPE_USER for those of neither. */
enum scope_name catalogue_scope_of(const struct catalogue *catalogue, const char *path);
