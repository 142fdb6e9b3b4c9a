/*
 * specdir - the watched directory of desired hostnames, and the one way in for all of them.
 *
 * inotify only says "something": a scan looks at everything, reads what has changed, and makes the
 * store follow. A file that cannot be read or parsed keeps its last good content in force and is
 * reported. Nothing is removed because of an error, an empty or a missing directory; a removal
 * counts when two complete scans agree. api.d is written by this module alone. Used on the loop
 * thread only.
 */
#pragma once

#include "api/hostname.h"
#include "store/batch.h"

struct specdir;

struct specdir_options {
	const char *directory;
	const char *api_directory; /* NULL: <directory>/api.d */
	struct store *store;
	unsigned hostname_flags; /* enum hostname_flag: for the names of files and API alike */
};

struct specdir_report {
	size_t files, hostnames;
	struct problems problems; /* of the last scan, each with file, line and column */
	const char *held_back;	  /* why removals are not acted on, or NULL */
};

/* Copies the strings. A directory that is missing is no error. */
struct specdir *specdir_new(const struct specdir_options *options);
void specdir_free(struct specdir *specdir);

/* Readable when a scan is due after a short quiet time; -1 when inotify cannot be had (then the
 * rescan does it). */
int specdir_fd(struct specdir *specdir);
/* Takes what inotify says; how long to wait before the scan (debounce), or -1 for nothing. */
msec_t specdir_drain(struct ctx *ctx, struct specdir *specdir);

/* One slice of a scan. `next_scan`: 0 when there is more of it, else until a removal's second look,
 * a file that looked half-written, something that happened meanwhile, trouble, or 5 minutes. An
 * error: a write to the store failed; what was in force stays. */
enum err specdir_scan(struct ctx *ctx, struct specdir *specdir, msec_t *next_scan);

/* A reload: other flags make the next scan read every file again. */
void specdir_set_hostname_flags(struct specdir *specdir, unsigned hostname_flags);

/* SIGHUP: a readable empty directory is meant. */
void specdir_confirm_empty(struct specdir *specdir);

/* Makes a hostname desired by the API, or asks again for one that is: with the commit of the batch,
 * in api.d and in the store. `introduced`: it was not desired before. A refused hostname becomes
 * due. */
enum err specdir_desire(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
			const char *hostname, const struct json *spec,
			const struct certificate_wish *wish, bool *introduced);

/* Makes this what the API wants for a hostname, new or not: of `wanted` count metadata.labels,
 * metadata.annotations and spec. Durable, in api.d and in the store, when it returns. E_REFUSED:
 * OwnedByFile, or InvalidSpec. Whatever fails, what was in force before stays so, here and there.
 */
enum err specdir_put(struct ctx *ctx, struct specdir *specdir, const char *hostname,
		     const struct json *wanted);

/* What specdir_put would make of it; nothing is written. Errors as specdir_put. */
enum err specdir_preview(struct ctx *ctx, struct specdir *specdir, const char *hostname,
			 const struct json *wanted, struct hostname *out);

/* The user's file that a hostname comes from, so that the API leaves it alone; NULL: none. */
const char *specdir_owner(struct ctx *ctx, struct specdir *specdir, const char *hostname);

/* Somebody asks for a try now: a refused hostname becomes due. E_NOTFOUND: not desired. */
enum err specdir_request(struct ctx *ctx, struct specdir *specdir, const char *hostname);

/* With the commit of the batch a hostname of api.d is withdrawn. E_NOTFOUND: not desired;
 * E_REFUSED, reason OwnedByFile: a user's file names it (the text says which). */
enum err specdir_leave(struct ctx *ctx, struct specdir *specdir, struct batch *batch,
		       const char *hostname);

/* The same at once: durable when it returns. */
enum err specdir_withdraw(struct ctx *ctx, struct specdir *specdir, const char *hostname);

/* Borrowed until the next scan. */
const struct specdir_report *specdir_report(struct specdir *specdir);
