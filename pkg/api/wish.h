/*
 * wish - where a hostname's certificate is to come from.
 *
 * Not part of what a spec file says: the last request decides, and without any, what stands in the
 * vault. The request's key waits, sealed, under the instance's id until the vault has it.
 */
#pragma once

#include "codec/fields.h"

enum certificate_source { SOURCE_UNSAID, SOURCE_ACME, SOURCE_IMPORT };

struct certificate_wish {
	int source;		 /* enum certificate_source */
	const char *instance;	 /* SOURCE_IMPORT: the request whose certificate is wanted */
	const char *heir;	 /* the request that wants it now, where that one was terminated */
	const char *leaf_sha256; /* of it, hex */
	msec_t not_after;	 /* of it */
	bool skip_dns;		 /* before a cut-over */
};
