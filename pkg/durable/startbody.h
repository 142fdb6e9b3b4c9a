/*
 * startbody - the body of a start request: which hostnames are wanted, or everything that is wrong
 * with it.
 *
 * As lenient as the documented API always was: member names in any case, entries as objects or bare
 * strings, members that it does not know ignored.
 */
#pragma once

#include "codec/fields.h"
#include "httpd/request.h"

#define STARTBODY_HOSTNAMES_MAX 100

struct startbody_rules {
	const char *endpoint; /* last segment of its path */
	bool takes_list;
	const char
		*instead; /* what to do with several hostnames, for people; NULL when takes_list */
	unsigned flags;	  /* enum hostname_flag */
};

struct startbody {
	struct texts hostnames; /* normalised, without repeats, in the order given */
	const struct json
		*entry;	  /* the last usable one, for what else it says; NULL when a string */
	const char *code; /* error code of the first problem */
	struct problems problems; /* none: usable */
};

/* One more problem of the request. */
void startbody_complain(struct ctx *ctx, struct startbody *out, const char *code, const char *field,
			const char *format, ...) __attribute__((format(printf, 5, 6)));

void startbody_parse(struct ctx *ctx, const struct request *request,
		     const struct startbody_rules *rules, struct startbody *out);
