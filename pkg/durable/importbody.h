/*
 * importbody - what the private-key endpoint takes beside the hostname: key, certificate, password.
 *
 * Checked here as a whole, so that a request that cannot work is answered at once: each problem
 * names its field. The key itself stays in ctx's arena, which is to be a secret one, and leaves it
 * sealed only.
 */
#pragma once

#include "durable/startbody.h"

struct importbody {
	const char *private_key, *certificate, *password; /* as given; the last may be NULL */
	const char *leaf_sha256;			  /* hex */
	msec_t not_after;
	bool skip_dns; /* requireDns: false */
};

/* Adds its problems to those of `start`. */
void importbody_parse(struct ctx *ctx, struct startbody *start, struct importbody *out);

/* What is sealed: {privatekey, certificate, password}. */
const char *importbody_text(struct ctx *ctx, const struct importbody *body);
