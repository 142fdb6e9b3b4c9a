/*
 * importer - a client that brings certificates with their keys: the real start endpoints, without a
 * socket between.
 *
 * What a request writes is counted and spoilt like any other effect. The client is stubborn: after
 * a death or a 503 it sends the request again, until it is accepted. Behind the endpoints stands a
 * model of specdir that writes to the rig's store alone.
 */
#pragma once

#include "api/instance.h"
#include "sim/rig.h"

struct leaf {
	const char *private_key, *certificate; /* PEM */
	const char *serial;		       /* lower-case hex */
};

/* A self-signed certificate with a new EC key, valid from now on. In ctx's arena. */
struct leaf importer_leaf(struct ctx *ctx, const char *hostname, msec_t lifetime);

#define IMPORTER_ID_SIZE 33

/* The id of the accepted request; false when it was not accepted within some minutes. */
bool importer_import(struct rig *rig, const char *hostname, const struct leaf *leaf,
		     char id[static IMPORTER_ID_SIZE]);
bool importer_add(struct rig *rig, const char *hostname, char id[static IMPORTER_ID_SIZE]);

/* An event or an end of a request, sent once: the status of the answer. */
int importer_retry(struct rig *rig, const char *id);
int importer_terminate(struct rig *rig, const char *id);

/* How a request stands, in ctx's arena; NULL: not there. */
const struct instance *importer_instance(struct ctx *ctx, struct rig *rig, const char *id);

/* Keys that lie sealed on the disk. */
size_t importer_count_sealed(struct rig *rig);
