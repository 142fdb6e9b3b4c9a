/*
 * look - what one look at the gateway knows; shared by the files that implement its rungs.
 */
#pragma once

#include "gateway/wanted.h"
#include "gateway/world.h"

struct look {
	struct gateway_world *world;
	const struct gateway *seen;
	struct gateway gateway; /* a copy to work on */
	struct wanted wanted;
	size_t stored;	     /* hostnames that stand in the document of a failed gateway and are not
				served */
	msec_t wait;	     /* above 0: stop here, look again then */
	bool update_ended;   /* in this pass, whatever came of it */
	const char *failing; /* the condition that a failure belongs to from here on */
};

/* E_NOTFOUND: there is no such gateway. */
enum err look_begin(struct ctx *ctx, struct gateway_world *world, const char *key,
		    struct look *look);

static inline struct gateway_status *look_status(struct look *look)
{
	return &look->gateway.status;
}

/* Durable when it returns. */
enum err look_commit(struct ctx *ctx, struct look *look);

void look_set_condition(struct ctx *ctx, struct look *look, const char *type,
			enum condition_status status, const char *reason, const char *message);

/* A hostname that the gateway cannot take, and one that it can. */
void look_reject(struct ctx *ctx, struct look *look, const char *hostname, const char *reason,
		 const char *message);
void look_forgive(struct look *look, const char *hostname);
