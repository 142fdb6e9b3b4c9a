/*
 * gateway - an Application Gateway: its document, its operations, what it serves.
 *
 * The stored document is canonical: no etags, no read-only and back-reference members, no
 * certificate data. Those are put in when it is shown. `served` lags behind `stored` until an
 * operation has succeeded, and stays when it fails.
 */
#pragma once

#include "world/model.h"

struct gateway_collection {
	const char *name;
	size_t max;	  /* 0: no limit known */
	const char *code; /* of the refusal of one too many */
};

extern const struct gateway_collection gateway_collections[];
extern const size_t gateway_collection_count;

/* Of world->gateway, whose place is there already. */
struct place *gateway_new(struct world *world);
void gateway_init(struct world *world, const struct place_options *options);
void gateway_fini(struct world *world);
/* Of all gateways. */
void gateway_tick(struct world *world);
void gateway_set_state(struct world *world, enum gateway_state state);

/* What a PUT means, in the canonical form; members that this api-version does not know are dropped.
 */
struct json *gateway_canonical(struct ctx *ctx, const struct world *world, const struct json *body,
			       const char *api_version);
/* What a GET with this api-version shows. */
struct json *gateway_render(struct ctx *ctx, const struct world *world, const char *api_version);

/* properties.<collection> of a document, and a child by name (any case) or by id; NULL when absent.
 */
struct json *gateway_list(const struct json *document, const char *collection);
struct json *gateway_child(const struct json *document, const char *collection, const char *name);
struct json *gateway_by_id(const struct world *world, const struct json *document,
			   const char *collection, const char *id);
/* The child that properties.<member>.id of `child` names. */
struct json *gateway_follow(const struct world *world, const struct json *document,
			    const struct json *child, const char *member, const char *collection);

/* False after it answered why the body is no gateway at all; before gateway_canonical. */
bool gateway_check_shape(struct world *world, struct call *call, const struct json *body);
/* False after it answered why this document is refused. */
bool gateway_check(struct world *world, struct call *call, const struct json *document,
		   const struct json *body, const char *api_version);
/* Its half about references. */
bool gateway_check_references(struct world *world, struct call *call, const struct json *body);
/* And its half about certificates, secrets and identity. */
bool gateway_check_certificates(struct world *world, struct call *call, const struct json *document,
				const struct json *body);

/* Takes a checked document in: stores it and starts the operation; returns its monitor's URL. */
const char *gateway_accept(struct world *world, struct call *call, const struct json *document,
			   const struct json *body, const char *api_version);
/* Starts another kind of operation. */
const struct operation *gateway_begin(struct world *world, const struct call *call,
				      enum operation_kind kind, const char *api_version);
/* Replaces the tags at once. */
void gateway_set_tags(struct world *world, const struct json *tags);

/* The data plane says that this generation is in force now, or could not be put in force. */
void gateway_applied(struct world *world, unsigned generation, bool is_in_force);

/* By its monitor or by where its result will be. */
struct operation *gateway_find_operation(const struct world *world, const char *target);

/* Counts what a PUT does to parts that are not its own. */
void gateway_judge(struct world *world, const struct call *call, const struct json *document);

/* Binds the document's certificates to versions of vault secrets: those that have one keep it
 * unless their secret id is another, or `looks`. NULL, or the error of the operation as JSON text.
 */
const char *gateway_bind(struct world *world, const struct json *document, bool looks);
/* The periodic look at the vault; true when something else is to be served now. */
bool gateway_poll_vault(struct world *world);
struct binding *gateway_binding(const struct world *world, const char *entry);
struct upload *gateway_upload(const struct world *world, const char *name);
void gateway_take_uploads(struct world *world, struct ctx *ctx, const struct json *body);
